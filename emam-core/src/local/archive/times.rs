//! How long a restore takes.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backend::RestoreSpeed;
use crate::model::StorageClass;

/// How long a restore takes, by class and speed; what is not listed cannot be done.
///
/// The default stands for the classes of the cloud in seconds instead of hours, with the same
/// gaps: nothing gets out of the deep archive at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RestoreTimes(pub Vec<RestoreTime>);

/// How long a restore from one class takes at one speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreTime {
    /// The class.
    pub class: StorageClass,
    /// The speed.
    pub speed: RestoreSpeed,
    /// How long, in milliseconds.
    pub wait_ms: u64,
}

impl Default for RestoreTimes {
    fn default() -> Self {
        use RestoreSpeed::{Bulk, Expedited, Standard};
        use StorageClass::{Archive, DeepArchive};
        let time = |class, speed, wait_ms| RestoreTime { class, speed, wait_ms };
        Self(vec![
            time(Archive, Expedited, 0),
            time(Archive, Standard, 2_000),
            time(Archive, Bulk, 5_000),
            time(DeepArchive, Standard, 4_000),
            time(DeepArchive, Bulk, 10_000),
        ])
    }
}

impl RestoreTimes {
    /// How long a restore from `class` takes at `speed`, if it can be done.
    pub fn wait(&self, class: StorageClass, speed: RestoreSpeed) -> Option<Duration> {
        let found = self.0.iter().find(|time| (time.class, time.speed) == (class, speed));
        found.map(|time| Duration::from_millis(time.wait_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_list_in_json() {
        let times: RestoreTimes =
            serde_json::from_str(r#"[{"class": "archive", "speed": "bulk", "wait_ms": 7}]"#)
                .unwrap();
        let wait = |speed| times.wait(StorageClass::Archive, speed);
        assert_eq!(wait(RestoreSpeed::Bulk), Some(Duration::from_millis(7)));
        assert_eq!(wait(RestoreSpeed::Standard), None);
    }
}
