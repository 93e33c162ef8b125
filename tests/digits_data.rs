//! The reader of the digits' data: what it says about lines that do not parse.

#[allow(dead_code)]
#[path = "../examples/digits/data.rs"]
mod data;

use data::Digits;

fn error_of(text: &str) -> String {
    Digits::read(text)
        .err()
        .expect("the text must be refused")
        .to_string()
}

/// A line with a number of pixels, all 0, and a class.
fn line(pixels: usize, class: &str) -> String {
    format!("{}{class}", "0,".repeat(pixels))
}

#[test]
fn a_line_that_does_not_parse_is_named() {
    let good = line(64, "3");
    assert_eq!(
        error_of(&format!("{good}\n{}", line(63, "3"))),
        "line 2: 64 columns, 65 are needed"
    );
    assert_eq!(
        error_of(&format!("{good}\n{}", line(64, "12"))),
        "line 2: \"12\" is not a class of 0 to 9"
    );
    assert_eq!(
        error_of(&line(64, "NaN")),
        "line 1: \"NaN\" is not a class of 0 to 9"
    );
    let bad = format!("x,{}", line(63, "1"));
    assert_eq!(error_of(&bad), "line 1: pixel \"x\": invalid float literal");
}

#[test]
fn all_images_are_read() {
    let digits = Digits::read(include_str!("../examples/data/digits.csv")).unwrap();
    assert_eq!(digits.len(), 1797);
}
