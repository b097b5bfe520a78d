//! `bench catalog`: the catalog of a great library beside plain SQL on the same rows.

mod data;
mod peer;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use emam_core::backend::catalog::{Assets, FacetField, Query, Search, SearchPage, Sort};
use emam_core::clock::SystemClock;
use emam_core::id::AssetId;
use emam_core::local::SqliteCatalog;
use emam_core::model::Asset;
use tokio::runtime::Runtime;

use self::data::{CLASSES, Class, Maker, terms};
use self::peer::{Found, Peer};
use crate::cost::peak_memory_mb;
use crate::report::Report;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many assets the library has.
    #[arg(long, default_value_t = 1_000_000)]
    assets: usize,
    /// 50,000 assets: a look in a minute instead of a judgement.
    #[arg(long)]
    quick: bool,
    /// Rounds; the cheapest counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Ends well even where a goal was missed.
    #[arg(long)]
    pub(crate) report: bool,
    /// Where the databases are made; a new folder in it is removed at the end.
    #[arg(long, default_value = "target")]
    folder: PathBuf,
}

/// Inserts into a catalog until killed.
#[derive(Debug, clap::Args)]
pub(crate) struct Feed {
    path: PathBuf,
}

/// Assets in one batch of a load.
const BATCH: usize = 50_000;

/// Terms of each class.
const TERMS: usize = 10;

/// What finds fewer assets than this costs next to nothing either way, in small libraries only.
const FEWEST: u64 = 200;

/// Single inserts in a round.
const INSERTS: usize = 300;

pub(crate) fn bench(arguments: &Arguments) -> Result<Report> {
    let assets = if arguments.quick { 50_000 } else { arguments.assets };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::new(&format!(
        "catalog of {assets} assets, CPU of this process, least of {} rounds",
        arguments.rounds
    ));
    std::fs::create_dir_all(&arguments.folder)?;
    let folder = tempfile::tempdir_in(&arguments.folder)?;
    let (catalog, mut peer) = load(&runtime, arguments.rounds, folder.path(), assets, &mut report)?;
    let memory = peak_memory_mb()?;
    for class in CLASSES {
        searches(&runtime, arguments.rounds, &catalog, &peer, class, &mut report)?;
    }
    inserts(&runtime, arguments.rounds, &catalog, &mut peer, &mut report)?;
    depth(&runtime, arguments.rounds, &catalog, &mut report)?;
    during_ingest(&runtime, arguments.rounds, &catalog, &mut report)?;
    report.fact(
        "most memory of this process, both databases open",
        format!("{memory:.0} MB after the loads, {:.0} MB at the end", peak_memory_mb()?),
    );
    Ok(report)
}

/// Loads both, round by round, and keeps those of the last round.
fn load(
    runtime: &Runtime,
    rounds: usize,
    folder: &Path,
    assets: usize,
    report: &mut Report,
) -> Result<(SqliteCatalog, Peer)> {
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    let mut wall = (f64::INFINITY, f64::INFINITY);
    let mut kept: Option<(SqliteCatalog, Peer)> = None;
    for round in 0..rounds {
        eprintln!("load: round {} of {rounds}", round + 1);
        drop(kept.take());
        let folder = folder.join(round.to_string());
        if let Some(before) = round.checked_sub(1) {
            std::fs::remove_dir_all(folder.with_file_name(before.to_string()))?;
        }
        std::fs::create_dir(&folder)?;
        let path = folder.join("catalog.db");
        let catalog = runtime.block_on(SqliteCatalog::open(path, Arc::new(SystemClock)))?;
        let mut peer = Peer::create(&folder.join("peer.db"))?;
        let (mut our_cpu, mut their_cpu, mut our_wall, mut their_wall) = (0.0, 0.0, 0.0, 0.0);
        let mut maker = Maker::new(1);
        let mut left = assets;
        while left > 0 {
            let batch = maker.assets(left.min(BATCH));
            left -= batch.len();
            let (cpu, wall, ()) = timed(|| Ok(runtime.block_on(catalog.insert_assets(&batch))?))?;
            (our_cpu, our_wall) = (our_cpu + cpu, our_wall + wall);
            let (cpu, wall, ()) = timed(|| peer.load(&batch))?;
            (their_cpu, their_wall) = (their_cpu + cpu, their_wall + wall);
        }
        let (cpu, index_wall, ()) = timed(|| peer.index())?;
        (their_cpu, their_wall) = (their_cpu + cpu, their_wall + index_wall);
        (ours, theirs) = (ours.min(our_cpu), theirs.min(their_cpu));
        wall = (wall.0.min(our_wall), wall.1.min(their_wall));
        let size = |name: &str| -> Result<f64> {
            Ok(std::fs::metadata(folder.join(name))?.len() as f64 / 1e6)
        };
        if round + 1 == rounds {
            report.fact(
                "load",
                format!(
                    "emam {ours:.2} s, script {theirs:.2} s; wall {:.2} / {:.2} s; {:.0} / {:.0} MB",
                    wall.0,
                    wall.1,
                    size("catalog.db")?,
                    size("peer.db")?
                ),
            );
        }
        kept = Some((catalog, peer));
    }
    report.at_least("load: rate to the script's", theirs / ours, 0.5);
    kept.context("at least one round")
}

fn query(term: &str) -> Query {
    Query::text(term)
        .sort(Sort::Newest)
        .facet(FacetField::Kind)
        .facet(FacetField::Codec)
        .facet(FacetField::Lifecycle)
}

/// What a page of ours shows, for comparing.
fn shown(page: SearchPage) -> Found {
    let sorted = |facet: emam_core::backend::catalog::Facet| {
        let mut values: Vec<(String, u64)> =
            facet.values.into_iter().map(|value| (value.value, value.count)).collect();
        values.sort_unstable();
        values
    };
    Found {
        titles: page.items.into_iter().map(|hit| hit.asset.title).collect(),
        total: page.total,
        facets: page.facets.into_iter().map(sorted).collect(),
    }
}

fn searches(
    runtime: &Runtime,
    rounds: usize,
    catalog: &SqliteCatalog,
    peer: &Peer,
    class: Class,
    report: &mut Report,
) -> Result<()> {
    let terms = terms(class, TERMS);
    // Few matches are found too fast to be measured once.
    let times = match class.name {
        "common" => 2,
        "mid" => 20,
        _ => 100,
    };
    let mut hits = 0;
    for term in &terms {
        let ours = shown(runtime.block_on(catalog.search(&query(term)))?);
        ensure!(ours == peer.search(term)?, "both must find the same for {term}");
        hits += ours.total;
    }
    let (mut ours, mut ranked, mut theirs) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    for round in 0..rounds {
        eprintln!("{} terms: round {} of {rounds}", class.name, round + 1);
        let search = |sort| {
            timed(|| {
                runtime.block_on(async {
                    for term in &terms {
                        for _ in 0..times {
                            catalog.search(&query(term).sort(sort)).await?;
                        }
                    }
                    Ok(())
                })
            })
        };
        ours = ours.min(search(Sort::Newest)?.0);
        let (cpu, _, ()) = timed(|| {
            for term in &terms {
                for _ in 0..times {
                    peer.search(term)?;
                }
            }
            Ok(())
        })?;
        theirs = theirs.min(cpu);
        ranked = ranked.min(search(Sort::Relevance)?.0);
    }
    let each = 1e3 / (terms.len() * times) as f64;
    report.fact(
        &format!("{} terms, {} hits", class.name, hits / terms.len() as u64),
        format!(
            "emam {:.3} ms, join {:.3} ms; by relevance instead of date {:.3} ms",
            ours * each,
            theirs * each,
            ranked * each
        ),
    );
    let what = format!("{} terms: page, three facets and count to the join", class.name);
    if hits / terms.len() as u64 >= FEWEST {
        report.at_most(&what, ours / theirs, 0.4);
    } else {
        report.fact(&what, format!("{:.3}, not judged with so few hits", ours / theirs));
    }
    Ok(())
}

fn inserts(
    runtime: &Runtime,
    rounds: usize,
    catalog: &SqliteCatalog,
    peer: &mut Peer,
    report: &mut Report,
) -> Result<()> {
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    let mut maker = Maker::new(2);
    for _ in 0..rounds {
        let assets = more(&mut maker, INSERTS);
        let (cpu, _, ()) = timed(|| {
            runtime.block_on(async {
                for asset in &assets {
                    catalog.insert_assets(std::slice::from_ref(asset)).await?;
                }
                Ok(())
            })
        })?;
        ours = ours.min(cpu);
        let (cpu, _, ()) = timed(|| assets.iter().try_for_each(|asset| peer.insert(asset)))?;
        theirs = theirs.min(cpu);
    }
    let each = 1e3 / INSERTS as f64;
    report.fact(
        "one durable insert",
        format!("emam {:.3} ms, script {:.3} ms", ours * each, theirs * each),
    );
    report.at_most("one durable insert to the script's", ours / theirs, 2.0);
    Ok(())
}

/// A page deep in the list beside the first one.
fn depth(
    runtime: &Runtime,
    rounds: usize,
    catalog: &SqliteCatalog,
    report: &mut Report,
) -> Result<()> {
    let common = terms(CLASSES[0], 1).remove(0);
    for (what, query) in [
        ("everything, newest first", Query::all()),
        ("everything, by title", Query::all().sort(Sort::Title)),
        ("a common term, newest first", Query::text(&common).sort(Sort::Newest)),
    ] {
        let mut deep = query.clone().limit(1000);
        let (mut skipped, mut total) = (0, u64::MAX);
        while skipped < total / 2 {
            let page = runtime.block_on(catalog.search(&deep))?;
            (total, skipped) = (page.total, skipped + 1000);
            deep.cursor = page.next;
        }
        deep.limit = query.limit;
        let cost = |query: &Query| {
            timed(|| {
                runtime.block_on(async {
                    for _ in 0..20 {
                        catalog.search(query).await?;
                    }
                    Ok(())
                })
            })
        };
        let (mut first, mut later) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..rounds {
            first = first.min(cost(&query)?.0);
            later = later.min(cost(&deep)?.0);
        }
        report.fact(
            &format!("{what}, {total} hits"),
            format!("first page {:.3} ms, at half {:.3} ms", first * 50.0, later * 50.0),
        );
        report.at_most(&format!("{what}: a page at half to the first"), later / first, 2.0);
    }
    Ok(())
}

/// Kills the process when dropped.
struct Fed(Child);

impl Drop for Fed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long searches take while another process inserts.
fn during_ingest(
    runtime: &Runtime,
    rounds: usize,
    catalog: &SqliteCatalog,
    report: &mut Report,
) -> Result<()> {
    let terms = terms(CLASSES[1], 50);
    let p99 = || -> Result<f64> {
        let mut times = Vec::new();
        for _ in 0..10 {
            for term in &terms {
                let begun = Instant::now();
                runtime.block_on(catalog.search(&query(term)))?;
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.sort_unstable_by(f64::total_cmp);
        Ok(times[times.len() * 99 / 100])
    };
    let (mut idle, mut busy, mut rate) = (f64::INFINITY, f64::INFINITY, 0.0_f64);
    for _ in 0..rounds {
        idle = idle.min(p99()?);
        let child = Command::new(std::env::current_exe()?)
            .arg("catalog-feed")
            .arg(catalog.path())
            .spawn()?;
        let fed = Fed(child);
        // The sleep has to be made inside, where the runtime is.
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(300)).await });
        let (begun, before) = (Instant::now(), runtime.block_on(catalog.search(&Query::all()))?);
        busy = busy.min(p99()?);
        let after = runtime.block_on(catalog.search(&Query::all()))?;
        rate = rate.max((after.total - before.total) as f64 / begun.elapsed().as_secs_f64());
        drop(fed);
    }
    ensure!(rate > 0.0, "the other process inserts");
    report.fact(
        "search, p99 on the wall",
        format!("{idle:.2} ms idle, {busy:.2} ms while another process inserts {rate:.0} a second"),
    );
    report.at_most("search p99 during ingest to idle", busy / idle, 4.0);
    Ok(())
}

/// Inserts into a catalog until killed, ten assets at a time.
pub(crate) fn feed(arguments: &Feed) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let catalog = SqliteCatalog::open(&arguments.path, Arc::new(SystemClock)).await?;
        let mut maker = Maker::new(u64::from(std::process::id()));
        loop {
            catalog.insert_assets(&more(&mut maker, 10)).await?;
        }
    })
}

/// Assets for a catalog that has some: the clock of each maker begins anew, and with it the ids.
fn more(maker: &mut Maker, count: usize) -> Vec<Asset> {
    let mut assets = maker.assets(count);
    for asset in &mut assets {
        asset.id = AssetId::new(&SystemClock);
    }
    assets
}

/// Does `work`; tells its CPU and wall seconds.
///
/// Not [`measure`](crate::cost::measure): its ticks of 10 ms are longer than a search.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, f64, T)> {
    let cpu = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let (before, begun) = (cpu(), Instant::now());
    let value = work()?;
    Ok((cpu() - before, begun.elapsed().as_secs_f64(), value))
}
