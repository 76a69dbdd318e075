//! What sealing and opening an envelope cost a device, in processor time: other programs do not count.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use rustix::time::{ClockId, clock_gettime};
use velar_protocol::seal::{
    CircleId, Day, IdentitySecret, MessageId, Part, PrekeyId, PrekeyKind, PrekeySecret, Voice,
    matches, open, seal,
};

const CIRCLE: CircleId = CircleId([1; 32]);
const TODAY: Day = Day(20_000);

/// Ana sends Eva a check-in that brings one fresh prekey; Eva holds the private half as a seed.
fn sealing(c: &mut Criterion) {
    let rng = &mut UnwrapErr(SysRng);
    let (ana, eva) = (IdentitySecret::from_seed(&[1; 64]), IdentitySecret::from_seed(&[2; 64]));
    let stored = PrekeySecret::from_seed(&[3; 96]).to_seed();
    let issued = PrekeySecret::from_seed(&stored).issue(&eva, &CIRCLE, TODAY, PrekeyKind::OneTime);
    let prekey = issued.clone().verify(&eva.public(), &CIRCLE, TODAY, PrekeyKind::OneTime).unwrap();
    let part = Part {
        sender: ana.public().member(),
        roster_number: 1,
        roster_hash: [4; 32],
        voice: Voice([5; 16]),
        message: MessageId([6; 16]),
        sequence: 7,
        index: 0,
        count: 1,
        yours_held: 4,
        body: vec![8; 200],
        prekeys: vec![PrekeySecret::from_seed(&[9; 96]).issue(
            &ana,
            &CIRCLE,
            TODAY,
            PrekeyKind::OneTime,
        )],
    };
    let envelope = seal(&ana, &eva.public(), &CIRCLE, &prekey, &part, rng).unwrap();
    // A stock of 32 prekeys for each of 31 members.
    let ids: Vec<PrekeyId> = (0..992_u64).map(|i| PrekeyId([(i % 251) as u8; 16])).collect();

    let mut measure = |name: &str, work: &mut dyn FnMut()| {
        c.bench_function(name, |b| {
            b.iter_custom(|times| {
                let begun = processor_time();
                (0..times).for_each(|_| work());
                processor_time() - begun
            });
        });
    };
    let open_stored = |envelope: &_| {
        let secret = PrekeySecret::from_seed(&stored);
        let opened = open(&eva.public(), &CIRCLE, &secret, envelope).unwrap();
        black_box(opened.authenticate(&ana.public()).unwrap());
    };
    let mut seal_part =
        || seal(&ana, &eva.public(), &CIRCLE, &prekey, black_box(&part), rng).unwrap();
    measure("seal", &mut || drop(black_box(seal_part())));
    measure("open", &mut || open_stored(black_box(&envelope)));
    measure("seal and open", &mut || open_stored(&seal_part()));
    measure("find the prekey among 992", &mut || {
        black_box(ids.iter().filter(|id| matches(black_box(&envelope), **id)).count());
    });
    measure("check a prekey that came in", &mut || {
        let came = black_box(issued.clone());
        black_box(came.verify(&eva.public(), &CIRCLE, TODAY, PrekeyKind::OneTime).unwrap());
    });
}

/// What this thread has used so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = sealing
}
criterion_main!(benches);
