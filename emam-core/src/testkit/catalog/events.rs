//! The event log.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::make::Bench;
use super::workflows::{claim, report};
use super::{CatalogFixture, assert_kind};
use crate::backend::Catalog;
use crate::backend::catalog::Settlement;
use crate::error::ErrorKind;
use crate::model::{
    AnnotationKind, Asset, Event, InstanceState, Lifecycle, NewEvent, Progress, Role, RunKind,
    StepState, Topic,
};

/// All events after `after`, read in pages of `limit`.
async fn all(catalog: &dyn Catalog, mut after: i64, limit: usize) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let page = catalog.events(after, limit).await.expect("events");
        assert!(page.len() <= limit);
        match page.last() {
            None => return events,
            Some(last) => after = last.seq,
        }
        events.extend(page);
    }
}

/// What has happened since, as topic and subject.
async fn news(catalog: &dyn Catalog, since: &mut i64) -> Vec<(String, Uuid)> {
    let events = all(catalog, *since, 100).await;
    *since = catalog.last_event().await.expect("last event");
    assert_eq!(events.last().map_or(*since, |last| last.seq), *since);
    events.into_iter().map(|event| (event.topic.0, event.subject)).collect()
}

/// Each change appends one event, in the order of the changes.
pub async fn every_change_is_an_event(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let mut since = 0;
    assert_eq!(catalog.last_event().await.expect("last event"), 0, "nothing has happened");
    let event = |topic: &str, id: Uuid| (topic.to_owned(), id);

    let assets = [bench.asset("a"), bench.asset("b")];
    catalog.insert_assets(&assets).await.expect("insert");
    let [a, b] = assets;
    let expected = [event("asset.created", a.id.uuid()), event("asset.created", b.id.uuid())];
    assert_eq!(news(&**catalog, &mut since).await, expected);
    let ready = Asset { lifecycle: Lifecycle::Ready, ..a };
    let a = catalog.update_asset(&ready).await.expect("update");
    let last = all(&**catalog, since, 10).await;
    assert_eq!(last.len(), 1);
    assert_eq!((last[0].topic.as_str(), last[0].revision), ("asset.updated", Some(2)));
    assert_eq!(last[0].data["lifecycle"], json!("ready"));
    assert_eq!(last[0].data["kind"], json!("other"));
    news(&**catalog, &mut since).await;

    let version = bench.version(a.id, 1);
    catalog.insert_version(&version).await.expect("version");
    let instance = bench.instance(&"a".repeat(32), 1, InstanceState::Stored);
    let rendition = bench.rendition(&version, Role::Original, vec![instance.clone()]);
    catalog.put_rendition(&rendition).await.expect("put");
    catalog.put_rendition(&rendition).await.expect("put again");
    let set = catalog.set_instance_state(instance.id, &["stored"], &InstanceState::Missing).await;
    assert!(set.expect("set"));
    catalog.delete_rendition(rendition.id).await.expect("delete");
    catalog.delete_version(version.id).await.expect("delete");
    let expected = [
        event("version.created", version.id.uuid()),
        event("rendition.created", rendition.id.uuid()),
        event("rendition.updated", rendition.id.uuid()),
        event("rendition.updated", rendition.id.uuid()),
        event("rendition.deleted", rendition.id.uuid()),
        event("version.deleted", version.id.uuid()),
    ];
    assert_eq!(news(&**catalog, &mut since).await, expected);

    let note = bench.annotation(a.id, AnnotationKind::Marker, "m");
    catalog.insert_annotations(std::slice::from_ref(&note)).await.expect("insert");
    catalog.update_annotation(&note).await.expect("update");
    catalog.delete_annotation(note.id).await.expect("delete");
    let shots = [0, 1].map(|start| bench.finding(a.id, "ffmpeg", AnnotationKind::Shot, start));
    let kinds = [AnnotationKind::Shot];
    for shot in &shots {
        let shot = std::slice::from_ref(shot);
        catalog.replace_findings(a.id, "ffmpeg", &kinds, shot).await.expect("replace");
    }
    let expected = [
        event("annotation.created", note.id.uuid()),
        event("annotation.updated", note.id.uuid()),
        event("annotation.deleted", note.id.uuid()),
        event("annotation.created", shots[0].id.uuid()),
        event("annotation.deleted", shots[0].id.uuid()),
        event("annotation.created", shots[1].id.uuid()),
    ];
    assert_eq!(news(&**catalog, &mut since).await, expected);

    let category = bench.stored_category(None, "c").await;
    let category = catalog.update_category(&category).await.expect("update");
    catalog.delete_category(category.id).await.expect("delete");
    let (project, root) = bench.stored_project("p").await;
    let bin = bench.stored_bin(&project, &root, "b").await;
    let sequence = bench.sequence(project.id, "s");
    catalog.insert_sequence(&sequence).await.expect("insert");
    catalog.update_sequence(&sequence).await.expect("update");
    catalog.delete_sequence(sequence.id).await.expect("delete");
    catalog.delete_bin(bin.id).await.expect("delete");
    catalog.update_project(&project).await.expect("update");
    catalog.delete_project(project.id).await.expect("delete");
    let expected = [
        event("category.created", category.id.uuid()),
        event("category.updated", category.id.uuid()),
        event("category.deleted", category.id.uuid()),
        event("project.created", project.id.uuid()),
        event("bin.created", root.id.uuid()),
        event("bin.created", bin.id.uuid()),
        event("sequence.created", sequence.id.uuid()),
        event("sequence.updated", sequence.id.uuid()),
        event("sequence.deleted", sequence.id.uuid()),
        event("bin.deleted", bin.id.uuid()),
        event("project.updated", project.id.uuid()),
        event("project.deleted", project.id.uuid()),
    ];
    assert_eq!(news(&**catalog, &mut since).await, expected);

    let run = bench.started(RunKind::Ingest).await;
    let lease = claim(&bench, 0).await.expect("a run").lease;
    let done = report(&bench, "store", StepState::Done, 1);
    catalog.report_step(&lease, &done).await.expect("report");
    let reported = all(&**catalog, since, 10).await.pop().expect("an event");
    assert_eq!(
        (&reported.data["state"], &reported.data["step"]),
        (&json!("running"), &json!("store"))
    );
    let progress = Progress { step: "probe".into(), fraction: 0.1, eta_ms: None };
    let heartbeat = catalog.extend_lease(&lease, bench.at(2), bench.at(40), Some(&progress)).await;
    heartbeat.expect("extend");
    let end = Settlement::Failed(super::workflows::failure("probe"));
    catalog.settle_run(&lease, &end, bench.at(3)).await.expect("settle");
    catalog.retry_run(run.id, bench.at(4)).await.expect("retry");
    catalog.cancel_run(run.id, bench.at(5)).await.expect("cancel");
    let updated = event("run.updated", run.id.uuid());
    let mut expected = vec![event("run.created", run.id.uuid())];
    expected.extend(vec![updated; 5]);
    assert_eq!(news(&**catalog, &mut since).await, expected, "a heartbeat is no event");
    catalog.delete_asset(a.id).await.expect("delete");
    assert_eq!(news(&**catalog, &mut since).await, [event("asset.deleted", a.id.uuid())]);
}

/// A change that fails appends none.
pub async fn failed_change_is_no_event(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.stored_asset("a").await;
    let mut keyed = bench.run(RunKind::Ingest);
    keyed.idempotency_key = Some("k".into());
    catalog.start_run(&keyed).await.expect("start");
    let (project, root) = bench.stored_project("p").await;
    let before = catalog.last_event().await.expect("last event");

    let batch = [bench.asset("new"), asset.clone()];
    assert_kind(catalog.insert_assets(&batch).await, ErrorKind::AlreadyExists, "a known id");
    let stale = Asset { revision: 7, ..asset.clone() };
    assert_kind(catalog.update_asset(&stale).await, ErrorKind::Conflict, "stale");
    assert_kind(catalog.delete_asset(batch[0].id).await, ErrorKind::NotFound, "unknown");
    let notes = [
        bench.annotation(asset.id, AnnotationKind::Marker, "m"),
        bench.annotation(batch[0].id, AnnotationKind::Marker, "m"),
    ];
    assert_kind(catalog.insert_annotations(&notes).await, ErrorKind::NotFound, "no asset");
    let again = catalog.insert_project(&project, &root).await;
    assert_kind(again, ErrorKind::AlreadyExists, "a known project");
    assert_kind(catalog.delete_bin(root.id).await, ErrorKind::Conflict, "a root");
    catalog.start_run(&keyed).await.expect("a known key is fine");
    let retry = catalog.retry_run(keyed.id, bench.now()).await;
    assert_kind(retry, ErrorKind::Conflict, "a queued run");
    assert_eq!(catalog.last_event().await.expect("last event"), before);
    assert!(all(&**catalog, before, 10).await.is_empty());
}

/// Reading after a sequence number gives the later ones, each once, in order; nothing that
/// commits later appears before it.
pub async fn events_after_a_cursor(fixture: &dyn CatalogFixture) {
    let bench = Arc::new(Bench::new(fixture).await);
    const WRITERS: usize = 4;
    const EACH: usize = 20;
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                for _ in 0..EACH {
                    bench.stored_asset("a").await;
                }
            })
        })
        .collect();
    // A reader that follows the log while it is written must miss nothing.
    let mut followed: Vec<Event> = Vec::new();
    while followed.len() < WRITERS * EACH {
        let after = followed.last().map_or(0, |last| last.seq);
        let page = bench.catalog.events(after, 3).await.expect("events");
        if page.is_empty() {
            tokio::task::yield_now().await;
        }
        followed.extend(page);
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    assert!(followed.is_sorted_by(|a, b| a.seq < b.seq));
    for limit in [1, 7, 1000] {
        assert_eq!(all(&*bench.catalog, 0, limit).await, followed, "in pages of {limit}");
    }
    let middle = followed[WRITERS * EACH / 2].seq;
    let later: Vec<Event> = followed.iter().filter(|event| event.seq > middle).cloned().collect();
    assert_eq!(all(&*bench.catalog, middle, 5).await, later);
    let last = bench.catalog.last_event().await.expect("last event");
    assert_eq!(Some(last), followed.last().map(|event| event.seq));
    assert!(bench.catalog.events(last, 10).await.expect("events").is_empty());
    assert!(bench.catalog.events(0, 0).await.expect("events").is_empty());
}

/// `log_event` appends an event of something that is not kept in this catalog.
pub async fn what_happened_elsewhere_is_logged(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let subject = Uuid::from_u128(7);
    let elsewhere = NewEvent {
        at: bench.at(5),
        topic: Topic::new("run", "created"),
        subject,
        data: json!({ "state": "queued" }),
    };
    let seq = catalog.log_event(&elsewhere).await.expect("log");
    let logged = all(&**catalog, 0, 10).await;
    assert_eq!(logged.len(), 1);
    assert_eq!((logged[0].seq, logged[0].subject), (seq, subject));
    assert_eq!(logged[0].at.as_microsecond(), bench.at(5).as_microsecond());
    assert_eq!((logged[0].topic.as_str(), &logged[0].data), ("run.created", &elsewhere.data));
    let nonsense = NewEvent { topic: Topic("run".to_owned()), ..elsewhere };
    assert_kind(catalog.log_event(&nonsense).await, ErrorKind::InvalidInput, "half a topic");
}

/// `advance_reader` moves a reader's place in the log from where it was read to a later one; from
/// anywhere else it is false and changes nothing.
pub async fn a_reader_moves_on_once(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let place = async |name: &str| catalog.reader(name).await.expect("reader");
    let advance =
        async |name: &str, from, to| catalog.advance_reader(name, from, to).await.expect("advance");
    assert_eq!(place("mail").await, 0);
    assert!(advance("mail", 0, 3).await);
    assert!(!advance("mail", 0, 3).await, "another process was faster");
    assert!(!advance("mail", 3, 2).await, "never backwards");
    assert!(!advance("mail", 5, 6).await);
    assert_eq!(place("mail").await, 3);
    assert!(advance("mail", 3, 9).await);
    assert_eq!((place("mail").await, place("other").await), (9, 0));
}
