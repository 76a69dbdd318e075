use super::*;

const MANY: u32 = 10_000;

fn full(now: Now) -> Mailbox {
    let mut mailbox = Mailbox::new(MailboxId([1; 32]), 0, now);
    let envelope = Envelope::new(vec![0; 4096]).unwrap();
    for number in 0..MANY {
        let mut digest = ShortDigest::default();
        digest[..4].copy_from_slice(&number.to_le_bytes());
        let mut token = [0; 32];
        token[..4].copy_from_slice(&number.to_le_bytes());
        mailbox.push(&SendTokenHash(token), u64::from(number), digest, now, &envelope);
        mailbox.committed(u64::from(number), false);
    }
    mailbox
}

fn room(mailbox: &Mailbox) -> [usize; 4] {
    let Mailbox { queue, seen, waiting, remembered, .. } = mailbox;
    [queue.capacity(), seen.capacity(), waiting.capacity(), remembered.capacity()]
}

/// Otherwise somebody fills one mailbox after the other, and empties each but for one envelope.
#[test]
fn what_a_mailbox_needed_when_it_was_full_is_given_back() {
    let now = Now::from_s(1_000_000);
    let mut read = full(now);
    assert!(room(&read).iter().take(3).all(|room| *room >= MANY as usize));
    for sequence in 0..u64::from(MANY) - 1 {
        read.remove(sequence, 256, now);
        let bound = |len: usize| 32.max(len * 3);
        let [queue, seen, waiting, remembered] = room(&read);
        assert!(queue <= bound(read.queue.len()), "{queue} for {}", read.queue.len());
        assert!(seen <= 56.max(bound(read.seen.len())), "{seen} for {}", read.seen.len());
        assert!(waiting <= 56.max(bound(read.queue.len())), "{waiting} for {}", read.queue.len());
        assert!(remembered <= 512);
    }
    read.forget_old(Now::from_s(1_000_000 + REMEMBER_S));
    let [queue, seen, waiting, remembered] = room(&read);
    assert!(queue.max(seen).max(waiting) <= 56 && remembered == 0, "{:?}", room(&read));

    let (mut writes, mut expired) = (Vec::new(), full(now));
    while expired.has_expired(60, Now::from_s(1_010_000)) {
        expired.expire(60, Now::from_s(1_010_000), &mut writes);
    }
    assert_eq!(room(&expired), [0; 4]);
    let mut lost = full(now);
    for sequence in 0..u64::from(MANY) {
        lost.drop_lost(sequence);
    }
    assert_eq!(room(&lost), [0; 4]);
}
