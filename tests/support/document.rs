//! `docs/accuracy.md`: the parts of it that tests write, each between its markers.

use std::fs;
use std::sync::Mutex;

pub const DOCUMENT: &str = "docs/accuracy.md";

/// Tests of one process take turns in writing.
static WRITING: Mutex<()> = Mutex::new(());

/// Whether to write what was measured.
pub fn asked_to_write() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

pub fn read() -> String {
    fs::read_to_string(DOCUMENT).expect("the document stands in docs")
}

/// The text between the markers of a name.
pub fn section<'a>(document: &'a str, name: &str) -> &'a str {
    let (start, end) = bounds(document, name);
    &document[start..end]
}

/// Replaces the text between the markers of a name, and touches nothing else.
pub fn write_section(name: &str, text: &str) {
    let _turn = WRITING.lock().expect("no writer has failed");
    let document = read();
    let (start, end) = bounds(&document, name);
    let document = format!("{}{text}{}", &document[..start], &document[end..]);
    fs::write(DOCUMENT, document).expect("the document can be written");
}

fn bounds(document: &str, name: &str) -> (usize, usize) {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = document.find(&open).expect("the document has the marker") + open.len();
    let end = document[start..]
        .find(&close)
        .expect("the marker has its end");
    (start, start + end)
}
