//! The packages, installed as their users do: into an environment and a folder of their own that
//! know nothing of the sources.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::package::{self, Profile};
use crate::project::{Project, output};
use crate::setup::{Node, Python};

/// What the Python tests need beside the package.
const PYTHON_TESTS: &str = "tests/python/requirements.txt";

/// Installs the wheel into `target/venv-emam`, with what its tests need; gives the environment's
/// interpreter.
pub(crate) fn python(project: &Project, profile: Profile) -> Result<Python> {
    let wheel = package::wheel(project, profile, &project.target.join("package"))?;
    let python = Python::in_folder(project, "venv-emam")?;
    python.install_requirements(project, PYTHON_TESTS)?;
    output(python.pip().args(["install", "--upgrade"]).arg(&wheel))?;
    // The same version with other contents is none to pip.
    output(python.pip().args(["install", "--force-reinstall", "--no-deps"]).arg(&wheel))?;
    Ok(python)
}

/// Installs the npm packages into `target/npm-emam`, with what their tests need; gives the folder.
pub(crate) fn node(project: &Project, profile: Profile) -> Result<PathBuf> {
    let made = package::npm(project, profile, &project.target.join("package"))?;
    let node = Node::ensure(project)?;
    let folder = project.target.join("npm-emam");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    // The same version with other contents is none to npm.
    for old in ["node_modules/emam", "node_modules/@emam", "node_modules/.package-lock.json"] {
        let old = folder.join(old);
        let gone = if old.is_dir() { std::fs::remove_dir_all(&old) } else { remove_file(&old) };
        gone.with_context(|| format!("removing {}", old.display()))?;
    }
    let tests = project.root.join("tests/node/package.json");
    let tests: Value = serde_json::from_str(
        &std::fs::read_to_string(&tests).with_context(|| format!("reading {}", tests.display()))?,
    )?;
    let manifest = json!({
        "private": true,
        "type": "module",
        "devDependencies": tests["devDependencies"],
    });
    std::fs::write(folder.join("package.json"), format!("{manifest:#}\n"))?;
    let mut npm = node.npm(&folder);
    npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]);
    output(npm.args(&made))?;
    Ok(folder)
}

/// Copies the tests beside the installed package, from where they find it and no other; gives
/// their folder.
pub(crate) fn node_tests(project: &Project, installed: &Path) -> Result<PathBuf> {
    let (from, to) = (project.root.join("tests/node"), installed.join("tests"));
    if to.exists() {
        std::fs::remove_dir_all(&to).with_context(|| format!("removing {}", to.display()))?;
    }
    std::fs::create_dir(&to).with_context(|| format!("making {}", to.display()))?;
    let listed = output(
        Command::new("git")
            .args(["ls-files", "-z", "-co", "--exclude-standard"])
            .current_dir(&from),
    )?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        // Here the package is installed, not linked.
        if name == "package.json" || name == "package-lock.json" {
            continue;
        }
        let copy = to.join(name);
        if let Some(folder) = copy.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(from.join(name), &copy).with_context(|| format!("copying {name}"))?;
    }
    Ok(to)
}

fn remove_file(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}
