//! Storage classes, restores and the lifecycle.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, IntelligentTieringAccessTier,
    IntelligentTieringConfiguration, IntelligentTieringStatus, LifecycleRule, LifecycleRuleFilter,
    StorageClass, Tag, Tagging, Tier, Tiering, Transition, TransitionStorageClass,
};

use crate::account::code;

#[tokio::test]
async fn archived_objects_are_restored_by_the_clock() {
    let it = account!("restore");
    let key = "a b/ü&+%.mov";
    it.put(key, b"hello", Some(StorageClass::Glacier)).await;
    assert_eq!(it.head(key).await, (Some("GLACIER".into()), None));
    assert_eq!(it.listed().await, [(key.to_owned(), "GLACIER".to_owned())]);
    assert_eq!(it.get(key).await, Err("InvalidObjectState".to_owned()));

    it.restore(key, Tier::Bulk, Some(1)).await.unwrap();
    assert_eq!(it.restore(key, Tier::Bulk, Some(1)).await, Err("RestoreAlreadyInProgress".into()));
    it.restore(key, Tier::Expedited, Some(1)).await.unwrap();
    assert_eq!(it.head(key).await.1.as_deref(), Some("ongoing-request=\"true\""));
    assert_eq!(it.get(key).await, Err("InvalidObjectState".to_owned()));

    it.world.clock.advance(Duration::from_secs(181));
    assert_eq!(it.get(key).await.as_deref(), Ok(&b"hello"[..]));
    let restored = it.head(key).await.1.unwrap();
    assert!(restored.starts_with("ongoing-request=\"false\", expiry-date=\""), "{restored}");
    assert!(restored.ends_with("00:00:00 GMT\""), "{restored}");
    it.restore(key, Tier::Standard, Some(9)).await.unwrap();
    assert_ne!(it.head(key).await.1.unwrap(), restored);

    it.pass(24 * 11);
    it.front.tick().await;
    assert_eq!(it.get(key).await, Err("InvalidObjectState".to_owned()));
    let told = [
        "Object Created",
        "Object Restore Initiated",
        "Object Restore Initiated",
        "Object Restore Completed",
        "Object Restore Expired",
    ];
    assert_eq!(it.ear.of(key), told);
    let completed = it.ear.last("Object Restore Completed");
    assert_eq!(completed["source-storage-class"], "GLACIER");
    assert_eq!(completed["object"]["size"], 5);
    assert_eq!(completed["bucket"]["name"], *it.bucket);
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_as_s3_refuses_it() {
    let it = account!("refused");
    it.put("standard", b"1", None).await;
    it.put("deep", b"1", Some(StorageClass::DeepArchive)).await;
    it.put("instant", b"1", Some(StorageClass::GlacierIr)).await;
    it.put("clever", b"1", Some(StorageClass::IntelligentTiering)).await;
    let refused = |key, tier, days| it.restore(key, tier, days);
    let state = Err("InvalidObjectState".to_owned());
    assert_eq!(refused("standard", Tier::Bulk, Some(1)).await, state);
    assert_eq!(refused("instant", Tier::Bulk, Some(1)).await, state);
    assert_eq!(it.get("instant").await.as_deref(), Ok(&b"1"[..]));
    assert_eq!(refused("nothing", Tier::Bulk, Some(1)).await, Err("NoSuchKey".into()));
    let invalid = Err("InvalidArgument".to_owned());
    assert_eq!(refused("deep", Tier::Expedited, Some(1)).await, invalid);
    assert_eq!(refused("deep", Tier::Standard, Some(0)).await, invalid);
    let malformed = Err("MalformedXML".to_owned());
    assert_eq!(refused("deep", Tier::Standard, None).await, malformed);
    assert_eq!(refused("deep", Tier::from("Slow"), Some(1)).await, malformed);
    let active = Err("ObjectAlreadyInActiveTierError".to_owned());
    assert_eq!(refused("clever", Tier::Standard, None).await, active);

    let never = "GlacierExpeditedRetrievalNotAvailable";
    it.put("cold", b"1", Some(StorageClass::Glacier)).await;
    it.imp.fault("RestoreObject", 503, never);
    assert_eq!(refused("cold", Tier::Expedited, Some(1)).await, Err(never.to_owned()));
    it.imp.fault("RestoreObject", 503, never);
    assert_eq!(refused("cold", Tier::Standard, Some(1)).await, Ok(()));
}

#[tokio::test]
async fn a_copy_onto_itself_changes_the_class_and_keeps_the_rest() {
    let it = account!("copy");
    let put = it.s3.put_object().bucket(&it.bucket).key("k").body(ByteStream::from_static(b"x"));
    put.metadata("emam-md5", "m").content_type("video/mp4").send().await.unwrap();
    let copy = |to: &'static str, class| {
        let source = format!("{}/k", it.bucket);
        let copy = it.s3.copy_object().bucket(&it.bucket).key(to).copy_source(source);
        copy.storage_class(class).send()
    };
    let copied = copy("k", StorageClass::DeepArchive).await.unwrap();
    assert!(copied.copy_object_result().and_then(|result| result.e_tag()).is_some());
    let head = it.s3.head_object().bucket(&it.bucket).key("k").send().await.unwrap();
    assert_eq!(head.storage_class(), Some(&StorageClass::DeepArchive));
    assert_eq!(head.content_type(), Some("video/mp4"));
    assert_eq!(head.metadata().and_then(|all| all.get("emam-md5")).unwrap(), "m");
    assert_eq!(it.get("k").await, Err("InvalidObjectState".into()));
    let refused = copy("other", StorageClass::Standard).await.map(|_| ()).map_err(code);
    assert_eq!(refused, Err("ObjectNotInActiveTierError".into()));

    it.restore("k", Tier::Standard, Some(1)).await.unwrap();
    it.pass(13);
    copy("other", StorageClass::Standard).await.unwrap();
    copy("k", StorageClass::Standard).await.unwrap();
    assert_eq!(it.head("k").await, (None, None));
    assert_eq!(it.get("other").await.as_deref(), Ok(&b"x"[..]));
    assert_eq!(it.ear.last("Object Created")["reason"], "CopyObject");
    it.pass(1000);
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"x"[..]));
}

#[tokio::test]
async fn the_archive_tag_moves_an_object_after_a_day() {
    let it = account!("tag");
    it.put("k", b"x", None).await;
    let tag = |value: &str| {
        let tag = Tag::builder().key("emam:archive").value(value).build().unwrap();
        let tagging = Tagging::builder().tag_set(tag).build().unwrap();
        it.s3.put_object_tagging().bucket(&it.bucket).key("k").tagging(tagging).send()
    };
    tag("DEEP_ARCHIVE").await.unwrap();
    it.s3.delete_object_tagging().bucket(&it.bucket).key("k").send().await.unwrap();
    it.pass(25);
    assert_eq!(it.head("k").await.0, None, "the tag was taken away in time");
    tag("true").await.unwrap();
    it.pass(23);
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"x"[..]));
    let ticking = it.front.keep_ticking();
    it.pass(2);
    let told = tokio::time::timeout(Duration::from_secs(5), async {
        while it.ear.last("Object Storage Class Changed").is_null() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    told.await.expect("the clock alone brings it about");
    ticking.abort();
    assert_eq!(it.head("k").await.0.as_deref(), Some("GLACIER"));
    assert_eq!(it.listed().await, [("k".to_owned(), "GLACIER".to_owned())]);
    assert_eq!(it.get("k").await, Err("InvalidObjectState".into()));
    let told = it.ear.last("Object Storage Class Changed");
    assert_eq!(told["destination-storage-class"], "GLACIER");

    it.s3.delete_object().bucket(&it.bucket).key("k").send().await.unwrap();
    it.put("k", b"new", None).await;
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"new"[..]));
    assert_eq!(it.ear.of("k").iter().filter(|kind| *kind == "Object Deleted").count(), 1);
}

#[tokio::test]
async fn intelligent_tiering_archives_what_nobody_reads() {
    let it = account!("tiering");
    let tier = |days, tier| Tiering::builder().days(days).access_tier(tier).build().unwrap();
    let on = IntelligentTieringConfiguration::builder()
        .id("deep")
        .status(IntelligentTieringStatus::Enabled)
        .tierings(tier(90, IntelligentTieringAccessTier::ArchiveAccess))
        .tierings(tier(180, IntelligentTieringAccessTier::DeepArchiveAccess));
    let put = it.s3.put_bucket_intelligent_tiering_configuration().bucket(&it.bucket).id("deep");
    put.intelligent_tiering_configuration(on.build().unwrap()).send().await.unwrap();
    it.put("k", b"x", Some(StorageClass::IntelligentTiering)).await;
    it.pass(24 * 80);
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"x"[..]));
    it.pass(24 * 80);
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"x"[..]), "it was read 80 days ago");
    let archived = || async {
        it.s3.head_object().bucket(&it.bucket).key("k").send().await.unwrap().archive_status
    };
    it.pass(24 * 91);
    assert_eq!(archived().await.unwrap().as_str(), "ARCHIVE_ACCESS");
    it.pass(24 * 91);
    assert_eq!(archived().await.unwrap().as_str(), "DEEP_ARCHIVE_ACCESS");
    assert_eq!(it.get("k").await, Err("InvalidObjectState".into()));
    let days = it.restore("k", Tier::Standard, Some(1)).await;
    assert_eq!(days, Err("InvalidRequest".into()), "the copy is for good");
    it.restore("k", Tier::Standard, None).await.unwrap();
    it.pass(13);
    assert_eq!(it.get("k").await.as_deref(), Ok(&b"x"[..]));
    assert_eq!(archived().await, None);
}

#[tokio::test]
async fn a_buckets_own_lifecycle_is_followed() {
    let it = account!("lifecycle");
    let transition = |days, class| Transition::builder().days(days).storage_class(class).build();
    let rule = LifecycleRule::builder()
        .id("cold")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("originals/").build())
        .transitions(transition(30, TransitionStorageClass::GlacierIr))
        .transitions(transition(90, TransitionStorageClass::DeepArchive));
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap());
    let put = it.s3.put_bucket_lifecycle_configuration().bucket(&it.bucket);
    put.lifecycle_configuration(rules.build().unwrap()).send().await.unwrap();
    let get = it.s3.get_bucket_lifecycle_configuration().bucket(&it.bucket).send().await;
    assert_eq!(get.unwrap().rules()[0].transitions().len(), 2);
    it.put("originals/k", b"x", None).await;
    it.put("proxies/k", b"x", None).await;
    for (days, class) in [(0, None), (31, Some("GLACIER_IR")), (60, Some("DEEP_ARCHIVE"))] {
        it.pass(24 * days);
        assert_eq!(it.head("originals/k").await.0.as_deref(), class);
        assert_eq!(it.head("proxies/k").await.0, None);
    }
}
