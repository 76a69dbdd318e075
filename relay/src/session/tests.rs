use proptest::prelude::*;
use velar_protocol::wire::limits::{MAX_SUBSCRIBED, MAX_TOKENS};
use velar_protocol::wire::{Delivery, MailboxProof, MailboxSecret, SendToken};

use super::*;

const HERE: Exporter = Exporter([1; 32]);
const ELSEWHERE: Exporter = Exporter([2; 32]);

fn now() -> Now {
    Now::from_s(1_800_000_000)
}

fn session_with(limits: Limits) -> Session {
    Session::new(HERE, &limits, now())
}

fn session() -> Session {
    session_with(Limits::default())
}

fn secret() -> MailboxSecret {
    MailboxSecret::from_seed(&[3; 32])
}

fn body(request: &Request) -> Vec<u8> {
    codec::encode(request).unwrap()[codec::HEADER_LEN..].to_vec()
}

fn ask(session: &mut Session, request: &Request) -> Action {
    session.frame(&body(request), now())
}

fn refused(refusal: Refusal) -> Action {
    Action::Answer(Answer::Refused(refusal))
}

fn envelope() -> Envelope {
    Envelope::new(vec![5; 4096]).unwrap()
}

#[test]
fn owners_are_made_by_proofs_on_this_connection_only() {
    let tokens = vec![SendToken::new([1; 32]).hash()];
    for (exporter, right) in [(HERE, true), (ELSEWHERE, false)] {
        let mut session = session();
        let open = ask(&mut session, &Request::open(&exporter, &secret(), tokens.clone(), None));
        let close = ask(&mut session, &Request::close(&exporter, &secret()));
        let subscribe = ask(&mut session, &Request::subscribe(&exporter, [&secret()]));
        if right {
            assert!(
                matches!(open, Action::Open { owner, access: None, .. } if owner.mailbox() == secret().id())
            );
            assert!(matches!(close, Action::Close(owner) if owner.mailbox() == secret().id()));
            assert!(matches!(subscribe, Action::Subscribe(owners) if owners.len() == 1));
        } else {
            // A proof seen on another connection and replayed here.
            for action in [open, close, subscribe] {
                assert_eq!(action, refused(Refusal::WrongProof));
            }
        }
    }
}

#[test]
fn a_proof_for_one_verb_or_other_arguments_is_wrong() {
    let mut session = session();
    let Request::Close { mailbox, proof } = Request::close(&HERE, &secret()) else {
        unreachable!()
    };
    let tokens = vec![SendToken::new([1; 32]).hash()];
    let open = Request::Open { mailbox, proof, tokens, access: None };
    assert_eq!(ask(&mut session, &open), refused(Refusal::WrongProof));
    let Request::Open { mailbox, proof, .. } = Request::open(&HERE, &secret(), vec![], None) else {
        unreachable!()
    };
    let tokens = vec![SendToken::new([9; 32]).hash()];
    let open = Request::Open { mailbox, proof, tokens, access: None };
    assert_eq!(ask(&mut session, &open), refused(Refusal::WrongProof));
}

#[test]
fn what_is_shown_for_a_new_mailbox_is_part_of_the_proof() {
    let mut session = session();
    let [mine, other] = ["aurora", "aurorb"].map(|text| AccessToken::new(text.to_owned()));
    let request = Request::open(&HERE, &secret(), vec![], mine.clone());
    let Action::Open { access, .. } = ask(&mut session, &request) else { panic!() };
    assert_eq!(access, mine);
    let Request::Open { mailbox, proof, tokens, .. } = request else { unreachable!() };
    for access in [None, other] {
        let open = Request::Open { mailbox, proof, tokens: tokens.clone(), access };
        assert_eq!(ask(&mut session, &open), refused(Refusal::WrongProof));
    }
}

#[test]
fn broken_frames_get_their_last_word() {
    let mut session = session();
    let last = |refusal| {
        let frame = codec::encode(&Answer::Refused(refusal)).unwrap();
        Action::Last { frame, close: false }
    };
    let unknown_tag = [1, 250];
    let trailing = [body(&Request::Info), vec![0]].concat();
    let wrong_direction = codec::encode(&Answer::Accepted).unwrap();
    for bad in [&[][..], &[1], &unknown_tag, &trailing, &wrong_direction[codec::HEADER_LEN..]] {
        assert_eq!(session.frame(bad, now()), last(Refusal::Malformed), "{bad:?}");
    }
    let cut = &body(&Request::subscribe(&HERE, [&secret()]))[..50];
    assert_eq!(session.frame(cut, now()), last(Refusal::Malformed));
    let long = codec::header::<Request>(&[0xff, 0xff, 0xff, 0xff, 1]).unwrap_err();
    assert_eq!(session.broken(long), last(Refusal::TooLong));
    let empty = codec::header::<Request>(&[0; 4]).unwrap_err();
    assert_eq!(session.broken(empty), last(Refusal::Malformed));
    assert!(!session.has_spoken());
    let notice = Action::Last { frame: codec::version_notice().to_vec(), close: true };
    assert_eq!(session.frame(&[2, 0], now()), notice);
}

#[test]
fn subscriptions_are_counted_and_name_each_mailbox_once() {
    let limits = Limits { subscriptions_per_connection: 1, ..Limits::default() };
    let mut session = session_with(limits);
    let twice = Request::subscribe(&HERE, [&secret(), &secret()]);
    assert_eq!(ask(&mut session, &twice), refused(Refusal::Malformed));
    let once = Request::subscribe(&HERE, [&secret()]);
    assert!(matches!(ask(&mut session, &once), Action::Subscribe(_)));
    assert_eq!(ask(&mut session, &once), refused(Refusal::TooManySubscriptions));
    session.subscription_ended();
    assert!(matches!(ask(&mut session, &once), Action::Subscribe(_)));
}

#[test]
fn a_connection_over_its_rate_hears_how_long_to_wait() {
    let limits = Limits { connection_burst: 128, connection_rate_per_min: 60, ..Limits::default() };
    let mut session = session_with(limits);
    for _ in 0..128 {
        assert_eq!(ask(&mut session, &Request::Info), Action::Info);
    }
    let full = Action::Answer(Answer::Full { retry_after_s: 1 });
    assert_eq!(ask(&mut session, &Request::Info), full);
}

fn any_request() -> impl Strategy<Value = Request> {
    let secret = (0..3_u8).prop_map(|byte| MailboxSecret::from_seed(&[byte; 32]));
    let delivery = || Delivery { token: SendToken::new([1; 32]), envelope: envelope() };
    prop_oneof![
        Just(Request::Info),
        (secret.clone(), any::<bool>(), 0..MAX_TOKENS).prop_map(|(secret, here, count)| {
            let tokens = vec![SendToken::new([4; 32]).hash(); count];
            Request::open(if here { &HERE } else { &ELSEWHERE }, &secret, tokens, None)
        }),
        secret.clone().prop_map(|secret| Request::close(&HERE, &secret)),
        prop::collection::vec(secret, 1..MAX_SUBSCRIBED).prop_map(|secrets| Request::Subscribe {
            mailboxes: secrets
                .iter()
                .flat_map(|secret| {
                    let Request::Subscribe { mailboxes } = Request::subscribe(&HERE, [secret])
                    else {
                        unreachable!()
                    };
                    mailboxes
                })
                .collect::<Vec<MailboxProof>>(),
        }),
        Just(()).prop_map(move |()| Request::Send { delivery: delivery() }),
        any::<u32>().prop_map(|for_s| Request::Extend { secret: HoldSecret::new([1; 32]), for_s }),
        Just(()).prop_map(|()| Request::Cancel { secret: HoldSecret::new([1; 32]) }),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_a_session_panic(frames in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..300), 0..20)
    ) {
        let mut session = session();
        for frame in &frames {
            session.frame(frame, now());
            session.frame(&[&[1], frame.as_slice()].concat(), now());
        }
    }

    /// Every well-formed request, with one byte changed, is still answered; and no change makes an owner
    /// of a mailbox whose key did not sign.
    #[test]
    fn a_changed_request_never_makes_another_owner(
        request in any_request(), at in any::<prop::sample::Index>(), flip in 1..=255_u8,
    ) {
        let known: Vec<_> =
            (0..3_u8).map(|byte| MailboxSecret::from_seed(&[byte; 32]).id()).collect();
        let mut bytes = body(&request);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        match session().frame(&bytes, now()) {
            Action::Open { owner, .. } | Action::Close(owner) => prop_assert!(known.contains(&owner.mailbox())),
            Action::Subscribe(owners) => {
                prop_assert!(owners.iter().all(|owner| known.contains(&owner.mailbox())));
            }
            _ => {}
        }
    }
}
