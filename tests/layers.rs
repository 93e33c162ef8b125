//! The layers of the crate: imports point to lower layers, files stay short, unsafe code stays in place.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, from the lowest; modules of one layer may not import each other either.
const FLOORS: &[&[&str]] = &[
    &["error"],
    &["kernel"],
    &["dual", "tensor"],
    &["tape"],
    &["var"],
    &["gradients"],
    &["backward", "forward"],
    &["ops"],
    &["check", "inspect", "transform"],
];

/// Imports that break the order, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    // An error names shapes.
    ("error", "tensor"),
    // Handles offer their walks and gradients as methods through `Value`, which is one trait for
    // both kinds; splitting it would give users two.
    ("var", "gradients"),
    ("var", "forward"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The module that a file belongs to: its first folder, or its own name.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix("src").unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

#[test]
fn imports_point_to_lower_floors() {
    let mut wrong = Vec::new();
    for path in sources(Path::new("src")) {
        let from = room(&path);
        let Some(here) = floor(&from) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//"))
        {
            for part in line.split("crate::").skip(1) {
                let to: String = part
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                // `crate::rule` re-exports from the tape; `crate::Error` occurs in docs only.
                let to = if to == "rule" { "tape".to_string() } else { to };
                let excused = EXCEPTIONS.contains(&(from.as_str(), to.as_str()));
                match floor(&to) {
                    Some(there) if to != from && there >= here && !excused => {
                        wrong.push(format!("{}: {line}", path.display()));
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports against the order of floors:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let folders = ["src", "tests", "examples", "benches"];
    let files = folders.iter().flat_map(|folder| sources(Path::new(folder)));
    let long: Vec<_> = files
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            (lines > 400).then(|| format!("{} has {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn unsafe_code_lives_in_the_kernels_and_in_the_cursor_of_the_tape() {
    for path in sources(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let allowed = text.contains("allow(unsafe_code)");
        let home = room(&path) == "kernel" || path.ends_with("tape/cursor.rs");
        assert!(!allowed || home, "{}", path.display());
    }
}
