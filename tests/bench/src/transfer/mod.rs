//! `bench transfer`: bytes to and from S3, beside the clients everybody knows, in the same run.
//!
//! A sink that costs next to nothing shows what the clients cost; a real server, where
//! `EMAM_BENCH_S3` names one, that what they do is right and how long it takes there.

mod clients;
mod sink;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

pub(crate) use clients::{Once, once};
pub(crate) use sink::{Sink, serve};

use crate::cost::{Cost, least, measure};
use crate::report::Report;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// 64 MiB instead of 1 GiB: a look instead of a judgement.
    #[arg(long)]
    quick: bool,
    /// Rounds; the cheapest counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A Python interpreter that has boto3; without it boto3 is left out.
    #[arg(long, env = "EMAM_BENCH_PYTHON")]
    python: Option<PathBuf>,
    /// The program s5cmd; without it s5cmd is left out.
    #[arg(long, env = "EMAM_BENCH_S5CMD")]
    s5cmd: Option<PathBuf>,
    /// The address of a real S3 server with the bucket `bench`, for times on a wall.
    #[arg(long, env = "EMAM_BENCH_S3")]
    server: Option<String>,
    /// Where the file sent is kept between runs.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

/// One client's work: its name in the report and its command.
struct Work<'a> {
    name: &'static str,
    command: Box<dyn Fn() -> Command + 'a>,
}

/// What came of one client's rounds.
struct Found {
    name: &'static str,
    cost: Cost,
    /// Its peak of memory, where it tells.
    memory: Option<f64>,
}

pub(crate) fn bench(arguments: &Arguments) -> Result<Report> {
    let size: u64 = if arguments.quick { 64 << 20 } else { 1 << 30 };
    std::fs::create_dir_all(&arguments.folder)?;
    let large = arguments.folder.join(format!("transfer-{size}"));
    let small = arguments.folder.join("transfer-small");
    make(&large, size)?;
    make(&small, 64 << 10)?;
    let mut report = Report::new("transfer, CPU seconds of the client, least of the rounds");
    let sink = Server::start()?;
    let bench = Bench { arguments, address: &sink.address, large: &large, small: &small, size };
    bench.up(&mut report)?;
    bench.down(&mut report)?;
    bench.many(&mut report)?;
    if let Some(server) = &arguments.server {
        let bench = Bench { address: server, ..bench };
        bench.real(&mut report)?;
    }
    Ok(report)
}

/// The sink in a process of its own, stopped when dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("transfer-sink")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("output")?).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Bench<'a> {
    arguments: &'a Arguments,
    address: &'a str,
    large: &'a Path,
    small: &'a Path,
    size: u64,
}

impl<'a> Bench<'a> {
    fn ours(&self, name: &'static str, what: &'static str, file: PathBuf) -> Work<'_> {
        let key = if what.contains("many") { "many".into() } else { format!("o-{}", self.size) };
        let command = move || {
            let mut command = Command::new(std::env::current_exe().unwrap_or_default());
            command.args(["transfer-once", what, self.address, "bench", &key]).arg(&file);
            command
        };
        Work { name, command: Box::new(command) }
    }

    fn boto3(&self, what: &'static str, file: PathBuf) -> Option<Work<'_>> {
        let python = self.arguments.python.as_ref()?;
        let key = format!("o-{}", self.size);
        let command = move || {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/transfer/peer.py");
            let mut command = Command::new(python);
            command.arg(script).args([what, self.address, "bench", &key]).arg(&file);
            command
        };
        Some(Work { name: "boto3, unsigned", command: Box::new(command) })
    }

    fn s5cmd(&self, up: bool, file: PathBuf) -> Option<Work<'_>> {
        let program = self.arguments.s5cmd.as_ref()?;
        let object = format!("s3://bench/o-{}", self.size);
        let command = move || {
            let mut command = Command::new(program);
            command
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "testsecret")
                .env("AWS_REGION", "us-east-1")
                .args(["--endpoint-url", self.address, "cp", "-c", "8", "-p", "16"]);
            match up {
                true => command.arg(&file).arg(&object),
                false => command.arg(&object).arg(&file),
            };
            command
        };
        Some(Work { name: "s5cmd", command: Box::new(command) })
    }

    fn up(&self, report: &mut Report) -> Result<()> {
        let file = || self.large.to_owned();
        let md5 = || {
            let mut command = Command::new("openssl");
            command.arg("md5").arg(self.large);
            command
        };
        let mut work = vec![
            self.ours("emam, MD5 + XXH3 + CRC64NVME", "emam-up", file()),
            self.ours("emam, CRC64NVME", "emam-up-plain", file()),
            self.ours("transfer manager", "manager-up", file()),
            Work { name: "openssl md5", command: Box::new(md5) },
        ];
        work.extend(self.s5cmd(true, file()));
        work.extend(self.boto3("up", file()));
        let found = self.rounds("up", &work, report)?;
        let (ours, plain, manager, md5) = (&found[0], &found[1], &found[2], &found[3]);
        report.at_most(
            "up with MD5: CPU to MD5 alone + 1.15 transfer manager",
            ours.cost.cpu / (md5.cost.cpu + 1.15 * manager.cost.cpu),
            1.0,
        );
        report.at_most("up with MD5: wall to MD5 alone", ours.cost.wall / md5.cost.wall, 1.10);
        report.at_most("up: CPU to the transfer manager", plain.cost.cpu / manager.cost.cpu, 1.10);
        for (name, goal) in [("s5cmd", 0.30), ("boto3, unsigned", 0.70)] {
            if let Some(peer) = found.iter().find(|found| found.name == name) {
                let what = format!("up: CPU to {name}");
                report.at_most(&what, plain.cost.cpu / peer.cost.cpu, goal);
            }
        }
        report.at_most("up: our memory, MB", ours.memory.context("memory")?, 200.0);
        Ok(())
    }

    fn down(&self, report: &mut Report) -> Result<()> {
        let folder = tempfile::tempdir_in(&self.arguments.folder)?;
        let file = |name: &str| folder.path().join(name);
        let mut work = vec![
            self.ours("emam, XXH3", "emam-down", file("emam")),
            self.ours("transfer manager", "manager-down", file("manager")),
            self.ours("aws-sdk-s3 in ranges", "sdk-down", file("sdk")),
        ];
        work.extend(self.s5cmd(false, file("s5cmd")));
        work.extend(self.boto3("down", file("boto3")));
        let found = self.rounds("down", &work, report)?;
        let (ours, manager, sdk) = (&found[0], &found[1], &found[2]);
        report.at_most("down: CPU to the transfer manager", ours.cost.cpu / manager.cost.cpu, 1.0);
        report.at_most("down: CPU to aws-sdk-s3 in ranges", ours.cost.cpu / sdk.cost.cpu, 1.1);
        report.at_most("down: our memory, MB", ours.memory.context("memory")?, 64.0);
        Ok(())
    }

    fn many(&self, report: &mut Report) -> Result<()> {
        let file = || self.small.to_owned();
        let mut work = vec![
            self.ours("emam, CRC64NVME", "emam-many", file()),
            self.ours("emam, MD5 + XXH3 + CRC64NVME", "emam-many-sums", file()),
            self.ours("aws-sdk-s3", "sdk-many", file()),
        ];
        work.extend(self.boto3("many", file()));
        let found = self.rounds("2,000 files of 64 KiB", &work, report)?;
        let (ours, sums, sdk) = (&found[0], &found[1], &found[2]);
        report.at_most("2,000 files: CPU to aws-sdk-s3", ours.cost.cpu / sdk.cost.cpu, 1.0);
        let with_md5 = sums.cost.cpu / sdk.cost.cpu;
        report.at_most("2,000 files with MD5: CPU to aws-sdk-s3", with_md5, 1.0);
        if let Some(boto3) = found.get(3) {
            report.at_most("2,000 files: CPU to boto3", ours.cost.cpu / boto3.cost.cpu, 0.70);
        }
        Ok(())
    }

    /// Up and down against a real server, and what came down compared with what went up.
    fn real(&self, report: &mut Report) -> Result<()> {
        let folder = tempfile::tempdir_in(&self.arguments.folder)?;
        let came = folder.path().join("emam");
        let up = [
            self.ours("emam, MD5 + XXH3 + CRC64NVME", "emam-up", self.large.to_owned()),
            self.ours("transfer manager", "manager-up", self.large.to_owned()),
        ];
        self.rounds("up, real server", &up, report)?;
        let down = [
            self.ours("emam, XXH3", "emam-down", came.clone()),
            self.ours("transfer manager", "manager-down", folder.path().join("manager")),
        ];
        self.rounds("down, real server", &down, report)?;
        let same = Command::new("cmp").arg(self.large).arg(&came).status()?.success();
        report.at_least("what came down is what went up", f64::from(u8::from(same)), 1.0);
        Ok(())
    }

    fn rounds(&self, what: &str, work: &[Work<'_>], report: &mut Report) -> Result<Vec<Found>> {
        let mut costs: Vec<Vec<Cost>> = work.iter().map(|_| Vec::new()).collect();
        let mut memory: Vec<Option<f64>> = work.iter().map(|_| None).collect();
        for round in 0..self.arguments.rounds {
            eprintln!("{what}: round {} of {}", round + 1, self.arguments.rounds);
            for (index, work) in work.iter().enumerate() {
                let (output, cost) = measure(|| Ok((work.command)().output()?))?;
                if !output.status.success() {
                    bail!("{}: {}", work.name, String::from_utf8_lossy(&output.stderr));
                }
                let told = String::from_utf8_lossy(&output.stdout).trim().parse::<f64>().ok();
                if let Some(told) = told {
                    memory[index] = Some(memory[index].unwrap_or(0.0).max(told));
                }
                costs[index].push(cost);
            }
        }
        let found = work.iter().zip(costs).zip(memory).map(|((work, costs), memory)| Found {
            name: work.name,
            cost: least(&costs),
            memory,
        });
        let found: Vec<_> = found.collect();
        for Found { name, cost, memory } in &found {
            let memory = memory.map_or(String::new(), |mb| format!(", {mb:.0} MB"));
            report.fact(
                what,
                format!(
                    "{name}: {:.2} s CPU, {:.2} s wall{memory}; others took up to {:.2} CPU",
                    cost.cpu, cost.wall, cost.other
                ),
            );
        }
        Ok(found)
    }
}

/// Makes a file of bytes that differ, once.
fn make(path: &Path, size: u64) -> Result<()> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() == size) {
        return Ok(());
    }
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for number in 0..size / 8 {
        file.write_all(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes())?;
    }
    Ok(file.flush()?)
}
