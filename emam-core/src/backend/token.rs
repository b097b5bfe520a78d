//! The tokens jobs are submitted under, and what can be read from one.
//!
//! A token names one attempt at one step. It goes into the service's own field for correlation
//! (user metadata, job tag, job name), so that an event of the service tells which run it is for
//! even where the process died between submitting the job and writing that down. It has 49
//! characters: the run's id as 32 hexadecimal digits, `-`, and 16 digits of a UUIDv7 made when the
//! attempt began: the 12 that tell that time to the millisecond, and 4 random ones.

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::Clock;
use crate::id::RunId;

/// Makes the token of an attempt that begins now.
pub(crate) fn new(run: RunId, clock: &dyn Clock) -> String {
    let attempt = clock.new_uuid().simple().to_string();
    format!("{}-{}{}", run.uuid().simple(), &attempt[..12], &attempt[28..])
}

/// The run a token is of; nothing for what is no token.
pub fn run(token: &str) -> Option<RunId> {
    let (run, _) = parts(token)?;
    Some(RunId::from_uuid(run))
}

/// When the attempt began that a token names.
pub fn begun_at(token: &str) -> Option<Timestamp> {
    let (_, attempt) = parts(token)?;
    let ms = u64::from_str_radix(&attempt[..12], 16).ok()?;
    Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
}

/// The first token in a longer text, for example in a job's name with a prefix and a suffix.
pub fn find(text: &str) -> Option<&str> {
    text.match_indices('-').find_map(|(dash, _)| {
        let candidate = text.get(dash.checked_sub(32)?..dash + 17)?;
        parts(candidate).map(|_| candidate)
    })
}

fn parts(token: &str) -> Option<(Uuid, &str)> {
    let (run, attempt) = token.split_once('-')?;
    let hex =
        |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !hex(run, 32) || !hex(attempt, 16) {
        return None;
    }
    Some((Uuid::try_parse(run).ok()?, attempt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, SystemClock};

    #[test]
    fn a_token_tells_its_run_and_its_time() {
        let clock = ManualClock::starting_at("2026-11-23T10:20:30.456Z".parse().unwrap());
        let id = RunId::new(&clock);
        let token = new(id, &clock);
        assert_eq!(token.len(), 49);
        assert_eq!(run(&token), Some(id));
        assert_eq!(begun_at(&token), Some(clock.now()));
        assert_ne!(new(id, &SystemClock), new(id, &SystemClock));
        for text in [&token, &format!("my-stack-{token}"), &format!("é-{token}.label-2")] {
            assert_eq!(find(text), Some(token.as_str()), "{text}");
        }
        assert_eq!(find(&token[1..]), None);
        assert_eq!(find("a-b-c"), None);
        for foreign in ["", "-", "job-1", &token[1..], &token.replace('-', "_")] {
            assert_eq!((run(foreign), begun_at(foreign)), (None, None), "{foreign}");
        }
    }
}
