//! What was asked of the account, counted: tests ask for it to see what was done twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// The count of calls, and of the jobs they began.
#[derive(Debug, Default)]
pub struct Calls {
    counted: Mutex<BTreeMap<String, BTreeMap<String, Count>>>,
}

#[derive(Debug, Default)]
struct Count {
    calls: u64,
    /// The jobs begun: fewer than calls where a token or a name made a call begin nothing.
    began: BTreeSet<String>,
}

impl Calls {
    /// Counts a call.
    pub fn count(&self, service: &str, operation: &str) {
        self.change(service, operation, |count| count.calls += 1);
    }

    /// Remembers the job that a successful answer names, if it names one.
    pub fn began(&self, service: &str, operation: &str, answer: &Value) {
        let job = ["/job/id", "/JobId", "/jobId", "/TranscriptionJob/TranscriptionJobName"]
            .iter()
            .find_map(|path| answer.pointer(path)?.as_str());
        let begins = operation.starts_with("Start") || operation.starts_with("Initiate");
        if let Some(job) = job.filter(|_| begins || operation == "CreateJob") {
            self.change(service, operation, |count| {
                count.began.insert(job.to_owned());
            });
        }
    }

    /// The counts, by service and operation: `{"mediaconvert": {"CreateJob": {"calls": 3,
    /// "began": 2}}}`.
    pub fn report(&self) -> Value {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |count: &Count| json!({"calls": count.calls, "began": count.began.len()});
        let service = |operations: &BTreeMap<String, Count>| -> Value {
            operations.iter().map(|(name, count)| (name.clone(), of(count))).collect()
        };
        counted.iter().map(|(name, operations)| (name.clone(), service(operations))).collect()
    }

    /// Begins anew.
    pub fn reset(&self) {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn change(&self, service: &str, operation: &str, change: impl FnOnce(&mut Count)) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let operations = counted.entry(service.to_owned()).or_default();
        change(operations.entry(operation.to_owned()).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_job_answered_twice_began_once() {
        let calls = Calls::default();
        for job in ["a", "a", "b"] {
            calls.count("mediaconvert", "CreateJob");
            calls.began("mediaconvert", "CreateJob", &json!({"job": {"id": job}}));
        }
        calls.count("mediaconvert", "GetJob");
        calls.began("mediaconvert", "GetJob", &json!({"job": {"id": "a"}}));
        let expected = json!({"mediaconvert": {
            "CreateJob": {"calls": 3, "began": 2},
            "GetJob": {"calls": 1, "began": 0},
        }});
        assert_eq!(calls.report(), expected);
    }
}
