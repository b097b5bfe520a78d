//! A process of its own that works on a catalog, for `catalog_file.rs` to watch and to kill.
//!
//! `catalog_child PATH insert N` inserts N assets, one by one, and prints each id once its insert
//! has returned. `catalog_child PATH claim` takes runs until there are none and prints their ids.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use emam_core::backend::catalog::{Assets, Claim, Workflows};
use emam_core::clock::{Clock, SystemClock};
use emam_core::id::AssetId;
use emam_core::local::SqliteCatalog;
use emam_core::model::{Asset, RunKind};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    tokio::runtime::Builder::new_multi_thread().build()?.block_on(async {
        let path = arguments.first().context("PATH")?;
        let clock = SystemClock;
        let catalog = SqliteCatalog::open(*path, Arc::new(clock)).await?;
        // One write each: a line is there in full or not at all.
        let say = |line: String| std::io::stdout().write_all(format!("{line}\n").as_bytes());
        match &arguments[1..] {
            ["insert", count] => {
                for number in 0..count.parse()? {
                    let title = format!("rain {number}");
                    let asset = Asset::new(AssetId::new(&clock), title, clock.now());
                    catalog.insert_assets(std::slice::from_ref(&asset)).await?;
                    say(asset.id.to_string())?;
                }
            }
            ["claim"] => {
                let (now, kinds) = (clock.now(), vec![RunKind::Ingest]);
                let until = now.checked_add(std::time::Duration::from_secs(600))?;
                let claim = Claim { worker: std::process::id().to_string(), kinds, now, until };
                while let Some(leased) = catalog.claim_run(&claim).await? {
                    say(leased.run.id.to_string())?;
                }
            }
            other => bail!("what is {other:?}?"),
        }
        Ok(())
    })
}
