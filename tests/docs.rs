//! Documents against the code: the table of ops, the examples of the ops, and the first example of the README.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use wengert::ops::{Spec, Visitor, visit};

/// Writes one row of the table for each op.
struct Table(String);

impl Visitor for Table {
    fn op<S: Spec>(&mut self) {
        let cell = |text: &str| text.replace('|', "\\|");
        writeln!(
            self.0,
            "| `{}` | {} | {} |",
            S::NAME,
            cell(S::FORMULA),
            cell(S::GRADIENT)
        )
        .unwrap();
    }
}

/// `docs/ops.md` is what the registry gives; `UPDATE_DOCS=1 cargo test --test docs` writes it.
#[test]
fn the_table_of_ops_is_that_of_the_registry() {
    let mut table = Table(String::from(
        "# Operations\n\n\
         Written from the registry by `UPDATE_DOCS=1 cargo test --test docs`; a test holds it equal.\n\
         `x` is the input, `y` the output, `g` the cotangent of `y`, `gx` that of `x`. Every op has\n\
         been through all checks in both precisions (`cargo test --test ops`); formula, shapes,\n\
         domain and special values are in the documentation of the methods.\n\n\
         | op | value | VJP rule |\n|---|---|---|\n",
    ));
    visit(&mut table);
    let path = "docs/ops.md";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, &table.0).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == table.0,
        "docs/ops.md is out of date; run `UPDATE_DOCS=1 cargo test --test docs`"
    );
}

#[test]
fn the_first_example_takes_eight_lines() {
    let readme = fs::read_to_string("README.md").unwrap();
    let code = readme
        .split("```rust\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let lines: Vec<_> = code
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("use ") && !line.starts_with('#'))
        .collect();
    assert_eq!(lines.len(), 8, "{lines:#?}");
    for word in ["clone", "unwrap", "?", "&"] {
        assert!(!code.contains(word), "{word} in the first example");
    }
}

/// The files of a folder and of those in it, except the forms that ops share.
fn files_of_ops(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().path()).flat_map(|path| {
        if path.is_dir() {
            files_of_ops(&path)
        } else {
            vec![path]
        }
    });
    files
        .filter(|path| !path.starts_with("src/ops/forms"))
        .collect()
}

#[test]
fn every_op_with_a_public_method_has_an_example() {
    let mut files = files_of_ops(Path::new("src/ops"));
    assert!(files.len() > 90, "{} files of ops", files.len());
    // The registry, and what tests draw samples with.
    files.retain(|path| !path.ends_with("mod.rs") && !path.ends_with("spec.rs"));
    files.retain(|path| {
        let text = fs::read_to_string(path).unwrap();
        text.contains("    pub fn ") && !text.contains("/// # Example\n")
    });
    assert!(files.is_empty(), "no `# Example` in {files:#?}");
}
