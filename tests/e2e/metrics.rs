//! What the metrics say of real runs.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use emam_aws::metrics::Metrics;
use emam_core::Library;
use emam_core::clock::SystemClock;
use serde_json::Value;

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

impl Log {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn every_run_is_counted_once_with_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::default();
    let metrics = Metrics::new(log.clone(), Arc::new(SystemClock), "here");
    let library = Library::builder()
        .observer(Arc::new(metrics))
        .open(folder.path().join("library"))
        .await
        .unwrap();
    let mut outcomes = Vec::new();
    for (name, content) in [("notes.txt", "rain in the harbour"), ("broken.mov", "no film at all")]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let run = library.assets().ingest(&path, Default::default()).await.unwrap();
        outcomes.push(if run.join().await.is_ok() { "succeeded" } else { "failed" });
    }
    library.close().await;

    let lines = log.lines();
    let ended: Vec<_> = lines.iter().filter(|line| line["Runs"] == 1).collect();
    let told: Vec<_> = ended.iter().map(|line| line["Outcome"].as_str().unwrap()).collect();
    assert_eq!(told, outcomes);
    for line in ended {
        assert_eq!((&line["Stack"], &line["Workflow"]), (&"here".into(), &"ingest".into()));
        assert!(line["RunDuration"].is_u64());
        assert_eq!(line["Outcome"] == "failed", line["Reason"].is_string(), "{line}");
    }
    assert!(
        lines.iter().any(|line| line["Step"] == "store" && line["StepDuration"].is_u64()),
        "{lines:?}"
    );
}
