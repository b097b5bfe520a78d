//! XML being written: one element a line, by tabs, as Premiere writes it.

use std::fmt::{Display, Write};

use super::super::dom::Element;
use super::super::foreign::OWN;
use super::super::frames::is_sayable;
use super::super::text::{escape, escape_attribute};
use crate::time::Rate;

/// The text so far.
#[derive(Default)]
pub(super) struct Xml {
    pub(super) text: String,
    depth: usize,
    /// How many texts held characters that XML cannot.
    pub(super) replaced: usize,
}

impl Xml {
    /// Begins the tag of an element; attributes follow, then [`enter`](Self::enter).
    pub(super) fn tag(&mut self, name: &str) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
    }

    pub(super) fn attribute(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.text, " {name}=\"{value}\"");
    }

    pub(super) fn text_attribute(&mut self, name: &str, value: &str) {
        self.text.extend([" ", name, "=\""]);
        if escape_attribute(value, &mut self.text) {
            self.replaced += 1;
        }
        self.text.push('"');
    }

    /// An attribute of emam's own.
    pub(super) fn own(&mut self, name: &str, value: impl Display) {
        self.text_attribute(&format!("{OWN}{name}"), &value.to_string());
    }

    /// The attributes of a kept element, but for these.
    pub(super) fn other_attributes(&mut self, kept: Option<Element<'_>>, but: &[&str]) {
        for (name, value) in kept.into_iter().flat_map(Element::attributes) {
            if !but.contains(&name) && !name.starts_with(OWN) {
                let quote = if value.contains('"') { "'" } else { "\"" };
                self.text.extend([" ", name, "=", quote, value, quote]);
            }
        }
    }

    /// Ends the tag that was begun; children follow.
    pub(super) fn enter(&mut self) {
        self.text.push_str(">\n");
        self.depth += 1;
    }

    /// Ends the tag that was begun, of an element without children.
    pub(super) fn shut(&mut self) {
        self.text.push_str("/>\n");
    }

    pub(super) fn open(&mut self, name: &str) {
        self.tag(name);
        self.enter();
    }

    pub(super) fn close(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.indent();
        self.text.extend(["</", name, ">\n"]);
    }

    pub(super) fn leaf(&mut self, name: &str, text: &str) {
        self.indent();
        self.text.extend(["<", name, ">"]);
        if escape(text, &mut self.text) {
            self.replaced += 1;
        }
        self.text.extend(["</", name, ">\n"]);
    }

    pub(super) fn number(&mut self, name: &str, number: impl Display) {
        self.indent();
        let _ = writeln!(self.text, "<{name}>{number}</{name}>");
    }

    pub(super) fn flag(&mut self, name: &str, on: bool) {
        self.leaf(name, if on { "TRUE" } else { "FALSE" });
    }

    /// An element that is XML already.
    pub(super) fn raw(&mut self, element: &str) {
        self.indent();
        self.text.push_str(element);
        self.text.push('\n');
    }

    /// The children of a kept element, but for these.
    pub(super) fn others(&mut self, kept: Option<Element<'_>>, but: &[&str]) {
        for child in kept.into_iter().flat_map(Element::children) {
            if !but.contains(&child.name()) {
                self.raw(child.raw());
            }
        }
    }

    /// A rate. One the format cannot say is written as the whole number above it, and as it is in
    /// an attribute.
    pub(super) fn rate(&mut self, rate: Rate) {
        let sayable = is_sayable(rate);
        self.tag("rate");
        if !sayable {
            self.own("rate", rate);
        }
        self.enter();
        self.number("timebase", rate.nominal());
        self.flag("ntsc", sayable && rate.den() != 1);
        self.close("rate");
    }

    fn indent(&mut self) {
        const TABS: &str = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
        self.text.push_str(TABS.get(..self.depth).unwrap_or(TABS));
    }
}
