//! All pages of an answer.

use std::future::Future;

use emam_core::{Error, ErrorKind, Result};

/// More pages than any video gives: six hours of labels are some hundred.
const MOST_PAGES: usize = 10_000;

/// One page, and the token of the next.
pub(super) type Page<T> = (Vec<T>, Option<String>);

/// Reads pages until there is none left. Tokens grow old: when one is refused, everything is read
/// again from the first page, once.
///
/// # Errors
/// What reading a page gives.
pub(super) async fn all<T, F>(
    operation: &'static str,
    mut fetch: impl FnMut(Option<String>) -> F,
) -> Result<Vec<T>>
where
    F: Future<Output = Result<Page<T>>>,
{
    let (mut items, mut token, mut again) = (Vec::new(), None, false);
    for _ in 0..MOST_PAGES {
        match fetch(token.clone()).await {
            Ok((page, next)) => {
                items.extend(page);
                match next {
                    Some(next) if !next.is_empty() => token = Some(next),
                    _ => return Ok(items),
                }
            }
            Err(error) if token.is_some() && !again && is_stale(&error) => {
                (items, token, again) = (Vec::new(), None, true);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::Unexpected, operation, "the pages of the answer have no end")
        .with("pages", MOST_PAGES))
}

fn is_stale(error: &Error) -> bool {
    error.get("code") == Some("InvalidPaginationTokenException")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn stale() -> Error {
        Error::invalid("analyzer.findings", "too old")
            .with("code", "InvalidPaginationTokenException")
    }

    #[tokio::test]
    async fn a_stale_token_starts_over_once_and_gives_nothing_twice() {
        let calls = Cell::new(0);
        let fetch = |token: Option<String>| {
            calls.set(calls.get() + 1);
            let call = calls.get();
            async move {
                match (token.as_deref(), call) {
                    (None, _) => Ok((vec![1, 2], Some("2".to_owned()))),
                    (Some("2"), 2) => Err(stale()),
                    (Some("2"), _) => Ok((vec![3], None)),
                    _ => panic!("{token:?}"),
                }
            }
        };
        assert_eq!(all("test", fetch).await.unwrap(), [1, 2, 3]);
        assert_eq!(calls.get(), 4);
    }

    #[tokio::test]
    async fn tokens_refused_again_and_again_are_an_error() {
        let fetch = |token: Option<String>| async move {
            match token {
                None => Ok((vec![1], Some("2".to_owned()))),
                Some(_) => Err(stale()),
            }
        };
        assert!(all("test", fetch).await.is_err());
        let endless = |_| async { Ok((vec![()], Some("same".to_owned()))) };
        assert_eq!(all("test", endless).await.unwrap_err().kind(), ErrorKind::Unexpected);
    }
}
