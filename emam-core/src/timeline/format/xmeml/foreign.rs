//! What a file says that emam has no field for: kept as it stood, and written again.
//!
//! It is the element it was found in, with only those attributes and children that were not
//! understood: `<clipitem frameBlend="FALSE"><labels>…</labels></clipitem>`.

use super::dom::{Dom, Element};
use crate::model::Foreign;

/// The name of this format among others.
pub(super) const FORMAT: &str = "xmeml";

/// Attributes of emam's own. Premiere puts its facts into attributes too (`MZ.`, `TL.`), which
/// other programs pass over; comment and logging fields would show ours to people.
pub(super) const OWN: &str = "emam.";

/// What is left of an element: the attributes that are not understood, and `inner`. Absent if that
/// is nothing.
pub(super) fn rest(
    element: Element<'_>,
    understood: impl Fn(&str) -> bool,
    inner: &str,
) -> Option<String> {
    let mut attributes = String::new();
    for (name, value) in element.attributes() {
        // A prefix is declared somewhere that is not kept.
        if !understood(name) && !name.starts_with(OWN) && !name.contains(':') && name != "xmlns" {
            let quote = if value.contains('"') { "'" } else { "\"" };
            attributes.extend([" ", name, "=", quote, value, quote]);
        }
    }
    if attributes.is_empty() && inner.is_empty() {
        return None;
    }
    let mut whole = String::with_capacity(attributes.len() + inner.len() + 40);
    whole.extend(["<", element.name(), &attributes, ">", inner, "</", element.name(), ">"]);
    Some(whole)
}

/// Children in the order this format's writer gives them: first those of these names, by name.
pub(super) fn ordered<'d>(element: Element<'d>, names: &[&str]) -> Vec<Element<'d>> {
    let mut children: Vec<_> = element.children().collect();
    let rank = |child: &Element<'_>| names.iter().position(|name| *name == child.name());
    children.sort_by_key(|child| rank(child).unwrap_or(names.len()));
    children
}

/// What is left, as a record keeps it.
pub(super) fn kept(rest: Option<String>) -> Foreign {
    rest.map(|text| (FORMAT.to_owned(), text)).into_iter().collect()
}

/// What a record kept, as a tree; nothing if it kept nothing, or what is no element of this name.
pub(super) fn tree<'a>(foreign: &'a Foreign, name: &str) -> Option<Dom<'a>> {
    let dom = Dom::parse(foreign.get(FORMAT)?, 4096).ok()?;
    dom.root().is_some_and(|root| root.name() == name).then_some(dom)
}
