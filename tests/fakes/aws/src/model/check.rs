//! Holding JSON against a shape: names, types, required members, enums, bounds, patterns.

use std::fmt::{self, Write};

use regex::Regex;
use serde_json::Value;

use super::Model;
use super::shape::{Kind, Member, Shape};

/// Nothing, or the first thing that is wrong.
pub type Checked = Result<(), Box<Violation>>;

/// Something that is not as the model has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, from the outside in; a list's items by their number.
    pub path: Vec<String>,
    /// The value found, as JSON.
    pub value: String,
    /// The rule, in the words of the services that write it out.
    pub rule: String,
    /// Whether a required member is absent.
    pub missing: bool,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}: {} (found {})", self.path.join("/"), self.rule, self.value)
    }
}

/// A pattern as the services apply it: to the whole text.
pub(super) fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

struct Walk<'a> {
    model: &'a Model,
    /// What a client asks is held against bounds and patterns too.
    strict: bool,
    path: Vec<String>,
}

impl Model {
    pub(super) fn check(&self, shape: Option<&Member>, value: &Value, strict: bool) -> Checked {
        let mut walk = Walk { model: self, strict, path: Vec::new() };
        match shape {
            Some(member) => walk.member(member, value),
            None if value.as_object().is_none_or(|fields| fields.is_empty()) => Ok(()),
            None => walk.wrong(value, "Nothing is expected here"),
        }
    }
}

impl Walk<'_> {
    fn wrong(&self, value: &Value, rule: impl fmt::Display) -> Checked {
        let mut found = value.to_string();
        if found.len() > 200 {
            let cut = (0..=200).rev().find(|at| found.is_char_boundary(*at)).unwrap_or(0);
            found.truncate(cut);
            found.push('…');
        }
        let missing = value.is_null();
        let (path, rule) = (self.path.clone(), rule.to_string());
        Err(Box::new(Violation { path, value: found, rule, missing }))
    }

    fn inside(&mut self, name: impl Into<String>, member: &Member, value: &Value) -> Checked {
        self.path.push(name.into());
        self.member(member, value)?;
        self.path.pop();
        Ok(())
    }

    fn member(&mut self, member: &Member, value: &Value) -> Checked {
        let Some(shape) = self.model.shapes.get(&member.shape) else {
            return self.wrong(value, format!("The model lacks the shape {}", member.shape));
        };
        match (shape.kind, value) {
            (Kind::Structure, Value::Object(_)) => self.structure(shape, value),
            (Kind::List, Value::Array(items)) => {
                self.bounds(shape, items.len() as f64, value, "size")?;
                let Some(member) = &shape.member else { return Ok(()) };
                items
                    .iter()
                    .enumerate()
                    .try_for_each(|(at, item)| self.inside(at.to_string(), member, item))
            }
            (Kind::Map, Value::Object(entries)) => {
                self.bounds(shape, entries.len() as f64, value, "size")?;
                let Some(member) = &shape.value else { return Ok(()) };
                entries.iter().try_for_each(|(key, item)| self.inside(key.as_str(), member, item))
            }
            (Kind::String, Value::String(text)) => self.text(shape, text, value),
            (Kind::Integer | Kind::Long, Value::Number(number)) if !number.is_f64() => {
                self.bounds(shape, number.as_f64().unwrap_or(f64::NAN), value, "value")
            }
            (Kind::Float | Kind::Double, Value::Number(number)) => {
                self.bounds(shape, number.as_f64().unwrap_or(f64::NAN), value, "value")
            }
            (Kind::Boolean, Value::Bool(_))
            | (Kind::Timestamp, Value::Number(_) | Value::String(_))
            | (Kind::Blob, Value::String(_)) => Ok(()),
            (kind, _) => self.wrong(value, format!("Should be {}", name_of(kind))),
        }
    }

    fn structure(&mut self, shape: &Shape, value: &Value) -> Checked {
        let Value::Object(fields) = value else { return Ok(()) };
        for (name, field) in fields.iter().filter(|(_, field)| !field.is_null()) {
            let known = shape.members.iter().find(|(member, to)| to.wire(member) == name);
            match known {
                Some((_, member)) => self.inside(name.as_str(), member, field)?,
                None => {
                    self.path.push(name.clone());
                    return self.wrong(field, "Is not a known member");
                }
            }
        }
        for name in &shape.required {
            let Some(member) = shape.members.get(name) else { continue };
            let wire = member.wire(name);
            if fields.get(wire).is_none_or(Value::is_null) {
                self.path.push(wire.to_owned());
                return self.wrong(&Value::Null, "Member must not be null");
            }
        }
        Ok(())
    }

    fn text(&self, shape: &Shape, text: &str, value: &Value) -> Checked {
        if !shape.values.is_empty() && !shape.values.iter().any(|known| known == text) {
            let mut rule = "Member must satisfy enum value set: [".to_owned();
            for (at, known) in shape.values.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                // Writing to a text cannot fail.
                let _ = write!(rule, "{comma}{known}");
            }
            return self.wrong(value, rule + "]");
        }
        self.bounds(shape, text.chars().count() as f64, value, "length")?;
        let pattern = shape.pattern.as_deref().filter(|_| self.strict);
        match pattern.and_then(|pattern| self.model.patterns.get_key_value(pattern)) {
            Some((pattern, regex)) if !regex.is_match(text) => self
                .wrong(value, format!("Member must satisfy regular expression pattern: {pattern}")),
            _ => Ok(()),
        }
    }

    fn bounds(&self, shape: &Shape, measure: f64, value: &Value, of: &str) -> Checked {
        if !self.strict {
            return Ok(());
        }
        if let Some(min) = shape.min.filter(|min| measure < *min) {
            return self
                .wrong(value, format!("Member must have {of} greater than or equal to {min}"));
        }
        if let Some(max) = shape.max.filter(|max| measure > *max) {
            return self.wrong(value, format!("Member must have {of} less than or equal to {max}"));
        }
        Ok(())
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Structure | Kind::Map => "object",
        Kind::List => "array",
        Kind::String => "string",
        Kind::Integer | Kind::Long => "integer",
        Kind::Float | Kind::Double => "number",
        Kind::Boolean => "boolean",
        Kind::Timestamp => "timestamp",
        Kind::Blob => "base64 text",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::Models;

    fn fault(input: serde_json::Value) -> String {
        let models = Models::load().expect("models");
        match models.mediaconvert.check_request("CreateJob", &input) {
            Ok(()) => "fine".to_owned(),
            Err(violation) => violation.to_string(),
        }
    }

    fn job(outputs: serde_json::Value) -> serde_json::Value {
        json!({"role": "arn:aws:iam::1:role/x", "settings": {"outputGroups": [{"outputs": [outputs]}]}})
    }

    #[test]
    fn what_the_model_allows_passes() {
        assert_eq!(fault(job(json!({"nameModifier": "_proxy"}))), "fine");
    }

    #[test]
    fn a_missing_role_is_named() {
        assert!(fault(json!({"settings": {}})).starts_with("/role: Member must not be null"));
    }

    #[test]
    fn an_unknown_member_is_named_with_its_path() {
        let fault = fault(job(json!({"nameModifer": "_proxy"})));
        let path = "/settings/outputGroups/0/outputs/0/nameModifer: Is not a known member";
        assert!(fault.starts_with(path), "{fault}");
    }

    #[test]
    fn enums_bounds_types_and_patterns_are_held() {
        let codec = |settings| job(json!({"videoDescription": {"codecSettings": settings}}));
        assert!(fault(codec(json!({"codec": "H264"}))).contains("enum value set: [AV1"));
        let quality = json!({"frameCaptureSettings": {"quality": 0}});
        assert!(fault(codec(quality)).contains("value greater than or equal to 1"));
        let captures = json!({"frameCaptureSettings": {"maxCaptures": "3"}});
        assert!(fault(codec(captures)).contains("maxCaptures: Should be integer"));
        let input = json!({"fileInput": "ftp://x/y"});
        let bad = json!({"role": "r", "settings": {"inputs": [input]}});
        assert!(fault(bad).contains("regular expression"));
    }

    #[test]
    fn the_answer_may_not_hold_what_the_service_never_says() {
        let models = Models::load().expect("models");
        let check = |answer| models.mediaconvert.check_answer("GetJob", &answer).is_ok();
        let job = json!({"role": "r", "settings": {}, "status": "COMPLETE"});
        assert!(check(json!({"job": job})));
        assert!(!check(json!({"job": {"role": "r", "settings": {}, "status": "DONE"}})));
        assert!(!check(json!({"Job": {}})));
    }
}
