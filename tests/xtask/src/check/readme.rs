//! The code in the README is code that runs: the examples between their markers.

use super::{Finding, Tree};

const README: &str = "README.md";

/// A language of the README's code and the programs it is taken from.
struct Language {
    /// What its fences are marked with.
    fences: &'static [&'static str],
    programs: &'static [&'static str],
    comment: &'static str,
}

const LANGUAGES: [Language; 3] = [
    Language {
        fences: &["rust"],
        programs: &["examples/quickstart.rs", "examples/aws_smoke.rs"],
        comment: "//",
    },
    Language {
        fences: &["python", "py"],
        programs: &["examples/python/quickstart.py"],
        comment: "#",
    },
    Language {
        fences: &["js", "javascript", "ts", "typescript", "mjs"],
        programs: &["examples/node/quickstart.mjs"],
        comment: "//",
    },
];

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let Some(readme) = tree.text(README) else {
        return vec![Finding::new(README, "is missing: write it")];
    };
    LANGUAGES
        .iter()
        .flat_map(|language| {
            let programs: Vec<_> =
                language.programs.iter().filter_map(|name| tree.text(name)).collect();
            differing(language, &readme, &programs)
        })
        .collect()
}

fn differing<P: AsRef<str>>(language: &Language, readme: &str, programs: &[P]) -> Vec<Finding> {
    let comment = language.comment;
    let name = language.programs.join(" and ");
    let parts: Vec<_> =
        programs.iter().flat_map(|program| marked(language, program.as_ref())).collect();
    fences(language, readme)
        .into_iter()
        .filter(|(_, code)| !parts.contains(code))
        .map(|(line, _)| {
            Finding::new(
                format!("{README}:{line}"),
                format!(
                    "differs from {name} between `{comment} readme:start` and \
                     `{comment} readme:end`: make them equal"
                ),
            )
        })
        .collect()
}

/// Each stretch between markers; there may be several.
fn marked<'a>(language: &Language, program: &'a str) -> Vec<Vec<&'a str>> {
    let marker = |which: &str| format!("{} readme:{which}", language.comment);
    let (start, end) = (marker("start"), marker("end"));
    // Where a program's code stands in a function it is further in than in the README.
    let outer = program.lines().find(|line| line.trim() == start).map_or(0, indentation);
    let mut parts = Vec::new();
    let mut part: Option<Vec<&str>> = None;
    for line in program.lines() {
        if line.trim() == start {
            part = Some(Vec::new());
        } else if line.trim() == end {
            parts.extend(part.take());
        } else if let Some(part) = part.as_mut().filter(|_| !line.trim().is_empty()) {
            part.push(language.plain(line.get(outer.min(indentation(line))..).unwrap_or(line)));
        }
    }
    parts
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

impl Language {
    /// A line as it is compared: in Python its indentation means something.
    fn plain<'a>(&self, line: &'a str) -> &'a str {
        if self.comment == "#" { line.trim_end() } else { line.trim() }
    }

    /// Lines that rustdoc hides (`# …`) are not shown either.
    fn hides(&self, line: &str) -> bool {
        self.fences.contains(&"rust") && (line == "#" || line.starts_with("# "))
    }
}

/// The language's fences with the line they start at.
fn fences<'a>(language: &Language, readme: &'a str) -> Vec<(usize, Vec<&'a str>)> {
    let mut found = Vec::new();
    let mut open: Option<(bool, usize, Vec<&str>)> = None;
    for (index, line) in readme.lines().enumerate() {
        if let Some(name) = line.trim().strip_prefix("```") {
            match open.take() {
                Some((true, start, code)) => found.push((start, code)),
                Some((false, ..)) => {}
                None => {
                    let name = name.split(',').next().map_or("", str::trim);
                    open = Some((language.fences.contains(&name), index + 1, Vec::new()));
                }
            }
        } else if let Some((_, _, code)) = &mut open {
            let line = language.plain(line);
            if !line.is_empty() && !language.hides(line) {
                code.push(line);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &Language = &LANGUAGES[0];
    const PYTHON: &Language = &LANGUAGES[1];
    const NODE: &Language = &LANGUAGES[2];

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
        assert_eq!(differing(RUST, readme, &[CODE]), []);
    }

    #[test]
    fn different_code_is_found_at_its_line() {
        let readme = "# emam\n\n```rust\nlet library = opened();\n```\n";
        let places: Vec<_> =
            differing(RUST, readme, &[CODE]).into_iter().map(|f| f.place).collect();
        assert_eq!(places, ["README.md:3"]);
    }

    #[test]
    fn code_without_a_marked_original_is_found() {
        assert_eq!(differing(RUST, "```rust\nopen();\n```", &["fn main() {}"]).len(), 1);
    }

    #[test]
    fn each_language_has_its_own_original() {
        let readme = "```python\nimport emam\n# a comment\nfor x in y:\n    print(x)\n```\n\
                      ```js\nopen();\n```\n";
        let python =
            "# readme:start\nimport emam\n\n# a comment\nfor x in y:\n    print(x)\n# readme:end\n";
        assert_eq!(differing(PYTHON, readme, &[python]), []);
        assert_eq!(differing(NODE, readme, &["// readme:start\nopen();\n// readme:end\n"]), []);
        assert_eq!(differing(RUST, readme, &[""]), []);
        assert_eq!(differing(NODE, readme, &[python]).len(), 1);
    }

    #[test]
    fn what_python_is_in_is_compared_too() {
        let readme = "```python\nfor x in y:\n    print(x)\nprint(y)\n```\n";
        let inside = "def main():\n    # readme:start\n    for x in y:\n        print(x)\n    print(y)\n    # readme:end\n";
        assert_eq!(differing(PYTHON, readme, &[inside]), []);
        assert_eq!(
            differing(PYTHON, readme, &[inside.replace("    print(y)", "        print(y)")]).len(),
            1
        );
    }
}
