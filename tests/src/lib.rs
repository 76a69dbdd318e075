//! What the integration tests and the load generator share: relays and people as real processes, and loads.

pub mod clock;
pub mod files;
pub mod job;
pub mod liar;
pub mod load;
pub mod network;
pub mod person;
pub mod process;
pub mod ranks;
pub mod search;
