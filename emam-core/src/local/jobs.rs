//! Jobs that run in this process: submitted under a token, polled, cancelled.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_128;

use crate::backend::{JobId, JobStatus, OutputFile};
use crate::clock::Clock;
use crate::error::{Error, ErrorInfo, ErrorKind, Result};

/// How many ended jobs are remembered.
const MOST_ENDED: usize = 512;

/// Jobs by id, each with the number it was begun as.
type Table<T> = HashMap<String, (u64, Arc<Job<T>>)>;

/// The jobs of one backend. Dropping it stops them.
#[derive(Debug)]
pub(crate) struct Jobs<T> {
    table: Mutex<Table<T>>,
    clock: Arc<dyn Clock>,
    /// Errors are told under these.
    operations: Operations,
}

/// The names of a backend's methods.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operations {
    pub(crate) submit: &'static str,
    pub(crate) poll: &'static str,
    pub(crate) result: &'static str,
}

/// One job, as the work sees it.
#[derive(Debug)]
pub(crate) struct Job<T> {
    /// The job's id; also a file name.
    pub(crate) id: String,
    state: Mutex<State<T>>,
    stop: watch::Sender<bool>,
    ended: watch::Sender<bool>,
}

#[derive(Debug)]
struct State<T> {
    fraction: f64,
    began: Timestamp,
    ready: Vec<OutputFile>,
    end: Option<End<T>>,
}

#[derive(Debug)]
enum End<T> {
    Succeeded(T),
    Failed(ErrorInfo),
    Cancelled,
}

impl<T: Clone + Send + Sync + 'static> Jobs<T> {
    pub(crate) fn new(clock: Arc<dyn Clock>, operations: Operations) -> Self {
        Self { table: Mutex::default(), clock, operations }
    }

    /// Begins `work`, unless a job with this token is known already.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an empty token.
    pub(crate) fn submit<F>(
        &self,
        token: &str,
        work: impl FnOnce(Arc<Job<T>>) -> F,
    ) -> Result<JobId>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        if token.is_empty() {
            return Err(Error::invalid(self.operations.submit, "a job needs a token"));
        }
        let id = file_name(token);
        let mut table = lock(&self.table);
        if table.contains_key(&id) {
            return Ok(JobId(id));
        }
        let job = Arc::new(Job {
            id: id.clone(),
            state: Mutex::new(State {
                fraction: 0.0,
                began: self.clock.now(),
                ready: Vec::new(),
                end: None,
            }),
            stop: watch::Sender::new(false),
            ended: watch::Sender::new(false),
        });
        let number = table.values().map(|(number, _)| *number).max().map_or(0, |most| most + 1);
        table.insert(id.clone(), (number, Arc::clone(&job)));
        forget_oldest(&mut table);
        drop(table);

        let operation = self.operations.submit;
        let work = tokio::spawn(work(Arc::clone(&job)));
        tokio::spawn(async move {
            let result = work.await.unwrap_or_else(|cause| {
                let message = "the work on this job broke off";
                Err(Error::new(ErrorKind::Unexpected, operation, message).caused_by(cause))
            });
            job.end(result);
        });
        Ok(JobId(id))
    }

    /// Tells what a job is at.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for a job that is not of this process.
    pub(crate) fn poll(&self, id: &JobId) -> Result<JobStatus> {
        let job = self.find(id, self.operations.poll)?;
        let state = lock(&job.state);
        Ok(match &state.end {
            Some(End::Succeeded(_)) => JobStatus::Succeeded,
            Some(End::Failed(error)) => JobStatus::Failed(error.clone()),
            Some(End::Cancelled) => JobStatus::Cancelled,
            None => JobStatus::Running {
                fraction: state.fraction,
                eta_ms: eta_ms(state.fraction, state.began, self.clock.now()),
                ready: state.ready.clone(),
            },
        })
    }

    /// Stops a job and waits until nothing of it runs any more.
    pub(crate) async fn cancel(&self, id: &JobId) {
        let Ok(job) = self.find(id, self.operations.poll) else { return };
        let mut ended = job.ended.subscribe();
        job.stop.send_replace(true);
        // The sender lives in the job, which is held here.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// What a succeeded job has given.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for a job that is not of this process,
    /// [`NotReady`](ErrorKind::NotReady) for one that runs, the job's own error for one that has
    /// failed, [`Cancelled`](ErrorKind::Cancelled) for one that was stopped.
    pub(crate) fn result(&self, id: &JobId) -> Result<T> {
        let operation = self.operations.result;
        let job = self.find(id, operation)?;
        let state = lock(&job.state);
        match &state.end {
            Some(End::Succeeded(result)) => Ok(result.clone()),
            Some(End::Failed(error)) => Err(Error::from(error.clone())),
            Some(End::Cancelled) => {
                Err(Error::new(ErrorKind::Cancelled, operation, "the job was cancelled"))
            }
            None => {
                let message = "the job is still at work; poll it until it has succeeded";
                Err(Error::new(ErrorKind::NotReady, operation, message).with("job", &id.0))
            }
        }
    }

    fn find(&self, id: &JobId, operation: &'static str) -> Result<Arc<Job<T>>> {
        lock(&self.table).get(&id.0).map(|(_, job)| Arc::clone(job)).ok_or_else(|| {
            let message = "no job with this id was begun in this process; submit it again";
            Error::new(ErrorKind::NotFound, operation, message).with("job", &id.0)
        })
    }
}

impl<T> Drop for Jobs<T> {
    fn drop(&mut self) {
        for (_, job) in lock(&self.table).values() {
            job.stop.send_replace(true);
        }
    }
}

impl<T> Job<T> {
    /// Done when somebody wants the job to stop.
    pub(crate) async fn stopped(&self) {
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Whether somebody wants the job to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Says how much is done, from 0 to 1; never less than was said before.
    pub(crate) fn progress(&self, fraction: f64) {
        let mut state = lock(&self.state);
        if fraction.is_finite() {
            state.fraction = state.fraction.max(fraction.clamp(0.0, 1.0));
        }
    }

    /// Says that a file can be used already.
    pub(crate) fn ready(&self, file: OutputFile) {
        lock(&self.state).ready.push(file);
    }

    fn end(&self, result: Result<T>) {
        let end = match result {
            Ok(_) | Err(_) if self.is_stopped() => End::Cancelled,
            Ok(result) => End::Succeeded(result),
            Err(error) => End::Failed(error.to_info()),
        };
        lock(&self.state).end = Some(end);
        self.ended.send_replace(true);
    }
}

/// The token where it is a good name for a folder, so that the folder tells whose it is; else a
/// digest of it.
fn file_name(token: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if token.len() <= 100 && token.chars().all(plain) {
        return token.to_owned();
    }
    format!("job-{:032x}", xxh3_128(token.as_bytes()))
}

fn forget_oldest<T>(table: &mut Table<T>) {
    let mut ended: Vec<(u64, String)> = table
        .iter()
        .filter(|(_, (_, job))| *job.ended.borrow())
        .map(|(id, (number, _))| (*number, id.clone()))
        .collect();
    if ended.len() > MOST_ENDED {
        ended.sort_unstable();
        let excess = ended.len() - MOST_ENDED;
        for (_, id) in ended.into_iter().take(excess) {
            table.remove(&id);
        }
    }
}

/// How long the rest takes if it goes on as it went so far, in milliseconds.
fn eta_ms(fraction: f64, began: Timestamp, now: Timestamp) -> Option<u64> {
    let passed = now.duration_since(began).as_millis();
    // At the very beginning it says nothing.
    if fraction < 0.01 || passed <= 0 {
        return None;
    }
    let rest = passed as f64 * (1.0 - fraction) / fraction;
    Some(rest.round() as u64)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    const OPERATIONS: Operations =
        Operations { submit: "t.submit", poll: "t.poll", result: "t.get" };

    fn jobs() -> (Jobs<u32>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()));
        (Jobs::new(Arc::clone(&clock) as Arc<dyn Clock>, OPERATIONS), clock)
    }

    async fn ended(jobs: &Jobs<u32>, id: &JobId) -> JobStatus {
        loop {
            match jobs.poll(id).unwrap() {
                JobStatus::Running { .. } => tokio::time::sleep(Duration::from_millis(1)).await,
                end => return end,
            }
        }
    }

    #[tokio::test]
    async fn a_token_begins_one_job() {
        let (jobs, _) = jobs();
        let begun = Arc::new(AtomicU32::new(0));
        let work = |_| {
            let begun = Arc::clone(&begun);
            async move { Ok(begun.fetch_add(1, Ordering::SeqCst)) }
        };
        let first = jobs.submit("token", work).unwrap();
        assert_eq!(jobs.submit("token", work).unwrap(), first);
        assert!(matches!(ended(&jobs, &first).await, JobStatus::Succeeded));
        assert_eq!(jobs.submit("token", work).unwrap(), first, "an ended job is remembered");
        assert_eq!(jobs.result(&first).unwrap(), 0);
        assert_ne!(jobs.submit("other", work).unwrap(), first);
        assert_eq!(jobs.submit("", work).unwrap_err().kind(), ErrorKind::InvalidInput);
        let unknown = jobs.poll(&JobId("x".into())).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn progress_gives_the_time_that_is_left() {
        let (jobs, clock) = jobs();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let id = jobs
            .submit("token", |job| async move {
                job.progress(0.25);
                let _ = wait.await;
                Ok(1)
            })
            .unwrap();
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(10));
        let JobStatus::Running { fraction, eta_ms, .. } = jobs.poll(&id).unwrap() else { panic!() };
        assert_eq!((fraction, eta_ms), (0.25, Some(30_000)));
        assert_eq!(jobs.result(&id).unwrap_err().kind(), ErrorKind::NotReady);
        go.send(()).unwrap();
        ended(&jobs, &id).await;
    }

    #[tokio::test]
    async fn cancelling_is_final_and_breaking_off_is_a_failure() {
        let (jobs, _) = jobs();
        let id = jobs
            .submit("stop me", |job| async move {
                job.stopped().await;
                Ok(1)
            })
            .unwrap();
        jobs.cancel(&id).await;
        assert!(matches!(jobs.poll(&id).unwrap(), JobStatus::Cancelled));
        assert_eq!(jobs.result(&id).unwrap_err().kind(), ErrorKind::Cancelled);
        jobs.cancel(&JobId("unknown".into())).await;

        let broken = jobs.submit("break", |_| async { panic!("as wanted") }).unwrap();
        let JobStatus::Failed(error) = ended(&jobs, &broken).await else { panic!() };
        assert_eq!(error.kind, ErrorKind::Unexpected);
        jobs.cancel(&broken).await;
        assert!(matches!(jobs.poll(&broken).unwrap(), JobStatus::Failed(_)), "an end stays");
    }
}
