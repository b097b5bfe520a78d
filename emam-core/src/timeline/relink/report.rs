//! A plan as a table for people.

use std::fmt::{self, Write};

use super::{Match, RelinkPlan};

/// The widest a name is shown.
const WIDEST: usize = 40;

impl fmt::Display for RelinkPlan {
    /// A line for each media, what is to be known of it below, and a sum.
    ///
    /// ```text
    /// media          clips  found                    score  why
    /// A001.mov          12  A001.mov                    92  name, timecode, length
    /// B002.mov           3  -                            -  not linked
    ///     nothing like it is in the library
    /// 1 of 2 media linked, 12 of 15 clips
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = |m: &Match| m.found.as_ref().map_or("-".to_owned(), |found| plain(&found.name));
        let width = |names: &mut dyn Iterator<Item = String>, least: usize| {
            names.map(|name| name.chars().count()).max().unwrap_or(0).max(least)
        };
        let first = width(&mut self.matches.iter().map(|m| plain(&m.name)), 5);
        let second = width(&mut self.matches.iter().map(found), 5);
        writeln!(f, "{:first$}  clips  {:second$}  score  why", "media", "found")?;
        for media in &self.matches {
            let (score, why) = match &media.found {
                Some(found) => (found.score.to_string(), found.reason.words()),
                None => ("-".to_owned(), "not linked"),
            };
            let (name, found) = (plain(&media.name), found(media));
            writeln!(f, "{name:first$}  {:>5}  {found:second$}  {score:>5}  {why}", media.clips)?;
            for warning in &media.warnings {
                writeln!(f, "    {}", plain_text(&warning.message))?;
            }
            for other in media.alternatives.iter().filter(|_| media.found.is_none()) {
                let why = other.reason.words();
                let asset = other.source.asset;
                writeln!(f, "    {} ({asset}): {} by its {why}", plain(&other.name), other.score)?;
            }
        }
        let clips = |linked: bool| -> u64 {
            let counted = self.matches.iter().filter(|m| !linked || m.found.is_some());
            counted.map(|media| media.clips).fold(0, u64::saturating_add)
        };
        write!(
            f,
            "{} of {} media linked, {} of {} clips",
            self.matches.len() - self.missing().count(),
            self.matches.len(),
            clips(true),
            clips(false)
        )
    }
}

/// A name on one line, cut where it is very long.
fn plain(name: &str) -> String {
    let name = plain_text(name);
    match name.char_indices().nth(WIDEST) {
        Some(_) => name.chars().take(WIDEST - 1).chain(['…']).collect(),
        None => name,
    }
}

fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            // Writing into a text cannot fail.
            let _ = write!(plain, "{}", c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}
