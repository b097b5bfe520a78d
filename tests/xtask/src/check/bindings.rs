//! A binding converts, blocks and names, and nothing else: what is more is found by its size.

use super::{Finding, Tree};

const FOLDERS: [&str; 2] = ["bindings-python/src/", "bindings-node/src/"];

/// Lines of Rust written by hand, in all files of a binding together.
const MOST: usize = 300;

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    FOLDERS
        .iter()
        .filter_map(|folder| {
            let files = tree.texts(|file| file.starts_with(folder) && file.ends_with(".rs"));
            too_large(folder, files.map(|(_, text)| text.lines().count()).sum())
        })
        .collect()
}

fn too_large(folder: &str, lines: usize) -> Option<Finding> {
    (lines > MOST).then(|| {
        Finding::new(
            folder,
            format!(
                "{lines} lines of Rust, more than {MOST}: what another language needs too belongs \
                 in emam-core"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_than_the_limit_is_found() {
        assert_eq!(too_large("a/src/", 300), None);
        let found = too_large("a/src/", 301).map(|finding| finding.to_string());
        assert!(found.is_some_and(|found| found.starts_with("a/src/: 301 lines")));
    }
}
