//! Lifecycle rules and Intelligent-Tiering: what moves an object to another class as time goes on.
//!
//! Only transitions are kept; rules that expire objects or abort uploads are taken and not done.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::answer::Refusal;
use super::class::{Class, Depth};
use super::overlay::{Target, Transition};
use super::xml;

/// The rules of all buckets.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    buckets: BTreeMap<String, Configuration>,
    tiering: BTreeMap<(String, String), Configuration>,
}

/// A configuration as it was put, and what it means.
#[derive(Debug)]
struct Configuration {
    document: String,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    prefix: String,
    tags: Vec<(String, String)>,
    days: u32,
    to: Target,
}

/// The tag that archives where a bucket has no rules of its own: after a day of the clock the
/// object moves to the class its value names, or to GLACIER where the value is `true`.
pub const ARCHIVE_TAG: &str = "emam:archive";

impl Lifecycle {
    /// Takes a bucket's lifecycle configuration.
    pub(super) fn put(&mut self, bucket: &str, document: &str) -> Result<(), Refusal> {
        let mut rules = Vec::new();
        let blocks = xml::each(document, "Rule");
        if blocks.is_empty() {
            return Err(Refusal::malformed());
        }
        for block in blocks {
            if xml::text(block, "Status").as_deref() != Some("Enabled") {
                continue;
            }
            for moves in xml::each(block, "Transition") {
                let days = xml::text(moves, "Days").and_then(|days| days.parse().ok());
                let class = xml::text(moves, "StorageClass").and_then(|name| Class::parse(&name));
                let (Some(days), Some(class)) = (days, class) else {
                    return Err(Refusal::malformed());
                };
                rules.push(Rule {
                    prefix: xml::text(block, "Prefix").unwrap_or_default(),
                    tags: tags(block),
                    days,
                    to: Target::Class(class),
                });
            }
        }
        let document = document.to_owned();
        self.buckets.insert(bucket.to_owned(), Configuration { document, rules });
        Ok(())
    }

    /// A bucket's lifecycle configuration as it was put.
    pub(super) fn document(&self, bucket: &str) -> Option<String> {
        self.buckets.get(bucket).map(|kept| kept.document.clone())
    }

    /// Forgets a bucket's lifecycle configuration.
    pub(super) fn delete(&mut self, bucket: &str) -> bool {
        self.buckets.remove(bucket).is_some()
    }

    /// Takes an Intelligent-Tiering configuration of a bucket.
    pub(super) fn put_tiering(
        &mut self,
        bucket: &str,
        id: &str,
        document: &str,
    ) -> Result<(), Refusal> {
        let filter = xml::inside(document, "Filter").and_then(|inside| document.get(inside));
        let filter = filter.unwrap_or_default();
        let mut rules = Vec::new();
        for tiering in xml::each(document, "Tiering") {
            let days = xml::text(tiering, "Days").and_then(|days| days.parse().ok());
            let depth = xml::text(tiering, "AccessTier");
            let depth = depth.and_then(|name| Depth::of_access_tier(&name));
            let (Some(days), Some(depth)) = (days, depth) else {
                return Err(Refusal::malformed());
            };
            let prefix = xml::text(filter, "Prefix").unwrap_or_default();
            rules.push(Rule { prefix, tags: tags(filter), days, to: Target::Access(depth) });
        }
        if rules.is_empty() {
            return Err(Refusal::malformed());
        }
        if xml::text(document, "Status").as_deref() != Some("Enabled") {
            rules.clear();
        }
        let document = document.to_owned();
        let name = (bucket.to_owned(), id.to_owned());
        self.tiering.insert(name, Configuration { document, rules });
        Ok(())
    }

    /// An Intelligent-Tiering configuration as it was put.
    pub(super) fn tiering(&self, bucket: &str, id: &str) -> Option<String> {
        let name = (bucket.to_owned(), id.to_owned());
        self.tiering.get(&name).map(|kept| kept.document.clone())
    }

    /// Forgets an Intelligent-Tiering configuration.
    pub(super) fn delete_tiering(&mut self, bucket: &str, id: &str) -> bool {
        self.tiering.remove(&(bucket.to_owned(), id.to_owned())).is_some()
    }

    /// What will happen to an object of this class from now on, the next first.
    pub(super) fn plan(
        &self,
        bucket: &str,
        key: &str,
        tags: &[(String, String)],
        class: Class,
        now: Timestamp,
    ) -> Vec<Transition> {
        let mut plan = Vec::new();
        let mut add = |days: u32, to: Target| {
            let after = SignedDuration::from_hours(24 * i64::from(days));
            plan.push(Transition { at: now.saturating_add(after).unwrap_or(Timestamp::MAX), to });
        };
        match self.buckets.get(bucket) {
            Some(configured) => {
                let rules = configured.rules.iter().filter(|rule| rule.meets(key, tags));
                rules.for_each(|rule| add(rule.days, rule.to));
            }
            None => {
                let tag = tags.iter().find(|tag| tag.0 == ARCHIVE_TAG);
                if let Some(class) = tag.and_then(|tag| named(&tag.1)) {
                    add(1, Target::Class(class));
                }
            }
        }
        if class == Class::IntelligentTiering {
            let mine = self.tiering.iter().filter(|(name, _)| name.0 == bucket);
            let rules = mine.flat_map(|(_, configured)| &configured.rules);
            let rules = rules.filter(|rule| rule.meets(key, tags));
            rules.for_each(|rule| add(rule.days, rule.to));
        }
        plan.retain(|moves| moves.to != Target::Class(class));
        plan.sort_by_key(|moves| moves.at);
        plan
    }
}

fn named(value: &str) -> Option<Class> {
    if value == "true" { Some(Class::Glacier) } else { Class::parse(value) }
}

impl Rule {
    fn meets(&self, key: &str, tags: &[(String, String)]) -> bool {
        key.starts_with(&self.prefix) && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

/// The tags of a tagging document or a filter.
pub(super) fn tags(document: &str) -> Vec<(String, String)> {
    let pair = |block| {
        let value = xml::text(block, "Value").unwrap_or_default();
        Some((xml::text(block, "Key")?, value))
    };
    xml::each(document, "Tag").into_iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(lifecycle: &Lifecycle, key: &str, tags: &[(&str, &str)]) -> Vec<(i64, Target)> {
        let owned = |tag: &(&str, &str)| (tag.0.to_owned(), tag.1.to_owned());
        let tags: Vec<_> = tags.iter().map(owned).collect();
        let now = Timestamp::UNIX_EPOCH;
        let plan = lifecycle.plan("b", key, &tags, Class::Standard, now);
        plan.iter().map(|moves| (moves.at.as_second() / 86_400, moves.to)).collect()
    }

    #[test]
    fn the_tag_alone_archives_after_a_day() {
        let none = Lifecycle::default();
        assert_eq!(plan(&none, "k", &[]), []);
        assert_eq!(plan(&none, "k", &[("emam:archive", "false")]), []);
        let glacier = [(1, Target::Class(Class::Glacier))];
        assert_eq!(plan(&none, "k", &[("emam:archive", "true")]), glacier);
        let deep = [(1, Target::Class(Class::DeepArchive))];
        assert_eq!(plan(&none, "k", &[("emam:archive", "DEEP_ARCHIVE")]), deep);
    }

    #[test]
    fn a_buckets_own_rules_are_the_only_ones() {
        let mut lifecycle = Lifecycle::default();
        let document = "<LifecycleConfiguration><Rule><Filter><And><Prefix>o/</Prefix><Tag>\
            <Key>a</Key><Value>1</Value></Tag></And></Filter><Status>Enabled</Status><Transition>\
            <Days>90</Days><StorageClass>DEEP_ARCHIVE</StorageClass></Transition><Transition>\
            <Days>7</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>\
            </LifecycleConfiguration>";
        lifecycle.put("b", document).unwrap();
        assert_eq!(plan(&lifecycle, "o/k", &[("emam:archive", "true")]), []);
        assert_eq!(plan(&lifecycle, "k", &[("a", "1")]), []);
        let both = [(7, Target::Class(Class::Glacier)), (90, Target::Class(Class::DeepArchive))];
        assert_eq!(plan(&lifecycle, "o/k", &[("a", "1"), ("c", "d")]), both);
        assert_eq!(lifecycle.document("b").as_deref(), Some(document));
        assert!(lifecycle.put("b", "<nonsense/>").is_err());
        assert!(lifecycle.delete("b") && !lifecycle.delete("b"));
    }
}
