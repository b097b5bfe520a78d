//! What the commands need beside Rust, found or installed.
//!
//! Only system packages go to the machine; all else goes to the target directory. A line is printed
//! for what is installed and none for what was there.

pub(crate) mod account;
mod node;
pub(crate) mod peer;
pub(crate) mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

pub(crate) use node::Node;

use crate::project::{Project, on_path, output};

/// Makes sure that ffmpeg and ffprobe can be run.
pub(crate) fn ffmpeg() -> Result<()> {
    if let Some(program) = std::env::var_os("EMAM_FFMPEG").filter(|value| !value.is_empty()) {
        let program = Path::new(&program);
        if program.is_file() || program.to_str().is_some_and(on_path) {
            return Ok(());
        }
        bail!(
            "EMAM_FFMPEG names {}, which is no file: correct it, or unset it to use the ffmpeg \
             on PATH",
            program.display()
        );
    }
    let found = || on_path("ffmpeg") && on_path("ffprobe");
    if !found() {
        apt_install("ffmpeg")
            .context("ffmpeg and ffprobe are needed: install them, or set EMAM_FFMPEG")?;
        if !found() {
            bail!("ffmpeg was installed, yet ffmpeg and ffprobe are not both on PATH");
        }
    }
    Ok(())
}

/// Installs one Debian package, as root or through sudo.
pub(crate) fn apt_install(package: &str) -> Result<()> {
    let mut apt = as_root()?;
    eprintln!("installing: {package} (Debian package)");
    apt_update()?;
    apt.args(["apt-get", "install", "-qq", "-y", "--no-install-recommends", package]);
    output(&mut apt).map(drop)
}

/// Refreshes the package lists: a fresh machine has none, and old ones name files that are gone.
pub(crate) fn apt_update() -> Result<()> {
    output(as_root()?.args(["apt-get", "update", "-qq"])).map(drop)
}

/// `env VARIABLES…`, with sudo in front where it takes that; the caller adds the command.
fn as_root() -> Result<Command> {
    if !on_path("apt-get") {
        bail!("this machine has no apt-get: install it with the machine's own package manager");
    }
    let root = output(Command::new("id").arg("-u"))?.trim() == "0";
    let mut command = match (root, on_path("sudo")) {
        (true, _) => Command::new("env"),
        (false, true) => {
            let mut sudo = Command::new("sudo");
            sudo.arg("env");
            sudo
        }
        (false, false) => bail!("installing takes root or sudo: install it as root"),
    };
    command.arg("DEBIAN_FRONTEND=noninteractive");
    Ok(command)
}

/// A Python environment of the project in the target directory.
#[derive(Debug)]
pub(crate) struct Python {
    /// The environment's interpreter.
    pub(crate) program: PathBuf,
    venv: PathBuf,
    cache: PathBuf,
}

impl Python {
    /// The project's own environment, `target/venv`: found, or made.
    pub(crate) fn ensure(project: &Project) -> Result<Self> {
        Self::in_folder(project, "venv")
    }

    /// Finds the environment of this name in the target directory, or makes it.
    pub(crate) fn in_folder(project: &Project, name: &str) -> Result<Self> {
        let venv = project.target.join(name);
        let cache = project.target.join("pip-cache");
        let python = Self { program: venv.join("bin").join("python"), venv, cache };
        // One whose interpreter has been upgraded away is there and does not run.
        if output(Command::new(&python.program).args(["-m", "pip", "--version"])).is_ok() {
            return Ok(python);
        }
        let able = |module: &str| {
            output(Command::new("python3").args(["-c", &format!("import {module}")])).is_ok()
        };
        if !able("sys") {
            apt_install("python3").context("Python 3 is needed: install python3")?;
        }
        if !able("ensurepip") {
            // Debian keeps this part of Python in a package of its own.
            apt_install("python3-venv")
                .context("Python's venv and ensurepip are needed: install python3-venv")?;
        }
        if python.venv.exists() {
            std::fs::remove_dir_all(&python.venv)
                .with_context(|| format!("removing the broken {}", python.venv.display()))?;
        }
        eprintln!("making: {} (Python environment)", project.shown(&python.venv));
        output(Command::new("python3").args(["-m", "venv"]).arg(&python.venv))?;
        Ok(python)
    }

    /// Installs the pinned packages of a requirements file, once for each edition of it.
    pub(crate) fn install_requirements(&self, project: &Project, file: &str) -> Result<()> {
        let file = project.root.join(file);
        let wanted = std::fs::read_to_string(&file)
            .with_context(|| format!("reading {}", file.display()))?;
        let stamp = self.venv.join("installed-requirements.txt");
        if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        for package in requirements(&wanted) {
            eprintln!("installing: {package} (Python package, in {})", project.shown(&self.venv));
        }
        output(self.pip().args(["install", "--requirement"]).arg(&file))?;
        std::fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
    }

    /// A program of the environment that is a Python module.
    pub(crate) fn module(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-m", name]);
        command
    }

    /// pip, which keeps its cache in the target directory too.
    pub(crate) fn pip(&self) -> Command {
        let mut pip = self.module("pip");
        pip.args(["--quiet", "--no-input", "--disable-pip-version-check"]);
        pip.env("PIP_CACHE_DIR", &self.cache);
        pip
    }
}

/// The packages a requirements file names.
fn requirements(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The packages the project's own environment holds.
pub(crate) const TOOLS: &str = "tests/xtask/requirements.txt";

#[cfg(test)]
mod tests {
    use super::requirements;

    #[test]
    fn requirements_are_the_lines_that_are_no_comment() {
        assert_eq!(requirements("# why\n\none==1.0\n two==2.0 \n"), ["one==1.0", "two==2.0"]);
    }

    #[test]
    fn every_requirement_is_pinned() {
        for text in [
            include_str!("../requirements.txt"),
            include_str!("../aws-requirements.txt"),
            include_str!("../../python/requirements.txt"),
        ] {
            let packages = requirements(text);
            assert!(!packages.is_empty());
            assert!(packages.iter().all(|package| package.contains("==")), "{packages:?}");
        }
    }
}
