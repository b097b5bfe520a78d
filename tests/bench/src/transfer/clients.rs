//! The clients, each in a process of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3_transfer_manager::io::InputStream;
use aws_sdk_s3_transfer_manager::types::{ConcurrencyMode, PartSize};
use emam_aws::AwsContext;
use emam_aws::context::Access;
use emam_aws::s3::{S3Options, S3Storage};
use emam_core::backend::{Key, PutFileOptions, PutOptions, Storage};
use emam_core::transfer::{CopyIn, CopyOut, copy_in, copy_in_one, copy_out};
use futures_util::{StreamExt, stream};

use crate::cost::peak_memory_mb;

/// One transfer by one client, which tells its peak of memory in MB.
#[derive(Debug, clap::Args)]
pub(crate) struct Once {
    /// Which client does what.
    #[arg(value_enum)]
    what: What,
    /// The address of the server.
    address: String,
    /// The bucket.
    bucket: String,
    /// The key; of many, what they begin with.
    key: String,
    /// The file sent or written; of many, each of them.
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// Ours up with MD5, XXH3 and CRC64NVME in one read.
    EmamUp,
    /// Ours up with CRC64NVME alone.
    EmamUpPlain,
    /// The Rust transfer manager up.
    ManagerUp,
    /// Ours down with XXH3.
    EmamDown,
    /// Ours down with XXH3 and MD5.
    EmamDownMd5,
    /// The Rust transfer manager down.
    ManagerDown,
    /// The Rust SDK down, in ranges.
    SdkDown,
    /// Ours, 2,000 files with CRC64NVME.
    EmamMany,
    /// Ours, 2,000 files with MD5, XXH3 and CRC64NVME.
    EmamManySums,
    /// The Rust SDK, 2,000 files.
    SdkMany,
}

/// Files sent one by one.
const MANY: usize = 2000;

/// Of them at once.
const MANY_AT_ONCE: usize = 16;

/// Parts or ranges the peers have on their way at once.
const AT_ONCE: usize = 8;

const PART: u64 = 16 << 20;

pub(crate) fn once(arguments: &Once) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(transfer(arguments))?;
    println!("{}", peak_memory_mb()?);
    Ok(())
}

async fn transfer(arguments: &Once) -> Result<()> {
    let Once { what, address, bucket, key: name, file } = arguments;
    let client = client(address).await;
    let storage = Arc::new(S3Storage::new(client.clone(), S3Options::new(bucket))?);
    let key: Key = name.parse()?;
    match what {
        What::EmamUp => {
            let upload = storage.upload_begin(&key, PutOptions::default()).await?;
            copy_in(file, &*storage, &upload, CopyIn::default()).await?;
        }
        What::EmamUpPlain => {
            storage.put_file(&key, file, PutFileOptions::default()).await?;
        }
        What::ManagerUp => {
            let body = InputStream::from_path(file)?;
            let manager = manager(client);
            manager.upload().bucket(bucket).key(name).body(body).initiate()?.join().await?;
        }
        What::EmamDown | What::EmamDownMd5 => {
            let mut options = CopyOut::default();
            if *what == What::EmamDownMd5 {
                // Of zeros, which is what the sink gives; any other only fails at the very end.
                options.expected_md5 = Some("cd573cfaace07e7949bc0c46028904ff".into());
            }
            copy_out(&*storage, &key, file, options).await?;
        }
        What::ManagerDown => {
            let manager = manager(client);
            let down = manager.download().bucket(bucket).key(name).write_to_path(file).await?;
            down.join().await?;
        }
        What::SdkDown => sdk_down(&client, bucket, name, file).await?,
        What::EmamMany => {
            many(|number| {
                let (storage, key) = (Arc::clone(&storage), key.join(&number.to_string()));
                async move {
                    storage.put_file(&key?, file, PutFileOptions::default()).await?;
                    Ok(())
                }
            })
            .await?;
        }
        What::EmamManySums => {
            many(|number| {
                let (storage, key) = (Arc::clone(&storage), key.join(&number.to_string()));
                async move {
                    let copied = copy_in_one(file, &*storage, &key?, CopyIn::default()).await?;
                    copied.context("the files are small").map(drop)
                }
            })
            .await?;
        }
        What::SdkMany => {
            many(|number| {
                let client = &client;
                async move {
                    let body = ByteStream::from(tokio::fs::read(file).await?);
                    let put = client.put_object().bucket(bucket).key(format!("{name}/{number}"));
                    put.body(body).send().await?;
                    Ok(())
                }
            })
            .await?;
        }
    }
    Ok(())
}

async fn client(address: &str) -> Client {
    let access = Access {
        region: Some("us-east-1".into()),
        endpoint_url: Some(address.to_owned()),
        path_style: true,
        ..Access::default()
    };
    let client = AwsContext::connect(access).await.s3();
    let credentials = Credentials::new("test", "testsecret", None, None, "bench");
    Client::from_conf(client.config().to_builder().credentials_provider(credentials).build())
}

fn manager(client: Client) -> aws_sdk_s3_transfer_manager::Client {
    let config = aws_sdk_s3_transfer_manager::Config::builder()
        .client(client)
        .concurrency(ConcurrencyMode::Explicit(AT_ONCE))
        .part_size(PartSize::Target(PART))
        .build();
    aws_sdk_s3_transfer_manager::Client::new(config)
}

async fn many<F>(send: impl Fn(usize) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let mut sending = stream::iter(0..MANY).map(send).buffer_unordered(MANY_AT_ONCE);
    while let Some(sent) = sending.next().await {
        sent?;
    }
    Ok(())
}

/// As a program without us would do it: ranges at once, each written where it belongs.
async fn sdk_down(client: &Client, bucket: &str, name: &str, path: &Path) -> Result<()> {
    let head = client.head_object().bucket(bucket).key(name).send().await?;
    let size = u64::try_from(head.content_length().context("a size")?)?;
    let file = Arc::new(std::fs::File::create(path)?);
    let starts = (0..size).step_by(8 << 20);
    let mut coming = stream::iter(starts)
        .map(|start| {
            let file = Arc::clone(&file);
            async move {
                let range = format!("bytes={start}-{}", size.min(start + (8 << 20)) - 1);
                let get = client.get_object().bucket(bucket).key(name).range(range);
                let mut body = get.send().await?.body;
                let mut at = start;
                while let Some(chunk) = body.next().await {
                    let chunk = chunk?;
                    std::os::unix::fs::FileExt::write_all_at(&*file, &chunk, at)?;
                    at += chunk.len() as u64;
                }
                if at != size.min(start + (8 << 20)) {
                    bail!("a range ended early");
                }
                anyhow::Ok(())
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(come) = coming.next().await {
        come?;
    }
    Ok(())
}
