//! Records to test with.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CatalogFixture, WorkflowsFixture};
use crate::backend::Catalog;
use crate::backend::catalog::{Events, Workflows};
use crate::clock::{Clock, ManualClock};
use crate::error::{ErrorInfo, ErrorKind};
use crate::id::{
    AnnotationId, AssetId, BinId, CategoryId, InstanceId, ProjectId, RenditionId, RunId, VersionId,
};
use crate::model::{
    Annotation, AnnotationKind, Asset, Bin, Category, Checksums, Instance, InstanceState,
    Lifecycle, MediaSummary, Project, Rendition, Role, Run, RunKind, Sequence, Source, Version,
};
use crate::time::{MediaTime, Rate, TimeRange, Timecode};

/// A fresh catalog and what records for it are made with.
pub(super) struct Bench<C: ?Sized = dyn Catalog> {
    pub(super) catalog: Arc<C>,
    pub(super) clock: ManualClock,
}

/// Half a second into the year 2026 and some nanoseconds: what keeps only milliseconds shows.
const START: &str = "2026-01-01T00:00:00.512345678Z";

impl Bench {
    pub(super) async fn new(fixture: &dyn CatalogFixture) -> Self {
        let start = START.parse().expect("an instant");
        Self { catalog: fixture.fresh().await, clock: ManualClock::starting_at(start) }
    }
}

impl Bench<dyn Workflows> {
    /// A fresh store of runs alone, with the log its changes are told to.
    pub(super) async fn of_runs(fixture: &dyn WorkflowsFixture) -> (Self, Arc<dyn Events>) {
        let start = START.parse().expect("an instant");
        let fresh = fixture.fresh_runs().await;
        (Self { catalog: fresh.runs, clock: ManualClock::starting_at(start) }, fresh.log)
    }
}

impl<C: ?Sized> Bench<C> {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The instant so many seconds after the start.
    pub(super) fn at(&self, seconds: i64) -> Timestamp {
        self.now().checked_add(SignedDuration::from_secs(seconds)).expect("an instant")
    }

    pub(super) fn asset(&self, title: &str) -> Asset {
        Asset::new(AssetId::new(&self.clock), title, self.now())
    }

    pub(super) fn run(&self, kind: RunKind) -> Run {
        let params = json!({ "path": "a.mov" });
        Run::new(RunId::new(&self.clock), kind, params, self.now())
    }
}

impl<C: Workflows + ?Sized> Bench<C> {
    /// A queued run that is in the catalog.
    pub(super) async fn started(&self, kind: RunKind) -> Run {
        self.catalog.start_run(&self.run(kind)).await.expect("start a run")
    }
}

impl Bench {
    /// An asset that is in the catalog.
    pub(super) async fn stored_asset(&self, title: &str) -> Asset {
        let asset = self.asset(title);
        self.catalog.insert_assets(std::slice::from_ref(&asset)).await.expect("insert an asset");
        asset
    }

    /// An asset with every field filled; `category` must be in the catalog.
    pub(super) fn full_asset(&self, category: CategoryId) -> Asset {
        let mut asset = self.asset("Zürich \u{1f327} \"rain\", 100% \u{0}\n");
        asset.kind = crate::model::AssetKind::Video;
        asset.lifecycle = Lifecycle::Failed;
        asset.description = "what is to be said".into();
        asset.tags = vec!["rain, heavy".into(), "Été".into(), "rain, heavy".into()];
        asset.rating = Some(5);
        asset.categories = vec![category];
        asset.metadata.insert("take".into(), json!({ "number": 3, "good": [true, null, 0.1] }));
        asset.external_ids.insert("shotgrid".into(), "42".into());
        asset.file_name = "A001_C002.mov".into();
        asset.face_version = Some(VersionId::new(&self.clock));
        asset.media = Some(MediaSummary {
            size: u64::from(u32::MAX) * 1000,
            md5: Some("0123456789abcdef0123456789abcdef".into()),
            container: Some("mov".into()),
            video_codec: Some("prores".into()),
            audio_codec: Some("pcm_s24le".into()),
            width: Some(1920),
            height: Some(1080),
            rate: Some(Rate::FPS_29_97),
            duration: Some(MediaTime::new(1798, Rate::FPS_29_97)),
            start_timecode: Timecode::parse("01:00:00;00", Rate::FPS_29_97).ok(),
            audio_channels: 8,
        });
        asset.failure = Some(ErrorInfo {
            kind: ErrorKind::InvalidMedia,
            operation: "prober.probe".into(),
            message: "no moov".into(),
            retryable: false,
            retry_after_ms: Some(5),
            context: vec![("path".into(), "a.mov".into())],
            causes: vec!["end of file".into()],
        });
        asset.updated_at = self.at(3);
        asset
    }

    pub(super) fn version(&self, asset: AssetId, number: u32) -> Version {
        Version {
            id: VersionId::new(&self.clock),
            asset,
            number,
            label: "graded".into(),
            file_name: "a.mov".into(),
            created_at: self.now(),
        }
    }

    pub(super) fn instance(&self, md5: &str, size: u64, state: InstanceState) -> Instance {
        let id = InstanceId::new(&self.clock);
        Instance {
            id,
            part: 0,
            storage: "originals".into(),
            key: format!("{id}/a b.mov"),
            size,
            checksums: Checksums { md5: Some(md5.into()), xxh3: None },
            state,
        }
    }

    pub(super) fn rendition(
        &self,
        version: &Version,
        role: Role,
        instances: Vec<Instance>,
    ) -> Rendition {
        Rendition {
            id: RenditionId::new(&self.clock),
            asset: version.asset,
            version: version.id,
            role,
            media_type: "video/quicktime".into(),
            technical: None,
            frame_map: None,
            derivation: None,
            instances,
            created_at: self.now(),
        }
    }

    pub(super) fn annotation(
        &self,
        asset: AssetId,
        kind: AnnotationKind,
        name: &str,
    ) -> Annotation {
        Annotation {
            id: AnnotationId::new(&self.clock),
            asset,
            version: None,
            revision: 1,
            kind,
            range: None,
            name: name.into(),
            text: String::new(),
            color: None,
            source: Source::Person { name: "Ada".into() },
            confidence: None,
            region: None,
            parent: None,
            edited: true,
            resolved: false,
            data: Value::Null,
            created_at: self.now(),
            updated_at: self.now(),
        }
    }

    /// What a service has found from `start` on.
    pub(super) fn finding(
        &self,
        asset: AssetId,
        service: &str,
        kind: AnnotationKind,
        start: i64,
    ) -> Annotation {
        let mut finding = self.annotation(asset, kind, "");
        finding.source =
            Source::Service { name: service.into(), model: "scdet t=10".into(), run: None };
        finding.edited = false;
        finding.range = TimeRange::new(start, 5, Rate::FPS_25).ok();
        finding
    }

    pub(super) fn category(&self, parent: Option<&Category>, name: &str) -> Category {
        Category {
            id: CategoryId::new(&self.clock),
            revision: 1,
            parent: parent.map(|parent| parent.id),
            name: name.into(),
            created_at: self.now(),
            updated_at: self.now(),
        }
    }

    /// A category that is in the catalog.
    pub(super) async fn stored_category(&self, parent: Option<&Category>, name: &str) -> Category {
        let category = self.category(parent, name);
        self.catalog.insert_category(&category).await.expect("insert a category");
        category
    }

    pub(super) fn project(&self, name: &str) -> (Project, Bin) {
        let id = ProjectId::new(&self.clock);
        let root = BinId::new(&self.clock);
        let project = Project {
            id,
            revision: 1,
            name: name.into(),
            description: "what it is about".into(),
            root_bin: root,
            metadata: [("client".to_owned(), json!("Acme"))].into(),
            created_at: self.now(),
            updated_at: self.now(),
        };
        let mut root_bin = self.bin(&project, None, name);
        root_bin.id = root;
        (project, root_bin)
    }

    /// A project and its root bin that are in the catalog.
    pub(super) async fn stored_project(&self, name: &str) -> (Project, Bin) {
        let (project, root) = self.project(name);
        self.catalog.insert_project(&project, &root).await.expect("insert a project");
        (project, root)
    }

    pub(super) fn bin(&self, project: &Project, parent: Option<&Bin>, name: &str) -> Bin {
        Bin {
            id: BinId::new(&self.clock),
            revision: 1,
            project: project.id,
            parent: parent.map(|parent| parent.id),
            name: name.into(),
            position: 0,
            items: Vec::new(),
            created_at: self.now(),
            updated_at: self.now(),
        }
    }

    /// A bin that is in the catalog.
    pub(super) async fn stored_bin(&self, project: &Project, parent: &Bin, name: &str) -> Bin {
        let bin = self.bin(project, Some(parent), name);
        self.catalog.insert_bin(&bin).await.expect("insert a bin");
        bin
    }

    pub(super) fn sequence(&self, project: ProjectId, name: &str) -> Sequence {
        let new = Sequence::new(&self.clock, project, name, Rate::FPS_25);
        Sequence { start: 90_000, ..new }
    }
}
