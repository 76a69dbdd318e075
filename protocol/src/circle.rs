//! Circles.
