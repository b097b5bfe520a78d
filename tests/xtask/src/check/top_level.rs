//! The top folder holds what a newcomer should see first, and no more.

use std::collections::BTreeSet;

use super::{Finding, Tree};

const ALLOWED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "emam-core",
    "emam-aws",
    "bindings-python",
    "bindings-node",
    "examples",
    "docs",
    "tests",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    strangers(tree.files.iter().map(String::as_str))
}

fn strangers<'a>(files: impl Iterator<Item = &'a str>) -> Vec<Finding> {
    let names: BTreeSet<&str> =
        files.map(|file| file.split_once('/').map_or(file, |(top, _)| top)).collect();
    names
        .into_iter()
        .filter(|name| !name.starts_with('.') && !ALLOWED.contains(name))
        .map(|name| Finding::new(name, "does not belong in the top folder: move it below"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strangers_are_found_and_once() {
        let files = ["Cargo.toml", ".ci/run", "docs/limits.md", "notes/a", "notes/b", "x.py"];
        let found = strangers(files.into_iter());
        let places: Vec<_> = found.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["notes", "x.py"]);
    }
}
