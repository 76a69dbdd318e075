//! Copies of a store, each damaged in one place. `VELAR_DAMAGED_COPIES` sets how many, `VELAR_DAMAGE_SEED` which.
#![expect(clippy::print_stderr, reason = "what was done to a copy is needed to repeat it")]

use std::collections::BTreeMap;
use std::env;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

const MAILBOXES: u8 = 20;
const ENVELOPES: u64 = 900;
const HOLDS: u8 = 40;

fn number_of(envelope: &Envelope) -> u64 {
    u64::from_le_bytes(envelope.as_bytes()[..8].try_into().unwrap())
}

/// A store with some history: reopened, acknowledged in part, its last commits after the last snapshot.
fn pristine() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path());
    let mailboxes: Vec<Write> = (1..=MAILBOXES).map(|id| Write::Mailbox(mailbox(id))).collect();
    applied(&store, &mailboxes);
    for sequence in 0..ENVELOPES {
        let id = 1 + (sequence % u64::from(MAILBOXES)) as u8;
        applied(&store, &[put(id, sequence)]);
        if sequence % 10 == 3 {
            applied(&store, &[remove(id, sequence)]);
        }
        if sequence == ENVELOPES / 2 {
            for id in 0..HOLDS {
                applied(&store, &[hold(id, 1, 100_000 + 2 * u64::from(id))]);
            }
            applied(&store, &[mark()]);
            drop(store);
            store = opened(folder.path());
        }
    }
    drop(store);
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.file_name().is_none_or(|name| name != "lock") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Without what is empty: sled's segments are mostly that.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            sparse(&fs::read(entry.path()).unwrap(), &place);
        }
    }
}

fn sparse(bytes: &[u8], place: &Path) {
    use std::os::unix::fs::FileExt as _;
    let file = fs::File::create(place).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (at, block) in bytes.chunks(4096).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            file.write_all_at(block, at as u64 * 4096).unwrap();
        }
    }
}

/// Damages one file. What was done.
fn damage(folder: &Path, rng: &mut TestRng) -> String {
    let files = files(folder);
    // Mostly where most bytes are.
    let at =
        if rng.next_u32().is_multiple_of(3) { rng.next_u32() as usize % files.len() } else { 0 };
    let largest = files.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let path = if at == 0 { largest } else { &files[at] };
    let mut bytes = fs::read(path).unwrap();
    let used =
        bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1).min(bytes.len());
    let place = rng.next_u64() as usize % used.max(1);
    let what = match rng.next_u32() % 9 {
        0..=3 if !bytes.is_empty() => {
            bytes[place] ^= 1 << (rng.next_u32() % 8);
            "a flipped bit"
        }
        4..=5 if !bytes.is_empty() => {
            let from = place / 4096 * 4096;
            let to = (from + 4096).min(bytes.len());
            bytes[from..to].fill(0);
            "a zeroed page"
        }
        6..=7 => {
            bytes.truncate(place);
            "truncation"
        }
        _ => {
            fs::remove_file(path).unwrap();
            return format!("{} missing", path.display());
        }
    };
    fs::write(path, bytes).unwrap();
    format!("{what} at {place} of {} of {used}", path.file_name().unwrap().display())
}

/// What became of a copy.
#[derive(Debug, Default)]
struct Outcome {
    lost: u64,
    holds_lost: usize,
}

fn examined(folder: &Path) -> Outcome {
    let store = opened(folder);
    let loaded = store.load().unwrap();
    let mut outcome = Outcome::default();
    let mut there: BTreeMap<MailboxId, Vec<u64>> = BTreeMap::new();
    let mut counted: BTreeMap<MailboxId, u64> = BTreeMap::new();
    for record in &loaded.mailboxes {
        counted.insert(record.id, record.expired);
    }
    for stored in &loaded.envelopes {
        match store.envelope(&stored.mailbox, stored.sequence).unwrap() {
            Some(read) => {
                assert!(read == envelope(number_of(&read)), "a wrong envelope was served");
                assert_eq!(number_of(&read), stored.sequence);
                there.entry(stored.mailbox).or_default().push(stored.sequence);
            }
            None => *counted.get_mut(&stored.mailbox).unwrap() += 1,
        }
    }
    for id in 1..=MAILBOXES {
        let mailbox = MailboxId([id; 32]);
        let wanted = |sequence: &u64| {
            sequence % u64::from(MAILBOXES) == u64::from(id - 1) && sequence % 10 != 3
        };
        let there = there.remove(&mailbox).unwrap_or_default();
        let missing = (0..ENVELOPES).filter(wanted).filter(|it| !there.contains(it)).count() as u64;
        let counted = counted.get(&mailbox).copied().unwrap_or_default();
        assert_eq!(missing, counted, "mailbox {id}: {missing} are missing, {counted} are counted");
        outcome.lost += missing;
    }
    for id in 0..HOLDS {
        let key = HeldKey { id: HoldId([id; 32]), generation: 1 };
        let held = loaded.holds.iter().any(|hold| hold.key == key);
        outcome.holds_lost += usize::from(!held);
    }
    drop(store);
    // A loss is counted once, however often it starts.
    let again = opened(folder).load().unwrap();
    for record in &again.mailboxes {
        let before = loaded.mailboxes.iter().find(|it| it.id == record.id).unwrap();
        assert!(record.expired >= before.expired, "a count went back");
    }
    outcome
}

#[test]
fn whatever_is_damaged_nothing_is_lost_in_silence_and_no_wrong_byte_is_served() {
    let number = |name: &str, default: u64| {
        env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (copies, seed) = (number("VELAR_DAMAGED_COPIES", 40), number("VELAR_DAMAGE_SEED", 1));
    let pristine = pristine();
    let (mut lost, mut most, mut holds) = (0, 0, 0);
    for at in 0..copies {
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &{
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            bytes[8..16].copy_from_slice(&at.to_le_bytes());
            bytes
        });
        let folder = tempfile::tempdir().unwrap();
        copy(pristine.path(), folder.path());
        let done = damage(folder.path(), &mut rng);
        eprintln!("copy {at}: {done}");
        let outcome = examined(folder.path());
        eprintln!("copy {at}: {outcome:?}");
        lost += u64::from(outcome.lost > 0);
        most = most.max(outcome.lost);
        holds += outcome.holds_lost;
    }
    eprintln!("{copies} copies: {lost} with losses, {most} envelopes at most, {holds} holds");
}
