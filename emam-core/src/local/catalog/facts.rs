//! What searches read of an asset, kept in step with it.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, params};

use crate::id::CategoryId;
use crate::model::{Asset, MediaSummary};
use crate::timeline::relink::stem;

use super::codes::{Code, fold, micros, sql_list, unmarked};
use super::error::Sql;
use super::records::{Tx, number, seq_of};

/// The facts that assets are counted by: kind, lifecycle, rating, codec, container.
type Group = [i64; 5];

/// One row of `asset_facts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    group: Group,
    duration_ms: i64,
    size: i64,
    created_at: i64,
}

/// Writes what searches read. Rows of sorted tables are kept back and written in order by
/// [`finish`](Self::finish), so that a batch touches each page once.
pub(super) struct FactsWriter<'t, 'c> {
    tx: &'t Tx<'c>,
    words: HashMap<String, i64>,
    tags: HashMap<String, i64>,
    categories: HashMap<CategoryId, i64>,
    counts: BTreeMap<Group, i64>,
    titles: Vec<(String, i64)>,
    md5s: Vec<(String, i64)>,
    stems: Vec<(String, i64)>,
    sizes: Vec<[i64; 2]>,
    durations: Vec<[i64; 2]>,
    asset_tags: Vec<[i64; 2]>,
    asset_categories: Vec<[i64; 2]>,
}

impl<'t, 'c> FactsWriter<'t, 'c> {
    pub(super) fn new(tx: &'t Tx<'c>) -> Self {
        Self {
            tx,
            words: HashMap::new(),
            tags: HashMap::new(),
            categories: HashMap::new(),
            counts: BTreeMap::new(),
            titles: Vec::new(),
            md5s: Vec::new(),
            stems: Vec::new(),
            sizes: Vec::new(),
            durations: Vec::new(),
            asset_tags: Vec::new(),
            asset_categories: Vec::new(),
        }
    }

    /// Adds a new asset.
    pub(super) fn add(&mut self, seq: i64, asset: &Asset) -> Sql<()> {
        let facts = self.facts(asset)?;
        self.write_facts(
            "INSERT INTO asset_facts (kind, lifecycle, rating, codec, container, duration_ms, \
             size, created_at, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            seq,
            facts,
        )?;
        self.count(facts.group, 1);
        self.sizes.push([facts.size, seq]);
        self.durations.push([facts.duration_ms, seq]);
        self.titles.push((fold(&asset.title), seq));
        self.md5s.extend(md5(asset).map(|md5| (md5, seq)));
        self.stems.extend(file_stem(asset).map(|stem| (stem, seq)));
        self.add_tags(seq, asset)?;
        self.add_categories(seq, asset)?;
        self.write_text(
            "INSERT INTO asset_text (title, description, file_name, tags, rowid) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            seq,
            asset,
        )
    }

    /// Puts `new` in place of `old`, writing only what differs.
    pub(super) fn change(&mut self, seq: i64, old: &Asset, new: &Asset) -> Sql<()> {
        let (before, after) = (self.facts(old)?, self.facts(new)?);
        if before != after {
            self.write_facts(
                "UPDATE asset_facts SET kind = ?1, lifecycle = ?2, rating = ?3, codec = ?4, \
                 container = ?5, duration_ms = ?6, size = ?7, created_at = ?8 WHERE seq = ?9",
                seq,
                after,
            )?;
            self.count(before.group, -1);
            self.count(after.group, 1);
        }
        if before.size != after.size {
            self.drop_size(seq, before)?;
            self.sizes.push([after.size, seq]);
        }
        if before.duration_ms != after.duration_ms {
            self.drop_duration(seq, before)?;
            self.durations.push([after.duration_ms, seq]);
        }
        if old.title != new.title {
            self.clear("DELETE FROM asset_title WHERE seq = ?1", seq)?;
            self.titles.push((fold(&new.title), seq));
        }
        if md5(old) != md5(new) {
            self.drop_md5(seq, old)?;
            self.md5s.extend(md5(new).map(|md5| (md5, seq)));
        }
        if file_stem(old) != file_stem(new) {
            self.drop_stem(seq, old)?;
            self.stems.extend(file_stem(new).map(|stem| (stem, seq)));
        }
        if old.tags != new.tags {
            self.drop_tags(seq, old)?;
            self.add_tags(seq, new)?;
        }
        if old.categories != new.categories {
            self.clear("DELETE FROM asset_category WHERE seq = ?1", seq)?;
            self.add_categories(seq, new)?;
        }
        let words = |asset: &Asset| {
            (
                asset.title.clone(),
                asset.description.clone(),
                asset.file_name.clone(),
                asset.tags.clone(),
            )
        };
        if words(old) != words(new) {
            self.write_text(
                "UPDATE asset_text SET title = ?1, description = ?2, file_name = ?3, tags = ?4 \
                 WHERE rowid = ?5",
                seq,
                new,
            )?;
        }
        Ok(())
    }

    /// Takes an asset out.
    pub(super) fn remove(&mut self, seq: i64, asset: &Asset) -> Sql<()> {
        let facts = self.facts(asset)?;
        self.count(facts.group, -1);
        self.clear("DELETE FROM asset_title WHERE seq = ?1", seq)?;
        self.drop_md5(seq, asset)?;
        self.drop_stem(seq, asset)?;
        self.drop_size(seq, facts)?;
        self.drop_duration(seq, facts)?;
        self.drop_tags(seq, asset)?;
        self.clear("DELETE FROM asset_facts WHERE seq = ?1", seq)?;
        self.clear("DELETE FROM asset_category WHERE seq = ?1", seq)?;
        self.clear("DELETE FROM asset_text WHERE rowid = ?1", seq)
    }

    /// Writes what was kept back. Call it last; without it the transaction must be undone.
    pub(super) fn finish(self) -> Sql<()> {
        let tx = self.tx;
        let mut count = tx.prepare_cached(
            "INSERT INTO asset_count (kind, lifecycle, rating, codec, container, assets) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT DO UPDATE SET assets = assets + excluded.assets",
        )?;
        for ([kind, lifecycle, rating, codec, container], assets) in self.counts {
            count.execute([kind, lifecycle, rating, codec, container, assets])?;
        }
        for (mut rows, sql) in [
            (self.titles, "INSERT INTO asset_title (title, seq) VALUES (?1, ?2)"),
            (self.md5s, "INSERT INTO asset_md5 (md5, seq) VALUES (?1, ?2)"),
            (self.stems, "INSERT INTO asset_stem (stem, seq) VALUES (?1, ?2)"),
        ] {
            rows.sort_unstable();
            let mut insert = tx.prepare_cached(sql)?;
            for row in &rows {
                insert.execute(params![row.0, row.1])?;
            }
        }
        for (mut rows, sql) in [
            (self.sizes, "INSERT INTO asset_size (size, seq) VALUES (?1, ?2)"),
            (self.durations, "INSERT INTO asset_duration (duration_ms, seq) VALUES (?1, ?2)"),
            (self.asset_tags, "INSERT INTO asset_tag (tag, seq) VALUES (?1, ?2)"),
            (
                self.asset_categories,
                "INSERT OR IGNORE INTO asset_category (category_seq, seq) VALUES (?1, ?2)",
            ),
        ] {
            rows.sort_unstable();
            let mut insert = tx.prepare_cached(sql)?;
            for row in &rows {
                insert.execute(*row)?;
            }
        }
        Ok(())
    }

    fn facts(&mut self, asset: &Asset) -> Sql<Facts> {
        let media = asset.media.as_ref();
        let codec =
            media.and_then(|media| media.video_codec.as_ref().or(media.audio_codec.as_ref()));
        let group = [
            asset.kind.code(),
            asset.lifecycle.code(),
            i64::from(asset.rating.unwrap_or(0)),
            self.word(codec)?,
            self.word(media.and_then(|media| media.container.as_ref()))?,
        ];
        Ok(Facts {
            group,
            duration_ms: media.and_then(duration_ms).unwrap_or(-1),
            size: media.map_or(-1, |media| number(media.size)),
            created_at: micros(asset.created_at),
        })
    }

    fn write_facts(&self, sql: &str, seq: i64, facts: Facts) -> Sql<()> {
        let [kind, lifecycle, rating, codec, container] = facts.group;
        self.tx.prepare_cached(sql)?.execute([
            kind,
            lifecycle,
            rating,
            codec,
            container,
            facts.duration_ms,
            facts.size,
            facts.created_at,
            seq,
        ])?;
        Ok(())
    }

    fn write_text(&self, sql: &str, seq: i64, asset: &Asset) -> Sql<()> {
        self.tx.prepare_cached(sql)?.execute(params![
            unmarked(&asset.title),
            unmarked(&asset.description),
            unmarked(&asset.file_name),
            unmarked(&asset.tags.join("\n")),
            seq,
        ])?;
        Ok(())
    }

    fn count(&mut self, group: Group, assets: i64) {
        *self.counts.entry(group).or_default() += assets;
    }

    fn drop_md5(&self, seq: i64, asset: &Asset) -> Sql<()> {
        self.tx
            .prepare_cached("DELETE FROM asset_md5 WHERE md5 = ?1 AND seq = ?2")?
            .execute(params![md5(asset), seq])?;
        Ok(())
    }

    fn drop_stem(&self, seq: i64, asset: &Asset) -> Sql<()> {
        self.tx
            .prepare_cached("DELETE FROM asset_stem WHERE stem = ?1 AND seq = ?2")?
            .execute(params![file_stem(asset), seq])?;
        Ok(())
    }

    fn clear(&self, sql: &str, seq: i64) -> Sql<()> {
        self.tx.prepare_cached(sql)?.execute([seq])?;
        Ok(())
    }

    fn drop_size(&self, seq: i64, facts: Facts) -> Sql<()> {
        self.tx
            .prepare_cached("DELETE FROM asset_size WHERE size = ?1 AND seq = ?2")?
            .execute([facts.size, seq])?;
        Ok(())
    }

    fn drop_duration(&self, seq: i64, facts: Facts) -> Sql<()> {
        self.tx
            .prepare_cached("DELETE FROM asset_duration WHERE duration_ms = ?1 AND seq = ?2")?
            .execute([facts.duration_ms, seq])?;
        Ok(())
    }

    fn drop_tags(&mut self, seq: i64, asset: &Asset) -> Sql<()> {
        for tag in self.tags(asset)? {
            self.tx
                .prepare_cached("DELETE FROM asset_tag WHERE tag = ?1 AND seq = ?2")?
                .execute([tag, seq])?;
        }
        self.clear("DELETE FROM asset_tags WHERE seq = ?1", seq)
    }

    fn add_tags(&mut self, seq: i64, asset: &Asset) -> Sql<()> {
        let tags = self.tags(asset)?;
        if !tags.is_empty() {
            self.tx
                .prepare_cached("INSERT INTO asset_tags (seq, tags) VALUES (?1, ?2)")?
                .execute(params![seq, sql_list(tags.iter().copied())])?;
        }
        self.asset_tags.extend(tags.into_iter().map(|tag| [tag, seq]));
        Ok(())
    }

    /// The numbers of an asset's tags, each once.
    fn tags(&mut self, asset: &Asset) -> Sql<Vec<i64>> {
        let mut tags = Vec::with_capacity(asset.tags.len());
        for name in &asset.tags {
            let key = fold(name);
            if key.is_empty() {
                continue;
            }
            let tag = match self.tags.get(&key) {
                Some(tag) => *tag,
                None => {
                    let tag = self.entry(
                        "SELECT id FROM tag WHERE key = ?1",
                        "INSERT INTO tag (key, name) VALUES (?1, ?2)",
                        &key,
                        name,
                    )?;
                    self.tags.insert(key, tag);
                    tag
                }
            };
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(tags)
    }

    fn add_categories(&mut self, seq: i64, asset: &Asset) -> Sql<()> {
        for id in &asset.categories {
            let category = match self.categories.get(id) {
                Some(category) => *category,
                None => {
                    let category = seq_of(self.tx, self.tx.operation, "category", id.uuid())?;
                    self.categories.insert(*id, category);
                    category
                }
            };
            self.asset_categories.push([category, seq]);
        }
        Ok(())
    }

    /// The number of a codec or container; 0 for none.
    fn word(&mut self, text: Option<&String>) -> Sql<i64> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(0) };
        if let Some(word) = self.words.get(text) {
            return Ok(*word);
        }
        let word = self.entry(
            "SELECT id FROM word WHERE text = ?1",
            "INSERT INTO word (text) SELECT ?1 WHERE ?2 = ?1",
            text,
            text,
        )?;
        self.words.insert(text.clone(), word);
        Ok(word)
    }

    /// The number of a word in a dictionary, added where it is new.
    fn entry(&self, find: &str, add: &str, key: &str, name: &str) -> Sql<i64> {
        let known = self.tx.prepare_cached(find)?.query_row([key], |row| row.get(0)).optional()?;
        if let Some(number) = known {
            return Ok(number);
        }
        self.tx.prepare_cached(add)?.execute([key, name])?;
        Ok(self.tx.last_insert_rowid())
    }
}

fn md5(asset: &Asset) -> Option<String> {
    asset.media.as_ref()?.md5.as_ref().map(|md5| md5.to_ascii_lowercase())
}

/// What timelines call it by; nothing for an asset that came as no file.
fn file_stem(asset: &Asset) -> Option<String> {
    Some(stem(&asset.file_name)).filter(|stem| !stem.is_empty())
}

/// Milliseconds, rounded down.
fn duration_ms(media: &MediaSummary) -> Option<i64> {
    let (seconds, parts) = media.duration?.seconds();
    i64::try_from(seconds.checked_mul(1000)?.div_euclid(parts)).ok().filter(|ms| *ms >= 0)
}
