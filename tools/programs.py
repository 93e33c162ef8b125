"""Running programs that print lines of JSON, and tables of what they print."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def built(bench, *options):
    """The program of a benchmark."""
    command = ["cargo", "bench", "--no-run", "--bench", bench, *options, "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    made = [json.loads(line).get("executable") for line in lines if line.startswith("{")]
    return next(path for path in made if path)


def lines(command, threads=1, **environment):
    """The lines of JSON that a program prints; those of a program that fails are what it printed before."""
    command = [str(part) for part in command]
    if threads == 1:
        command = ["taskset", "-c", "0", *command]
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads), **environment)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        print(f"{' '.join(command)}: {done.returncode}: {done.stderr.strip()[-300:]}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def micro(us):
    return f"{us:,.0f}" if us >= 100 else f"{us:.3g}"


def table(head, rows):
    """A table of Markdown."""
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in cells)
