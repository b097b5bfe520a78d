//! What every [`Notifier`] must do.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::assert_kind;
use crate::backend::{Notice, Notifier};
use crate::error::ErrorKind;
use crate::model::Topic;

/// Makes a module `$name` with one test per promise of
/// [`Notifier`](crate::backend::Notifier). `$fixture` is an expression that gives a
/// [`NotifierFixture`](crate::testkit::NotifierFixture).
#[macro_export]
macro_rules! notifier_conformance {
    ($name:ident, $fixture:expr) => {
        $crate::conformance_cases! { $name, $fixture, notifier:
            notice_arrives,
            awkward_notices_arrive,
            notices_keep_their_ids,
            notice_too_large,
            unreachable_service,
        }
    };
}

/// Makes notifiers to be tested.
#[async_trait]
pub trait NotifierFixture: Send + Sync {
    /// A notifier whose receiver has got nothing yet.
    async fn fresh(&self) -> NotifierUnderTest;

    /// A notifier whose service does not answer.
    async fn unreachable(&self) -> Arc<dyn Notifier>;
}

/// A notifier with its receiver.
#[derive(Debug)]
pub struct NotifierUnderTest {
    /// The notifier.
    pub notifier: Arc<dyn Notifier>,
    /// Who gets what it tells.
    pub inbox: Arc<dyn Inbox>,
}

/// Who gets what a notifier tells.
#[async_trait]
pub trait Inbox: Debug + Send + Sync {
    /// What has arrived since the inbox was made.
    async fn arrived(&self) -> Vec<Arrived>;
}

/// A notice as it has arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// Its id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// Its data.
    pub data: Value,
}

impl From<Notice> for Arrived {
    fn from(notice: Notice) -> Self {
        Self { id: notice.id, subject: notice.subject, text: notice.text, data: notice.data }
    }
}

fn notice(id: &str) -> Notice {
    Notice {
        id: id.into(),
        at: "2026-01-01T00:00:00.5Z".parse().expect("an instant"),
        topic: Topic::new("run", "updated"),
        subject: "ingest of rain: succeeded".into(),
        text: "It took a minute.".into(),
        data: json!({ "run": "0190", "took": [1, 0.5, null, true] }),
    }
}

/// Waits until so many notices have arrived; services take their time. They may come in any order.
async fn arrived(inbox: &dyn Inbox, count: usize) -> Vec<Arrived> {
    let mut found = Vec::new();
    for _ in 0..100 {
        found = inbox.arrived().await;
        if found.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(found.len(), count, "{found:?}");
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// A notice that was taken arrives with its id, subject, text and data.
pub async fn notice_arrives(fixture: &dyn NotifierFixture) {
    let NotifierUnderTest { notifier, inbox } = fixture.fresh().await;
    assert!(!notifier.capabilities().service.is_empty());
    assert_eq!(inbox.arrived().await, []);
    let notices = [notice("17"), Notice { subject: "restore: failed".into(), ..notice("18") }];
    for notice in &notices {
        notifier.notify(notice).await.expect("notify");
    }
    assert_eq!(arrived(&*inbox, 2).await, notices.map(Arrived::from));
}

/// So does one with line breaks, quotes, emoji and a subject longer than the service takes, of
/// which the beginning arrives.
pub async fn awkward_notices_arrive(fixture: &dyn NotifierFixture) {
    let NotifierUnderTest { notifier, inbox } = fixture.fresh().await;
    let text = "Zürich \u{1f327}\n\n\"rain\" & <b>'100%'</b> \\ {}\n.\n--\nthe end";
    let awkward = Notice {
        subject: format!("\"Zürich\" \u{1f327} & <rain>: {}", "0123456789 ".repeat(60)),
        text: text.into(),
        data: json!({ "title": text, "": { "\"": "'" } }),
        ..notice("1")
    };
    let empty = Notice { text: String::new(), data: Value::Null, ..notice("2") };
    for notice in [&awkward, &empty] {
        notifier.notify(notice).await.expect("notify");
    }
    let found = arrived(&*inbox, 2).await;
    assert_eq!((&found[0].text, &found[0].data), (&awkward.text, &awkward.data));
    let subject = &found[0].subject;
    assert!(awkward.subject.starts_with(subject.as_str()), "{subject} is no beginning of it");
    assert!(subject.chars().count() >= 40, "{subject} says nothing");
    assert_eq!(found[1], empty.into());
}

/// A notice sent again has the same id, by which a receiver knows it.
pub async fn notices_keep_their_ids(fixture: &dyn NotifierFixture) {
    let NotifierUnderTest { notifier, inbox } = fixture.fresh().await;
    let told = notice("the same");
    for _ in 0..2 {
        notifier.notify(&told).await.expect("notify");
    }
    notifier.notify(&notice("zzz")).await.expect("notify");
    // A service that knows the id may leave out the second one.
    for _ in 0..100 {
        let found = inbox.arrived().await;
        if found.iter().any(|arrived| arrived.id == "zzz") && found.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = inbox.arrived().await;
    let same = found.iter().filter(|arrived| **arrived == told.clone().into()).count();
    assert!((1..=2).contains(&same), "{found:?}");
    assert_eq!(found.len(), same + 1, "{found:?}");
}

/// A notice above `capabilities().largest` bytes of JSON is `InvalidInput` and nothing of it
/// arrives.
pub async fn notice_too_large(fixture: &dyn NotifierFixture) {
    let NotifierUnderTest { notifier, inbox } = fixture.fresh().await;
    let largest = notifier.capabilities().largest;
    let of_size = |id: &str, size: usize| {
        let bare = Notice { text: String::new(), ..notice(id) };
        let json = serde_json::to_string(&bare).expect("a notice has JSON");
        Notice { text: "x".repeat(size - json.len()), ..bare }
    };
    let above = notifier.notify(&of_size("above", largest + 1)).await;
    assert_kind(above, ErrorKind::InvalidInput, "a byte too much");
    notifier.notify(&of_size("largest", largest)).await.expect("as large as may be");
    let found = arrived(&*inbox, 1).await;
    assert_eq!(found[0].id, "largest");
}

/// A service that does not answer is an error that can be tried again.
pub async fn unreachable_service(fixture: &dyn NotifierFixture) {
    let notifier = fixture.unreachable().await;
    let error = notifier.notify(&notice("1")).await.expect_err("nobody is there");
    assert!(error.is_retryable(), "{error:?}");
}
