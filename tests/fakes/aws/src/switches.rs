//! What goes wrong on purpose. Set over HTTP: `POST /_awsim/switches` with any of these fields.

use serde::{Deserialize, Serialize};

/// What goes wrong on purpose. Shares are from 0 to 1; everything is off by default. The decision
/// is made by a seeded generator, so that a test can be run again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switches {
    /// The share of requests answered with a throttling error before anything is done.
    pub throttle: f64,
    /// The share of requests answered with a 500 before anything is done.
    pub server_error: f64,
    /// The share of requests that are done, and whose answer is then a cut connection.
    pub cut: f64,
    /// How long every answer takes in addition, in milliseconds of real time.
    pub delay_ms: u64,
    /// Bodies of objects go no faster than this many bytes a second, both ways; 0 is no limit.
    pub slow_bytes_s: u64,
    /// The share of GetObject answers in which one byte is changed.
    pub corrupt_gets: f64,
    /// The share of PutObject and UploadPart bodies in which one byte is changed.
    pub corrupt_puts: f64,
    /// The share of GetObject answers that are cut in the middle of the body.
    pub cut_gets: f64,
    /// The share of events that never arrive.
    pub lose_events: f64,
    /// The share of events that arrive twice.
    pub double_events: f64,
    /// Events wait this long and may then overtake each other, in milliseconds of real time.
    pub late_events_ms: u64,
    /// The share of jobs that never finish.
    pub hang_jobs: f64,
    /// How many video jobs Rekognition takes at once.
    pub rekognition_jobs: usize,
    /// How long a Rekognition or Transcribe job takes, in seconds of the account's clock.
    pub job_seconds: f64,
    /// Only requests of these services (`s3`, `mediaconvert`, `rekognition`, `transcribe`,
    /// `glacier`) meet `throttle`, `server_error`, `cut` and `delay_ms`; all when empty.
    pub services: Vec<String>,
    /// Answers these operations with this error, for example `{"operation": "Probe", "code":
    /// "AccessDeniedException", "status": 403, "times": 1}`; `times` absent means always.
    pub faults: Vec<ForcedFault>,
    /// The seed of the generator.
    pub seed: u64,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            throttle: 0.0,
            server_error: 0.0,
            cut: 0.0,
            delay_ms: 0,
            slow_bytes_s: 0,
            corrupt_gets: 0.0,
            corrupt_puts: 0.0,
            cut_gets: 0.0,
            lose_events: 0.0,
            double_events: 0.0,
            late_events_ms: 0,
            hang_jobs: 0.0,
            rekognition_jobs: 20,
            job_seconds: 2.0,
            services: Vec::new(),
            faults: Vec::new(),
            seed: 1,
        }
    }
}

/// An error that one operation is to answer with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForcedFault {
    /// The operation, for example `CreateJob` or `GetObject`.
    pub operation: String,
    /// The error's code.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// The message.
    #[serde(default)]
    pub message: String,
    /// How often; always when absent.
    #[serde(default)]
    pub times: Option<u32>,
}
