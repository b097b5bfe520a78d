//! Lines of Python no wider than a page.

/// The width of a page.
const WIDTH: usize = 100;

/// Code that stands on one line where it fits, else with each part on its own.
#[derive(Debug, Clone)]
pub(super) enum Code {
    Text(String),
    /// What opens, the parts, and what closes: `f(`, `a`, `b`, `)`.
    Group(String, Vec<Code>, String),
}

impl Code {
    pub(super) fn group(
        open: impl Into<String>,
        parts: impl IntoIterator<Item = Code>,
        close: impl Into<String>,
    ) -> Self {
        Self::Group(open.into(), parts.into_iter().collect(), close.into())
    }

    fn flat(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Group(open, parts, close) => {
                let parts: Vec<_> = parts.iter().map(Self::flat).collect();
                format!("{open}{}{close}", parts.join(", "))
            }
        }
    }

    /// Lines at this indent, the first one included; `after` must fit behind.
    pub(super) fn lines(&self, indent: usize, after: &str) -> String {
        let margin = " ".repeat(indent);
        let flat = self.flat();
        match self {
            Self::Group(open, parts, close)
                if indent + flat.len() + after.len() > WIDTH && !parts.is_empty() =>
            {
                let inner: String =
                    parts.iter().map(|part| part.lines(indent + 4, ",") + "\n").collect();
                format!("{margin}{open}\n{inner}{margin}{close}{after}")
            }
            _ => format!("{margin}{flat}{after}"),
        }
    }
}

impl<T: Into<String>> From<T> for Code {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// Words in lines at this indent; `first` stands before them, and further lines `hang` deeper.
pub(super) fn words(text: &str, indent: usize, first: &str, hang: usize, prefix: &str) -> String {
    let mut lines = Vec::new();
    let mut line = format!("{}{prefix}{first}", " ".repeat(indent));
    let mut empty = first.is_empty();
    for word in text.split_whitespace() {
        if !empty && line.len() + 1 + word.len() > WIDTH {
            lines.push(std::mem::take(&mut line));
            line = format!("{}{prefix}{}", " ".repeat(indent + hang), word);
            continue;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    lines.push(line);
    lines.join("\n")
}

/// A string that documents, at this indent: the words, then sections that are laid out already.
pub(super) fn docstring(text: &str, sections: &[String], indent: usize) -> String {
    let margin = " ".repeat(indent);
    let text = plain(text);
    let one = format!("{margin}\"\"\"{text}\"\"\"");
    if sections.is_empty() && one.len() <= WIDTH {
        return one + "\n";
    }
    let mut out = words(&text, indent, "", 0, "").replacen(&margin, &format!("{margin}\"\"\""), 1);
    // The first line has become three wider: lay it out with that in mind.
    if out.lines().next().is_some_and(|line| line.len() > WIDTH) {
        out = words(&format!("\"\"\"{text}"), indent, "", 0, "");
    }
    for section in sections {
        out += &format!("\n\n{section}");
    }
    format!("{out}\n{margin}\"\"\"\n")
}

/// Words for readers of Python: without the programs in Rust that documentation carries.
pub(super) fn plain(text: &str) -> String {
    text.split("```").next().unwrap_or_default().trim().replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_laid_out_in_lines() {
        let call = |name: &str| {
            Code::group("f(", [Code::from(name), Code::group("{", [Code::from("b")], "}")], ")")
        };
        assert_eq!(call("a").lines(4, ""), "    f(a, {b})");
        let long = "a".repeat(96);
        assert_eq!(call(&long).lines(0, ""), format!("f(\n    {long},\n    {{b}},\n)"));
    }

    #[test]
    fn a_docstring_is_no_wider_than_a_page() {
        let text = "word ".repeat(60);
        let out = docstring(&text, &["    Args:".to_owned()], 4);
        assert!(out.lines().all(|line| line.len() <= WIDTH), "{out}");
        assert_eq!(out.split_whitespace().filter(|word| word.contains("word")).count(), 60);
        assert_eq!(docstring("Short.", &[], 4), "    \"\"\"Short.\"\"\"\n");
    }
}
