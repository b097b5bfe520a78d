//! A file that grows past this many lines usually hides two subjects.

use super::{Finding, Tree};

const MOST: usize = 600;
const SOURCES: &[&str] = &[".rs", ".py", ".ts", ".cts", ".mjs"];

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    tree.texts(|file| SOURCES.iter().any(|end| file.ends_with(end)))
        .filter_map(|(file, text)| too_long(file, &text))
        .collect()
}

fn too_long(file: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let generated = || text.lines().take(5).any(|line| line.to_lowercase().contains("generated"));
    (lines > MOST && !generated()).then(|| {
        Finding::new(file, format!("{lines} lines, more than {MOST}: split it by subject"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_than_the_limit_is_found() {
        assert_eq!(too_long("a.rs", &"x\n".repeat(600)), None);
        let found = too_long("a.rs", &"x\n".repeat(601)).map(|finding| finding.to_string());
        assert_eq!(found.as_deref(), Some("a.rs: 601 lines, more than 600: split it by subject"));
    }

    #[test]
    fn a_generated_file_says_so_at_its_head() {
        let body = "x\n".repeat(700);
        assert_eq!(
            too_long("a.py", &format!("\"\"\"Types.\n\nGenerated: edit none.\n{body}")),
            None
        );
        assert!(too_long("a.py", &format!("{body}generated")).is_some());
    }
}
