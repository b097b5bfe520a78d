//! `errors.py`: one class a kind.

use anyhow::Result;

use super::camel;
use super::layout::docstring;
use crate::api::Api;

/// The exception of Python that means the same.
fn builtin(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "not_found" => "FileNotFoundError",
        "already_exists" => "FileExistsError",
        "invalid_input" => "ValueError",
        "permission_denied" => "PermissionError",
        "timeout" => "TimeoutError",
        "unavailable" => "ConnectionError",
        _ => return None,
    })
}

pub(super) fn print(api: &Api) -> Result<String> {
    let mut text = String::from(
        "\"\"\"The errors of the library: one class a kind, all of them an `EmamError`.\"\"\"\n\n\
         from __future__ import annotations\n\n\
         from ._error import EmamError, from_json, kinds\n\n",
    );
    let mut names: Vec<_> = api.errors.iter().map(|kind| camel(kind.name)).collect();
    names.extend(["EmamError".to_owned(), "from_json".to_owned()]);
    names.sort();
    let quoted: String = names.iter().map(|name| format!("    \"{name}\",\n")).collect();
    text += &format!("__all__ = [\n{quoted}]\n");
    for kind in &api.errors {
        let second = builtin(kind.name).map(|base| format!(", {base}")).unwrap_or_default();
        text += &format!("\n\nclass {}(EmamError{second}):\n", camel(kind.name));
        text += &docstring(&kind.doc.replace("Error::report", "EmamError.report"), &[], 4);
        text += &format!("\n    kind = \"{}\"\n", kind.name);
    }
    let listed: String =
        api.errors.iter().map(|k| format!("    \"{}\": {},\n", k.name, camel(k.name))).collect();
    Ok(format!("{text}\n\nkinds.update({{\n{listed}}})\n"))
}
