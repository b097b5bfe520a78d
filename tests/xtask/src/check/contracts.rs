//! Each promise of a backend trait is a case of its conformance suite.
//!
//! A promise is a bullet ``- `case_name`: text`` under `# Contract` in the documentation of
//! `emam-core/src/backend`; its case bears the same name in `emam-core/src/testkit`.

use std::collections::HashSet;

use super::{Finding, Tree};

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let rust_in =
        |folder: &'static str| move |file: &str| file.starts_with(folder) && file.ends_with(".rs");
    let mut cases = HashSet::new();
    for (_, text) in tree.texts(rust_in("emam-core/src/testkit/")) {
        cases.extend(names(&text).map(str::to_owned));
    }
    tree.texts(rust_in("emam-core/src/backend/"))
        .flat_map(|(file, text)| broken_promises(file, &text, &cases))
        .collect()
}

fn broken_promises(file: &str, text: &str, cases: &HashSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, bullet) in bullets(text) {
        let place = format!("{file}:{line}");
        let name = bullet.strip_prefix('`').and_then(|rest| rest.split_once("`:"));
        match name {
            None => findings.push(Finding::new(
                place,
                "a contract bullet without its case: write \"- `case_name`: promise\"",
            )),
            Some((name, _)) if !cases.contains(name) => findings.push(Finding::new(
                place,
                format!("the testkit has no case `{name}`: write it, or drop the promise"),
            )),
            Some(_) => {}
        }
    }
    findings
}

/// The bullets under `# Contract`, with their line numbers. A list ends with the next heading or
/// with the comment; lines further in continue a bullet.
fn bullets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            inside = false;
            continue;
        };
        let doc = doc.strip_prefix(' ').unwrap_or(doc);
        if doc.starts_with('#') {
            inside = doc.trim() == "# Contract";
        } else if let Some(bullet) = doc.strip_prefix("- ").filter(|_| inside) {
            found.push((index + 1, bullet));
        }
    }
    found
}

/// The words of the code; a comment is no case.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAIT: &str = "\
/// Keeps bytes.
///
/// - not a promise
///
/// # Contract
///
/// - `put_then_get_returns_the_bytes`: what was put
///   comes back
///   - in any size
/// - `list_is_paged`: no more than asked for
///
/// # Errors
///
/// - `NotFound` when it is not there
pub trait Storage {
    /// # Contract
    /// - without a name
    async fn stat(&self);
    // - `nothing`: here
}
";

    #[test]
    fn bullets_are_found_only_under_their_heading() {
        let lines: Vec<_> = bullets(TRAIT).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [7, 10, 17]);
    }

    #[test]
    fn a_promise_without_a_case_and_a_bullet_without_a_name_are_found() {
        let testkit = "// list_is_paged is missing\nasync fn put_then_get_returns_the_bytes() {}\n";
        let cases = names(testkit).map(str::to_owned).collect();
        let found = broken_promises("s.rs", TRAIT, &cases);
        let places: Vec<_> = found.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["s.rs:10", "s.rs:17"]);
        assert!(found[0].text.contains("`list_is_paged`"), "{}", found[0]);
    }

    #[test]
    fn a_case_is_a_whole_word() {
        assert!(!names("fn list_is_paged_twice() {}").any(|name| name == "list_is_paged"));
        assert!(names("case!(list_is_paged, storage)").any(|name| name == "list_is_paged"));
    }
}
