//! What every [`Storage`] must do.

mod uploads;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::{StorageFixture, assert_kind, bytes, key};
use crate::backend::{
    ByteRange, CopyOptions, GetOptions, Key, PresignMethod, PresignRequest, PutFileOptions,
    PutOptions, Storage,
};
use crate::clock::{Clock, SystemClock};
use crate::error::{ErrorKind, Result};
use crate::model::PageRequest;

pub use uploads::{
    list_hides_uploads, part_checksums_tell_parts_apart, upload_abort_leaves_nothing,
    upload_in_parts, upload_resumes, uploads_are_found_by_key,
};

/// Makes a module `$name` with one test per promise of
/// [`Storage`](crate::backend::Storage). `$fixture` is an expression that gives a
/// [`StorageFixture`](crate::testkit::StorageFixture).
#[macro_export]
macro_rules! storage_conformance {
    ($name:ident, $fixture:expr) => {
        $crate::conformance_cases! { $name, $fixture, storage:
            stat_missing,
            put_then_get,
            put_replaces,
            create_only_conflicts,
            put_checks_md5,
            put_is_atomic,
            get_range,
            put_file_keeps_or_takes,
            list_is_sorted_and_paged,
            list_hides_uploads,
            copy_copies,
            delete_is_idempotent,
            delete_answers_per_key,
            upload_in_parts,
            upload_resumes,
            part_checksums_tell_parts_apart,
            uploads_are_found_by_key,
            upload_abort_leaves_nothing,
            keys_hold_any_name,
            presign_as_said,
        }
    };
}

async fn read(storage: &dyn Storage, key: &Key) -> Result<Bytes> {
    storage.get(key, GetOptions::default()).await?.bytes().await
}

async fn put(storage: &dyn Storage, key: &Key, body: impl Into<Bytes>) {
    storage.put(key, body.into(), PutOptions::default()).await.expect("put");
}

async fn assert_holds(storage: &dyn Storage, key: &Key, body: &[u8]) {
    let found = read(storage, key).await.expect("what was stored can be read");
    // Not `assert_eq!`: it would print megabytes.
    assert!(found == body, "{key}: {} bytes read are not the {} stored", found.len(), body.len());
    assert_eq!(storage.stat(key).await.expect("stat").size, body.len() as u64, "{key}");
}

async fn assert_missing(storage: &dyn Storage, key: &Key) {
    assert_kind(storage.stat(key).await, ErrorKind::NotFound, "stat of a missing key");
    assert_kind(read(storage, key).await, ErrorKind::NotFound, "get of a missing key");
    assert!(!all_keys(storage, None, 1000).await.contains(&key.to_string()), "{key} is listed");
}

async fn all_keys(storage: &dyn Storage, prefix: Option<&Key>, limit: i64) -> Vec<String> {
    let mut keys = Vec::new();
    let mut page = PageRequest::first(limit);
    loop {
        let got = storage.list(prefix, page.clone()).await.expect("list");
        let most = usize::try_from(limit).expect("a limit of the suite");
        assert!(got.items.len() <= most, "a page of {} is longer than {limit}", got.items.len());
        keys.extend(got.items.iter().map(|stat| stat.key.to_string()));
        match got.next {
            None => return keys,
            Some(_) if got.items.is_empty() => panic!("an empty page has a next one"),
            next => page.cursor = next,
        }
    }
}

const CREATE_ONLY: PutOptions = PutOptions { create_only: true, md5: None, media_type: None };

/// A file outside the storage, removed when dropped.
struct LocalFile(PathBuf);

impl LocalFile {
    fn holding(body: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("emam-testkit-{}", SystemClock.new_uuid()));
        std::fs::write(&path, body).expect("the folder for temporary files can be written");
        Self(path)
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A key never written is `NotFound`, for `get`, `stat` and `copy` alike.
pub async fn stat_missing(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    put(&*storage, &key("a/there"), "x").await;
    for missing in ["b", "a/b", "a", "a/there/below"] {
        assert_missing(&*storage, &key(missing)).await;
        let copy = storage.copy(&key(missing), &key("c"), CopyOptions::default()).await;
        assert_kind(copy, ErrorKind::NotFound, "copy of a missing key");
    }
    assert_missing(&*storage, &key("c")).await;
}

/// What was put is what is got, with its size, for empty bodies too.
pub async fn put_then_get(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    for (i, size) in [0, 1, 4095, (1 << 20) + 1, 5 << 20].into_iter().enumerate() {
        let key = key(&format!("folder/{i}"));
        let body = bytes(size, i as u64);
        let stat = storage.put(&key, body.clone(), PutOptions::default()).await.expect("put");
        assert_eq!((&stat.key, stat.size), (&key, size as u64));
        let object = storage.get(&key, GetOptions::default()).await.expect("get");
        assert_eq!((&object.stat, &object.range), (&stat, &(0..size as u64)));
        assert_holds(&*storage, &key, &body).await;
    }
}

/// A second put under a key is what is got from then on.
pub async fn put_replaces(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let key = key("a/b");
    for body in ["long enough to show a rest", "short", ""] {
        put(&*storage, &key, body).await;
        assert_holds(&*storage, &key, body.as_bytes()).await;
    }
    assert_eq!(all_keys(&*storage, None, 10).await, ["a/b"]);
}

/// `create_only` on a key that exists is `AlreadyExists` and changes nothing; of several at once
/// one wins.
pub async fn create_only_conflicts(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let taken = key("a/taken");
    storage.put(&taken, "first".into(), CREATE_ONLY).await.expect("the key is free");
    let second = storage.put(&taken, "second".into(), CREATE_ONLY).await;
    assert_kind(second, ErrorKind::AlreadyExists, "put over an object");

    let file = LocalFile::holding(b"third");
    for consume in [false, true] {
        let options = PutFileOptions { create_only: true, consume, media_type: None };
        let third = storage.put_file(&taken, &file.0, options).await;
        assert_kind(third, ErrorKind::AlreadyExists, "put_file over an object");
        assert!(file.0.exists(), "a file that was not stored is gone");
    }
    assert_kind(
        storage.upload_begin(&taken, CREATE_ONLY).await,
        ErrorKind::AlreadyExists,
        "upload_begin over an object",
    );
    let late = key("a/late");
    let upload = storage.upload_begin(&late, CREATE_ONLY).await.expect("the key is free");
    storage.upload_part(&upload, 1, "uploaded".into()).await.expect("part");
    put(&*storage, &late, "was faster").await;
    let complete = storage.upload_complete(&upload).await;
    assert_kind(complete, ErrorKind::AlreadyExists, "upload_complete over an object");
    storage.upload_abort(&upload).await.expect("abort");
    assert_holds(&*storage, &late, b"was faster").await;
    assert_holds(&*storage, &taken, b"first").await;

    let contested = key("race/contested");
    let bodies: Vec<_> = (0..8).map(|i| bytes(100_000 + i, i as u64)).collect();
    let racers = bodies.iter().map(|body| {
        let (storage, key, body) = (Arc::clone(&storage), contested.clone(), body.clone());
        tokio::spawn(async move { storage.put(&key, body, CREATE_ONLY).await })
    });
    let results: Vec<_> =
        join_all(racers).await.into_iter().map(|joined| joined.expect("no panic")).collect();
    let winners: Vec<_> = (0..8).filter(|&i| results[i].is_ok()).collect();
    assert_eq!(winners.len(), 1, "winners: {winners:?}");
    assert_holds(&*storage, &contested, &bodies[winners[0]]).await;
    for result in results.into_iter().filter(Result::is_err) {
        assert_kind(result, ErrorKind::AlreadyExists, "the slower one");
    }
}

/// A body that does not add up to the given MD5 is `Integrity` and leaves no object.
pub async fn put_checks_md5(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let key = key("a/b");
    let with = |md5: &str| PutOptions { md5: Some(md5.into()), ..PutOptions::default() };
    let wrong = with("00000000000000000000000000000000");
    let error = assert_kind(
        storage.put(&key, "abc".into(), wrong.clone()).await,
        ErrorKind::Integrity,
        "put with a wrong MD5",
    );
    assert!(!error.is_retryable(), "the same bytes never add up to another MD5");
    assert_missing(&*storage, &key).await;
    assert_kind(
        storage.put(&key, "abc".into(), with("abc")).await,
        ErrorKind::InvalidInput,
        "put with an MD5 that is none",
    );
    let right = with("900150983CD24FB0D6963F7D28E17F72");
    storage.put(&key, "abc".into(), right.clone()).await.expect("capitals are digits too");
    assert_kind(
        storage.put(&key, "abd".into(), right.clone()).await,
        ErrorKind::Integrity,
        "put over an object with a wrong MD5",
    );
    assert_holds(&*storage, &key, b"abc").await;

    for (options, good) in [(wrong, false), (right, true)] {
        let key = super::key("a/uploaded");
        let upload = storage.upload_begin(&key, options).await.expect("begin");
        storage.upload_part(&upload, 1, "abc".into()).await.expect("part");
        let complete = storage.upload_complete(&upload).await;
        if good {
            complete.expect("the MD5 is right");
            assert_holds(&*storage, &key, b"abc").await;
        } else {
            assert_kind(complete, ErrorKind::Integrity, "upload with a wrong MD5");
            storage.upload_abort(&upload).await.expect("abort");
            assert_missing(&*storage, &key).await;
        }
    }
}

/// No reader and no list sees part of an object.
pub async fn put_is_atomic(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let target = key("a/b");
    let bodies = [bytes(700_000, 1), bytes(1_300_000, 2)];
    put(&*storage, &target, bodies[0].clone()).await;
    let (writing, key, both) = (Arc::clone(&storage), target.clone(), bodies.clone());
    let writer = tokio::spawn(async move {
        for i in 0..30 {
            put(&*writing, &key, both[i % 2].clone()).await;
        }
    });
    let mut reads = 0;
    while !writer.is_finished() || reads == 0 {
        let found = read(&*storage, &target).await.expect("one of the two is always there");
        assert!(bodies.contains(&found), "a reader saw {} bytes of neither", found.len());
        let page = storage.list(None, PageRequest::default()).await.expect("list");
        let sizes: Vec<_> = page.items.iter().map(|stat| stat.size).collect();
        assert!(
            sizes == [bodies[0].len() as u64] || sizes == [bodies[1].len() as u64],
            "a list saw {sizes:?}"
        );
        reads += 1;
    }
    writer.await.expect("the writer writes");
}

/// A range gives exactly its bytes; an end past the object's is cut; a start at or past the end
/// is `InvalidInput`.
pub async fn get_range(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let key = key("a/b");
    let body = bytes(3_000_000, 7);
    let size = body.len() as u64;
    put(&*storage, &key, body.clone()).await;
    let range = |start, end| GetOptions { range: Some(ByteRange { start, end }) };
    for (start, end) in [
        (0, Some(1)),
        (0, None),
        (1, Some(2_999_999)),
        (1_048_575, Some(1_048_577)),
        (2_999_999, None),
        (2_999_990, Some(u64::MAX)),
    ] {
        let object = storage.get(&key, range(start, end)).await.expect("a range of the object");
        let cut = end.unwrap_or(size).min(size);
        assert_eq!(object.range, start..cut);
        assert_eq!(object.stat.size, size, "the size is that of the object");
        let found = object.bytes().await.expect("the bytes of the range");
        assert!(found == body[start as usize..cut as usize], "{start}..{end:?}");
    }
    for (start, end) in [(size, None), (u64::MAX, None), (5, Some(5)), (5, Some(4))] {
        let what = format!("range {start}..{end:?} of {size} bytes");
        assert_kind(storage.get(&key, range(start, end)).await, ErrorKind::InvalidInput, &what);
    }
    let missing = storage.get(&super::key("missing"), range(0, None)).await;
    assert_kind(missing, ErrorKind::NotFound, "a range of a missing key");
}

/// The file stays unless `consume` is set; then it is gone.
pub async fn put_file_keeps_or_takes(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    for (i, size) in [0, 10, 3_000_000].into_iter().enumerate() {
        for consume in [false, true] {
            let body = bytes(size, i as u64);
            let key = key(&format!("files/{i}-{consume}"));
            let file = LocalFile::holding(&body);
            let options = PutFileOptions { consume, ..PutFileOptions::default() };
            let stat = storage.put_file(&key, &file.0, options).await.expect("put_file");
            assert_eq!((&stat.key, stat.size), (&key, size as u64));
            assert_holds(&*storage, &key, &body).await;
            assert_eq!(file.0.exists(), !consume, "consume: {consume}");
            if !consume {
                std::fs::write(&file.0, "changed afterwards").expect("the file can be written");
                assert_holds(&*storage, &key, &body).await;
            }
        }
    }
    let gone = LocalFile::holding(b"").0.clone();
    let missing = storage.put_file(&key("m"), &gone, PutFileOptions::default()).await;
    assert_kind(missing, ErrorKind::NotFound, "put_file of a file that is not there");
}

/// Keys under a prefix come sorted by their bytes, each once, over pages of any size; a prefix
/// ends at a `/`.
pub async fn list_is_sorted_and_paged(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    assert_eq!(all_keys(&*storage, None, 10).await, [""; 0]);
    let mut keys = vec![
        "a b",
        "a-1",
        "a.txt",
        "a/a",
        "a/b.mov",
        "a/b/c",
        "a/b/c.d/e",
        "a0",
        "aa/x",
        "b",
        "B",
        "ä/ö",
        "🎬",
    ];
    for text in &keys {
        put(&*storage, &key(text), text.to_string()).await;
    }
    keys.sort_unstable();
    let under = |prefix: &str| -> Vec<&str> {
        keys.iter().copied().filter(|key| key.starts_with(prefix)).collect()
    };
    for limit in [1, 2, 3, 5, 1000] {
        assert_eq!(all_keys(&*storage, None, limit).await, keys);
        // The last two are an object and nothing at all: neither has keys under it.
        for prefix in ["a", "a/b", "ä", "a/b/c.d", "b", "no"] {
            let wanted = under(&format!("{prefix}/"));
            assert_eq!(all_keys(&*storage, Some(&key(prefix)), limit).await, wanted, "{prefix}");
        }
    }
    let page = storage.list(None, PageRequest::default()).await.expect("list");
    for stat in &page.items {
        assert_eq!(stat.size, stat.key.as_str().len() as u64, "{}", stat.key);
    }

    // A cursor stands between keys, whatever comes and goes around it.
    let first = storage.list(None, PageRequest::first(4)).await.expect("list");
    put(&*storage, &key("Before"), "").await;
    let last = &first.items[3].key;
    storage.delete(std::slice::from_ref(last)).await.expect("delete");
    let rest = PageRequest { limit: 1000, cursor: first.next };
    let rest = storage.list(None, rest).await.expect("list");
    let rest: Vec<_> = rest.items.iter().map(|stat| stat.key.as_str()).collect();
    assert_eq!(rest, keys[4..]);

    for limit in [0, -1, 1001, i64::MIN, i64::MAX] {
        let page = storage.list(None, PageRequest::first(limit)).await;
        assert_kind(page, ErrorKind::InvalidInput, "a limit out of bounds");
    }
}

/// The copy is equal and independent; `create_only` holds for it too.
pub async fn copy_copies(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let (from, to) = (key("a/from"), key("b/to"));
    let body = bytes(2_000_000, 3);
    put(&*storage, &from, body.clone()).await;
    let stat = storage.copy(&from, &to, CopyOptions::default()).await.expect("copy");
    assert_eq!((&stat.key, stat.size), (&to, body.len() as u64));
    put(&*storage, &from, "replaced").await;
    assert_holds(&*storage, &to, &body).await;
    let create_only = CopyOptions { create_only: true };
    let refused = storage.copy(&from, &to, create_only).await;
    assert_kind(refused, ErrorKind::AlreadyExists, "copy over an object");
    assert_holds(&*storage, &to, &body).await;
    storage.copy(&from, &to, CopyOptions::default()).await.expect("copy over an object");
    assert_holds(&*storage, &to, b"replaced").await;
    storage.delete(std::slice::from_ref(&from)).await.expect("delete");
    assert_holds(&*storage, &to, b"replaced").await;
    storage.copy(&to, &from, create_only).await.expect("copy to a free key");
    assert_holds(&*storage, &from, b"replaced").await;
}

/// Deleting a missing key succeeds.
pub async fn delete_is_idempotent(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let (one, other) = (key("a/b/c"), key("a/b/d"));
    put(&*storage, &one, "x").await;
    put(&*storage, &other, "y").await;
    for _ in 0..3 {
        let outcomes = storage.delete(std::slice::from_ref(&one)).await.expect("delete");
        assert!(outcomes[0].result.is_ok(), "{outcomes:?}");
        assert_missing(&*storage, &one).await;
    }
    let never = storage.delete(&[key("never/there")]).await.expect("delete");
    assert!(never[0].result.is_ok(), "{never:?}");
    assert_holds(&*storage, &other, b"y").await;
    // What is free again can be used in another way.
    storage.delete(&[other]).await.expect("delete");
    put(&*storage, &key("a/b"), "z").await;
    assert_holds(&*storage, &key("a/b"), b"z").await;
}

/// A batch answers for every key, in order.
pub async fn delete_answers_per_key(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let keys: Vec<_> = ["z", "a/1", "missing", "a/2", "z"].map(key).into();
    for key in [&keys[0], &keys[1], &keys[3]] {
        put(&*storage, key, "x").await;
    }
    put(&*storage, &key("kept"), "x").await;
    let outcomes = storage.delete(&keys).await.expect("delete");
    let items: Vec<_> = outcomes.iter().map(|outcome| outcome.item.as_str()).collect();
    assert_eq!(items, ["z", "a/1", "missing", "a/2", "z"]);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:?}");
    assert_eq!(all_keys(&*storage, None, 10).await, ["kept"]);
    assert!(storage.delete(&[]).await.expect("delete nothing").is_empty());
}

/// Names with spaces, `%`, `#`, `?`, emoji and 255 bytes are kept.
pub async fn keys_hold_any_name(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let long = "n".repeat(255);
    let emoji = "🎬".repeat(63);
    let mut keys: Vec<_> = [
        "with space/ leading and trailing ",
        "100%/%2F/%00%zz",
        "a#b/c?d=e&f+g",
        "Take 1 🎬.mov",
        "-rf",
        "~/$HOME/`id`/'\"*",
        "..hidden/...",
        "CON/a:b|c<d>",
        "e\u{301}/\u{e9}",
        &format!("{long}/{long}"),
        &emoji,
    ]
    .map(key)
    .into();
    for key in &keys {
        put(&*storage, key, key.to_string()).await;
    }
    for key in &keys {
        assert_holds(&*storage, key, key.as_str().as_bytes()).await;
    }
    keys.sort_unstable();
    let wanted: Vec<_> = keys.iter().map(Key::to_string).collect();
    assert_eq!(all_keys(&*storage, None, 3).await, wanted);
    for from in &keys {
        let to = key(&format!("copies/{from}"));
        storage.copy(from, &to, CopyOptions::default()).await.expect("copy");
        let upload = storage.upload_begin(from, PutOptions::default()).await.expect("begin");
        storage.upload_part(&upload, 1, "uploaded".into()).await.expect("part");
        storage.upload_complete(&upload).await.expect("complete");
        assert_holds(&*storage, from, b"uploaded").await;
        assert_holds(&*storage, &to, from.as_str().as_bytes()).await;
    }
    let outcomes = storage.delete(&keys).await.expect("delete");
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:?}");
    assert_eq!(all_keys(&*storage, None, 1000).await.len(), keys.len());
}

/// `presign` works where `capabilities().presign`, else it is `Unsupported`.
pub async fn presign_as_said(fixture: &dyn StorageFixture) {
    let storage = fixture.fresh().await;
    let key = key("a/b c");
    put(&*storage, &key, "x").await;
    for method in [PresignMethod::Get, PresignMethod::Put] {
        let expires_in = Duration::from_secs(60);
        let request = PresignRequest { key: key.clone(), method, expires_in };
        let presigned = storage.presign(request).await;
        if storage.capabilities().presign {
            let url = presigned.expect("capabilities promise it").url;
            assert!(url.contains("://") && !url.contains(' '), "not an address: {url}");
        } else {
            assert_kind(presigned, ErrorKind::Unsupported, "presign that capabilities deny");
        }
    }
    let path = storage.local_path(&key);
    assert_eq!(path.is_some(), storage.capabilities().local_paths, "local_path as said");
    if let Some(path) = path {
        assert_eq!(std::fs::read(path).expect("the path can be read"), b"x");
    }
}
