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

/// Reads pytest's last `==== 1 failed, 7 passed, 2 skipped in 1.20s ====`.
pub(super) fn pytest(text: &str) -> Option<Counts> {
    let line = text.lines().rev().find(|line| {
        let line = line.trim_matches(['=', ' ']);
        line.contains(" in ") && line.starts_with(|c: char| c.is_ascii_digit())
    })?;
    let (numbers, _) = line.trim_matches(['=', ' ']).split_once(" in ")?;
    let mut counts = Counts::default();
    for (number, what) in numbers_of(numbers, ',') {
        match what.as_str() {
            "passed" => counts.passed += number,
            "skipped" | "xfailed" | "deselected" => counts.skipped += number,
            "failed" | "error" | "errors" | "xpassed" => counts.failed += number,
            // Warnings and the like are no tests.
            _ => {}
        }
    }
    Some(counts)
}

/// Reads the lines `ℹ pass 7`, `ℹ fail 1` and so on that `node --test` ends with.
pub(super) fn node_test(text: &str) -> Option<Counts> {
    let number = |what: &str| {
        let line = text.lines().rev().filter_map(|line| line.strip_prefix(['ℹ', '#']));
        let mut numbers =
            line.filter_map(|line| line.trim().strip_prefix(what)?.trim().parse().ok());
        numbers.next()
    };
    number("tests ").map(|_: usize| Counts {
        passed: number("pass ").unwrap_or(0),
        failed: number("fail ").unwrap_or(0) + number("cancelled ").unwrap_or(0),
        skipped: number("skipped ").unwrap_or(0) + number("todo ").unwrap_or(0),
    })
}

/// Adds up what schemathesis says at the end of each phase: `✅ 66 passed  ❌ 1 failed`. A test is
/// one operation in one phase. What it skips are operations that a phase says nothing of.
pub(super) fn schemathesis(text: &str) -> Option<Counts> {
    let (phases, _) = text.split_once("= SUMMARY =")?;
    let mut counts = Counts::default();
    let words: Vec<&str> = phases.split_whitespace().collect();
    for pair in words.windows(2) {
        let Ok(number) = pair[0].parse::<usize>() else { continue };
        match pair[1] {
            "passed" => counts.passed += number,
            "failed" | "error" | "errors" => counts.failed += number,
            _ => {}
        }
    }
    Some(counts)
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

    #[test]
    fn pytest_summary_is_read() {
        let text = "....s\n=========== 4 passed, 1 skipped in 12.34s ===========\n";
        assert_eq!(pytest(text), counts(4, 0, 1));
        let text = "FAILED a.py::b\n= 1 failed, 3 passed, 2 xfailed, 1 warning, 2 errors in 61.02s (0:01:01) =";
        assert_eq!(pytest(text), counts(3, 3, 2));
        assert_eq!(pytest("5 passed in 0.10s"), counts(5, 0, 0));
    }

    #[test]
    fn pytest_that_collected_nothing_has_no_counts() {
        assert_eq!(pytest("===== no tests ran in 0.01s ====="), None);
        assert_eq!(pytest("ERROR: file or directory not found: tests"), None);
    }

    #[test]
    fn node_summary_is_read() {
        let text = "✔ imports (2ms)\nℹ tests 9\nℹ suites 0\nℹ pass 5\nℹ fail 1\nℹ cancelled 1\n\
                    ℹ skipped 2\nℹ todo 0\nℹ duration_ms 38.7\n\n✖ failing tests:\n  fail 7\n";
        assert_eq!(node_test(text), counts(5, 2, 2));
        assert_eq!(node_test("# tests 1\n# pass 1\n# fail 0\n"), counts(1, 0, 0));
        assert_eq!(node_test("node: bad option: --tset"), None);
    }

    #[test]
    fn schemathesis_phases_are_added_up() {
        let text = " ✅  Examples (in 1.53s)\n\n     ✅  5 passed  ⏭  61 skipped\n ❌  Coverage\n\n     \
                    ✅ 64 passed  ❌ 1 failed  🚫 1 error\n\n==== SUMMARY ====\n  9 generated, 9 passed\n";
        assert_eq!(schemathesis(text), counts(69, 2, 0));
        assert_eq!(schemathesis("the document is no valid OpenAPI"), None);
    }
}
