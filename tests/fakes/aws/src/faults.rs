//! Applies the switches: what fails, when, decided by a seeded generator.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::service::Fault;
use crate::switches::ForcedFault;
use crate::world::World;

/// The code of a forced fault that does the work and then drops the connection.
pub const CUT: &str = "Cut";

/// Decides which requests fail.
#[derive(Debug)]
pub struct Faults {
    world: Arc<World>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The switches the rest belongs to: other switches begin anew.
    seed: u64,
    forced: Vec<ForcedFault>,
    /// How often each forced fault has been met.
    met: Vec<u32>,
    generator: u64,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It reaches the client.
    Deliver,
    /// The connection drops in its place.
    Cut,
}

impl Faults {
    /// Faults as the world's switches want them.
    pub fn new(world: Arc<World>) -> Self {
        let state = State { seed: 0, forced: Vec::new(), met: Vec::new(), generator: 0 };
        let faults = Self { world, state: Mutex::new(state) };
        faults.reset();
        faults
    }

    /// Begins anew: the generator at its seed, no forced fault met yet.
    pub fn reset(&self) {
        let switches = self.world.switches();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State {
            seed: switches.seed,
            met: vec![0; switches.faults.len()],
            forced: switches.faults,
            generator: switches.seed,
        };
    }

    /// The error this request is to be answered with before anything is done.
    pub fn before(&self, service: &str, operation: &str) -> Option<Fault> {
        if let Some(forced) = self.forced(operation, |code| code != CUT) {
            let message = match forced.message.as_str() {
                "" => format!("{} was forced on {operation}.", forced.code),
                given => given.to_owned(),
            };
            return Some(Fault::new(forced.status, &forced.code, message));
        }
        let switches = self.world.switches();
        if !meets(&switches.services, service) {
            return None;
        }
        if self.chance(switches.throttle) {
            let (status, code) = throttling(service);
            return Some(Fault::new(status, code, "Rate exceeded"));
        }
        if self.chance(switches.server_error) {
            let (status, code) = failing(service);
            return Some(Fault::new(status, code, "An internal error occurred."));
        }
        None
    }

    /// What becomes of the answer, now that the work is done.
    pub fn after(&self, service: &str, operation: &str) -> Delivery {
        let switches = self.world.switches();
        let forced = self.forced(operation, |code| code == CUT).is_some();
        if forced || meets(&switches.services, service) && self.chance(switches.cut) {
            return Delivery::Cut;
        }
        Delivery::Deliver
    }

    /// How long the answer is to take in addition, in real time.
    pub fn delay(&self, service: &str) -> Duration {
        let switches = self.world.switches();
        let met = meets(&switches.services, service);
        Duration::from_millis(if met { switches.delay_ms } else { 0 })
    }

    /// True for this share of the calls. Nothing is drawn for a share of 0, so that switches that
    /// are off do not change what the others decide.
    pub fn chance(&self, share: f64) -> bool {
        share > 0.0 && self.fraction() < share
    }

    /// A number from 0 up to, not including, 1.
    pub fn fraction(&self) -> f64 {
        // 53 bits are what an f64 holds exactly.
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The next number of the generator: SplitMix64.
    fn draw(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.generator = state.generator.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state.generator;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn forced(&self, operation: &str, wanted: impl Fn(&str) -> bool) -> Option<ForcedFault> {
        let switches = self.world.switches();
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.forced != switches.faults || guard.seed != switches.seed {
            *guard = State {
                seed: switches.seed,
                met: vec![0; switches.faults.len()],
                forced: switches.faults,
                generator: switches.seed,
            };
        }
        let State { forced, met, .. } = &mut *guard;
        let (fault, met) = forced.iter().zip(met.iter_mut()).find(|(fault, met)| {
            fault.operation == operation
                && wanted(&fault.code)
                && fault.times.is_none_or(|times| **met < times)
        })?;
        *met += 1;
        Some(fault.clone())
    }
}

fn meets(services: &[String], service: &str) -> bool {
    services.is_empty() || services.iter().any(|name| name == service)
}

/// How each service says that it is asked too much.
fn throttling(service: &str) -> (u16, &'static str) {
    match service {
        "mediaconvert" => (429, "TooManyRequestsException"),
        "s3" => (503, "SlowDown"),
        _ => (400, "ThrottlingException"),
    }
}

/// How each service says that it failed.
fn failing(service: &str) -> (u16, &'static str) {
    match service {
        "mediaconvert" => (500, "InternalServerErrorException"),
        "rekognition" => (500, "InternalServerError"),
        "transcribe" => (500, "InternalFailureException"),
        "glacier" => (500, "ServiceUnavailableException"),
        _ => (500, "InternalError"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switches::Switches;
    use crate::world::tests::world;

    fn forced(code: &str, times: Option<u32>) -> Switches {
        let operation = "Probe".to_owned();
        let fault = ForcedFault {
            operation,
            code: code.to_owned(),
            status: 403,
            message: String::new(),
            times,
        };
        Switches { faults: vec![fault], ..Switches::default() }
    }

    #[test]
    fn nothing_fails_by_default() {
        let faults = Faults::new(world());
        assert!((0..100).all(|_| faults.before("mediaconvert", "GetJob").is_none()));
        assert_eq!(faults.after("mediaconvert", "GetJob"), Delivery::Deliver);
    }

    #[test]
    fn a_share_of_the_requests_is_throttled_in_the_services_own_words() {
        let world = world();
        let only = vec!["mediaconvert".to_owned()];
        world.set_switches(Switches { throttle: 0.25, services: only, ..Switches::default() });
        let faults = Faults::new(world);
        let met = (0..1000).filter_map(|_| faults.before("mediaconvert", "GetJob")).count();
        assert!((200..300).contains(&met), "{met} of 1000");
        assert!((0..100).all(|_| faults.before("rekognition", "DetectLabels").is_none()));
    }

    #[test]
    fn the_same_seed_decides_the_same() {
        let world = world();
        world.set_switches(Switches { server_error: 0.5, seed: 7, ..Switches::default() });
        let faults = Faults::new(world);
        let run =
            || (0..50).map(|_| faults.before("s3", "GetObject").is_some()).collect::<Vec<_>>();
        let first = run();
        let second = run();
        faults.reset();
        assert_eq!(run(), first);
        assert_ne!(first, second);
    }

    #[test]
    fn a_forced_fault_is_met_as_often_as_wanted() {
        let world = world();
        world.set_switches(forced("AccessDeniedException", Some(2)));
        let faults = Faults::new(world);
        let met = (0..5).filter_map(|_| faults.before("mediaconvert", "Probe")).count();
        assert_eq!(met, 2);
        assert!(faults.before("mediaconvert", "GetJob").is_none());
    }

    #[test]
    fn a_forced_cut_comes_after_the_work() {
        let world = world();
        world.set_switches(forced(CUT, Some(1)));
        let faults = Faults::new(world);
        assert!(faults.before("mediaconvert", "Probe").is_none());
        assert_eq!(faults.after("mediaconvert", "Probe"), Delivery::Cut);
        assert_eq!(faults.after("mediaconvert", "Probe"), Delivery::Deliver);
    }
}
