//! `emam events`: the log of what happened.

use std::time::Duration;

use clap::Args;

use super::output::Failure;
use super::session::{Session, Use};
use super::text;
use crate::model::PageRequest;

/// Prints the log of what happened, and what happens.
///
/// Keep the number of the last event you have handled: going on after it misses nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  emam events --after 1200
  emam events --follow --new --json | while read -r event; do …; done")]
pub(super) struct Arguments {
    /// Begins after the event of this number; 0 begins with the first.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    after: i64,
    /// Begins after the last event there is.
    #[arg(long, conflicts_with = "after")]
    new: bool,
    /// Goes on with what happens from now on, until it is interrupted.
    #[arg(long)]
    follow: bool,
    /// Ends after this many.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(super) async fn run(session: &Session, arguments: Arguments) -> Result<(), Failure> {
    let library = session.open(Use::Read).await?;
    let events = library.events();
    let mut after = if arguments.new { events.last().await? } else { arguments.after };
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    if arguments.follow {
        let mut stream = events.follow(after);
        while left > 0 {
            let event = tokio::select! {
                event = stream.next() => event?,
                () = session.out.unread() => return Err(Failure::Unread),
            };
            session.out.record(&event, text::event)?;
            left -= 1;
        }
        return Ok(());
    }
    while left > 0 {
        let found = events.list(after, PageRequest::MAX_LIMIT, Duration::ZERO).await?;
        let Some(last) = found.last() else { break };
        after = last.seq;
        for event in &found {
            if left > 0 {
                session.out.record(event, text::event)?;
                left -= 1;
            }
        }
    }
    Ok(())
}
