//! How many tests passed, failed and were skipped, read from what the runners print.

use std::fmt;
use std::ops::AddAssign;

/// The three numbers a test run comes down to; displayed as the line it ends with.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    pub(super) fn total(self) -> usize {
        self.passed + self.failed + self.skipped
    }

    /// Tests that said they skipped themselves were counted as passed.
    pub(super) fn move_to_skipped(&mut self, count: usize) {
        self.passed = self.passed.saturating_sub(count);
        self.skipped += count;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Reads nextest's last `Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, …`.
pub(super) fn nextest(text: &str) -> Option<Counts> {
    let line = text.lines().rev().find(|line| line.trim_start().starts_with("Summary ["))?;
    let (_, numbers) = line.split_once(" run: ")?;
    let mut counts = Counts::default();
    for (number, what) in numbers_of(&without_parentheses(numbers), ',') {
        match what.as_str() {
            "passed" => counts.passed += number,
            "skipped" => counts.skipped += number,
            // Every other ending is a failure: failed, exec failed, timed out, and those to come.
            _ => counts.failed += number,
        }
    }
    Some(counts)
}

/// Adds up the `test result: ok. 7 passed; 0 failed; 1 ignored; …` of every test program.
pub(super) fn cargo_test(text: &str) -> Option<Counts> {
    let mut total: Option<Counts> = None;
    for line in text.lines() {
        let Some((_, numbers)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            continue;
        };
        let total = total.get_or_insert_default();
        for (number, what) in numbers_of(numbers, ';') {
            match what.as_str() {
                "passed" => total.passed += number,
                "failed" => total.failed += number,
                "ignored" => total.skipped += number,
                _ => {}
            }
        }
    }
    total
}

/// `7 passed, 1 timed out` as pairs; what does not start with a number is left out.
fn numbers_of(text: &str, separator: char) -> impl Iterator<Item = (usize, String)> {
    text.split(separator).filter_map(|item| {
        let (number, what) = item.trim().split_once(' ')?;
        Some((number.parse().ok()?, what.trim().to_owned()))
    })
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Option<Counts> {
        Some(Counts { passed, failed, skipped })
    }

    #[test]
    fn nextest_summary_is_read() {
        let text = "------------\n     Summary [   0.120s] 12 tests run: 12 passed, 0 skipped\n";
        assert_eq!(nextest(text), counts(12, 0, 0));
        let text = "     Summary [   0.005s] 1 test run: 1 passed, 3 skipped";
        assert_eq!(nextest(text), counts(1, 0, 3));
    }

    #[test]
    fn nextest_variants_are_read() {
        let text = "     Summary [  61.020s] 13/20 tests run: 9 passed (1 slow, 2 flaky), 1 failed, \
                    2 exec failed, 1 timed out, 4 skipped\n        FAIL [   0.1s] emam-core a::b";
        assert_eq!(nextest(text), counts(9, 4, 4));
        let text = "     Summary [   1.000s] 3 tests run: 2 passed (2 leaky), 1 failed (1 leaky)";
        assert_eq!(nextest(text), counts(2, 1, 0));
    }

    #[test]
    fn nextest_that_did_not_build_has_no_counts() {
        assert_eq!(nextest("error: could not compile `emam-core` (lib)"), None);
    }

    #[test]
    fn cargo_test_results_are_added_up() {
        let text = "\
running 3 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.1s
all doctests ran in 0.21s; merged doctests compilation took 0.20s
";
        assert_eq!(cargo_test(text), counts(6, 2, 1));
    }

    #[test]
    fn cargo_test_that_did_not_build_has_no_counts() {
        assert_eq!(cargo_test("error[E0432]: unresolved import"), None);
    }
}
