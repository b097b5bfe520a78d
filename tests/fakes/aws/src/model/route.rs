//! Finding the operation of a REST request, and its members in path and query.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::Model;
use super::shape::{Kind, Location};

/// The operation a REST request is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Routed {
    /// Its name.
    pub operation: String,
    /// The members the path and the query carry, by their names on the wire.
    pub members: Map<String, Value>,
}

impl Model {
    /// Finds the operation of a request by method, path (still encoded) and decoded query.
    pub fn route(&self, method: &str, path: &str, query: &[(String, String)]) -> Option<Routed> {
        let mut best: Option<(usize, Routed)> = None;
        for (name, operation) in &self.operations {
            if operation.http.method != method {
                continue;
            }
            let (template, literal) = match operation.http.request_uri.split_once('?') {
                Some((template, literal)) => (template, Some(literal)),
                None => (operation.http.request_uri.as_str(), None),
            };
            let wanted: Vec<_> = literal
                .map(|literal| {
                    literal.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                })
                .into_iter()
                .flatten()
                .collect();
            let has =
                |(key, value): &(&str, &str)| query.iter().any(|(k, v)| k == key && v == value);
            if !wanted.iter().all(has) {
                continue;
            }
            let Some(members) = matched(template, path) else { continue };
            // The template that fixes more of the request is the one meant.
            let fixed = template.split('/').filter(|part| !part.starts_with('{')).count();
            let score = fixed + 100 * wanted.len();
            if best.as_ref().is_none_or(|(so_far, _)| score > *so_far) {
                best = Some((score, Routed { operation: name.clone(), members }));
            }
        }
        let (_, mut routed) = best?;
        self.add_query(&mut routed, query);
        Some(routed)
    }

    fn add_query(&self, routed: &mut Routed, query: &[(String, String)]) {
        let input = self.operations.get(&routed.operation).and_then(|found| found.input.as_ref());
        let Some(shape) = input.and_then(|input| self.shapes.get(&input.shape)) else { return };
        for (name, member) in &shape.members {
            if member.location != Some(Location::Querystring) {
                continue;
            }
            let wire = member.wire(name);
            let mut given = query.iter().filter(|(key, _)| key == wire).map(|(_, value)| value);
            let Some(first) = given.next() else { continue };
            let kind = self.shapes.get(&member.shape).map(|shape| shape.kind);
            let value = match kind {
                Some(Kind::Integer | Kind::Long) => {
                    first.parse::<i64>().map_or_else(|_| json!(first), |number| json!(number))
                }
                Some(Kind::Boolean) => {
                    first.parse::<bool>().map_or_else(|_| json!(first), |truth| json!(truth))
                }
                Some(Kind::List) => std::iter::once(first).chain(given).cloned().collect(),
                _ => json!(first),
            };
            routed.members.insert(wire.to_owned(), value);
        }
    }
}

/// The members in `path`, when it is of the form of `template`.
fn matched(template: &str, path: &str) -> Option<Map<String, Value>> {
    let mut members = Map::new();
    let mut parts = path.trim_end_matches('/').split('/');
    for wanted in template.trim_end_matches('/').split('/') {
        let part = parts.next()?;
        match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !part.is_empty() => {
                let text = percent_decode_str(part).decode_utf8_lossy().into_owned();
                members.insert(name.to_owned(), Value::String(text));
            }
            Some(_) => return None,
            None if wanted == part => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::Models;

    fn routed(service: &str, method: &str, path: &str, query: &[(&str, &str)]) -> String {
        let models = Models::load().expect("models");
        let query: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let model = models.by_name(service).expect("a model");
        match model.route(method, path, &query) {
            Some(routed) => format!("{} {}", routed.operation, json!(routed.members)),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn path_members_are_decoded() {
        let found = routed("mediaconvert", "GET", "/2017-08-29/jobTemplates/my%20one", &[]);
        assert_eq!(found, r#"GetJobTemplate {"name":"my one"}"#);
        let arn = "/2017-08-29/tags/arn%3Aaws%3Amediaconvert%3Aus-east-1%3A1%3Ajobs%2F1";
        let found = routed("mediaconvert", "GET", arn, &[]);
        assert_eq!(
            found,
            r#"ListTagsForResource {"arn":"arn:aws:mediaconvert:us-east-1:1:jobs/1"}"#
        );
    }

    #[test]
    fn numbers_in_the_query_are_numbers() {
        let query = [("maxResults", "5"), ("status", "COMPLETE")];
        let found = routed("mediaconvert", "GET", "/2017-08-29/jobs", &query);
        assert_eq!(found, r#"ListJobs {"maxResults":5,"status":"COMPLETE"}"#);
    }

    #[test]
    fn the_method_decides() {
        assert!(routed("mediaconvert", "POST", "/2017-08-29/jobs", &[]).starts_with("CreateJob"));
        assert!(
            routed("mediaconvert", "DELETE", "/2017-08-29/jobs/1", &[]).starts_with("CancelJob")
        );
        assert_eq!(routed("mediaconvert", "PATCH", "/2017-08-29/jobs/1", &[]), "nothing");
        assert_eq!(routed("mediaconvert", "GET", "/2017-08-29/jobs/1/2", &[]), "nothing");
    }

    #[test]
    fn a_query_that_is_part_of_the_template_decides() {
        let path = "/-/vaults/v/tags";
        assert!(routed("glacier", "POST", path, &[("operation", "add")]).starts_with("AddTags"));
        assert!(
            routed("glacier", "POST", path, &[("operation", "remove")]).starts_with("RemoveTags")
        );
        assert!(routed("glacier", "GET", path, &[]).starts_with("ListTagsForVault"));
    }
}
