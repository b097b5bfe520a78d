//! Bodies that are slow, changed or cut on their way.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};

/// What happens to a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Bytes a second; 0 is as fast as it goes.
    pub(super) bytes_s: u64,
    /// Which byte is changed.
    pub(super) flip: Option<Flip>,
    /// After how many bytes the connection is cut.
    pub(super) cut_at: Option<u64>,
}

/// The byte that is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flip {
    /// The byte at this offset.
    At(u64),
    /// The first byte after the first line: of an `aws-chunked` body the first one that is data.
    AfterFirstLine,
}

/// Slices of a slow body a second.
const SLICES: u64 = 10;

impl Shape {
    /// The body with all that happening to it; untouched when nothing does.
    pub(super) fn apply(self, body: Body) -> Body {
        if self == Self::default() {
            return body;
        }
        let source = body.into_data_stream();
        let start = Flow { shape: self, source, waiting: Bytes::new(), passed: 0, line: false };
        Body::from_stream(stream::unfold(Some(start), |flow| async move {
            let mut flow = flow?;
            match flow.next().await {
                Some(Ok(bytes)) => Some((Ok(bytes), Some(flow))),
                Some(Err(failed)) => Some((Err(failed), None)),
                None => None,
            }
        }))
    }
}

struct Flow {
    shape: Shape,
    source: axum::body::BodyDataStream,
    /// What has arrived and was not yet sent on.
    waiting: Bytes,
    passed: u64,
    /// Whether a line end has passed.
    line: bool,
}

impl Flow {
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        if self.shape.cut_at.is_some_and(|at| self.passed >= at) {
            // What was sent on must leave the machine first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Some(Err(std::io::Error::other("cut on purpose")));
        }
        while self.waiting.is_empty() {
            match self.source.next().await? {
                Ok(bytes) => self.waiting = bytes,
                Err(failed) => return Some(Err(std::io::Error::other(failed))),
            }
        }
        let mut most = u64::MAX;
        if self.shape.bytes_s > 0 {
            most = (self.shape.bytes_s / SLICES).max(1);
            tokio::time::sleep(Duration::from_millis(1000 / SLICES)).await;
        }
        if let Some(at) = self.shape.cut_at {
            most = most.min(at - self.passed);
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.waiting.len());
        let bytes = self.waiting.split_to(most);
        Some(Ok(self.flipped(bytes)))
    }

    fn flipped(&mut self, bytes: Bytes) -> Bytes {
        let start = self.passed;
        self.passed += bytes.len() as u64;
        let at = match self.shape.flip {
            None => return bytes,
            Some(Flip::At(at)) => at.checked_sub(start).and_then(|at| usize::try_from(at).ok()),
            Some(Flip::AfterFirstLine) if self.line => Some(0),
            Some(Flip::AfterFirstLine) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                self.line = end.is_some();
                end.map(|end| end + 1)
            }
        };
        let Some(at) = at.filter(|at| *at < bytes.len()) else { return bytes };
        self.shape.flip = None;
        let mut changed = bytes.to_vec();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1;
        }
        changed.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn through(shape: Shape, parts: &[&'static str]) -> (String, bool) {
        let parts: Vec<_> = parts.iter().map(|part| Ok::<_, std::io::Error>(*part)).collect();
        let body = shape.apply(Body::from_stream(stream::iter(parts)));
        let mut stream = body.into_data_stream();
        let mut text = Vec::new();
        while let Some(bytes) = stream.next().await {
            match bytes {
                Ok(bytes) => text.extend_from_slice(&bytes),
                Err(_) => return (String::from_utf8(text).unwrap(), false),
            }
        }
        (String::from_utf8(text).unwrap(), true)
    }

    #[tokio::test]
    async fn one_byte_is_changed_wherever_it_comes() {
        let flip = |at| Shape { flip: Some(Flip::At(at)), ..Shape::default() };
        assert_eq!(through(flip(0), &["aaaa", "aaaa"]).await.0, "`aaaaaaa");
        assert_eq!(through(flip(5), &["aaaa", "aaaa"]).await.0, "aaaaa`aa");
        assert_eq!(through(flip(8), &["aaaa", "aaaa"]).await.0, "aaaaaaaa");
    }

    #[tokio::test]
    async fn the_framing_of_chunks_is_left_alone() {
        let shape = Shape { flip: Some(Flip::AfterFirstLine), ..Shape::default() };
        assert_eq!(through(shape, &["2;s=1\r\naa\r\n0"]).await.0, "2;s=1\r\n`a\r\n0");
        assert_eq!(through(shape, &["2;s=1\r\n", "aa\r\n0"]).await.0, "2;s=1\r\n`a\r\n0");
    }

    #[tokio::test]
    async fn a_body_is_cut_in_the_middle() {
        let shape = Shape { cut_at: Some(5), ..Shape::default() };
        assert_eq!(through(shape, &["aaaa", "aaaa"]).await, ("aaaaa".to_owned(), false));
    }

    #[tokio::test]
    async fn a_slow_body_takes_its_time_and_arrives_whole() {
        let begin = std::time::Instant::now();
        let shape = Shape { bytes_s: 40, ..Shape::default() };
        assert_eq!(through(shape, &["aaaaaa", "aa"]).await, ("aaaaaaaa".to_owned(), true));
        assert!(begin.elapsed() >= Duration::from_millis(200));
    }
}
