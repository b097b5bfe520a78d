//! `emam aws …` is a program of its own, because most installations need nothing of AWS.

use std::ffi::OsString;
use std::process::Command;

/// The program.
const PROGRAM: &str = "emam-aws";

/// Hands the arguments to the program beside this one, or to the one on the PATH.
pub(super) fn run(arguments: &[OsString]) -> u8 {
    let beside = std::env::current_exe().ok().and_then(|own| {
        let beside = own.with_file_name(PROGRAM);
        beside.is_file().then_some(beside)
    });
    let program = beside.map_or_else(|| OsString::from(PROGRAM), Into::into);
    match Command::new(program).args(arguments).status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Err(_) => {
            eprintln!(
                "error: `emam aws` needs the program {PROGRAM} beside this one or on the PATH; \
                 build it with `cargo build -p emam-aws --features cli`"
            );
            2
        }
    }
}
