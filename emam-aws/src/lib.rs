//! emam on AWS.
