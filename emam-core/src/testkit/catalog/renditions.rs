//! Versions, renditions and the files that hold them.

use futures_util::future::join_all;
use serde_json::json;

use super::make::Bench;
use super::{CatalogFixture, assert_kind};
use crate::backend::catalog::ContentMatch;
use crate::error::ErrorKind;
use crate::id::{RenditionId, VersionId};
use crate::model::{
    AssetKind, Container, Derivation, FrameMap, InstanceState, Role, StorageClass, Technical,
};
use crate::time::Rate;

/// Putting a rendition with a known id replaces it and its instances.
pub async fn rendition_put_replaces(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.stored_asset("a").await;
    let (second, first) = (bench.version(asset.id, 2), bench.version(asset.id, 1));
    catalog.insert_version(&second).await.expect("version 2");
    catalog.insert_version(&first).await.expect("version 1");
    let versions = catalog.versions(asset.id).await.expect("versions");
    assert_eq!(versions, [first.clone(), second.clone()], "versions come by number");

    let uploading = bench.instance(&"a".repeat(32), 10, InstanceState::Uploading);
    let poster = bench.rendition(&first, Role::Poster, Vec::new());
    let mut proxy = bench.rendition(&first, Role::Proxy, vec![uploading.clone()]);
    let original = bench.rendition(&first, Role::Original, Vec::new());
    for rendition in [&poster, &proxy, &original] {
        catalog.put_rendition(rendition).await.expect("put");
    }
    proxy.technical = Some(Technical {
        kind: AssetKind::Video,
        container: Container { format: "mov".into(), size: 10, ..Default::default() },
        video: Vec::new(),
        audio: Vec::new(),
        other: Vec::new(),
        picture: None,
        exif: None,
        prober: "ffprobe 5.1.9".into(),
        raw: json!({ "format": { "nb_streams": 0 } }),
    });
    proxy.frame_map = Some(FrameMap {
        rate: Rate::FPS_25,
        frames: 1500,
        start_timecode: None,
        audio_channels: vec![0, 1, 0],
    });
    proxy.derivation = Some(Derivation {
        profile: "browse".into(),
        tool: "ffmpeg 5.1.9".into(),
        arguments: vec!["-i".into(), "a b.mov".into()],
        run: None,
    });
    let stored = bench.instance(&"b".repeat(32), 11, InstanceState::Stored);
    let mut part = bench.instance(&"c".repeat(32), 12, InstanceState::Stored);
    part.part = 1;
    proxy.instances = vec![stored.clone(), part];
    catalog.put_rendition(&proxy).await.expect("put again");
    assert_eq!(catalog.rendition(proxy.id).await.expect("read"), proxy);
    let renditions = catalog.renditions(asset.id).await.expect("renditions");
    assert_eq!(renditions, [original, proxy.clone(), poster], "renditions come by role");
    let to = InstanceState::Missing;
    let replaced = catalog.set_instance_state(uploading.id, &["uploading"], &to).await;
    assert_kind(replaced, ErrorKind::NotFound, "the instance that was replaced");

    let mut homeless = proxy.clone();
    homeless.version = VersionId::new(&bench.clock);
    assert_kind(catalog.put_rendition(&homeless).await, ErrorKind::NotFound, "unknown version");
    assert_eq!(catalog.rendition(proxy.id).await.expect("read"), proxy);

    catalog.delete_rendition(proxy.id).await.expect("delete a rendition");
    assert_kind(catalog.rendition(proxy.id).await, ErrorKind::NotFound, "a deleted rendition");
    let unknown = RenditionId::new(&bench.clock);
    assert_kind(catalog.delete_rendition(unknown).await, ErrorKind::NotFound, "unknown rendition");
    catalog.delete_version(first.id).await.expect("delete a version");
    assert_eq!(catalog.versions(asset.id).await.expect("versions"), [second]);
    assert!(catalog.renditions(asset.id).await.expect("renditions").is_empty());
    assert_kind(catalog.delete_version(first.id).await, ErrorKind::NotFound, "a deleted version");
}

/// `set_instance_state` changes only from a state expected.
pub async fn instance_state_is_compared(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.stored_asset("a").await;
    let version = bench.version(asset.id, 1);
    catalog.insert_version(&version).await.expect("version");
    let instances = vec![
        bench.instance(&"a".repeat(32), 10, InstanceState::Stored),
        bench.instance(&"b".repeat(32), 20, InstanceState::Stored),
    ];
    let (id, other) = (instances[0].id, instances[1].clone());
    let rendition = bench.rendition(&version, Role::Original, instances);
    catalog.put_rendition(&rendition).await.expect("put");
    let archiving = InstanceState::Archiving { storage_class: StorageClass::DeepArchive };
    let archived = InstanceState::Archived { storage_class: StorageClass::DeepArchive };
    for (from, to, changes) in [
        (&["verified", "missing"][..], &archiving, false),
        (&[], &archiving, false),
        (&["verified", "stored"], &archiving, true),
        (&["stored"], &archived, false),
        (&["archiving"], &archived, true),
    ] {
        let before = catalog.rendition(rendition.id).await.expect("read");
        let changed = catalog.set_instance_state(id, from, to).await.expect("set");
        assert_eq!(changed, changes, "from {from:?}");
        let after = catalog.rendition(rendition.id).await.expect("read");
        assert_eq!(after.instances[0].state == *to, changes, "from {from:?}");
        assert_eq!(after == before, !changes, "from {from:?}");
        assert_eq!(after.instances[1], other);
    }
    // Of several at once one wins.
    let to = InstanceState::Missing;
    let tries = join_all((0..8).map(|_| catalog.set_instance_state(id, &["archived"], &to))).await;
    let won = tries.into_iter().filter(|changed| *changed.as_ref().expect("set")).count();
    assert_eq!(won, 1);
}

/// Originals stored and verified are found by MD5 and size, in the order of their assets;
/// uploading ones are not.
pub async fn content_is_found_by_md5(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let md5 = "0123456789abcdef0123456789abcdef";
    let verified = InstanceState::Verified { verified_at: bench.now() };
    let mut expected = Vec::new();
    let mut uploading = None;
    for (role, size, state, readable) in [
        (Role::Original, 10, InstanceState::Uploading, false),
        (Role::Original, 10, InstanceState::Stored, true),
        (Role::Proxy, 10, verified.clone(), false),
        (Role::Original, 11, verified.clone(), false),
        (Role::Original, 10, verified, true),
        (Role::Original, 10, InstanceState::Corrupt, false),
    ] {
        let asset = bench.stored_asset("a").await;
        let version = bench.version(asset.id, 1);
        catalog.insert_version(&version).await.expect("version");
        let instance = bench.instance(md5, size, state);
        uploading.get_or_insert(instance.id);
        let rendition = bench.rendition(&version, role, vec![instance]);
        catalog.put_rendition(&rendition).await.expect("put");
        if readable {
            let (asset, version, rendition) = (asset.id, version.id, rendition.id);
            expected.push(ContentMatch { asset, version, rendition });
        }
    }
    assert_eq!(catalog.find_content(md5, 10).await.expect("find"), expected);
    assert_eq!(catalog.find_content(md5, 12).await.expect("find"), []);
    assert_eq!(catalog.find_content(&"0".repeat(32), 10).await.expect("find"), []);
    for (size, known) in [(10, true), (11, true), (12, false), (0, false), (u64::MAX, false)] {
        assert_eq!(catalog.size_is_known(size).await.expect("size"), known, "{size}");
    }
    let id = uploading.expect("the first");
    catalog
        .set_instance_state(id, &["uploading"], &InstanceState::Stored)
        .await
        .expect("the upload ends");
    assert_eq!(catalog.find_content(md5, 10).await.expect("find").len(), 3);
}

/// Of many claims at once on one content, all give the same owner; once the owner is deleted the
/// content can be claimed again.
pub async fn content_has_one_owner(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let md5 = "a".repeat(32);
    let mut claimants = Vec::new();
    for _ in 0..8 {
        let asset = bench.stored_asset("a").await;
        let version = bench.version(asset.id, 1);
        catalog.insert_version(&version).await.expect("version");
        let rendition = bench.rendition(&version, Role::Original, Vec::new());
        catalog.put_rendition(&rendition).await.expect("put");
        let (asset, version, rendition) = (asset.id, version.id, rendition.id);
        claimants.push(ContentMatch { asset, version, rendition });
    }
    let claims = claimants.iter().map(|claimant| catalog.claim_content(&md5, 10, claimant));
    let owners = join_all(claims).await;
    let owner = owners[0].as_ref().expect("claim").clone();
    assert!(claimants.contains(&owner));
    for other in owners {
        assert_eq!(other.expect("claim"), owner);
    }
    let (rest, mine) = (claimants.iter().find(|claimant| **claimant != owner), claimants.len());
    let other = rest.expect("one that lost");
    assert_eq!(mine, 8);
    assert_eq!(catalog.claim_content(&md5, 11, other).await.expect("another size"), *other);
    assert_eq!(catalog.claim_content(&md5, 10, other).await.expect("still owned"), owner);
    catalog.delete_asset(owner.asset).await.expect("delete the owner");
    assert_eq!(catalog.claim_content(&md5, 10, other).await.expect("free again"), *other);
    let gone = catalog.claim_content(&md5, 12, &owner).await;
    assert_kind(gone, ErrorKind::NotFound, "a claim for an asset that is gone");
}

/// Restored files whose time is over are listed, the oldest first and at most so many.
pub async fn restored_copies_expire(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.stored_asset("a").await;
    let version = bench.version(asset.id, 1);
    catalog.insert_version(&version).await.expect("version");
    let mut expected = Vec::new();
    for seconds in [30, 10, 20, 40] {
        let class = StorageClass::Archive;
        let state = InstanceState::Restored { storage_class: class, expires_at: bench.at(seconds) };
        let instance = bench.instance(&"a".repeat(32), 10, state);
        expected.push((seconds, instance.clone()));
        let rendition = bench.rendition(&version, Role::Original, vec![instance]);
        catalog.put_rendition(&rendition).await.expect("put");
    }
    expected.sort_by_key(|(seconds, _)| *seconds);
    for (now, limit, count) in [(9, 10, 0), (10, 10, 1), (35, 10, 3), (35, 2, 2), (99, 10, 4)] {
        let expired = catalog.expired_instances(bench.at(now), limit).await.expect("expired");
        let expired: Vec<_> = expired.into_iter().map(|stored| stored.instance).collect();
        let due: Vec<_> =
            expected.iter().take(count).map(|(_, instance)| instance.clone()).collect();
        assert_eq!(expired, due, "at {now}, at most {limit}");
    }
    let first = expected[0].1.id;
    let archived = InstanceState::Archived { storage_class: StorageClass::Archive };
    catalog.set_instance_state(first, &["restored"], &archived).await.expect("set");
    let left = catalog.expired_instances(bench.at(99), 10).await.expect("expired");
    assert!(left.iter().all(|stored| stored.instance.id != first && stored.asset == asset.id));
    assert_eq!(left.len(), 3);
}

/// An original is found by its storage and key as long as it is there, whatever its state;
/// renditions are not.
pub async fn originals_are_found_by_place(fixture: &dyn CatalogFixture) {
    let bench = Bench::new(fixture).await;
    let catalog = &bench.catalog;
    let asset = bench.stored_asset("a").await;
    let version = bench.version(asset.id, 1);
    catalog.insert_version(&version).await.expect("version");
    let at = |key: &str, state| {
        let mut instance = bench.instance(&"a".repeat(32), 10, state);
        key.clone_into(&mut instance.key);
        instance
    };
    let archived = InstanceState::Archived { storage_class: StorageClass::Archive };
    let original = at("there", InstanceState::Uploading);
    let proxy = at("proxy", InstanceState::Stored);
    let made = bench.rendition(&version, Role::Original, vec![original.clone()]);
    catalog.put_rendition(&made).await.expect("put");
    let other = bench.rendition(&version, Role::Proxy, vec![proxy.clone()]);
    catalog.put_rendition(&other).await.expect("put");
    let find =
        async |storage: &str, key: &str| catalog.find_instance(storage, key).await.expect("find");
    let found = find(&original.storage, "there").await.expect("it is there");
    assert_eq!((found.asset, found.rendition), (asset.id, made.id));
    assert_eq!(found.instance, original);
    catalog.set_instance_state(original.id, &["uploading"], &archived).await.expect("set");
    let found = find(&original.storage, "there").await.expect("it is there still");
    assert_eq!(found.instance.state, archived);
    assert_eq!(find("elsewhere", "there").await, None);
    assert_eq!(find(&original.storage, "ther").await, None);
    assert_eq!(find(&proxy.storage, "proxy").await, None);
    catalog.delete_asset(asset.id).await.expect("delete");
    assert_eq!(find(&original.storage, "there").await, None);
}
