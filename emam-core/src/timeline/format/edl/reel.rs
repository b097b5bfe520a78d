//! Names of reels as old machines take them.

use std::collections::{HashMap, HashSet};

use super::{BLACK, NO_REEL};

/// The names reels have in a list, each given once.
#[derive(Debug)]
pub(super) struct Reels {
    width: usize,
    taken: HashSet<String>,
    /// The last number tried with a stem, so that finding a free one takes no search.
    tried: HashMap<String, u32>,
}

impl Reels {
    /// Names of 8 characters, or of 32 as File32 systems take them.
    pub(super) fn new(long: bool) -> Self {
        let taken = [BLACK, NO_REEL].map(str::to_owned).into();
        Self { width: if long { 32 } else { 8 }, taken, tried: HashMap::new() }
    }

    /// How wide the column is.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// A name nobody else has, as close to the reel's own as can be.
    pub(super) fn name(&mut self, reel: &str) -> String {
        let mut name = plain(reel);
        name.truncate(self.width);
        if !name.is_empty() && self.taken.insert(name.clone()) {
            return name;
        }
        for digits in 2..=8 {
            let mut stem = name.clone();
            stem.truncate(self.width - digits);
            let last = 10_u32.pow(u32::try_from(digits).unwrap_or(8)) - 1;
            let tried = self.tried.entry(format!("{stem} {digits}")).or_insert(1);
            while *tried < last {
                *tried += 1;
                let candidate = format!("{stem}{tried:0digits$}");
                if self.taken.insert(candidate.clone()) {
                    return candidate;
                }
            }
        }
        // Every number of eight digits is taken: a list of a hundred million reels.
        NO_REEL.to_owned()
    }
}

/// A name of the characters `A-Z`, `0-9`, `_` and `-` alone.
pub(super) fn plain(reel: &str) -> String {
    let of = |character: char| match character.to_ascii_uppercase() {
        plain @ ('A'..='Z' | '0'..='9' | '_' | '-') => plain,
        _ => '_',
    };
    reel.trim().chars().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_short_and_unique() {
        let mut reels = Reels::new(false);
        for (reel, name) in [
            ("A001", "A001"),
            ("a001", "A00102"),
            ("SC00.JPG", "SC00_JPG"),
            ("SC00 JPG", "SC00_J02"),
            ("A001C003_120101_R2E4", "A001C003"),
            ("A001C003_120102_R2E4", "A001C002"),
            ("BL", "BL02"),
            ("café", "CAF_"),
            ("", "02"),
        ] {
            assert_eq!(reels.name(reel), name, "{reel}");
        }
        assert_eq!(Reels::new(true).name("A001C003_120101_R2E4"), "A001C003_120101_R2E4");
        let mut reels = Reels::new(false);
        let names: HashSet<_> = (0..20_000).map(|_| reels.name("REELREEL")).collect();
        assert_eq!(names.len(), 20_000);
        assert!(names.iter().all(|name| name.len() <= 8));
    }
}
