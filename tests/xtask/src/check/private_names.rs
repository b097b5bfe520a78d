//! What is true only on one machine stays out of the files: its folders, its package hosts.

use super::{Finding, Tree};

/// Joined here so that this file does not find itself.
const FOLDERS: &[&str] = &[concat!("/", "work", "/"), concat!("/", "root", "/")];
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("registry.", "npmjs.org"),
    concat!("deb.", "debian.org"),
];

/// Lock files name the registry because their format does.
const EXEMPT: &[&str] = &["Cargo.lock", "package-lock.json"];

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    tree.texts(|file| !EXEMPT.iter().any(|name| file.rsplit('/').next() == Some(name)))
        .flat_map(|(file, text)| in_text(file, &text))
        .collect()
}

fn in_text(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = || format!("{file}:{}", index + 1);
        for folder in FOLDERS.iter().filter(|folder| has_path(line, folder)) {
            findings.push(Finding::new(
                place(),
                format!("{folder} is a folder of one machine: name it relative to the project"),
            ));
        }
        for host in HOSTS.iter().filter(|host| line.contains(*host)) {
            findings.push(Finding::new(
                place(),
                format!("{host} is a package host: name the package and leave the host out"),
            ));
        }
    }
    findings
}

/// Whether an absolute path starts so; the same name deeper in a path or in an address does not count.
fn has_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.~/*}>".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        in_text("a.md", text).len()
    }

    #[test]
    fn machine_folders_and_hosts_are_found() {
        assert_eq!(count(concat!("see `/wo", "rk/main`")), 1);
        assert_eq!(count(concat!("open(\"/ro", "ot/x\")\nfrom https://pypi", ".org/simple")), 2);
        assert_eq!(count(concat!("=/wo", "rk/a https://static.crates", ".io")), 2);
    }

    #[test]
    fn the_same_word_inside_a_path_is_none() {
        let text = concat!("a/wo", "rk/b ./wo", "rk/b https://host/wo", "rk/b {root}/ro", "ot/c");
        assert_eq!(count(&format!("{text} crates and io")), 0);
    }
}
