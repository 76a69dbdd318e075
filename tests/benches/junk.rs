//! What an envelope that nothing opens costs the device it came to, in processor time: one that knows the ids of its
//! prekeys, and one that has to read them all from its vault first, as for every envelope once.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails by panicking")]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use rand_core::Rng;
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;
use velar::device::{Arrived, Device, Entropy};
use velar::passphrase::Passphrase;
use velar::records::{Holder, Issued, IssuedKind, SpentKind};
use velar::vault::{KdfCost, Vault, VaultError};
use velar_protocol::seal::{Day, PrekeyId};
use velar_protocol::wire::{Envelope, Pin, RelayAddress};

const NOW_S: u64 = 1_800_000_000;
/// Prekeys that are out: those for 31 members.
const ISSUED: u64 = 1_000;
/// Prekeys that were used: a year of a quiet circle.
const SPENT: u64 = 20_000;

fn passphrase() -> Passphrase {
    Passphrase::new("a long enough passphrase").unwrap()
}

fn vault(folder: &TempDir) -> Vault {
    let cost = KdfCost::new(KdfCost::MIN_MEMORY_KIB, 1).unwrap();
    let mut entropy = Entropy::default();
    let mut draw = |bytes: &mut [u8]| entropy.fill_bytes(bytes);
    let mut vault = Vault::create(folder.path(), &passphrase(), cost, &mut draw).unwrap();
    Device::initialise(&mut vault).unwrap();
    let put = vault.write::<_, VaultError>(|tx| {
        for n in 0..ISSUED + SPENT {
            let id = PrekeyId([n.to_le_bytes(), (!n).to_le_bytes()].concat().try_into().unwrap());
            let issued = Issued { id, day: Day::of_unix(NOW_S), holder: Holder::Everyone };
            if n < ISSUED {
                tx.put::<IssuedKind>(&id.0, &issued)?;
            } else {
                tx.put::<SpentKind>(&id.0, &issued)?;
            }
        }
        Ok(())
    });
    put.unwrap();
    vault
}

fn junk(n: u64) -> Arrived {
    let mut bytes = n.to_le_bytes().repeat(512);
    // The version of an envelope.
    *bytes.last_mut().unwrap() = 1;
    bytes.reverse();
    let relay = RelayAddress::new("127.0.0.1", 4433, Pin([7; 32]), None).unwrap();
    Arrived { envelope: Envelope::new(bytes).unwrap(), relay, token: None }
}

fn receiving(c: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    let mut known = Device::of(vault(&folder)).unwrap();
    let mut n = 0;
    let mut receive = |device: &mut Device, days: u64| {
        n += 1;
        let (arrived, now_s) = ([junk(n)], NOW_S + n * days * 86_400);
        let begun = processor_time();
        assert_eq!(device.receive(&arrived, now_s).unwrap(), [true]);
        processor_time() - begun
    };
    // A flood, as it goes on.
    for _ in 0..100 {
        receive(&mut known, 0);
    }
    c.bench_function("junk, with the ids known", |b| {
        b.iter_custom(|times| (0..times).map(|_| receive(&mut known, 0)).sum());
    });
    c.bench_function("junk, with the ids read for it", |b| {
        let folder = TempDir::new().unwrap();
        drop(vault(&folder));
        b.iter_custom(|times| {
            let fresh = || Device::of(Vault::open(folder.path(), &passphrase()).unwrap()).unwrap();
            // On days of their own: of many on one day the used ones are not read.
            (0..times).map(|_| receive(&mut fresh(), 2)).sum()
        });
    });
}

/// What this thread has used so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = receiving
}
criterion_main!(benches);
