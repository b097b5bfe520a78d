//! What every storage must do with uploads in parts.

use bytes::Bytes;

use super::{StorageFixture, all_keys, assert_holds, assert_kind, assert_missing, bytes, key, put};
use crate::backend::{Key, PutOptions, Storage, Upload};
use crate::error::ErrorKind;

/// An unfinished upload is in no list.
pub async fn list_hides_uploads(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let target = key("a/b");
    let upload = storage.upload_begin(&target, PutOptions::default()).await.expect("begin");
    assert_missing(&*storage, &target).await;
    storage.upload_part(&upload, 1, "half".into()).await.expect("part");
    assert_missing(&*storage, &target).await;
    assert_eq!(all_keys(&*storage, None, 10).await, [""; 0]);
    assert_eq!(all_keys(&*storage, Some(&key("a")), 10).await, [""; 0]);
    storage.upload_complete(&upload).await.expect("complete");
    assert_eq!(all_keys(&*storage, None, 10).await, ["a/b"]);
}

async fn send(storage: &dyn Storage, upload: &Upload, number: u32, body: &Bytes) {
    let part = storage.upload_part(upload, number, body.clone()).await.expect("part");
    assert_eq!((part.number, part.size), (number, body.len() as u64));
}

async fn sent(storage: &dyn Storage, upload: &Upload) -> Vec<(u32, u64)> {
    let parts = storage.upload_parts(upload).await.expect("parts");
    parts.iter().map(|part| (part.number, part.size)).collect()
}

/// Parts sent in any order make one object in the order of their numbers.
pub async fn upload_in_parts(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let part_size = storage.part_size(0);
    let target = key("a/b");
    let parts = [bytes(part_size, 1), bytes(part_size, 2), bytes(1234, 3)];
    let upload = storage.upload_begin(&target, PutOptions::default()).await.expect("begin");
    send(&*storage, &upload, 3, &parts[2]).await;
    let missing = storage.upload_complete(&upload).await;
    assert_kind(missing, ErrorKind::InvalidInput, "completing without the first parts");
    // At once.
    tokio::join!(send(&*storage, &upload, 2, &parts[1]), send(&*storage, &upload, 1, &parts[0]));
    let stat = storage.upload_complete(&upload).await.expect("complete");
    assert_eq!((&stat.key, stat.size), (&target, 2 * part_size as u64 + 1234));
    assert_holds(&*storage, &target, &parts.concat()).await;

    let empty = storage.upload_begin(&key("empty"), PutOptions::default()).await.expect("begin");
    let nothing = storage.upload_complete(&empty).await;
    assert_kind(nothing, ErrorKind::InvalidInput, "completing without parts");
    send(&*storage, &empty, 1, &Bytes::new()).await;
    storage.upload_complete(&empty).await.expect("one empty part is an empty object");
    assert_holds(&*storage, &key("empty"), b"").await;

    let wrong = storage.upload_begin(&key("wrong"), PutOptions::default()).await.expect("begin");
    let zero = storage.upload_part(&wrong, 0, "x".into()).await;
    assert_kind(zero, ErrorKind::InvalidInput, "a part numbered 0");
    send(&*storage, &wrong, 1, &bytes(10, 1)).await;
    send(&*storage, &wrong, 2, &bytes(10, 2)).await;
    let short = storage.upload_complete(&wrong).await;
    assert_kind(short, ErrorKind::InvalidInput, "completing with a short first part");
    storage.upload_abort(&wrong).await.expect("abort");
    assert_missing(&*storage, &key("wrong")).await;
}

/// The parts sent are listed until the upload ends; a part sent again replaces.
pub async fn upload_resumes(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let part_size = storage.part_size(0);
    let target = key("a/b");
    put(&*storage, &target, "before").await;
    let begun = storage.upload_begin(&target, PutOptions::default()).await.expect("begin");
    let other = storage.upload_begin(&target, PutOptions::default()).await.expect("begin");
    assert_ne!(begun.id, other.id, "two uploads of one key are two");
    assert_eq!(sent(&*storage, &begun).await, []);
    let (one, two, again) = (bytes(part_size, 1), bytes(100, 2), bytes(90, 3));
    send(&*storage, &begun, 2, &two).await;
    send(&*storage, &begun, 1, &one).await;

    // All another process has is what was written down.
    let text = serde_json::to_string(&begun).expect("an upload is JSON");
    let upload: Upload = serde_json::from_str(&text).expect("an upload is JSON");
    let full = part_size as u64;
    assert_eq!(sent(&*storage, &upload).await, [(1, full), (2, 100)]);
    send(&*storage, &upload, 2, &again).await;
    assert_eq!(sent(&*storage, &upload).await, [(1, full), (2, 90)]);
    assert_eq!(sent(&*storage, &other).await, []);
    assert_holds(&*storage, &target, b"before").await;
    storage.upload_complete(&upload).await.expect("complete");
    assert_holds(&*storage, &target, &[one, again].concat()).await;
    let ended = storage.upload_parts(&upload).await;
    assert_kind(ended, ErrorKind::NotFound, "parts of an upload that has ended");
    storage.upload_abort(&other).await.expect("abort");
    assert_eq!(storage.stat(&target).await.expect("stat").size, full + 90);
}

/// Where `part_checksum` gives one, it is what `upload_parts` tells of a part with these bytes, and
/// another for other bytes.
pub async fn part_checksums_tell_parts_apart(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let (body, other) = (bytes(1000, 1), bytes(1000, 2));
    let upload = storage.upload_begin(&key("a"), PutOptions::default()).await.expect("begin");
    send(&*storage, &upload, 1, &body).await;
    let listed = storage.upload_parts(&upload).await.expect("parts");
    let checksum = storage.part_checksum(&body);
    assert_eq!(listed[0].checksum, checksum, "as it is listed");
    if checksum.is_some() {
        assert_ne!(storage.part_checksum(&other), checksum, "of other bytes");
    }
    storage.upload_abort(&upload).await.expect("abort");
}

/// An unfinished upload is listed for its key and no other.
pub async fn uploads_are_found_by_key(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let (one, other) = (key("a/b"), key("a/b.mov"));
    let mut begun = Vec::new();
    for key in [&one, &other, &one, &one] {
        begun.push(storage.upload_begin(key, PutOptions::default()).await.expect("begin"));
    }
    send(&*storage, &begun[2], 1, &"x".into()).await;
    let found = async |key: &Key| storage.uploads(key).await.expect("uploads");
    let of_one = [&begun[0], &begun[2], &begun[3]].map(Clone::clone);
    assert_eq!(found(&one).await, of_one, "all of the key, oldest first");
    assert_eq!(found(&other).await, [begun[1].clone()]);
    for unrelated in ["a", "a/b/c", "b"] {
        assert_eq!(found(&key(unrelated)).await, []);
    }
    storage.upload_abort(&begun[0]).await.expect("abort");
    storage.upload_complete(&begun[2]).await.expect("complete");
    assert_eq!(found(&one).await, [begun[3].clone()], "only what is unfinished");
}

/// An aborted upload leaves no object and cannot be completed: `NotFound`.
pub async fn upload_abort_leaves_nothing(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let target = key("a/b");
    let upload = storage.upload_begin(&target, PutOptions::default()).await.expect("begin");
    send(&*storage, &upload, 1, &bytes(1000, 1)).await;
    storage.upload_abort(&upload).await.expect("abort");
    let part = storage.upload_part(&upload, 1, "x".into()).await;
    assert_kind(part, ErrorKind::NotFound, "a part of an aborted upload");
    assert_kind(
        storage.upload_parts(&upload).await,
        ErrorKind::NotFound,
        "the parts of an aborted upload",
    );
    assert_kind(
        storage.upload_complete(&upload).await,
        ErrorKind::NotFound,
        "completing an aborted upload",
    );
    storage.upload_abort(&upload).await.expect("aborting twice is fine");
    assert_missing(&*storage, &target).await;
    assert_eq!(all_keys(&*storage, None, 10).await, [""; 0]);
}
