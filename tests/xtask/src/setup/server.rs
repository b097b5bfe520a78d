//! Servers the commands start beside them and stop again.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

/// Leads the server's process group and ends it with its own input: however we go, even killed, our
/// end of the pipe is closed then, and nothing is left running.
const GUARD: &str = r#"
exec 3<&0
"$@" 3<&- & server=$!
{ trap '' TERM; cat <&3 >/dev/null; kill -TERM 0; sleep 2; kill -KILL 0; } &
trap : TERM
while kill -0 $server 2>/dev/null; do wait $server; done
kill -KILL 0
"#;

/// A server that runs for as long as this is kept.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    guard: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command`; what it says goes to `log`.
    pub(crate) fn start(name: &'static str, command: &Command, log: &Path) -> Result<Self> {
        let open = || File::create(log).with_context(|| format!("making {}", log.display()));
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, name]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(key, value),
                None => guard.env_remove(key),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            guard.current_dir(dir);
        }
        guard.stdin(Stdio::piped()).stdout(open()?).stderr(open()?).process_group(0);
        let guard = guard.spawn().with_context(|| format!("starting {name}"))?;
        Ok(Self { name, guard, log: log.to_owned() })
    }

    /// Waits until `ready` says so.
    pub(crate) fn wait_until(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let end = Instant::now() + limit;
        let mut last = None;
        while Instant::now() < end {
            if let Some(status) = self.guard.try_wait()? {
                bail!("{} ended before it was ready ({status}):\n{}", self.name, self.said());
            }
            match ready() {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => last = Some(error),
            }
            thread::sleep(Duration::from_millis(100));
        }
        let last = last.map_or_else(String::new, |error| format!(" ({error:#})"));
        bail!(
            "{} was not ready within {} s{last}: look into {}",
            self.name,
            limit.as_secs(),
            self.log.display()
        )
    }

    /// The end of what it said.
    fn said(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // Its last act is to kill its group, itself included.
        drop(self.guard.wait());
    }
}

/// Free ports of this machine, all different.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").context("finding a free port")?;
        *port = listener.local_addr()?.port();
        // Held until all are found, so that none is found twice.
        held.push(listener);
    }
    Ok(ports)
}

/// The status and the body of the answer to one plain HTTP request.
///
/// Not more than the servers here need: no redirects, no encryption.
pub(crate) fn ask(method: &str, url: &str, body: &str) -> Result<(u16, String)> {
    let rest = url.strip_prefix("http://").ok_or_else(|| anyhow!("{url} is not http"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).with_context(|| format!("reaching {host}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("hearing {host}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| anyhow!("{url} does not speak HTTP"))?;
    Ok((status, body.to_owned()))
}

/// Whether a request is answered with success.
pub(crate) fn answers(method: &str, url: &str) -> Result<bool> {
    let (status, body) = ask(method, url, "")?;
    if (200..300).contains(&status) {
        return Ok(true);
    }
    Err(anyhow!("{method} {url}: {status} {}", body.chars().take(200).collect::<String>()))
}

/// Asks and takes only success for an answer.
pub(crate) fn tell(method: &str, url: &str, body: &str) -> Result<String> {
    let (status, answer) = ask(method, url, body)?;
    if !(200..300).contains(&status) {
        bail!("{method} {url}: {status} {answer}");
    }
    Ok(answer)
}

/// A program that takes its environment from us, without what would lead it to a real account.
pub(crate) fn apart_from_aws(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, value) in ENVIRONMENT {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// What every client of the emulated account has in its environment.
pub(crate) const ENVIRONMENT: &[(&str, Option<&str>)] = &[
    ("AWS_ACCESS_KEY_ID", Some("test")),
    ("AWS_SECRET_ACCESS_KEY", Some("testsecret")),
    ("AWS_REGION", Some("us-east-1")),
    ("AWS_DEFAULT_REGION", Some("us-east-1")),
    ("AWS_EC2_METADATA_DISABLED", Some("true")),
    ("AWS_CONFIG_FILE", Some("/dev/null")),
    ("AWS_SHARED_CREDENTIALS_FILE", Some("/dev/null")),
    ("AWS_SESSION_TOKEN", None),
    ("AWS_PROFILE", None),
    ("AWS_ENDPOINT_URL", None),
    ("AWS_CA_BUNDLE", None),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> PathBuf {
        std::env::temp_dir().join(format!("emam-xtask-server-{}.log", std::process::id()))
    }

    #[test]
    fn a_server_that_ends_at_once_tells_what_it_said() -> Result<()> {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such port; exit 3"]);
        let log = log().with_extension("ends");
        let mut server = Server::start("test", &command, &log)?;
        let error = server.wait_until(Duration::from_secs(20), || Ok(false));
        std::fs::remove_file(log)?;
        let text = error.map_err(|error| error.to_string());
        assert!(text.as_ref().is_err_and(|text| text.contains("no such port")), "{text:?}");
        Ok(())
    }

    #[test]
    fn nothing_is_left_of_a_server_and_its_children() -> Result<()> {
        let mut command = Command::new("sh");
        // One that does not want to go, and its child.
        command.args(["-c", "trap '' TERM; sleep 1000 & echo $! $$; wait; sleep 1000"]);
        let log = log().with_extension("left");
        let mut server = Server::start("test", &command, &log)?;
        server.wait_until(Duration::from_secs(20), || {
            Ok(std::fs::read_to_string(&log)?.ends_with('\n'))
        })?;
        let ids = std::fs::read_to_string(&log)?;
        drop(server);
        std::fs::remove_file(&log)?;
        assert_eq!(ids.split_whitespace().count(), 2, "{ids}");
        let runs = |id: &str| {
            std::fs::read_to_string(format!("/proc/{id}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z "))
        };
        // Killed, they are still seen for a moment.
        let end = Instant::now() + Duration::from_secs(10);
        while ids.split_whitespace().any(runs) && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        let left: Vec<_> = ids.split_whitespace().filter(|id| runs(id)).collect();
        assert!(left.is_empty(), "{left:?} still run");
        Ok(())
    }

    #[test]
    fn ports_differ() -> Result<()> {
        let mut ports = free_ports::<20>()?.to_vec();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
        Ok(())
    }
}
