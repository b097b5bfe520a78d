//! Notices by SNS and by mail.

mod ses;
mod sns;

pub use ses::SesNotifier;
pub use sns::SnsNotifier;

/// How both name what failed.
const NOTIFY: &str = "notifier.notify";
