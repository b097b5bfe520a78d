//! An XML file as a tree whose nodes are places in its text: nothing is copied.

use std::borrow::Cow;
use std::cell::OnceCell;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::text::{reference, unescape};
use crate::error::{Error, Result};

/// The elements of a file in the order they begin.
pub(super) struct Dom<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    lines: OnceCell<Vec<u32>>,
}

/// Where an element stands in the text, in bytes, and in the list, by index.
struct Node {
    start: u32,
    name_end: u32,
    head_end: u32,
    inner_end: u32,
    end: u32,
    /// The element after this one and all in it.
    after: u32,
}

/// An element.
#[derive(Clone, Copy)]
pub(super) struct Element<'d> {
    dom: &'d Dom<'d>,
    node: &'d Node,
    index: u32,
}

impl<'a> Dom<'a> {
    /// Reads a file that is well-formed and has one root.
    ///
    /// Nothing outside the file is ever read: a document type is passed over, and one that declares
    /// entities is refused, as are references to any but XML's own.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the line.
    pub(super) fn parse(text: &'a str, max_depth: u32) -> Result<Self> {
        if u32::try_from(text.len()).is_err() {
            let message = "the file is larger than 4 GiB; split it";
            return Err(Error::invalid("timeline.read", message).with("bytes", text.len()));
        }
        let mut parser = Parser { text, nodes: Vec::new(), open: Vec::new(), max_depth };
        parser.run()?;
        Ok(Self { text, nodes: parser.nodes, lines: OnceCell::new() })
    }

    /// The root element; a file that was read has one.
    pub(super) fn root(&self) -> Option<Element<'_>> {
        self.element(0)
    }

    /// Every element, in the order they begin.
    pub(super) fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        (0_u32..).zip(&self.nodes).map(|(index, node)| Element { dom: self, node, index })
    }

    fn element(&self, index: u32) -> Option<Element<'_>> {
        let node = self.nodes.get(usize::try_from(index).ok()?)?;
        Some(Element { dom: self, node, index })
    }

    fn slice(&self, start: u32, end: u32) -> &str {
        slice(self.text, start as usize, end as usize)
    }

    fn line(&self, offset: u32) -> u64 {
        let lines = self.lines.get_or_init(|| {
            (0_u32..)
                .zip(self.text.bytes())
                .filter(|(_, b)| *b == b'\n')
                .map(|(at, _)| at)
                .collect()
        });
        lines.partition_point(|end| *end < offset) as u64 + 1
    }
}

impl<'d> Element<'d> {
    pub(super) fn name(self) -> &'d str {
        self.dom.slice(self.node.start + 1, self.node.name_end)
    }

    /// Its place in the list of elements, which tells it apart from every other.
    pub(super) fn index(self) -> u32 {
        self.index
    }

    /// The line it begins on, counted from 1.
    pub(super) fn line(self) -> u64 {
        self.dom.line(self.node.start)
    }

    pub(super) fn children(self) -> impl Iterator<Item = Element<'d>> {
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let child = self.dom.element(next).filter(|_| next < self.node.after)?;
            next = child.node.after;
            Some(child)
        })
    }

    pub(super) fn named(self, name: &'d str) -> impl Iterator<Item = Element<'d>> {
        self.children().filter(move |child| child.name() == name)
    }

    pub(super) fn child(self, name: &str) -> Option<Element<'d>> {
        self.children().find(|child| child.name() == name)
    }

    /// The element at the end of a path of names.
    pub(super) fn at(self, path: &[&str]) -> Option<Element<'d>> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    pub(super) fn has_children(self) -> bool {
        self.node.after > self.index + 1
    }

    /// Its text, if it holds nothing else.
    pub(super) fn text(self) -> Cow<'d, str> {
        if self.has_children() {
            return Cow::Borrowed("");
        }
        unescape(self.inner())
    }

    /// The text of a child.
    pub(super) fn child_text(self, name: &str) -> Option<Cow<'d, str>> {
        self.child(name).map(Element::text)
    }

    /// The element as it stands in the file.
    pub(super) fn raw(self) -> &'d str {
        self.dom.slice(self.node.start, self.node.end)
    }

    /// What stands between its tags.
    pub(super) fn inner(self) -> &'d str {
        self.dom.slice(self.node.head_end, self.node.inner_end)
    }

    /// Its attributes as they stand in the file: name, and value as it is escaped there.
    pub(super) fn attributes(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        Attributes { rest: self.dom.slice(self.node.name_end, self.node.head_end) }
            .map_while(std::result::Result::ok)
    }

    /// The value of an attribute.
    pub(super) fn attribute(self, name: &str) -> Option<Cow<'d, str>> {
        self.attributes().find(|(key, _)| *key == name).map(|(_, value)| unescape(value))
    }
}

struct Parser<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    open: Vec<u32>,
    max_depth: u32,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<()> {
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().check_comments = true;
        let mut before = 0_u32;
        loop {
            let event = reader.read_event();
            let here = u32::try_from(reader.buffer_position()).unwrap_or(u32::MAX);
            match event {
                Ok(Event::Start(tag)) => self.begin(before, here, tag.name().as_ref().len())?,
                Ok(Event::Empty(tag)) => {
                    self.begin(before, here, tag.name().as_ref().len())?;
                    self.end(here, here);
                }
                Ok(Event::End(_)) => self.end(before, here),
                Ok(Event::GeneralRef(name)) if reference(&name).is_none() => {
                    let message = "the file uses an entity that is not one of XML's own; such \
                                   entities are not read";
                    return Err(self.wrong(before, message).with("entity", &*name));
                }
                Ok(Event::DocType(declared)) if declared.contains("<!ENTITY") => {
                    let message = "the file declares entities, which are not read; remove them";
                    return Err(self.wrong(before, message));
                }
                Ok(Event::Text(text)) if self.open.is_empty() && !text.trim().is_empty() => {
                    return Err(self.wrong(before, "there is text outside of the root element"));
                }
                Ok(Event::Eof) => break,
                Ok(_) => {}
                Err(cause) => {
                    let at = u32::try_from(reader.error_position()).unwrap_or(before);
                    let message = "the file is not well-formed XML";
                    return Err(self.wrong(at, message).caused_by(cause));
                }
            }
            before = here;
        }
        if !self.open.is_empty() {
            return Err(self.wrong(before, "the file ends before its elements do; it is cut off"));
        }
        if self.nodes.is_empty() {
            return Err(self.wrong(0, "this is no XML: it has no element"));
        }
        Ok(())
    }

    fn begin(&mut self, start: u32, head_end: u32, name: usize) -> Result<()> {
        if self.open.is_empty() && !self.nodes.is_empty() {
            return Err(self.wrong(start, "the file has more than one root element"));
        }
        if self.open.len() >= self.max_depth as usize {
            let message = "the elements lie deeper in each other than may be read; raise \
                           max_depth if the file is to be trusted";
            return Err(self.wrong(start, message).with("max_depth", self.max_depth));
        }
        let name_end = start + 1 + u32::try_from(name).unwrap_or(0);
        let head = slice(self.text, name_end as usize, head_end as usize);
        let sound = is_name(slice(self.text, start as usize + 1, name_end as usize))
            && Attributes { rest: head }.all(|attribute| attribute.is_ok());
        if !sound {
            return Err(self.wrong(start, "the tag is not well-formed XML"));
        }
        let index = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.open.push(index);
        self.nodes.push(Node {
            start,
            name_end,
            head_end,
            inner_end: head_end,
            end: head_end,
            after: index + 1,
        });
        Ok(())
    }

    fn end(&mut self, inner_end: u32, end: u32) {
        let after = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let node = self.open.pop().and_then(|index| self.nodes.get_mut(index as usize));
        if let Some(node) = node {
            (node.inner_end, node.end, node.after) = (inner_end, end, after);
        }
    }

    fn wrong(&self, offset: u32, message: &'static str) -> Error {
        let before = self.text.as_bytes().get(..offset as usize).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::invalid("timeline.read", message).with("line", line)
    }
}

/// The attributes in a tag after its name; an error for what is none.
struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = std::result::Result<(&'a str, &'a str), ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_start();
        if matches!(rest, ">" | "/>" | "") {
            return None;
        }
        let parts = || {
            let (name, value) = rest.split_once('=')?;
            let value = value.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = value.get(1..)?.split_once(quote)?;
            let name = name.trim_end();
            (is_name(name) && is_value(value)).then_some((name, value, after))
        };
        Some(match parts() {
            Some((name, value, after)) => {
                self.rest = after;
                Ok((name, value))
            }
            None => {
                self.rest = "";
                Err(())
            }
        })
    }
}

/// Whether a name is one that XML readers take: ours is written again as it stood.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c) || !c.is_ascii())
}

fn is_value(value: &str) -> bool {
    !value.contains('<')
        && value
            .split('&')
            .skip(1)
            .all(|part| part.split_once(';').is_some_and(|(name, _)| reference(name).is_some()))
}

fn slice(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_path_with_their_text_and_place() {
        let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE x SYSTEM \"file:///etc/passwd\">\n\
                    <x a='1' MZ.B = \"&lt;2>\">\n<y/><z> t &amp; <!-- c --></z><y>2</y></x>\n";
        let dom = Dom::parse(text, 9).unwrap();
        let root = dom.root().unwrap();
        assert_eq!((root.name(), root.line()), ("x", 3));
        assert_eq!(root.attribute("MZ.B").unwrap(), "<2>");
        assert_eq!(root.attribute("c"), None);
        assert_eq!(root.child_text("z").unwrap(), " t & ");
        assert_eq!(root.named("y").map(|y| y.text().into_owned()).collect::<Vec<_>>(), ["", "2"]);
        assert_eq!(root.at(&["z"]).unwrap().line(), 4);
        assert_eq!(root.child("z").unwrap().raw(), "<z> t &amp; <!-- c --></z>");
        assert_eq!(dom.elements().count(), 4);
    }

    #[test]
    fn what_is_not_well_formed_or_hostile_is_an_error_with_its_line() {
        let deep = "<a>".repeat(10_000);
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "<a b=c/>",
            "<a b='&no;'/>",
            "<a b='<'/>",
            "<1/>",
            "<a>&no;</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a><!-- -- --></a>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a/>",
            "<a><![CDATA[",
            "\u{fffd}<a/>",
            &deep,
        ] {
            let Err(error) = Dom::parse(text, 256) else { panic!("{text:?} was read") };
            assert_eq!(error.kind(), crate::ErrorKind::InvalidInput, "{text:?}");
            assert!(error.get("line").is_some(), "{text:?}");
        }
    }
}
