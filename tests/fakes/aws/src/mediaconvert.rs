//! AWS Elemental MediaConvert: jobs that really transcode, with ffmpeg, from and to the account's
//! S3. What of the settings the emulator does not follow makes a job fail; nothing is ignored that
//! a test could see.

mod args;
mod facts;
mod jobs;
mod merge;
mod plan;
mod playlist;
mod probe;
mod run;
mod settings;
mod shelf;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::account::arn;
use crate::events::{Events, MediaConvertJob};
use crate::faults::Faults;
use crate::service::{Fault, Service};
use crate::world::World;
use jobs::{Jobs, Wanted};
use plan::Plan;
use run::Run;
use settings::Wrong;
use shelf::{Shelf, Tags, page};

/// The emulated MediaConvert.
#[derive(Debug)]
pub struct MediaConvert {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Arc<World>,
    faults: Arc<Faults>,
    events: Arc<Events>,
    jobs: Jobs,
    templates: Shelf,
    presets: Shelf,
    queues: Shelf,
    tags: Tags,
    /// Turns at the machine's one ffmpeg.
    turns: Semaphore,
    url: String,
}

impl Inner {
    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }
}

impl MediaConvert {
    /// The service of this world, which can be reached at `url`.
    pub fn new(world: Arc<World>, faults: Arc<Faults>, events: Arc<Events>, url: &str) -> Self {
        let queues = Shelf::new("queues");
        let default = json!({"name": "Default", "status": "ACTIVE", "pricingPlan": "ON_DEMAND"});
        // The shelf is empty: nothing can be in the way.
        let _ = queues.create(&default, world.clock.now());
        let inner = Inner {
            world,
            faults,
            events,
            jobs: Jobs::default(),
            templates: Shelf::new("jobTemplates"),
            presets: Shelf::new("presets"),
            queues,
            tags: Tags::default(),
            turns: Semaphore::new(1),
            url: url.to_owned(),
        };
        Self { inner: Arc::new(inner) }
    }

    fn create_job(&self, input: &Value) -> Result<Value, Fault> {
        let inner = &self.inner;
        let now = inner.now();
        let token = input["clientRequestToken"].as_str();
        if let Some(job) = token.and_then(|token| inner.jobs.by_token(token, now)) {
            return Ok(json!({"job": job}));
        }
        let mut settings = input["settings"].clone();
        let mut from_template = json!({});
        if let Some(name) = input["jobTemplate"].as_str() {
            from_template = inner.templates.get(name)?;
            settings = merge::over(&from_template["settings"], &settings);
        }
        let preset = |name: &str| Some(inner.presets.get(name).ok()?["settings"].clone());
        let whole = merge::with_presets(&settings, preset).map_err(|name| {
            Fault::new(400, "BadRequestException", format!("The preset {name} was not found"))
        })?;
        match Plan::read(&whole) {
            // What the emulator cannot follow fails the job, as a fault of the media would.
            Ok(_) | Err(Wrong::NotEmulated(_)) => {}
            Err(Wrong::Invalid(path, why)) => {
                return Err(Fault::new(400, "BadRequestException", format!("{path} {why}")));
            }
        }
        let of = |name: &str| match &input[name] {
            Value::Null => from_template[name].clone(),
            own => own.clone(),
        };
        let queue = match of("queue").as_str() {
            Some(name) => inner.queues.get(name)?["arn"].as_str().unwrap_or_default().to_owned(),
            None => arn("mediaconvert", "queues/Default"),
        };
        let mode = of("accelerationSettings")["mode"].as_str().unwrap_or("DISABLED").to_owned();
        let accelerated = mode != "DISABLED" && zero_based(&whole);
        let mut job = json!({
            "role": input["role"],
            "queue": queue,
            "settings": settings,
            "userMetadata": if input["userMetadata"].is_null() { json!({}) } else { input["userMetadata"].clone() },
            "accelerationSettings": {"mode": mode},
            "accelerationStatus": match (mode.as_str(), accelerated) {
                ("DISABLED", _) => "NOT_APPLICABLE",
                (_, true) => "IN_PROGRESS",
                (_, false) => "NOT_ACCELERATED",
            },
            "priority": of("priority").as_i64().unwrap_or(0),
            "statusUpdateInterval": of("statusUpdateInterval").as_str().unwrap_or("SECONDS_60"),
            "messages": {"info": [], "warning": []},
        });
        for name in ["billingTagsSource", "hopDestinations", "jobTemplate"] {
            if !input[name].is_null() {
                job[name] = input[name].clone();
            }
        }
        let job = inner.jobs.add(job, token, now);
        inner.tags.add(job["arn"].as_str().unwrap_or_default(), &input["tags"]);
        let id = job["id"].as_str().unwrap_or_default().to_owned();
        let interval = job["statusUpdateInterval"].as_str().unwrap_or_default();
        let interval_s = interval.trim_start_matches("SECONDS_").parse().unwrap_or(60);
        let run = Run {
            inner: Arc::clone(inner),
            id: id.clone(),
            queue,
            user_metadata: job["userMetadata"].clone(),
            settings: whole,
            role: input["role"].as_str().unwrap_or_default().to_owned(),
            must_accelerate: mode == "ENABLED",
            accelerated,
            hangs: inner.faults.chance(inner.world.switches().hang_jobs),
            interval_s,
        };
        let task = tokio::spawn(run.run());
        inner.jobs.can_abort(&id, task.abort_handle());
        Ok(json!({"job": job}))
    }

    async fn cancel_job(&self, id: &str) -> Result<Value, Fault> {
        let job = self.inner.jobs.cancel(id, self.inner.now())?;
        let queue = job["queue"].as_str().unwrap_or_default();
        let told = MediaConvertJob { id, queue, user_metadata: &job["userMetadata"] };
        self.inner.events.mediaconvert(&told, "CANCELED", json!({})).await;
        Ok(json!({}))
    }

    fn list_jobs(&self, input: &Value) -> Result<Value, Fault> {
        let queue = input["queue"].as_str().map(|name| self.inner.queues.get(name)).transpose()?;
        let wanted = Wanted {
            status: input["status"].as_str(),
            queue: queue.as_ref().and_then(|queue| queue["arn"].as_str()),
            input: input["inputFile"].as_str(),
            oldest_first: input["order"] == "ASCENDING",
        };
        page("jobs", self.inner.jobs.list(&wanted), input)
    }

    fn with_counts(&self, mut queue: Value) -> Value {
        let (waiting, progressing) =
            self.inner.jobs.of_queue(queue["arn"].as_str().unwrap_or_default());
        queue["submittedJobsCount"] = json!(waiting);
        queue["progressingJobsCount"] = json!(progressing);
        queue
    }

    fn keep_queue(&self, queue: Value, input: &Value) -> Value {
        let arn = queue["arn"].as_str().unwrap_or_default();
        self.inner.jobs.pause(arn, queue["status"] == "PAUSED");
        self.inner.tags.add(arn, &input["tags"]);
        json!({"queue": self.with_counts(queue)})
    }

    fn create_queue(&self, input: &Value) -> Result<Value, Fault> {
        let mut whole = json!({"status": "ACTIVE", "pricingPlan": "ON_DEMAND"});
        whole = merge::over(&whole, input);
        Ok(self.keep_queue(self.inner.queues.create(&whole, self.inner.now())?, input))
    }

    /// Creates what is kept by name, with its tags.
    fn create(&self, shelf: &Shelf, name: &str, input: &Value) -> Result<Value, Fault> {
        let thing = shelf.create(input, self.inner.now())?;
        self.inner.tags.add(thing["arn"].as_str().unwrap_or_default(), &input["tags"]);
        Ok(json!({name: thing}))
    }
}

/// Whether all timecode begins at zero: without that acceleration fails
/// (`video-on-demand-on-aws` issue 38).
fn zero_based(settings: &Value) -> bool {
    let inputs = settings["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
    settings.pointer("/timecodeConfig/source").is_some_and(|source| source == "ZEROBASED")
        && inputs.iter().all(|input| input["timecodeSource"] == "ZEROBASED")
}

#[async_trait]
impl Service for MediaConvert {
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Fault> {
        let inner = &self.inner;
        let text = |name: &str| input[name].as_str().unwrap_or_default();
        let now = inner.now();
        match operation {
            "CreateJob" => self.create_job(&input),
            "GetJob" => Ok(json!({"job": inner.jobs.get(text("id"))?})),
            "CancelJob" => self.cancel_job(text("id")).await,
            "ListJobs" | "SearchJobs" => self.list_jobs(&input),
            "Probe" => probe::probe(&inner.world, &input).await,
            "DescribeEndpoints" => Ok(json!({"endpoints": [{"url": inner.url}]})),
            "CreateJobTemplate" => self.create(&inner.templates, "jobTemplate", &input),
            "GetJobTemplate" => Ok(json!({"jobTemplate": inner.templates.get(text("name"))?})),
            "UpdateJobTemplate" => Ok(json!({"jobTemplate": inner.templates.update(&input, now)?})),
            "DeleteJobTemplate" => inner.templates.delete(text("name")),
            "ListJobTemplates" => page("jobTemplates", inner.templates.all(), &input),
            "CreatePreset" => self.create(&inner.presets, "preset", &input),
            "GetPreset" => Ok(json!({"preset": inner.presets.get(text("name"))?})),
            "UpdatePreset" => Ok(json!({"preset": inner.presets.update(&input, now)?})),
            "DeletePreset" => inner.presets.delete(text("name")),
            "ListPresets" => page("presets", inner.presets.all(), &input),
            "CreateQueue" => self.create_queue(&input),
            "GetQueue" => Ok(json!({"queue": self.with_counts(inner.queues.get(text("name"))?)})),
            "UpdateQueue" => Ok(self.keep_queue(inner.queues.update(&input, now)?, &json!({}))),
            "DeleteQueue" => inner.queues.delete(text("name")),
            "ListQueues" => {
                let queues = inner.queues.all().into_iter();
                page("queues", queues.map(|queue| self.with_counts(queue)).collect(), &input)
            }
            "ListTagsForResource" => Ok(json!({"resourceTags": inner.tags.of(text("arn"))})),
            "TagResource" => {
                inner.tags.add(text("arn"), &input["tags"]);
                Ok(json!({}))
            }
            "UntagResource" => {
                inner.tags.remove(text("arn"), &input["tagKeys"]);
                Ok(json!({}))
            }
            other => Err(Fault::new(501, "NotImplemented", format!("{other} is not emulated"))),
        }
    }
}
