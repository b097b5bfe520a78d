//! Shared by the tests.

pub mod aws;
pub mod bytes;
pub mod media;

/// Says aloud that a test did not run, and notes it in the file that `EMAM_SKIP_LOG` names.
// Tests have no configuration but the environment.
#[allow(clippy::disallowed_methods)]
pub fn skip(why: &str) {
    use std::io::Write;
    eprintln!("skipped: {why}");
    if let Some(log) = std::env::var_os("EMAM_SKIP_LOG") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
        if let Ok(mut file) = file {
            // A lost line of a log is no reason to fail the test that was skipped.
            let _ = writeln!(file, "skipped: {why}");
        }
    }
}
