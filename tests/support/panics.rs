//! What a panic says, and at which line.
#![allow(dead_code)] // each test binary uses its part

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// The process has one panic hook, so tests that look at lines take turns.
static HOOK: Mutex<()> = Mutex::new(());

thread_local! {
    /// Where this thread panicked last: tests on other threads may panic too, without taking turns.
    static PLACE: RefCell<(String, u32)> = RefCell::default();
}

/// The text of a panic and the line it is reported at.
pub fn panic_of(f: impl FnOnce()) -> (String, String, u32) {
    let _turn = HOOK.lock().unwrap_or_else(|e| e.into_inner());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        let at = info.location().expect("a panic has a location");
        PLACE.replace((at.file().to_string(), at.line()));
    }));
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("this must panic");
    std::panic::set_hook(before);
    let text = payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_string()));
    let (file, line) = PLACE.take();
    (text.expect("a panic has a text"), file, line)
}

/// Asserts that the expression panics with this text at its own line.
#[macro_export]
macro_rules! panics {
    ($body:expr, $text:expr) => {{
        let before = line!();
        let (text, file, line) = $crate::panics::panic_of(|| {
            let _ = $body;
        });
        assert_eq!(text, $text);
        assert_eq!(file, file!());
        // The expression may be below the line of the macro's name.
        assert!(
            (before..=before + 4).contains(&line),
            "reported at line {line}, not near {before}: {text}"
        );
    }};
}
