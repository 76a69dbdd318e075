//! Stories that take minutes, for a minute is the shortest time that people agree on. In one program: they wait beside
//! each other.

mod claims;
mod drills;
#[path = "../of_three/mod.rs"]
mod of_three;
mod plans;
mod two_watchers;
