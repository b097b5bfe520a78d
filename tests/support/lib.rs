//! Shared by the tests of all packages.

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
            // In one write: tests run side by side. A lost line of a log is no reason to fail the
            // test that was skipped.
            let _ = file.write_all(format!("skipped: {why}\n").as_bytes());
        }
    }
}
