//! The other Rust library that reads timelines, as a program: `tests/peer`.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::project::{Project, succeeds};

/// The variable that names it to tests and benchmarks.
pub(crate) const VARIABLE: &str = "EMAM_TEST_PEER";

/// Builds it in `target/peer`, apart from everything else; gives its path.
pub(crate) fn build(project: &Project, release: bool) -> Result<PathBuf> {
    let target = project.target.join("peer");
    let mut cargo = project.cargo();
    cargo.args(["build", "--quiet", "--locked", "--manifest-path", "tests/peer/Cargo.toml"]);
    cargo.env("CARGO_TARGET_DIR", &target);
    if release {
        cargo.arg("--release");
    }
    if !succeeds(&mut cargo)? {
        bail!("the peer of timelines was not built; mend what is said above");
    }
    Ok(target.join(if release { "release" } else { "debug" }).join("emam-peer"))
}
