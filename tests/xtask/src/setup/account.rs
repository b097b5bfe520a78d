//! The emulated AWS account of the tests and the demo.
//!
//! ```text
//! emam-awsim   MediaConvert, Rekognition, Transcribe, Glacier; S3 with a restore clock, before
//!   SeaweedFS  a strict S3
//! ministack    SQS, SNS, SES, DynamoDB, EventBridge, CloudFormation
//! ```
//!
//! All listen on free ports of the loopback. Logs and data are in `target/account`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::server::{self, Server, answers, apart_from_aws, free_ports};
use super::{Python, ffmpeg};
use crate::project::{Project, output, succeeds};

/// The packages of the account's environment.
pub(crate) const PACKAGES: &str = "tests/xtask/aws-requirements.txt";

/// The variables tests find the account by: our emulator, the S3 in it, SeaweedFS, ministack, and
/// a Python with boto3.
pub(crate) const VARIABLES: [&str; 5] = [
    "EMAM_AWS_ENDPOINT",
    "EMAM_AWS_S3",
    "EMAM_AWS_S3_PLAIN",
    "EMAM_AWS_MINISTACK",
    "EMAM_AWS_PYTHON",
];

/// Time to become ready. All are within five seconds on an idle machine.
const READY: Duration = Duration::from_secs(90);

/// A running account; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Account {
    /// Python with boto3.
    pub(crate) python: PathBuf,
    /// Where our emulator answers, for S3 too.
    pub(crate) awsim: String,
    /// Where SeaweedFS answers, for those who want S3 without the front.
    pub(crate) s3: String,
    /// Where ministack answers.
    pub(crate) ministack: String,
    // Stopped in this order: the one in front first.
    _servers: [Server; 3],
}

/// Python with what the account is made of, in `target/aws-venv`.
pub(crate) fn python(project: &Project) -> Result<Python> {
    let python = Python::in_folder(project, "aws-venv")?;
    python.install_requirements(project, PACKAGES)?;
    Ok(python)
}

impl Account {
    /// Installs, builds and starts what it takes.
    pub(crate) fn start(project: &Project) -> Result<Self> {
        ffmpeg()?;
        let python = python(project)?;
        let program = build(project)?;
        let dir = project.target.join("account");
        // What an earlier account held is nothing to this one.
        if dir.exists() {
            std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
        }
        std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let bin = python.program.parent().unwrap_or(Path::new("."));
        // They become ready side by side.
        let mut seaweed = SeaweedFs::start(bin, &dir)?;
        let (mut ministack, ministack_url) = start_ministack(bin, &dir)?;
        ministack
            .wait_until(READY, || answers("GET", &format!("{ministack_url}/_ministack/health")))?;
        seaweed.wait()?;
        let (mut awsim, awsim_url) = start_awsim(&program, &seaweed.s3, &ministack_url, &dir)?;
        awsim.wait_until(READY, || answers("GET", &format!("{awsim_url}/_awsim/health")))?;
        Ok(Self {
            python: python.program,
            awsim: awsim_url,
            s3: seaweed.s3,
            ministack: ministack_url,
            _servers: [awsim, seaweed.server, ministack],
        })
    }

    /// The [`VARIABLES`] with their values.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &OsStr)> {
        let [awsim, s3, ministack] = [&self.awsim, &self.s3, &self.ministack].map(OsStr::new);
        VARIABLES.into_iter().zip([awsim, awsim, s3, ministack, self.python.as_os_str()])
    }

    /// Tells our emulator something, under `/_awsim/`.
    pub(crate) fn tell(&self, what: &str, body: &serde_json::Value) -> Result<()> {
        let url = format!("{}/_awsim/{what}", self.awsim);
        server::tell("POST", &url, &body.to_string()).map(drop)
    }

    /// Makes the stack of the template with `tests/fakes/stack.py`; gives its outputs.
    pub(crate) fn create_stack(&self, project: &Project, name: &str) -> Result<serde_json::Value> {
        let elsewhere = ["dynamodb", "sesv2", "sns", "sqs"].map(|name| (name, &self.ministack));
        let endpoints =
            elsewhere.into_iter().map(|(name, url)| (name.to_owned(), url.as_str().into()));
        let endpoints: serde_json::Map<String, serde_json::Value> = endpoints.collect();
        let mut stack = apart_from_aws(&self.python);
        stack.arg(project.root.join("tests/fakes/stack.py"));
        stack.args(["--endpoint", &self.ministack, "--buckets-at", &self.awsim]);
        stack.args(["--secret-key", "testsecret", "--name", name, "--template"]);
        stack.arg(project.root.join("emam-aws/deploy/emam.yaml"));
        for parameter in [
            "IsEmulated=true".to_owned(),
            "Analyze=label,face,shot,speech".to_owned(),
            "Languages=en-US".to_owned(),
            format!("EndpointUrl={}", self.awsim),
            format!("Endpoints={}", serde_json::Value::Object(endpoints)),
        ] {
            stack.arg("--parameter").arg(parameter);
        }
        serde_json::from_str(&output(&mut stack)?).context("stack.py printed no JSON")
    }
}

/// Builds our emulator; gives its program.
fn build(project: &Project) -> Result<PathBuf> {
    if !build_programs(project, &["emam-awsim"])? {
        bail!("emam-awsim cannot be built: mend what the compiler says above");
    }
    Ok(program(project, "emam-awsim"))
}

/// Builds programs of the workspace as its tests are built, so that nothing is compiled twice;
/// false when the compiler complained.
pub(crate) fn build_programs(project: &Project, names: &[&str]) -> Result<bool> {
    let mut cargo = project.cargo();
    // Chosen from all members: what they want of a dependency is one. And with a test, for what
    // only tests want of it would be left out otherwise.
    cargo.args(["build", "--quiet", "--test", "aws_stack", "--features", "emam-examples/aws"]);
    for name in names {
        cargo.args(["--bin", name]);
    }
    succeeds(&mut cargo)
}

/// Where such a program is.
pub(crate) fn program(project: &Project, name: &str) -> PathBuf {
    project.target.join("debug").join(name)
}

#[derive(Debug)]
struct SeaweedFs {
    server: Server,
    s3: String,
    filer: String,
}

impl SeaweedFs {
    fn start(bin: &Path, dir: &Path) -> Result<Self> {
        let data = dir.join("seaweedfs");
        std::fs::create_dir_all(&data)?;
        let access = dir.join("s3.json");
        std::fs::write(
            &access,
            r#"{"identities": [{"name": "test", "credentials": [{"accessKey": "test",
"secretKey": "testsecret"}], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}"#,
        )?;
        let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] =
            free_ports()?;
        let mut weed = apart_from_aws(bin.join("weed"));
        // It writes a file of its own where it stands.
        weed.current_dir(&data);
        weed.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        // Each bucket takes several volumes; with the default there is room for three.
        weed.args(["-volume.max=400", "-master.volumeSizeLimitMB=256"]);
        // Neither further services nor a word to anybody.
        weed.args(["-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        for (name, port) in [
            ("master.port", master),
            ("master.port.grpc", master_grpc),
            ("volume.port", volume),
            ("volume.port.grpc", volume_grpc),
            ("filer.port", filer),
            ("filer.port.grpc", filer_grpc),
            ("s3.port", s3),
            ("s3.port.grpc", s3_grpc),
        ] {
            weed.arg(format!("-{name}={port}"));
        }
        weed.arg(format!("-dir={}", data.display()));
        weed.arg(format!("-s3.config={}", access.display()));
        let server = Server::start("SeaweedFS", &weed, &dir.join("seaweedfs.log"))?;
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        Ok(Self { server, s3: url(s3), filer: url(filer) })
    }

    /// It answers before it can store anything: ready is what has stored a file.
    fn wait(&mut self) -> Result<()> {
        let (filer, s3) = (format!("{}/ready", self.filer), format!("{}/healthz", self.s3));
        self.server.wait_until(READY, || {
            let (status, said) = server::ask("PUT", &filer, "{}")?;
            if !(200..300).contains(&status) {
                bail!("storing a file: {status} {said}");
            }
            answers("GET", &s3)
        })
    }
}

fn start_ministack(bin: &Path, dir: &Path) -> Result<(Server, String)> {
    let [port] = free_ports()?;
    let mut ministack = apart_from_aws(bin.join("ministack"));
    ministack.current_dir(dir).env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
    let server = Server::start("ministack", &ministack, &dir.join("ministack.log"))?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

fn start_awsim(program: &Path, s3: &str, sqs: &str, dir: &Path) -> Result<(Server, String)> {
    let [port] = free_ports()?;
    let mut awsim = apart_from_aws(program);
    awsim.args(["--s3", s3, "--sqs", sqs, "--listen", &format!("127.0.0.1:{port}")]);
    if let Some(program) = std::env::var_os("EMAM_FFMPEG").filter(|value| !value.is_empty()) {
        awsim.arg("--ffmpeg").arg(program);
    }
    let server = Server::start("emam-awsim", &awsim, &dir.join("awsim.log"))?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

/// A client of the account, with its credentials.
pub(crate) fn as_client(command: &mut Command) {
    for (name, value) in server::ENVIRONMENT {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}
