//! The packages for Python and Node: a wheel, and two npm tarballs (the client, and the native core
//! of this machine's platform).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::project::{Project, output, succeeds};
use crate::setup::{Node, Python, TOOLS};

/// How the native parts are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Fast to build: what the tests use.
    Dev,
    /// Fast to run: what is given away.
    Release,
}

/// Makes all packages and lists them with their sizes.
pub(crate) fn run(project: &Project, profile: Profile, out: Option<&Path>) -> Result<bool> {
    let default = project.target.join("package");
    let out = std::path::absolute(out.unwrap_or(&default))?;
    let mut made = vec![wheel(project, profile, &out)?];
    made.extend(npm(project, profile, &out)?);
    for file in &made {
        let size = file.metadata().with_context(|| format!("reading {}", file.display()))?.len();
        println!("{:>8} kB  {}", size.div_ceil(1000), project.shown(file));
    }
    Ok(true)
}

/// Makes the wheel.
pub(crate) fn wheel(project: &Project, profile: Profile, out: &Path) -> Result<PathBuf> {
    let python = Python::ensure(project)?;
    python.install_requirements(project, TOOLS)?;
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    remove(out, |name| name.ends_with(".whl"))?;
    eprintln!("building: the Python package (the first time takes minutes)");
    let mut maturin = python.module("maturin");
    maturin.current_dir(&project.root).arg("build").arg("--quiet");
    maturin.args(["--manifest-path", "bindings-python/Cargo.toml", "--locked"]);
    maturin.arg("--interpreter").arg(&python.program).arg("--out").arg(out);
    maturin.args(match profile {
        Profile::Dev => ["--profile", "dev"],
        Profile::Release => ["--profile", "release"],
    });
    project.as_cargo(&mut maturin);
    if !succeeds(&mut maturin)? {
        bail!("the wheel was not built; mend what is said above");
    }
    only(out, |name| name.ends_with(".whl"))
}

/// Makes the npm packages: the client first.
pub(crate) fn npm(project: &Project, profile: Profile, out: &Path) -> Result<Vec<PathBuf>> {
    let node = Node::ensure(project)?;
    let folder = project.root.join("bindings-node");
    node.install_locked(project, &folder)?;
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    remove(out, |name| name.ends_with(".tgz"))?;
    eprintln!("building: the npm packages (the first time takes minutes)");
    native(project, profile, &folder)?;
    if !succeeds(node.npm(&folder).args(["run", "--silent", "build:client"]))? {
        bail!("the npm client was not built; mend what is said above");
    }
    let printed = output(node.npm(&folder).args(["run", "--silent", "pack", "--"]).arg(out))?;
    let made: Vec<PathBuf> = printed.lines().map(|line| PathBuf::from(line.trim())).collect();
    if made.len() < 2 || made.iter().any(|file| !file.is_file()) {
        bail!("`npm run pack` said it made this, which is not a client and a core:\n{printed}");
    }
    Ok(made)
}

/// Compiles the native core and puts it where `npm run pack` looks for it.
///
/// Not by `napi build`: that names a target, so Cargo would compile every dependency a second time
/// into a folder of its own.
fn native(project: &Project, profile: Profile, folder: &Path) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["build", "-q", "-p", "emam-node", "--locked"]);
    let built = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    if !succeeds(&mut cargo)? {
        bail!("the native core for Node was not built; mend what is said above");
    }
    let (begin, end) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = project.target.join(built).join(format!("{begin}emam_node{end}"));
    let platform = output(Command::new("node").args(["-p", PLATFORM]))?;
    let core = folder.join(format!("emam.{}.node", platform.trim()));
    // Beside and then into place: a Node that has the old one open keeps it.
    let beside = core.with_extension("node.new");
    std::fs::copy(&library, &beside)
        .and_then(|_| std::fs::rename(&beside, &core))
        .with_context(|| format!("copying {} to {}", library.display(), core.display()))
}

/// Prints the name npm packages call this platform by.
const PLATFORM: &str = "`${process.platform}-${process.arch}` + \
    (process.platform === 'linux' ? '-gnu' : process.platform === 'win32' ? '-msvc' : '')";

/// Takes away what an earlier run has left: its version may have been another.
fn remove(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
    for file in list(folder, wanted)? {
        std::fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
    }
    Ok(())
}

fn only(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    match list(folder, wanted)?.as_slice() {
        [file] => Ok(file.clone()),
        files => bail!("{} files were made in {}, not one", files.len(), folder.display()),
    }
}

fn list(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        if wanted(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
