//! Every package has the version of the workspace, and every tool is pinned once.

use serde_json::Value;

use super::{Finding, Tree};

const CARGO: &str = "Cargo.toml";
const NPM: &str = "bindings-node/package.json";
const NPM_LOCK: &str = "bindings-node/package-lock.json";
const PYTHON: &str = "bindings-python/pyproject.toml";
const TOOLS: &str = "tests/xtask/requirements.txt";

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let text = |file: &str| tree.text(file).unwrap_or_default();
    let cargo = text(CARGO);
    let Some(version) = workspace_version(&cargo) else {
        return vec![Finding::new(CARGO, "[workspace.package] names no version")];
    };
    let mut findings = npm(version, &text(NPM), &text(NPM_LOCK));
    findings.extend(python(&text(PYTHON), &text(TOOLS)));
    findings
}

fn npm(version: &str, manifest: &str, lock: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut same = |file: &str, what: &str, found: &Value| {
        if found.as_str() != Some(version) {
            findings.push(Finding::new(
                file,
                format!("{what} is {found}, and {CARGO} says {version}: make them one"),
            ));
        }
    };
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (manifest, lock) = (parsed(manifest), parsed(lock));
    same(NPM, "version", &manifest["version"]);
    for (name, wanted) in manifest["optionalDependencies"].as_object().into_iter().flatten() {
        same(NPM, name, wanted);
    }
    same(NPM_LOCK, "version", &lock["version"]);
    same(NPM_LOCK, "the package's own version", &lock["packages"][""]["version"]);
    findings
}

/// maturin takes Cargo's version where pyproject.toml says that it comes from elsewhere.
fn python(project: &str, tools: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines: Vec<_> = project.lines().map(str::trim).collect();
    if !lines.contains(&"dynamic = [\"version\"]") {
        findings.push(Finding::new(PYTHON, "say `dynamic = [\"version\"]`: it is Cargo's"));
    }
    let pin = tools.lines().map(str::trim).find(|line| line.starts_with("maturin=="));
    match pin {
        None => findings.push(Finding::new(TOOLS, "pin maturin, which builds the wheel")),
        Some(pin) if !project.contains(&format!("\"{pin}\"")) => findings
            .push(Finding::new(PYTHON, format!("requires another maturin than {TOOLS}: {pin}"))),
        Some(_) => {}
    }
    findings
}

fn workspace_version(cargo: &str) -> Option<&str> {
    let (_, package) = cargo.split_once("[workspace.package]")?;
    let line = package.lines().find(|line| line.starts_with("version"))?;
    line.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.place.as_str()).collect()
    }

    #[test]
    fn the_version_is_that_of_the_workspace() {
        let cargo = "[workspace]\nversion = \"9\"\n[workspace.package]\nversion = \"0.1.0\"\n";
        assert_eq!(workspace_version(cargo), Some("0.1.0"));
    }

    #[test]
    fn npm_versions_that_differ_are_found() {
        let manifest = r#"{"version": "0.1.0", "optionalDependencies": {"@emam/core-x": "0.1.0"}}"#;
        let lock = r#"{"version": "0.1.0", "packages": {"": {"version": "0.1.0"}}}"#;
        assert_eq!(npm("0.1.0", manifest, lock), []);
        assert_eq!(places(&npm("0.2.0", manifest, lock)), [NPM, NPM, NPM_LOCK, NPM_LOCK]);
        assert_eq!(places(&npm("0.1.0", "", lock)), [NPM]);
    }

    #[test]
    fn python_takes_its_version_from_cargo_and_maturin_from_one_place() {
        let project = "requires = [\"maturin==1.2.3\"]\ndynamic = [\"version\"]\n";
        assert_eq!(python(project, "# x\nmaturin==1.2.3\n"), []);
        assert_eq!(places(&python(project, "maturin==1.2.4")), [PYTHON]);
        assert_eq!(places(&python("version = \"1\"", "")), [PYTHON, TOOLS]);
    }
}
