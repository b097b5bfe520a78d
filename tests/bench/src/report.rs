//! What a benchmark found, beside what it was to find.

/// What a benchmark found.
#[derive(Debug)]
pub(crate) struct Report {
    title: String,
    lines: Vec<String>,
    misses: usize,
}

impl Report {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), lines: Vec::new(), misses: 0 }
    }

    /// A figure without a goal.
    pub(crate) fn fact(&mut self, what: &str, found: String) {
        self.lines.push(format!("       {what}: {found}"));
    }

    /// A figure that is to be no greater than a goal.
    pub(crate) fn at_most(&mut self, what: &str, found: f64, goal: f64) {
        let met = found <= goal;
        self.misses += usize::from(!met);
        let mark = if met { "ok    " } else { "MISSED" };
        self.lines.push(format!("{mark} {what}: {found:.3}, goal at most {goal}"));
    }

    /// A figure that is to be no smaller than a goal.
    pub(crate) fn at_least(&mut self, what: &str, found: f64, goal: f64) {
        let met = found >= goal;
        self.misses += usize::from(!met);
        let mark = if met { "ok    " } else { "MISSED" };
        self.lines.push(format!("{mark} {what}: {found:.3}, goal at least {goal}"));
    }

    /// Prints it; tells whether every goal was met.
    pub(crate) fn print(&self) -> bool {
        println!("{}", self.title);
        for line in &self.lines {
            println!("{line}");
        }
        println!("{} goals missed", self.misses);
        self.misses == 0
    }
}
