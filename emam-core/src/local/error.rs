//! How the backends of this machine say what went wrong.

pub(crate) use crate::io::{io_error, is_link_loop};
