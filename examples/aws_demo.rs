//! The main job on AWS, shown, with the settings a stack puts out: `cargo xtask demo --aws` runs it
//! on an emulated account.

mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser;
use emam_aws::Account;
use emam_aws::feeder::Feed;
use emam_aws::intake::Intake;
use emam_aws::queue::{Worker, WorkerOptions};
use emam_aws::settings::AwsSettings;
use emam_core::backend::catalog::{AnnotationFilter, Query};
use emam_core::backend::{ObjectChange, RestoreSpeed, Signal, SignalHandler, token};
use emam_core::library::{ArchiveRequest, ClipRequest, ExportOptions, RestoreRequest};
use emam_core::model::{
    Annotation, AnnotationKind, Asset, AssetKind, BinTarget, InstanceState, Lifecycle,
    NewAnnotation, PageRequest, Role, Source, Step, StepState, StorageClass,
};
use emam_core::time::{MediaTime, Rate, TimeRange};
use emam_core::workflow::IngestOptions;
use emam_core::{Error, ErrorKind, Library, Result};

/// Takes files through the library on AWS and checks what comes of it.
#[derive(Debug, Parser)]
struct Arguments {
    /// The settings: the output `Settings` of the stack.
    #[arg(long)]
    settings: PathBuf,
    /// The folder of the catalog and of what is fetched to be looked at.
    #[arg(long)]
    out: PathBuf,
    /// A file that is uploaded by a feeder, which knows the buckets and no library.
    #[arg(long)]
    fed: Option<PathBuf>,
    /// A word that is spoken in one of the files.
    #[arg(long)]
    spoken: Option<String>,
    /// The files to be ingested.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match Box::pin(demo(&arguments)).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.report());
            std::process::ExitCode::FAILURE
        }
    }
}

/// Shows each event before it is acted on.
#[derive(Debug)]
struct Shown {
    intake: Arc<Intake>,
    account: Account,
    library: Library,
    jobs: AtomicUsize,
    objects: AtomicUsize,
    restores: AtomicUsize,
}

#[async_trait]
impl SignalHandler for Shown {
    async fn signal(&self, signal: &Signal) -> Result<()> {
        match signal {
            Signal::Job { token, ended } => {
                self.jobs.fetch_add(1, Ordering::Relaxed);
                let what = if *ended { "a job has ended" } else { "a job goes on" };
                println!("  event  {what}{}", self.of_run(token).await);
            }
            Signal::Object(object) => {
                let Some(role) = self.role_of(&object.bucket) else {
                    return self.intake.signal(signal).await;
                };
                self.objects.fetch_add(1, Ordering::Relaxed);
                if let ObjectChange::RestoreCompleted { .. } = object.change {
                    self.restores.fetch_add(1, Ordering::Relaxed);
                }
                let change = format!("{:?}", object.change);
                let change = change.split([' ', '{']).next().unwrap_or_default();
                let name = object.key.rsplit('/').next().unwrap_or_default();
                println!("  event  S3, {role}: {name}: {change}");
            }
            Signal::Call { operation, .. } => println!("  event  somebody asks for {operation}"),
            Signal::Ignored { .. } => {}
        }
        self.intake.signal(signal).await
    }
}

impl Shown {
    /// What a bucket is for; nothing for that of proxies, whose events the rules of a real stack
    /// leave out.
    fn role_of(&self, bucket: &str) -> Option<&'static str> {
        let mut buckets = self.account.settings().buckets.iter();
        let (role, _) = buckets.find(|(_, known)| known.name == bucket)?;
        Some(role).filter(|role| *role != "proxies")
    }

    /// Whose job it is, and of which step.
    async fn of_run(&self, token: &str) -> String {
        let Some(id) = token::run(token) else { return String::new() };
        let Ok(run) = self.library.runs().get(id).await else { return format!(" of run {id}") };
        let file = match run.asset {
            Some(asset) => self.library.assets().get(asset).await.map(|asset| asset.file_name),
            None => Ok(String::new()),
        };
        let noted = |step: &&Step| step.output.to_string().contains(token);
        let running = |step: &&Step| step.state == StepState::Running;
        let step = run.steps.iter().find(noted).or(run.steps.iter().find(running));
        let step = step.map_or("", |step| step.name.as_str());
        format!(" ({} of {}: {step})", run.kind.as_str(), file.unwrap_or_default())
    }
}

async fn demo(arguments: &Arguments) -> Result<()> {
    let out = &arguments.out;
    let account = Account::connect(AwsSettings::from_file(&arguments.settings)?).await?;
    let (library, shown) = open(&account, &out.join("library")).await?;

    show::heading("Ingest");
    let mut assets = Box::pin(ingest(&library, &arguments.files)).await?;
    if let Some(file) = &arguments.fed {
        show::heading("A feeder uploads");
        assets.push(Box::pin(feed(&account, &library, file)).await?);
    }
    let mut sums = String::new();
    for asset in &assets {
        let folder = out.join(show::folder_name(asset));
        Box::pin(show::asset(&library, asset, &folder)).await?;
        check_asset(&library, asset).await?;
    }
    if let Some(asset) = assets.iter().find(|asset| asset.kind == AssetKind::Video) {
        Box::pin(edit(&library, asset, arguments.spoken.as_deref(), &assets, out)).await?;
    }
    if let Some(asset) = assets.first() {
        let restored = out.join(format!("restored-{}", show::folder_name(asset)));
        Box::pin(archive(&library, asset, &restored)).await?;
        let md5 = asset.media.as_ref().and_then(|media| media.md5.clone()).unwrap_or_default();
        sums.push_str(&show::sum_line(&md5, &restored, out));
    }
    std::fs::write(out.join("MD5SUMS"), &sums).map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "demo.write", "the sums cannot be written")
            .caused_by(cause)
    })?;

    show::heading("What drove it");
    let seen = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let (jobs, objects, restores) =
        (seen(&shown.jobs), seen(&shown.objects), seen(&shown.restores));
    println!("{jobs} events of jobs and {objects} of objects came by the queue");
    claim(jobs > 0 && objects > 0, "events of jobs and objects came by the queue")?;
    claim(restores > 0, "an event told that the original was restored")?;
    library.close().await;
    println!("\nEverything holds. What was fetched is in {}", out.display());
    Ok(())
}

/// Opens the library, and reads its queue as [`emam_aws::open`] does, in sight.
async fn open(account: &Account, folder: &Path) -> Result<(Library, Arc<Shown>)> {
    let builder = Box::pin(account.equip(Library::builder(), folder)).await?;
    let library = Box::pin(builder.open(folder)).await?;
    let shown = Arc::new(Shown {
        intake: Arc::clone(account.listen(&library)?.intake()),
        account: account.clone(),
        library: library.clone(),
        jobs: AtomicUsize::new(0),
        objects: AtomicUsize::new(0),
        restores: AtomicUsize::new(0),
    });
    let queue = account.settings().events.queue_url.as_ref();
    let queue = queue.ok_or_else(|| failed("the settings name no queue of events"))?;
    let client = aws_sdk_sqs::Client::new(&account.context().of("sqs"));
    let handler: Arc<dyn SignalHandler> = Arc::<Shown>::clone(&shown);
    let worker = Worker::new(client, queue, handler, WorkerOptions::default());
    let closing = library.closing();
    tokio::spawn(async move { worker.run(closing).await });
    Ok((library, shown))
}

async fn ingest(library: &Library, files: &[PathBuf]) -> Result<Vec<Asset>> {
    let options = IngestOptions { tags: vec!["demo".to_owned()], ..IngestOptions::default() };
    let intake = library.assets().ingest_all(files, options).await?;
    if let Some(refused) = intake.refused.into_iter().next() {
        return Err(Error::from(refused.error));
    }
    for (run, file) in intake.runs.iter().zip(files) {
        tell_registered(run.asset_id(), file);
    }
    show::follow(intake.runs).await
}

/// A line that others can find the asset by.
fn tell_registered(asset: Option<emam_core::id::AssetId>, file: &Path) {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if let Some(asset) = asset {
        println!("registered {asset} {name}");
    }
}

/// Uploads a file as somebody without the library does, and waits for what the library makes of it.
async fn feed(account: &Account, library: &Library, file: &Path) -> Result<Asset> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let copied = account.feeder()?.feed(file, "demo", Feed::default()).await?;
    println!("{name}: {} bytes are among the originals, and a job is written", copied.size);
    let limit = tokio::time::Instant::now() + Duration::from_secs(90);
    let mut told = false;
    while tokio::time::Instant::now() < limit {
        let found = library.assets().search(Query::default()).await?;
        let asset = found.items.into_iter().map(|hit| hit.asset).find(|a| a.file_name == name);
        if let Some(asset) = asset {
            if !told {
                tell_registered(Some(asset.id), file);
                told = true;
            }
            match asset.lifecycle {
                Lifecycle::Ready => return Ok(asset),
                Lifecycle::Failed => return Err(failed("the ingest of the fed file has failed")),
                _ => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(failed("the fed file was not ready within 90 s"))
}

/// Whether the services made what they are there for.
async fn check_asset(library: &Library, asset: &Asset) -> Result<()> {
    let is = |text: &str| format!("{}: {text}", asset.file_name);
    claim(asset.lifecycle == Lifecycle::Ready, is("it is ready"))?;
    let roles: Vec<_> =
        library.assets().renditions(asset.id).await?.into_iter().map(|r| r.role).collect();
    if asset.kind == AssetKind::Video {
        claim(roles.contains(&Role::Proxy), is("it has a proxy"))?;
        let pictures = [Role::Thumbnail, Role::Poster, Role::Storyboard];
        claim(pictures.iter().any(|role| roles.contains(role)), is("it has pictures"))?;
        let found = annotations(library, asset).await?;
        for kind in [AnnotationKind::Label, AnnotationKind::Face, AnnotationKind::Shot] {
            let by_service = |a: &&Annotation| {
                a.kind == kind
                    && matches!(&a.source, Source::Service { name, .. } if name == "rekognition")
            };
            let what = format!("Rekognition found a {} in it", kind.as_str());
            claim(found.iter().any(|a| by_service(&a)), is(&what))?;
        }
    }
    Ok(())
}

async fn annotations(library: &Library, asset: &Asset) -> Result<Vec<Annotation>> {
    let page = PageRequest::first(1000);
    Ok(library.annotations().list(asset.id, AnnotationFilter::default(), page).await?.items)
}

/// Finds what is said, and cuts.
async fn edit(
    library: &Library,
    asset: &Asset,
    spoken: Option<&str>,
    all: &[Asset],
    out: &Path,
) -> Result<()> {
    show::heading("Search");
    let mut clips = Vec::new();
    if let Some(word) = spoken {
        let hits = library.assets().search(Query::text(word)).await?;
        show::page(word, &hits);
        let heard = hits.items.iter().flat_map(|hit| &hit.moments);
        let heard =
            heard.filter(|moment| moment.kind == AnnotationKind::Speech && moment.range.is_some());
        claim(heard.count() > 0, format!("\"{word}\" is found where it is said"))?;
        clips.extend(hits.items);
    }
    show::heading("Project and sequence");
    let project = library.projects().create("Promo").await?;
    for asset in all {
        library.bins().add(project.root_bin, BinTarget::Asset { asset: asset.id }).await?;
    }
    show::bins(&library.bins().list(project.id).await?);
    let rate = asset.media.as_ref().and_then(|media| media.rate).unwrap_or(Rate::FPS_25);
    let part = NewAnnotation::new(AnnotationKind::Subclip).at(TimeRange::new(10, 50, rate)?);
    let part = library.annotations().add(asset.id, part.named("best part")).await?;
    let sequence = library.sequences().create(project.id, "Rough cut", rate).await?;
    library.sequences().append(sequence.id, ClipRequest::from(&part)).await?;
    for hit in &clips {
        library.sequences().append(sequence.id, hit).await?;
    }
    let sequence = library.sequences().get(sequence.id).await?;
    show::sequence(&sequence);
    let path = out.join("rough.otio");
    let exported = library.sequences().export(sequence.id, &path, ExportOptions::default()).await?;
    println!("written: {}", exported.path.display());
    Ok(())
}

/// Archives an original, gets it back and fetches it.
async fn archive(library: &Library, asset: &Asset, restored: &Path) -> Result<()> {
    show::heading("Archive and restore");
    let request =
        ArchiveRequest { assets: vec![asset.id], storage_class: StorageClass::DeepArchive };
    for run in library.archive().store(&request).await? {
        run.join().await?;
    }
    println!("{}: now {:?}", asset.title, library.assets().availability(asset.id).await?);
    match show::fetch(library, asset.id, Role::Original, 0, restored).await {
        Err(error) if error.kind() == ErrorKind::NotReady => println!("reading it: {error}"),
        Err(error) => return Err(error),
        Ok(()) => return Err(failed("the archived original can be read")),
    }
    let request = RestoreRequest { speed: RestoreSpeed::Standard, ..RestoreRequest::new(asset.id) };
    let plan = library.archive().plan_restore(&request).await?;
    let hours = plan.quote.eta_ms / 3_600_000;
    let runs = library.archive().restore(&request).await?;
    // The catalog knows when the request was made.
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while !is_restoring(library, asset).await? {
        if tokio::time::Instant::now() > limit {
            return Err(failed("the restore was not asked for within 30 s"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("restoring takes up to {hours} hours");
    for run in runs {
        run.join().await?;
    }
    show::fetch(library, asset.id, Role::Original, 0, restored).await?;
    println!("restored and fetched: {}", restored.display());
    Ok(())
}

async fn is_restoring(library: &Library, asset: &Asset) -> Result<bool> {
    let renditions = library.assets().renditions(asset.id).await?;
    let instances = renditions.iter().flat_map(|rendition| &rendition.instances);
    Ok(instances.into_iter().any(|i| matches!(i.state, InstanceState::Restoring { .. })))
}

/// What is said in the demo has to be so.
fn claim(holds: bool, what: impl Into<String>) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unexpected, "demo.check", "this is not so")
        .with("claim", what.into()))
}

fn failed(message: &'static str) -> Error {
    Error::new(ErrorKind::Unexpected, "demo", message)
}

/// Seconds for people.
pub(crate) fn seconds(time: MediaTime) -> String {
    format!("{} s", time.to_decimal_seconds(3))
}
