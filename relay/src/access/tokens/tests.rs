use velar_protocol::wire::limits::MAX_CHILD_S;

use super::*;

const MINE: MailboxId = MailboxId([1; 32]);
const YOURS: MailboxId = MailboxId([2; 32]);
const NOW_S: u64 = 1_800_000_000;

fn key(byte: u8) -> AccessKey {
    AccessKey::new([byte; 32])
}

fn add(tokens: &mut Tokens, name: &str, byte: u8) -> Result<(), AccessError> {
    tokens.add(name, key(byte), None, 40, |_| false)
}

fn three() -> Tokens {
    let mut tokens = Tokens::default();
    for (name, byte) in [("norte", 1), ("sur", 2), ("este", 3)] {
        add(&mut tokens, name, byte).unwrap();
    }
    tokens
}

fn leave(tokens: &Tokens, shown: &AccessToken, mailbox: &MailboxId) -> Leave {
    tokens.leave(None, Some(shown), mailbox, Now::from_s(NOW_S))
}

fn of(access: u16) -> Leave {
    Leave::Of(Grant { access, most: None })
}

fn child(key: &AccessKey, expiry_s: u64) -> (AccessToken, ChildId) {
    let child = key.child(expiry_s, [9; 16]);
    (child.to_text(), child.id())
}

#[test]
fn without_tokens_anybody_may_and_with_the_last_revoked_nobody() {
    let mut tokens = Tokens::default();
    assert!(!tokens.is_required());
    assert_eq!(tokens.leave(None, None, &MINE, Now::from_s(NOW_S)), Leave::NotNeeded);
    add(&mut tokens, "norte", 1).unwrap();
    tokens.revoke("norte").unwrap();
    assert!(tokens.is_required());
    assert_eq!(leave(&tokens, &key(1).to_text(), &MINE), Leave::Missing);
}

#[test]
fn each_text_is_leave_by_its_own_token() {
    let tokens = three();
    for (byte, access) in [(1, 41), (2, 42), (3, 43)] {
        assert_eq!(leave(&tokens, &key(byte).to_text(), &MINE), of(access));
        assert_eq!(leave(&tokens, &key(byte).reopening(&MINE).to_text(), &MINE), of(access));
        let (text, id) = child(&key(byte), NOW_S);
        let grant = Grant { access, most: None };
        assert_eq!(leave(&tokens, &text, &YOURS), Leave::ByChild(grant, id));
        assert_eq!(tokens.reopening(access, &MINE), Some(key(byte).reopening(&MINE).to_text()));
    }
    let others = [
        key(4).to_text(),
        child(&key(4), NOW_S).0,
        key(4).reopening(&MINE).to_text(),
        key(1).reopening(&YOURS).to_text(),
        AccessToken::new("aurora".to_owned()).unwrap(),
    ];
    for shown in others {
        assert_eq!(leave(&tokens, &shown, &MINE), Leave::Missing, "{}", shown.expose());
    }
    assert_eq!(tokens.leave(None, None, &MINE, Now::from_s(NOW_S)), Leave::Missing);
    assert_eq!((tokens.reopening(0, &MINE), tokens.reopening(44, &MINE)), (None, None));
}

#[test]
fn a_revoked_token_takes_its_children_and_reopening_texts_with_it() {
    let mut tokens = three();
    assert_eq!(tokens.revoke("sur").unwrap(), 42);
    let texts = [key(2).to_text(), child(&key(2), NOW_S).0, key(2).reopening(&MINE).to_text()];
    for shown in texts {
        assert_eq!(leave(&tokens, &shown, &MINE), Leave::Missing);
    }
    assert_eq!(tokens.reopening(42, &MINE), None);
    assert_eq!(leave(&tokens, &key(3).to_text(), &MINE), of(43), "the others stay");
    assert!(matches!(tokens.revoke("sur"), Err(AccessError::NameUnknown(_))));
}

#[test]
fn of_a_mailbox_that_is_open_by_a_valid_token_nothing_is_looked_at() {
    let mut tokens = three();
    let shown = key(3).to_text();
    let ask = |tokens: &Tokens, access| {
        tokens.leave(Some(access), Some(&shown), &MINE, Now::from_s(NOW_S))
    };
    assert_eq!(ask(&tokens, 42), Leave::NotNeeded);
    tokens.revoke("sur").unwrap();
    assert_eq!((ask(&tokens, 42), ask(&tokens, 0)), (of(43), of(43)));
}

#[test]
fn a_child_is_good_until_a_little_after_its_expiry_and_not_for_years() {
    let tokens = three();
    let judged = |expiry_s| leave(&tokens, &child(&key(1), expiry_s).0, &MINE);
    let good = |expiry_s| matches!(judged(expiry_s), Leave::ByChild(..));
    assert!(good(NOW_S - CHILD_TOLERANCE_S) && good(NOW_S + MAX_CHILD_S));
    for bad in [0, NOW_S - CHILD_TOLERANCE_S - 1, NOW_S + MAX_CHILD_S + 1, u64::MAX] {
        assert_eq!(judged(bad), Leave::Over, "{bad}");
    }
}

/// The relay's own time is right and the wall clock wrong, or the other way round.
#[test]
fn a_clock_that_was_set_keeps_nobody_out() {
    let tokens = three();
    let (text, _) = child(&key(1), NOW_S + 1000);
    let year_ms = 365 * 86_400_000;
    let right = Now::from_s(NOW_S);
    for by_ms in [year_ms, -year_ms] {
        for now in [right.with_wall_set(by_ms), right.with_hold_set(by_ms)] {
            let judged = tokens.leave(None, Some(&text), &MINE, now);
            assert!(matches!(judged, Leave::ByChild(..)), "{by_ms} {judged:?}");
        }
    }
    let both = right.with_wall_set(year_ms).with_hold_set(year_ms);
    assert_eq!(tokens.leave(None, Some(&text), &MINE, both), Leave::Over, "or it would never end");
}

#[test]
fn indexes_are_never_used_again() {
    let mut tokens = three();
    tokens.revoke("este").unwrap();
    add(&mut tokens, "este", 4).unwrap();
    let indexes: Vec<u16> = tokens.all().iter().map(|token| token.index).collect();
    assert_eq!(indexes, [41, 42, 44]);
    // Mailboxes have indexes of before the file was lost.
    tokens.add("oeste", key(5), None, 40, |index| (45..50).contains(&index)).unwrap();
    assert_eq!(tokens.all().last().unwrap().index, 50);
    for start in [0, 1, u16::MAX / 2, u16::MAX] {
        let mut tokens = Tokens::default();
        tokens.add("first", key(1), None, start, |_| false).unwrap();
        let index = tokens.all()[0].index;
        assert!((1..=u16::MAX / 2 + 1).contains(&index), "{start}: {index}");
    }
    let mut last = Tokens::from_file(LAST, Vec::new()).unwrap();
    add(&mut last, "last", 1).unwrap();
    assert_eq!(last.all()[0].index, u16::MAX);
    assert!(matches!(add(&mut last, "one-more", 2), Err(AccessError::NoIndex)));
}

#[test]
fn names_are_told_apart_and_tokens_are_not_too_many() {
    let mut tokens = three();
    assert!(matches!(add(&mut tokens, "sur", 9), Err(AccessError::NameTaken(_))));
    let long = "a".repeat(ACCESS_NAME_LEN + 1);
    for bad in ["", "red norte", "a/b", "a\n", "\u{202e}a", long.as_str()] {
        assert!(matches!(add(&mut tokens, bad, 9), Err(AccessError::Name(_))), "{bad:?}");
    }
    let none = tokens.add("nada", key(9), Some(0), 1, |_| false);
    assert!(matches!(none, Err(AccessError::NoMailboxes)));
    for number in 3..ACCESS_TOKENS {
        add(&mut tokens, &format!("señal-{number}"), 9).unwrap();
    }
    assert!(matches!(add(&mut tokens, "una-más", 9), Err(AccessError::TooMany)));
    tokens.revoke("sur").unwrap();
    add(&mut tokens, "una-más", 9).unwrap();
}
