//! What cfn-lint says of the deployment templates.

use std::process::Command;

use anyhow::Result;

use super::{Finding, Tree};
use crate::project::{Project, in_ci, succeeds};
use crate::setup::account;

const FOLDER: &str = "emam-aws/deploy/";

/// Where the template is to be good: not every region has every resource.
const REGIONS: &[&str] = &["us-east-1", "eu-west-1"];

pub(super) fn find(project: &Project, tree: &Tree) -> Result<Vec<Finding>> {
    let python = match account::python(project) {
        Ok(python) => python,
        Err(error) if in_ci() => return Err(error),
        Err(error) => {
            eprintln!("skipped: cfn-lint: {error:#}");
            return Ok(Vec::new());
        }
    };
    let is_template = |file: &&String| file.starts_with(FOLDER) && file.ends_with(".yaml");
    let templates: Vec<&String> = tree.files.iter().filter(is_template).collect();
    if templates.is_empty() {
        return Ok(vec![Finding::new(FOLDER, "there is no template")]);
    }
    let mut findings = Vec::new();
    for template in templates {
        let mut lint = Command::new(python.program.with_file_name("cfn-lint"));
        lint.current_dir(&project.root).args(["--include-checks", "I", "--regions"]).args(REGIONS);
        lint.args(["--template", template]);
        // It ends with a code of its own for errors, for warnings and for hints.
        if !succeeds(&mut lint)? {
            findings.push(Finding::new(template, "mend what cfn-lint says above"));
        }
    }
    Ok(findings)
}
