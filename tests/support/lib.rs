//! Shared by the tests.

use std::io::Write;

/// Says aloud that a test cannot run here and why; the test then returns.
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    if let Some(log) = std::env::var_os("EMAM_SKIP_LOG") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(log);
        // The line above is said in any case.
        let _ = file.and_then(|mut file| writeln!(file, "{reason}"));
    }
}
