//! The demonstration, and a second opinion on what it wrote.

mod aws;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::{Project, on_path, output, succeeds};
use crate::{media, setup};

pub(crate) use aws::run as run_on_aws;

/// Runs the demo on these files, or on the test media, and checks its MD5SUMS.
pub(crate) fn run(project: &Project, files: &[PathBuf]) -> Result<bool> {
    // The demo runs in the top folder, wherever this was typed.
    let mut inputs = Vec::new();
    for file in files {
        inputs.push(
            std::fs::canonicalize(file)
                .with_context(|| format!("{}: name a file that exists", file.display()))?,
        );
    }
    setup::ffmpeg()?;
    let mut cargo = project.cargo();
    if inputs.is_empty() {
        let dir = media::fetch_dir(project)?;
        inputs = media::DEMO.iter().map(|name| dir.join(name)).collect();
        cargo.env(media::VARIABLE, dir);
    }
    let out = project.target.join("demo");
    eprintln!("building the demo (the first time takes some minutes)");
    cargo.args(["run", "-q", "-p", "emam-examples", "--bin", "demo", "--", "--out"]);
    if !succeeds(cargo.arg(&out).args(inputs))? {
        return Ok(false);
    }
    verify(&out)
}

/// Asks the system's md5sum, which shares no code with emam.
fn verify(out: &Path) -> Result<bool> {
    let list = out.join("MD5SUMS");
    let text = std::fs::read_to_string(&list)
        .with_context(|| format!("the demo left no {}", list.display()))?;
    let files = text.lines().filter(|line| !line.is_empty()).count();
    if files == 0 {
        bail!("{} lists no file", list.display());
    }
    if !on_path("md5sum") {
        eprintln!("skipped: this machine has no md5sum, so MD5SUMS is not checked with it");
        return Ok(true);
    }
    let mut md5sum = Command::new("md5sum");
    match output(md5sum.args(["--check", "--strict", "MD5SUMS"]).current_dir(out)) {
        Ok(lines) => {
            print!("{lines}");
            println!("md5sum: {files} of {files} files match");
            Ok(true)
        }
        Err(error) => {
            println!("md5sum: {error:#}");
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, sums: &str) -> Result<Result<bool>> {
        let dir = std::env::temp_dir().join(format!("emam-xtask-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join("abc"), "abc")?;
        std::fs::write(dir.join("MD5SUMS"), sums)?;
        let verdict = verify(&dir);
        std::fs::remove_dir_all(dir)?;
        Ok(verdict)
    }

    #[test]
    fn sums_that_match_pass() -> Result<()> {
        // RFC 1321's own example.
        assert!(verdict("match", "900150983cd24fb0d6963f7d28e17f72  abc\n")??);
        Ok(())
    }

    #[test]
    fn a_wrong_sum_or_a_missing_file_fails() -> Result<()> {
        assert!(!verdict("wrong", "000150983cd24fb0d6963f7d28e17f72  abc\n")??);
        assert!(!verdict("missing", "900150983cd24fb0d6963f7d28e17f72  abd\n")??);
        Ok(())
    }

    #[test]
    fn an_empty_list_is_an_error() -> Result<()> {
        assert!(verdict("empty", "")?.is_err());
        Ok(())
    }
}
