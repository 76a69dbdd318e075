//! What the integration tests and the load generator share: relays and people as real processes, and loads on them.

pub mod load;
pub mod person;
pub mod process;
