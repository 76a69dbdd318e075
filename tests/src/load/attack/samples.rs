//! How long each thing took, or why it was not done.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::quantile;
use super::client::Failure;

/// What honest people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// A whole handshake, from a prefix that was never seen.
    Connect,
    /// Opening a new mailbox.
    Open,
    /// Sending, until it is on disk: on a connection that stays, and on new ones.
    Send,
    /// From sending until its reader has it.
    Delivery,
    /// Leaving a hold.
    Hold,
    /// Extending one: one left just now, and one left before the attack.
    Extend,
    /// An alarm from the panic kit, from nothing until all of it is on disk, the handshake included.
    Alarm,
}

/// All of them, in the order in which they are shown.
pub(super) const OPERATIONS: [Operation; 7] = [
    Operation::Connect,
    Operation::Open,
    Operation::Send,
    Operation::Delivery,
    Operation::Hold,
    Operation::Extend,
    Operation::Alarm,
];

/// One operation in one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Series {
    /// How often it was done.
    pub(super) done: usize,
    /// Median wait.
    pub(super) p50: Duration,
    /// 99th percentile.
    pub(super) p99: Duration,
    /// The longest.
    pub(super) max: Duration,
    /// How often it was not done, by reason.
    pub(super) failures: BTreeMap<String, usize>,
}

/// Notes of all that was done.
#[derive(Debug, Default)]
pub(super) struct Samples(Mutex<Vec<Sample>>);

#[derive(Clone, Copy, Debug)]
struct Sample {
    operation: Operation,
    begun: Instant,
    result: Result<Duration, Failure>,
}

impl Operation {
    /// As it is called in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Open => "open",
            Self::Send => "send",
            Self::Delivery => "delivery",
            Self::Hold => "hold",
            Self::Extend => "extend",
            Self::Alarm => "alarm",
        }
    }
}

impl Series {
    /// How often it was not done.
    pub(super) fn failed(&self) -> usize {
        self.failures.values().sum()
    }
}

impl Samples {
    /// Notes something that was to begin at `begun` and has an end now.
    pub(super) fn note<T>(
        &self,
        operation: Operation,
        begun: Instant,
        result: Result<T, Failure>,
    ) -> Result<T, Failure> {
        let sample = Sample {
            operation,
            begun,
            result: result.as_ref().map(|_| begun.elapsed()).map_err(|failure| *failure),
        };
        self.all().push(sample);
        result
    }

    /// What began in this time.
    pub(super) fn series(&self, operation: Operation, from: Instant, to: Instant) -> Series {
        let (mut waits, mut failures) = (Vec::new(), BTreeMap::new());
        for sample in self.all().iter() {
            if sample.operation != operation || sample.begun < from || sample.begun >= to {
                continue;
            }
            match sample.result {
                Ok(waited) => waits.push(waited),
                Err(failure) => *failures.entry(failure.to_string()).or_default() += 1,
            }
        }
        let p50 = quantile(&mut waits, 0.5);
        let p99 = quantile(&mut waits, 0.99);
        let max = waits.last().copied().unwrap_or_default();
        Series { done: waits.len(), p50, p99, max, failures }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
