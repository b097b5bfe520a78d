//! The vaults as the Rust SDK sees them.

use std::time::Duration;

use aws_sdk_glacier::error::ProvideErrorMetadata;
use aws_sdk_glacier::primitives::ByteStream;
use aws_sdk_glacier::types::{JobParameters, StatusCode};

use super::*;
use crate::testing::{Heard, client, serve, until, world};

const MIB: usize = tree_hash::MIB;

struct Bench {
    client: aws_sdk_glacier::Client,
    world: Arc<World>,
    heard: Arc<Heard>,
}

async fn bench() -> Bench {
    let (world, heard) = (world(1.0), Arc::new(Heard::default()));
    let completion: Arc<dyn Completion> = Arc::clone(&heard) as _;
    let glacier = Glacier::new(Arc::clone(&world), completion);
    let url = serve(move |parts, body| {
        let glacier = glacier.clone();
        async move {
            let query: Vec<(String, String)> = parts
                .uri
                .query()
                .into_iter()
                .flat_map(|query| query.split('&'))
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            glacier.handle(&parts.method, parts.uri.path(), &query, &parts.headers, body).await
        }
    })
    .await;
    Bench { client: client!(aws_sdk_glacier, url), world, heard }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i / 997 % 251) as u8).collect()
}

impl Bench {
    async fn vault(&self, name: &str) {
        self.client.create_vault().account_id("-").vault_name(name).send().await.unwrap();
    }

    async fn archive(&self, vault: &str, body: &[u8]) -> String {
        let upload = self.client.upload_archive().account_id("-").vault_name(vault);
        let upload = upload.checksum(tree_hash(body)).archive_description("a clip");
        let done = upload.body(ByteStream::from(body.to_vec())).send().await.unwrap();
        assert_eq!(done.checksum(), Some(tree_hash(body).as_str()));
        done.archive_id().unwrap().to_owned()
    }

    async fn order(&self, vault: &str, parameters: JobParameters) -> String {
        let order = self.client.initiate_job().account_id("-").vault_name(vault);
        let order = order.job_parameters(parameters).send().await.unwrap();
        order.job_id().unwrap().to_owned()
    }

    async fn completed(&self, vault: &str, job: &str) -> bool {
        let job = self.client.describe_job().account_id("-").vault_name(vault).job_id(job);
        let job = job.send().await.unwrap();
        assert_eq!(job.completed(), job.status_code() == Some(&StatusCode::Succeeded));
        job.completed()
    }
}

fn archive_job(id: &str) -> aws_sdk_glacier::types::builders::JobParametersBuilder {
    JobParameters::builder().r#type("archive-retrieval").archive_id(id)
}

#[tokio::test]
async fn an_archive_comes_back_when_its_tier_says() {
    let bench = bench().await;
    bench.vault("v").await;
    let body = bytes(2 * MIB + 5);
    let id = bench.archive("v", &body).await;
    for (tier, minutes) in [("Expedited", 3), ("Standard", 240), ("Bulk", 480)] {
        let job = bench.order("v", archive_job(&id).tier(tier).build()).await;
        bench.world.clock.advance(Duration::from_secs(minutes * 60 - 30));
        assert!(!bench.completed("v", &job).await, "{tier}");
        let output = || bench.client.get_job_output().account_id("-").vault_name("v").job_id(&job);
        let early = output().send().await.unwrap_err();
        assert_eq!(early.code(), Some("InvalidParameterValueException"));
        bench.world.clock.advance(Duration::from_secs(31));
        assert!(bench.completed("v", &job).await, "{tier}");
        let whole = output().send().await.unwrap();
        assert_eq!(whole.checksum(), Some(tree_hash(&body).as_str()));
        assert_eq!(whole.archive_description(), Some("a clip"));
        assert_eq!(whole.body.collect().await.unwrap().to_vec(), body);
        let part = output().range("bytes=1048576-2097151").send().await.unwrap();
        assert_eq!(
            (part.status(), part.content_range()),
            (206, Some("bytes 1048576-2097151/2097157"))
        );
        assert_eq!(part.checksum(), Some(tree_hash(&body[MIB..2 * MIB]).as_str()));
        let odd = output().range("bytes=10-19").send().await.unwrap();
        assert_eq!(odd.checksum(), None, "no node of the tree");
        assert_eq!(odd.body.collect().await.unwrap().to_vec(), body[10..20]);
        bench.world.clock.advance(Duration::from_secs(24 * 3600));
        assert_eq!(output().send().await.unwrap_err().code(), Some("ResourceNotFoundException"));
    }
}

#[tokio::test]
async fn a_wrong_hash_is_refused() {
    let bench = bench().await;
    bench.vault("v").await;
    let upload = bench.client.upload_archive().account_id("-").vault_name("v");
    let upload = upload.checksum(tree_hash(b"other")).body(ByteStream::from_static(b"this"));
    assert_eq!(upload.send().await.unwrap_err().code(), Some("InvalidParameterValueException"));
    let vault = bench.client.describe_vault().account_id("-").vault_name("v").send().await.unwrap();
    assert_eq!(vault.number_of_archives(), 0);
}

#[tokio::test]
async fn parts_make_an_archive_only_when_whole() {
    let bench = bench().await;
    let client = &bench.client;
    bench.vault("v").await;
    let body = bytes(2 * MIB + 9);
    let begin = |size: &str| {
        client.initiate_multipart_upload().account_id("-").vault_name("v").part_size(size)
    };
    let odd = begin("3145728").send().await.unwrap_err();
    assert_eq!(odd.code(), Some("InvalidParameterValueException"));
    let upload = begin("1048576").archive_description("in parts").send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let part = |range: std::ops::Range<usize>, at: usize| {
        let part = client.upload_multipart_part().account_id("-").vault_name("v").upload_id(id);
        let bytes = body[range.clone()].to_vec();
        part.checksum(tree_hash(&bytes))
            .range(format!("bytes {at}-{}/*", at + range.len() - 1))
            .body(ByteStream::from(bytes))
    };
    part(0..MIB, 0).send().await.unwrap();
    let misplaced = part(MIB..2 * MIB, MIB + 1).send().await.unwrap_err();
    assert_eq!(misplaced.code(), Some("InvalidParameterValueException"));
    part(2 * MIB..body.len(), 2 * MIB).send().await.unwrap();
    let complete = |hash: String| {
        let complete = client.complete_multipart_upload().account_id("-").vault_name("v");
        complete.upload_id(id).archive_size(body.len().to_string()).checksum(hash)
    };
    let gap = complete(tree_hash(&body)).send().await.unwrap_err();
    assert!(gap.message().unwrap().contains("gap at byte 1048576"), "{gap:?}");
    part(MIB..2 * MIB, MIB).send().await.unwrap();
    let listed = client.list_parts().account_id("-").vault_name("v").upload_id(id).limit(2);
    let first = listed.clone().send().await.unwrap();
    assert_eq!(first.parts()[1].range_in_bytes(), Some("1048576-2097151"));
    let rest = listed.marker(first.marker().unwrap()).send().await.unwrap();
    assert_eq!((rest.parts().len(), rest.marker()), (1, None));
    let wrong = complete(tree_hash(b"")).send().await.unwrap_err();
    assert_eq!(wrong.code(), Some("InvalidParameterValueException"));
    let done = complete(tree_hash(&body)).send().await.unwrap();
    let archive = done.archive_id().unwrap();
    let again = complete(tree_hash(&body)).send().await.unwrap_err();
    assert_eq!(again.code(), Some("ResourceNotFoundException"));
    let job = bench.order("v", archive_job(archive).tier("Expedited").build()).await;
    bench.world.clock.advance(Duration::from_secs(181));
    let output = client.get_job_output().account_id("-").vault_name("v").job_id(job);
    let output = output.send().await.unwrap().body.collect().await.unwrap();
    assert!(output.to_vec() == body);
}

#[tokio::test]
async fn the_inventory_names_the_archives_and_a_topic_is_told() {
    let bench = bench().await;
    bench.vault("v").await;
    let id = bench.archive("v", b"one").await;
    let order = JobParameters::builder().r#type("inventory-retrieval").sns_topic("arn:topic");
    let job = bench.order("v", order.build()).await;
    assert!(bench.heard.told().is_empty());
    bench.world.clock.advance(Duration::from_secs(4 * 3600));
    let told = until(async || bench.heard.told().pop()).await;
    assert_eq!((&told["topic"], &told["message"]["JobId"]), (&json!("arn:topic"), &json!(job)));
    assert_eq!(told["message"]["StatusCode"], "Succeeded");
    let output = bench.client.get_job_output().account_id("-").vault_name("v").job_id(&job);
    let output = output.send().await.unwrap().body.collect().await.unwrap().to_vec();
    let inventory: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(inventory["ArchiveList"][0]["ArchiveId"], json!(id));
    assert_eq!(inventory["ArchiveList"][0]["SHA256TreeHash"], json!(tree_hash(b"one")));
    let jobs = bench.client.list_jobs().account_id("-").vault_name("v").completed("true");
    assert_eq!(jobs.send().await.unwrap().job_list().len(), 1);
}

#[tokio::test]
async fn only_an_empty_vault_can_be_deleted() {
    let bench = bench().await;
    bench.vault("v").await;
    let id = bench.archive("v", b"one").await;
    let delete = || bench.client.delete_vault().account_id("-").vault_name("v").send();
    assert_eq!(delete().await.unwrap_err().code(), Some("InvalidParameterValueException"));
    let archive = bench.client.delete_archive().account_id("-").vault_name("v").archive_id(&id);
    archive.clone().send().await.unwrap();
    assert_eq!(archive.send().await.unwrap_err().code(), Some("ResourceNotFoundException"));
    delete().await.unwrap();
    let vaults = bench.client.list_vaults().account_id("-").send().await.unwrap();
    assert!(vaults.vault_list().is_empty());
    assert_eq!(delete().await.unwrap_err().code(), Some("ResourceNotFoundException"));
}

#[tokio::test]
async fn new_customers_are_refused() {
    let bench = bench().await;
    let refused = bench.client.create_vault().account_id("-").vault_name(NEW_CUSTOMER).send().await;
    assert!(refused.unwrap_err().into_service_error().is_no_longer_supported_exception());
    let refused = bench.client.list_vaults().account_id(NEW_CUSTOMER).send().await;
    assert!(refused.unwrap_err().into_service_error().is_no_longer_supported_exception());
}

#[tokio::test]
async fn a_job_that_hangs_never_completes() {
    let bench = bench().await;
    bench.vault("v").await;
    let id = bench.archive("v", b"one").await;
    let switches = crate::switches::Switches { hang_jobs: 1.0, ..Default::default() };
    bench.world.set_switches(switches);
    let job = bench.order("v", archive_job(&id).build()).await;
    bench.world.clock.advance(Duration::from_secs(72 * 3600));
    assert!(!bench.completed("v", &job).await);
    let bad = bench.client.initiate_job().account_id("-").vault_name("v");
    let bad = bad.job_parameters(archive_job(&id).tier("Fast").build()).send().await.unwrap_err();
    assert_eq!(bad.code(), Some("InvalidParameterValueException"));
}
