//! What the services' jobs have in common: names, and whether one hangs.

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::service::Fault;
use crate::switches::Switches;

/// How many files a service measures at once, so that many jobs do not crowd a small machine.
pub(crate) const MEASURED_AT_ONCE: usize = 4;

/// 64 hexadecimal digits that look random and follow from what they are made of.
pub(crate) fn hex_id(parts: &[&str]) -> String {
    HEXLOWER.encode(&Sha256::digest(parts.join("\u{0}").as_bytes()))
}

/// An id in the form of a UUID.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let hex = hex_id(parts);
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// Whether the `count`th job of `service` never finishes.
pub(crate) fn hangs(switches: &Switches, service: &str, count: u64) -> bool {
    let digest = Sha256::digest(format!("{} {service} {count}", switches.seed).as_bytes());
    let roll = u16::from_be_bytes([digest[0], digest[1]]);
    f64::from(roll) < switches.hang_jobs * 65536.0
}

/// The text at a JSON pointer.
pub(crate) fn text<'a>(input: &'a Value, pointer: &str) -> Option<&'a str> {
    input.pointer(pointer).and_then(Value::as_str)
}

/// An operation that is not emulated: a test must see that, not an empty answer.
pub(crate) fn not_emulated(service: &str, operation: &str) -> Fault {
    Fault::new(501, "NotEmulated", format!("{service} {operation} is not emulated"))
}

/// Fails when a member is asked for that the emulator does not heed: a test must not pass because
/// what it asked for was ignored.
pub(crate) fn refuse(
    service: &str,
    operation: &str,
    input: &Value,
    pointers: &[&str],
) -> Result<(), Fault> {
    let asked = |pointer: &&&str| input.pointer(pointer).is_some_and(|value| !value.is_null());
    match pointers.iter().find(asked) {
        Some(pointer) => Err(not_emulated(service, &format!("{operation} with {pointer}"))),
        None => Ok(()),
    }
}

/// A defect of the emulator's surroundings, for example an unreadable truth.
pub(crate) fn internal(code: &str, message: impl std::fmt::Display) -> Fault {
    Fault::new(500, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hangs_follows_the_share() {
        let at = |hang_jobs| {
            let switches = Switches { hang_jobs, ..Switches::default() };
            (0..1000).filter(|n| hangs(&switches, "transcribe", *n)).count()
        };
        assert_eq!((at(0.0), at(1.0)), (0, 1000));
        assert!((200..300).contains(&at(0.25)), "{}", at(0.25));
    }
}
