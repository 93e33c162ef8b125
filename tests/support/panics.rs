//! A panic's text and the line it is reported at.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// The text of a panic and the file and line it is reported at.
pub fn panic_of(f: impl FnOnce()) -> (String, String, u32) {
    // The panic hook is one for the process; tests that look at lines take turns.
    static TURN: Mutex<()> = Mutex::new(());
    static PLACE: Mutex<(String, u32)> = Mutex::new((String::new(), 0));
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        let at = info.location().expect("a panic has a location");
        *PLACE.lock().unwrap() = (at.file().to_string(), at.line());
    }));
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("this must panic");
    std::panic::set_hook(before);
    let text = payload.downcast_ref::<String>().cloned();
    let (file, line) = PLACE.lock().unwrap().clone();
    (text.expect("a panic has a text"), file, line)
}
