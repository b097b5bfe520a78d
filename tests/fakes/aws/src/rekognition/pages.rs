//! Pages of results, with tokens that expire.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::fault;
use crate::jobs::hex_id;
use crate::service::Fault;

/// How long a token may be used, in seconds of the account's clock. The service does not say how
/// long its tokens live, only that they end; a minute lets a test see it.
const LIFE_SECONDS: i64 = 60;

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(super) struct Pages {
    given: HashMap<String, Rest>,
}

#[derive(Debug)]
struct Rest {
    scope: String,
    from: usize,
    given: Timestamp,
}

impl Pages {
    /// The page that `token` stands for, and the token of the next. `scope` says what is paged: a
    /// token is good only for the list it was given for.
    pub(super) fn page(
        &mut self,
        now: Timestamp,
        scope: &str,
        token: Option<&str>,
        max: usize,
        items: Vec<Value>,
    ) -> Result<(Vec<Value>, Option<String>), Fault> {
        let from = match token {
            None => 0,
            Some(token) => self.begin(now, scope, token)?,
        };
        let end = items.len().min(from.saturating_add(max));
        let next = (end < items.len()).then(|| {
            let count = self.given.len().to_string();
            let token = hex_id(&["page", scope, &end.to_string(), &count]);
            let rest = Rest { scope: scope.to_owned(), from: end, given: now };
            self.given.insert(token.clone(), rest);
            token
        });
        Ok((items.into_iter().skip(from).take(max).collect(), next))
    }

    fn begin(&self, now: Timestamp, scope: &str, token: &str) -> Result<usize, Fault> {
        let life = SignedDuration::from_secs(LIFE_SECONDS);
        match self.given.get(token) {
            Some(rest) if rest.scope == scope && now.duration_since(rest.given) <= life => {
                Ok(rest.from)
            }
            _ => Err(fault(
                "InvalidPaginationTokenException",
                "Request has Invalid Pagination Token",
            )),
        }
    }
}
