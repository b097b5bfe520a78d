//! Metrics for CloudWatch, as lines in the
//! [embedded metric format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
//!
//! Written to a log that CloudWatch gets (the stack's `Log`), each line becomes metrics there; no
//! call is made and no permission is needed but that of the log.
//!
//! | metric | unit | dimensions |
//! |---|---|---|
//! | `Runs`: those that ended | count | `Stack`, `Workflow`, `Outcome` (`succeeded`, `failed`, `cancelled`) |
//! | `RunDuration`: from being asked for to the end | milliseconds | the same |
//! | `Failures`: runs that were given up | count | `Stack`, `Workflow`, `Reason` (`data`, `processing`, `quota`, `external`) |
//! | `Retries`: attempts that failed and are tried again | count | `Stack`, `Workflow` |
//! | `StepDuration`: a step that was done | milliseconds | `Stack`, `Workflow`, `Step` |

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use emam_core::backend::catalog::Settlement;
use emam_core::clock::Clock;
use emam_core::id::RunId;
use emam_core::model::FailureReason;
use emam_core::workflow::{Boundary, Observer, Point};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Where the metrics are found in CloudWatch.
const NAMESPACE: &str = "emam";

/// Writes what a worker does as metrics. Give it to
/// [`LibraryBuilder::observer`](emam_core::library::LibraryBuilder::observer).
pub struct Metrics {
    stack: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    /// When the steps under way were begun.
    begun: HashMap<(RunId, String), Timestamp>,
}

impl Metrics {
    /// Metrics of the installation `stack`, one line at a time to `out`.
    pub fn new(
        out: impl Write + Send + 'static,
        clock: Arc<dyn Clock>,
        stack: impl Into<String>,
    ) -> Self {
        let state = State { out: Box::new(out), begun: HashMap::new() };
        Self { stack: stack.into(), clock, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, boundary: &Boundary<'_>, now: Timestamp) -> Line {
        Line::new(now)
            .say("Stack", self.stack.as_str())
            .say("Workflow", boundary.run.kind.as_str())
            .say("Run", boundary.run.id.to_string())
    }

    /// The line of a run that was let go of; none where it only waits.
    fn settled(&self, boundary: &Boundary<'_>, now: Timestamp) -> Option<Line> {
        let line = self.line(boundary, now);
        let (outcome, failure) = match boundary.settlement? {
            Settlement::Succeeded(_) => ("succeeded", None),
            Settlement::Failed(failure) => ("failed", Some(failure)),
            Settlement::Cancelled => ("cancelled", None),
            Settlement::Retry { .. } => {
                return Some(line.measure(&["Stack", "Workflow"], &[("Retries", COUNT, 1)]));
            }
            Settlement::Waiting { .. } | Settlement::Released => return None,
        };
        let took = millis(boundary.run.created_at, now);
        let line = line.say("Outcome", outcome).measure(
            &["Stack", "Workflow", "Outcome"],
            &[("Runs", COUNT, 1), ("RunDuration", MILLISECONDS, took)],
        );
        Some(match failure {
            None => line,
            Some(failure) => line
                .say("Reason", reason(failure.reason))
                .say("Step", failure.step.as_str())
                .measure(&["Stack", "Workflow", "Reason"], &[("Failures", COUNT, 1)]),
        })
    }
}

impl Observer for Metrics {
    fn at(&self, boundary: &Boundary<'_>) {
        let now = self.clock.now();
        let step = boundary.step.map(|step| (boundary.run.id, step.to_owned()));
        let mut state = self.lock();
        let line = match (boundary.point, step) {
            (Point::StepBegun, Some(step)) => {
                state.begun.insert(step, now);
                None
            }
            (Point::StepDone, Some(step)) => state.begun.remove(&step).map(|begun| {
                self.line(boundary, now).say("Step", step.1).measure(
                    &["Stack", "Workflow", "Step"],
                    &[("StepDuration", MILLISECONDS, millis(begun, now))],
                )
            }),
            (Point::Settled, _) => {
                state.begun.retain(|(run, _), _| *run != boundary.run.id);
                self.settled(boundary, now)
            }
            _ => None,
        };
        let Some(line) = line else { return };
        // In one write, so that lines of several processes in one file stay whole.
        let text = format!("{}\n", line.0);
        if let Err(error) = state.out.write_all(text.as_bytes()).and_then(|()| state.out.flush()) {
            tracing::warn!(%error, "a metric was not written");
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("stack", &self.stack).finish_non_exhaustive()
    }
}

const COUNT: &str = "Count";
const MILLISECONDS: &str = "Milliseconds";

fn millis(begun: Timestamp, now: Timestamp) -> i64 {
    (now.as_millisecond() - begun.as_millisecond()).max(0)
}

const fn reason(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::Data => "data",
        FailureReason::Processing => "processing",
        FailureReason::Quota => "quota",
        FailureReason::External => "external",
    }
}

/// One document of the format.
struct Line(Value);

impl Line {
    fn new(now: Timestamp) -> Self {
        Self(json!({"_aws": {"Timestamp": now.as_millisecond(), "CloudWatchMetrics": []}}))
    }

    /// Adds what is a dimension or only to be read.
    fn say(mut self, name: &str, text: impl Into<String>) -> Self {
        self.0[name] = Value::String(text.into());
        self
    }

    /// Adds metrics with their values.
    fn measure(mut self, dimensions: &[&str], metrics: &[(&str, &str, i64)]) -> Self {
        let mut definitions = Vec::with_capacity(metrics.len());
        for (name, unit, value) in metrics {
            self.0[*name] = Value::from(*value);
            definitions.push(json!({"Name": name, "Unit": unit}));
        }
        let mut directive = Map::new();
        directive.insert("Namespace".to_owned(), NAMESPACE.into());
        directive.insert("Dimensions".to_owned(), json!([dimensions]));
        directive.insert("Metrics".to_owned(), Value::Array(definitions));
        if let Some(directives) = self.0["_aws"]["CloudWatchMetrics"].as_array_mut() {
            directives.push(Value::Object(directive));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use emam_core::clock::ManualClock;
    use emam_core::model::{Failure, Run, RunKind};
    use emam_core::{Error, ErrorKind};

    /// A file that several can look at.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct Worker {
        metrics: Metrics,
        clock: Arc<ManualClock>,
        log: Log,
        run: Run,
    }

    impl Worker {
        /// A worker that has taken a run two seconds after it was asked for.
        fn new() -> Self {
            let clock = Arc::new(ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()));
            let id = RunId::new(clock.as_ref());
            let run = Run::new(id, RunKind::Ingest, Value::Null, clock.now());
            clock.advance(Duration::from_secs(2));
            let log = Log::default();
            let metrics = Metrics::new(log.clone(), Arc::clone(&clock) as Arc<dyn Clock>, "one");
            Self { metrics, clock, log, run }
        }

        fn at(&self, point: Point, step: Option<&str>, settlement: Option<&Settlement>) {
            self.metrics.at(&Boundary { run: &self.run, step, point, settlement });
        }

        fn text(&self) -> String {
            String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap()
        }

        /// The lines, each held against the rules of the format.
        fn lines(&self) -> Vec<Value> {
            self.text().lines().map(|line| checked(serde_json::from_str(line).unwrap())).collect()
        }
    }

    /// What the specification demands of a document: every name that a directive refers to stands
    /// at the root, dimensions as text and metrics as numbers.
    fn checked(line: Value) -> Value {
        assert!(line["_aws"]["Timestamp"].is_u64());
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        assert!(!directives.is_empty());
        for directive in directives {
            assert!(!directive["Namespace"].as_str().unwrap().is_empty());
            for set in directive["Dimensions"].as_array().unwrap() {
                let names = set.as_array().unwrap();
                assert!(names.len() <= 30);
                assert!(names.iter().all(|name| line[name.as_str().unwrap()].is_string()));
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number());
                assert!(["Count", "Milliseconds"].contains(&metric["Unit"].as_str().unwrap()));
            }
        }
        line
    }

    #[test]
    fn a_step_is_timed() {
        let worker = Worker::new();
        worker.at(Point::StepBegun, Some("store"), None);
        worker.clock.advance(Duration::from_millis(1_250));
        worker.at(Point::StepWorked, Some("store"), None);
        worker.at(Point::StepDone, Some("store"), None);
        let run = worker.run.id;
        let expected = json!({
            "_aws": {
                "Timestamp": 1_767_225_603_250_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "emam",
                    "Dimensions": [["Stack", "Workflow", "Step"]],
                    "Metrics": [{"Name": "StepDuration", "Unit": "Milliseconds"}],
                }],
            },
            "Stack": "one",
            "Workflow": "ingest",
            "Step": "store",
            "Run": run.to_string(),
            "StepDuration": 1250,
        });
        assert_eq!(worker.lines(), [expected]);
        assert!(worker.text().ends_with("}\n"));
    }

    #[test]
    fn a_failed_run_is_counted_by_its_reason() {
        let worker = Worker::new();
        let error = Error::new(ErrorKind::RateLimited, "aws.submit", "too many");
        let failure = Failure {
            reason: FailureReason::Quota,
            step: "analyze".to_owned(),
            error: error.to_info(),
        };
        worker.at(Point::Settled, None, Some(&Settlement::Failed(failure)));
        let lines = worker.lines();
        assert_eq!(
            lines[0]["_aws"]["CloudWatchMetrics"],
            json!([
                {
                    "Namespace": "emam",
                    "Dimensions": [["Stack", "Workflow", "Outcome"]],
                    "Metrics": [
                        {"Name": "Runs", "Unit": "Count"},
                        {"Name": "RunDuration", "Unit": "Milliseconds"},
                    ],
                },
                {
                    "Namespace": "emam",
                    "Dimensions": [["Stack", "Workflow", "Reason"]],
                    "Metrics": [{"Name": "Failures", "Unit": "Count"}],
                },
            ])
        );
        assert_eq!(
            (&lines[0]["Outcome"], &lines[0]["Reason"], &lines[0]["RunDuration"]),
            (&json!("failed"), &json!("quota"), &json!(2000))
        );
    }

    #[test]
    fn only_what_has_ended_or_failed_is_counted() {
        let worker = Worker::new();
        let resume_at = worker.clock.now();
        worker.at(Point::Claimed, None, None);
        worker.at(Point::Settled, None, Some(&Settlement::Waiting { resume_at }));
        worker.at(Point::Settled, None, Some(&Settlement::Released));
        worker.at(Point::Settled, None, None);
        assert_eq!(worker.text(), "");
        worker.at(Point::Settled, None, Some(&Settlement::Retry { resume_at }));
        worker.at(Point::Settled, None, Some(&Settlement::Succeeded(Value::Null)));
        worker.at(Point::Settled, None, Some(&Settlement::Cancelled));
        let lines = worker.lines();
        assert_eq!(lines[0]["Retries"], 1);
        assert_eq!(lines[1]["Outcome"], "succeeded");
        assert_eq!(lines[2]["Outcome"], "cancelled");
    }

    #[test]
    fn a_step_that_was_cut_short_is_forgotten_with_its_run() {
        let worker = Worker::new();
        worker.at(Point::StepBegun, Some("store"), None);
        worker.at(Point::Settled, None, None);
        worker.at(Point::StepDone, Some("store"), None);
        assert_eq!(worker.text(), "");
        assert!(worker.metrics.lock().begun.is_empty());
    }
}
