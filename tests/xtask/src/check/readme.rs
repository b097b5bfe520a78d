//! The code in the README is code that runs: `examples/quickstart.rs` between its two markers.

use super::{Finding, Tree};

const README: &str = "README.md";
const PROGRAM: &str = "examples/quickstart.rs";
const START: &str = "// readme:start";
const END: &str = "// readme:end";

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    match (tree.text(README), tree.text(PROGRAM)) {
        (Some(readme), program) => differing(&readme, &program.unwrap_or_default()),
        (None, _) => vec![Finding::new(README, "is missing: write it")],
    }
}

fn differing(readme: &str, program: &str) -> Vec<Finding> {
    let parts = marked(program);
    fences(readme)
        .into_iter()
        .filter(|(_, code)| !parts.contains(code))
        .map(|(line, _)| {
            Finding::new(
                format!("{README}:{line}"),
                format!("differs from {PROGRAM} between `{START}` and `{END}`: make them equal"),
            )
        })
        .collect()
}

/// Each stretch between markers; there may be several.
fn marked(program: &str) -> Vec<Vec<&str>> {
    let mut parts = Vec::new();
    let mut part: Option<Vec<&str>> = None;
    for line in program.lines().map(str::trim) {
        if line == START {
            part = Some(Vec::new());
        } else if line == END {
            parts.extend(part.take());
        } else if let Some(part) = part.as_mut().filter(|_| !line.is_empty()) {
            part.push(line);
        }
    }
    parts
}

/// The Rust fences with the line they start at. Lines rustdoc hides (`# …`) are not shown either.
fn fences(readme: &str) -> Vec<(usize, Vec<&str>)> {
    let mut found = Vec::new();
    let mut open: Option<(bool, usize, Vec<&str>)> = None;
    for (index, line) in readme.lines().map(str::trim).enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            match open.take() {
                Some((true, start, code)) => found.push((start, code)),
                Some((false, ..)) => {}
                None => {
                    let rust = language.split(',').next().map(str::trim) == Some("rust");
                    open = Some((rust, index + 1, Vec::new()));
                }
            }
        } else if let Some((_, _, code)) = &mut open {
            let hidden = line == "#" || line.starts_with("# ");
            if !line.is_empty() && !hidden {
                code.push(line);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "\
fn main() {
    // readme:start
    let library = open();

    library.close();
    // readme:end
}
";

    #[test]
    fn equal_code_passes_whatever_its_indentation() {
        let readme = "# emam\n```sh\ncargo add\n```\n```rust,no_run\n# hidden();\nlet library = \
                      open();\nlibrary.close();\n```\n";
        assert_eq!(differing(readme, CODE), []);
    }

    #[test]
    fn different_code_is_found_at_its_line() {
        let readme = "# emam\n\n```rust\nlet library = opened();\n```\n";
        let places: Vec<_> = differing(readme, CODE).into_iter().map(|f| f.place).collect();
        assert_eq!(places, ["README.md:3"]);
    }

    #[test]
    fn code_without_a_marked_original_is_found() {
        assert_eq!(differing("```rust\nopen();\n```", "fn main() {}").len(), 1);
    }
}
