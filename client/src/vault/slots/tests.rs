use super::super::Part;
use super::super::tests::{cheap, noise, ours, passphrase};
use super::*;
use std::time::Duration;

fn new() -> (tempfile::TempDir, std::path::PathBuf, Contents) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("slots");
    let contents = Contents { data_key: Zeroizing::new([7; 32]), voice: [9; 16] };
    create(&path, &ours(), cheap(), &contents, &mut noise).unwrap();
    (dir, path, contents)
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn slots_of(path: &Path) -> Slots {
    read(&open_file(path).unwrap(), path).unwrap()
}

#[test]
fn a_slot_opens_to_what_was_sealed_in_it() {
    let (_dir, path, contents) = new();
    let opened = open(&path, &ours()).unwrap();
    assert_eq!(opened.data_key, contents.data_key);
    assert_eq!(opened.voice, contents.voice);
    assert!(matches!(open(&path, &passphrase("x")), Err(VaultError::WrongPassphrase)));
}

#[test]
fn the_first_passphrase_is_in_either_slot() {
    let mut seen = [false; 2];
    for coin in [0u8, 1] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slots");
        let contents = Contents { data_key: Zeroizing::new([7; 32]), voice: [9; 16] };
        // The only request for one byte is the coin.
        let mut entropy = |buffer: &mut [u8]| match buffer {
            [one] => *one = coin,
            more => noise(more),
        };
        create(&path, &ours(), cheap(), &contents, &mut entropy).unwrap();
        let slots = slots_of(&path);
        let key = kdf::derive(&ours(), &slots.salt, slots.cost).unwrap();
        let (index, _) = slots.try_both(&key).unwrap().unwrap();
        seen[index] = true;
    }
    assert_eq!(seen, [true, true]);
}

#[test]
fn setting_the_second_slot_changes_that_slot_and_the_sums_only() {
    let (_dir, path, _) = new();
    let before = slots_of(&path);
    let second = passphrase("la segunda de las dos");
    let new = Some((&second, Some([5; 16])));
    replace_slot(&path, &ours(), Which::Other, new, &mut noise).unwrap();
    let after = slots_of(&path);
    assert_eq!((after.salt, after.cost), (before.salt, before.cost));
    let same = before.slots.iter().zip(after.slots).filter(|(a, b)| *a == b).count();
    assert_eq!(same, 1);
    assert_eq!(open(&path, &second).unwrap().voice, [5; 16]);
    assert_eq!(open(&path, &ours()).unwrap().voice, [9; 16]);
    assert_eq!(bytes(&path).len() as u64, FILE_LEN);
}

#[test]
fn what_a_slot_held_before_is_gone_from_the_file() {
    let (_dir, path, _) = new();
    let before = slots_of(&path);
    let new = passphrase("una completamente nueva");
    replace_slot(&path, &ours(), Which::Own, Some((&new, None)), &mut noise).unwrap();
    let key = kdf::derive(&new, &before.salt, before.cost).unwrap();
    let (own, contents) = slots_of(&path).try_both(&key).unwrap().unwrap();
    assert_eq!(contents.voice, [9; 16]);
    let old = &before.slots[own];
    assert!(!bytes(&path).windows(old.len()).any(|window| window == old));
    assert!(matches!(open(&path, &ours()), Err(VaultError::WrongPassphrase)));
}

#[test]
fn a_passphrase_cannot_open_both_slots() {
    let (_dir, path, _) = new();
    let before = bytes(&path);
    for which in [Which::Own, Which::Other] {
        let again = replace_slot(&path, &ours(), which, Some((&ours(), None)), &mut noise);
        assert!(matches!(again, Err(VaultError::PassphraseInUse)));
    }
    let stranger = passphrase("alguien que no la sabe");
    let denied = replace_slot(&path, &stranger, Which::Other, None, &mut noise);
    assert!(matches!(denied, Err(VaultError::WrongPassphrase)));
    assert_eq!(bytes(&path), before);
}

#[test]
fn one_damaged_copy_costs_nothing_and_two_are_damage() {
    let (_dir, path, contents) = new();
    let whole = bytes(&path);
    for at in [0, 9, 60, 200, COPY_LEN - 1] {
        for copy in COPIES_AT {
            let mut damaged = whole.clone();
            damaged[at + copy as usize] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(open(&path, &ours()).unwrap().voice, contents.voice);
        }
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        damaged[at + 4096] ^= 0x80;
        std::fs::write(&path, &damaged).unwrap();
        assert!(matches!(open(&path, &ours()), Err(VaultError::Damaged { what: Part::Slots })));
    }
    for len in [0, 1, COPY_LEN - 1] {
        std::fs::write(&path, &whole[..len]).unwrap();
        assert!(matches!(open(&path, &ours()), Err(VaultError::Damaged { what: Part::Slots })));
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(open(&path, &ours()), Err(VaultError::Damaged { what: Part::Slots })));
}

#[test]
fn a_crash_between_the_copies_leaves_one_of_the_two_states() {
    let (_dir, path, _) = new();
    let old = bytes(&path);
    let new = passphrase("una completamente nueva");
    replace_slot(&path, &ours(), Which::Own, Some((&new, None)), &mut noise).unwrap();
    let changed = bytes(&path);
    // The order of writing: second copy, then first. Each may be torn at any byte.
    for torn in (0..=COPY_LEN).step_by(41) {
        let mut state = old.clone();
        state[4096..4096 + torn].copy_from_slice(&changed[4096..4096 + torn]);
        std::fs::write(&path, &state).unwrap();
        open(&path, &ours()).unwrap();
        let mut state = changed.clone();
        state[torn..COPY_LEN].copy_from_slice(&old[torn..COPY_LEN]);
        std::fs::write(&path, &state).unwrap();
        assert!(open(&path, &ours()).is_ok() || open(&path, &new).is_ok(), "torn at {torn}");
    }
}

#[test]
fn a_cost_out_of_bounds_is_damage_and_asks_for_no_memory() {
    let (_dir, path, _) = new();
    let mut copy = slots_of(&path).encode();
    for (memory, passes) in
        [(u32::MAX, 1), (KdfCost::MAX_MEMORY_KIB + 1, 1), (64, 17), (64, 0), (0, 1)]
    {
        copy[8..12].copy_from_slice(&u32::to_le_bytes(memory));
        copy[12..16].copy_from_slice(&u32::to_le_bytes(passes));
        let sum = labelled(SUM_LABEL, &[&copy[..BODY_LEN]]);
        copy[BODY_LEN..].copy_from_slice(&sum);
        let mut file = vec![0; FILE_LEN as usize];
        file[..COPY_LEN].copy_from_slice(&copy);
        std::fs::write(&path, &file).unwrap();
        assert!(
            matches!(open(&path, &ours()), Err(VaultError::Damaged { what: Part::Slots })),
            "{memory} KiB, {passes}"
        );
    }
}

#[test]
fn a_newer_format_is_named() {
    let (_dir, path, _) = new();
    let mut copy = slots_of(&path).encode();
    copy[7] = 2;
    let sum = labelled(SUM_LABEL, &[&copy[..BODY_LEN]]);
    copy[BODY_LEN..].copy_from_slice(&sum);
    std::fs::write(&path, copy).unwrap();
    assert!(matches!(open(&path, &ours()), Err(VaultError::UnknownVersion { found: 2, known: 1 })));
}

#[test]
fn destroying_leaves_no_byte_of_either_copy() {
    let (_dir, path, _) = new();
    let slots = slots_of(&path);
    destroy(&path, &mut noise).unwrap();
    let left = bytes(&path);
    for slot in &slots.slots {
        for piece in slot.chunks(16).filter(|piece| piece.len() == 16) {
            assert!(!left.windows(16).any(|window| window == piece));
        }
    }
}

#[test]
fn opening_sets_the_time_whichever_passphrase_is_tried() {
    let (_dir, path, _) = new();
    for tried in [ours(), passphrase("otra")] {
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        open_file(&path).unwrap().set_modified(long_ago).unwrap();
        let _ = open(&path, &tried);
        assert_ne!(std::fs::metadata(&path).unwrap().modified().unwrap(), long_ago);
    }
}
