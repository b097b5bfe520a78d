//! What the tests do not see: the tools' opinion, and the rules of the tree.
//!
//! A rule is a file beside this one with one function from the [`Tree`] to its findings.

mod bindings;
mod contracts;
mod file_size;
mod private_names;
mod readme;
mod templates;
mod top_level;
mod versions;

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::project::{self, Project};

/// One thing to mend: where it is, and what to do about it.
#[derive(Debug, PartialEq)]
struct Finding {
    place: String,
    text: String,
}

impl Finding {
    fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// The files that are or will be committed.
#[derive(Debug)]
struct Tree {
    root: PathBuf,
    /// Relative to the root, with `/`.
    files: Vec<String>,
}

impl Tree {
    /// Files git does not ignore: a new one is to be found before it is added, not after.
    fn read(project: &Project) -> Result<Self> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = project::output(git.current_dir(&project.root))?;
        let mut files: Vec<String> = listed
            .split('\0')
            .filter(|file| !file.is_empty() && project.root.join(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort_unstable();
        files.dedup();
        Ok(Self { root: project.root.clone(), files })
    }

    /// The file's text; None when it is no text or is not there.
    fn text(&self, file: &str) -> Option<String> {
        let text = String::from_utf8(std::fs::read(self.root.join(file)).ok()?).ok()?;
        (!text.contains('\0')).then_some(text)
    }

    /// The text files whose path is wanted, with their text.
    fn texts(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (&str, String)> {
        let files = self.files.iter().map(String::as_str).filter(move |file| wanted(file));
        files.filter_map(|file| Some((file, self.text(file)?)))
    }
}

const RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    top_level::find,
    file_size::find,
    bindings::find,
    contracts::find,
    private_names::find,
    readme::find,
    versions::find,
];

/// Prints every finding and how many there are; true when there is none.
pub(crate) fn run(project: &Project, fix: bool) -> Result<bool> {
    if fix {
        project::succeeds(project.cargo().args(["fmt", "--all"]))?;
    }
    let mut findings = tools(project)?;
    let tree = Tree::read(project)?;
    findings.extend(templates::find(project, &tree)?);
    findings.extend(RULES.iter().flat_map(|rule| rule(&tree)));
    for finding in &findings {
        println!("{finding}");
    }
    println!("check: {} findings", findings.len());
    Ok(findings.is_empty())
}

/// Each tool prints its own findings; here it counts as one.
fn tools(project: &Project) -> Result<Vec<Finding>> {
    const CLIPPY: &[&str] = &[
        "clippy",
        "-q",
        "--workspace",
        "--all-targets",
        "--features",
        "emam-examples/aws",
        "--",
        "-D",
        "warnings",
    ];
    const DOC: &[&str] =
        &["doc", "-q", "--no-deps", "--all-features", "-p", "emam-core", "-p", "emam-aws"];
    let tools = [
        ("format", &["fmt", "--all", "--check"][..], "`cargo xtask check --fix` mends it"),
        ("clippy", CLIPPY, "mend what it says above (missing? `rustup component add clippy`)"),
        ("documentation", DOC, "mend what rustdoc says above"),
    ];
    let mut findings = Vec::new();
    for (name, arguments, advice) in tools {
        let mut cargo = project.cargo();
        if !project::succeeds(cargo.args(arguments).env("RUSTDOCFLAGS", "-D warnings"))? {
            findings.push(Finding::new(name, advice));
        }
    }
    Ok(findings)
}
