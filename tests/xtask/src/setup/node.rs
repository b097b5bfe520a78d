//! Node and npm.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt_install;
use crate::project::{Project, on_path, output};

/// The oldest Node emam runs on.
const OLDEST: u32 = 20;

/// Node and npm, found on the PATH.
#[derive(Debug)]
pub(crate) struct Node {
    cache: std::path::PathBuf,
}

impl Node {
    /// Finds them, or installs them as system packages.
    pub(crate) fn ensure(project: &Project) -> Result<Self> {
        for (program, package) in [("node", "nodejs"), ("npm", "npm")] {
            if !on_path(program) {
                apt_install(package).with_context(|| {
                    format!("{program} is needed: install Node {OLDEST} or newer")
                })?;
            }
        }
        let version = output(Command::new("node").arg("--version"))?;
        match major(&version) {
            Some(found) if found >= OLDEST => Ok(Self { cache: project.target.join("npm-cache") }),
            _ => bail!(
                "node is {}, and emam needs {OLDEST} or newer: put a newer one on the PATH",
                version.trim()
            ),
        }
    }

    /// npm in a folder; its cache is in the target directory too.
    pub(crate) fn npm(&self, folder: &Path) -> Command {
        let mut npm = Command::new("npm");
        npm.current_dir(folder).env("npm_config_cache", &self.cache);
        npm.env("npm_config_update_notifier", "false");
        npm
    }

    /// Installs exactly what the folder's package-lock.json says, once for each edition of it.
    pub(crate) fn install_locked(&self, project: &Project, folder: &Path) -> Result<()> {
        let lock = folder.join("package-lock.json");
        let wanted = std::fs::read_to_string(&lock)
            .with_context(|| format!("reading {}", lock.display()))?;
        let stamp = folder.join("node_modules/.emam-lock.json");
        if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        eprintln!("installing: npm packages of {}", project.shown(&lock));
        // `engines` of packages that are not used would be warned about.
        output(self.npm(folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
        std::fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
    }
}

/// The first number of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn versions_are_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("22.1"), Some(22));
        assert_eq!(major("node: not found"), None);
    }
}
