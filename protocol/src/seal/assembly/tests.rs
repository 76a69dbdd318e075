use proptest::prelude::*;

use super::*;
use crate::seal::testing::{TODAY, issued, part, person};

/// All parts of a message by `sender`.
fn parts(sender: u8, message: u8, body: &[u8], prekeys: usize) -> Vec<Part> {
    let sender = person(sender);
    let prekeys = (0..prekeys).map(|i| issued(&sender, i as u8)).collect();
    let pieces = split(body, prekeys).unwrap();
    let count = pieces.len() as u8;
    let number = |(index, piece): (usize, Piece)| Part {
        message: MessageId([message; 16]),
        index: index as u8,
        count,
        ..part(&sender, &piece.body, piece.prekeys)
    };
    pieces.into_iter().enumerate().map(number).collect()
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn waiting(missing: u8) -> Result<Arrival, AssemblyError> {
    Ok(Arrival::Waiting { missing, given_up: None })
}

#[test]
fn a_message_in_one_part_is_whole_at_once() {
    let mut assembly = Assembly::default();
    let [only] = &parts(1, 1, b"estoy bien", 1)[..] else { panic!("one part") };
    let Ok(Arrival::Whole(whole)) = assembly.accept(only, TODAY) else { panic!("whole") };
    assert_eq!(whole.body, b"estoy bien");
    assert_eq!((whole.sender, whole.message, whole.sequence), (only.sender, only.message, 7));
    assert_eq!(assembly, Assembly::default());
}

#[test]
fn doubles_are_named_and_change_nothing() {
    let mut assembly = Assembly::default();
    let parts = parts(1, 1, &body(6000), 0);
    assert_eq!(assembly.accept(&parts[2], TODAY), waiting(2));
    assert_eq!(assembly.accept(&parts[2], TODAY), Ok(Arrival::Double));
    assert_eq!(assembly.accept(&parts[0], TODAY), waiting(1));
    assert_eq!(assembly.accept(&parts[0], TODAY), Ok(Arrival::Double));
    assert!(matches!(assembly.accept(&parts[1], TODAY), Ok(Arrival::Whole(_))));
}

#[test]
fn contradictions_are_refused_and_the_rest_still_completes() {
    let mut assembly = Assembly::default();
    let parts = parts(1, 1, &body(3000), 0);
    assert_eq!(assembly.accept(&parts[0], TODAY), waiting(1));
    let mut changed = [parts[1].clone(), parts[1].clone(), parts[0].clone()];
    changed[0].count = 3;
    changed[1].sequence = 8;
    changed[2].body[0] ^= 1;
    for bad in changed {
        assert_eq!(assembly.accept(&bad, TODAY), Err(AssemblyError::Contradiction));
    }
    let impossible = Part { index: 2, ..parts[1].clone() };
    let error = AssemblyError::Index { index: 2, count: 2 };
    assert_eq!(assembly.accept(&impossible, TODAY), Err(error));
    assert!(matches!(assembly.accept(&parts[1], TODAY), Ok(Arrival::Whole(_))));
}

#[test]
fn nobody_occupies_the_message_id_of_another() {
    let mut assembly = Assembly::default();
    let (ana, eva) = (parts(1, 1, &body(3000), 0), parts(2, 1, &body(9000), 0));
    assert_eq!(assembly.accept(&eva[0], TODAY), waiting(3));
    assert_eq!(assembly.accept(&ana[0], TODAY), waiting(1));
    let Ok(Arrival::Whole(whole)) = assembly.accept(&ana[1], TODAY) else { panic!("whole") };
    assert_eq!((whole.sender, whole.body), (ana[0].sender, body(3000)));
    assert_eq!(assembly.incomplete(), 1);
}

#[test]
fn a_second_voice_in_a_part_that_was_sealed_again_is_not_lost() {
    let mut assembly = Assembly::default();
    let mut parts = parts(1, 1, &body(3000), 0);
    parts[1].voice = Voice([9; 16]);
    assembly.accept(&parts[0], TODAY).unwrap();
    let Ok(Arrival::Whole(whole)) = assembly.accept(&parts[1], TODAY) else { panic!("whole") };
    assert_eq!(whole.voices, BTreeSet::from([Voice([5; 16]), Voice([9; 16])]));
}

#[test]
fn incomplete_messages_expire_by_name() {
    let mut assembly = Assembly::default();
    let parts = parts(1, 1, &body(3000), 0);
    assembly.accept(&parts[0], TODAY).unwrap();
    assert_eq!(assembly.expire(Day(TODAY.0 + PART_DAYS)), vec![]);
    let gone = assembly.expire(Day(TODAY.0 + PART_DAYS + 1));
    assert_eq!(gone, vec![(parts[0].sender, parts[0].message)]);
    assert_eq!(assembly, Assembly::default());
}

#[test]
fn a_sender_who_completes_nothing_loses_only_its_own_oldest() {
    let mut assembly = Assembly::default();
    let eva = parts(2, 1, &body(3000), 0);
    assembly.accept(&eva[0], TODAY).unwrap();
    for i in 0..MAX_INCOMPLETE as u8 {
        let day = Day(TODAY.0 + u32::from(i));
        assert_eq!(assembly.accept(&parts(1, i, &body(3000), 0)[0], day), waiting(1));
    }
    let one_more = &parts(1, 99, &body(3000), 0)[0];
    let given_up = Some(MessageId([0; 16]));
    let arrival = assembly.accept(one_more, TODAY);
    assert_eq!(arrival, Ok(Arrival::Waiting { missing: 1, given_up }));
    assert_eq!(assembly.incomplete(), MAX_INCOMPLETE + 1);
    assert_eq!(assembly.messages().count(), MAX_INCOMPLETE + 1);
    assert!(matches!(assembly.accept(&eva[1], TODAY), Ok(Arrival::Whole(_))));
    assembly.forget(&one_more.sender);
    assert_eq!(assembly, Assembly::default());
}

#[test]
fn the_state_can_be_stored() {
    let mut assembly = Assembly::default();
    let parts = parts(1, 1, &body(3000), 0);
    assembly.accept(&parts[0], TODAY).unwrap();
    let config = bincode::config::standard();
    let stored = bincode::serde::encode_to_vec(&assembly, config).unwrap();
    let (mut again, _): (Assembly, usize) =
        bincode::serde::decode_from_slice(&stored, config).unwrap();
    assert_eq!(again, assembly);
    assert!(matches!(again.accept(&parts[1], TODAY), Ok(Arrival::Whole(_))));
}

#[test]
fn prekeys_fill_what_a_body_leaves_free() {
    assert_eq!([free_prekeys(0), free_prekeys(209), free_prekeys(210)], [2, 2, 1]);
    assert_eq!([free_prekeys(1493), free_prekeys(1494), free_prekeys(2777)], [1, 0, 0]);
    assert_eq!(free_prekeys(2778), 2);
    assert_eq!([parts_needed(0, 0), parts_needed(0, 3), parts_needed(209, 2)], [1, 2, 1]);
    assert_eq!(split(&body(MAX_MESSAGE_LEN), vec![]).map(|p| p.len()), Ok(64));
    assert_eq!(split(&body(MAX_MESSAGE_LEN + 1), vec![]), Err(TooLong { parts: 65 }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_with_doubles_gives_the_message_exactly_when_nothing_is_missing(
        (len, prekeys, order) in (0_usize..20_000, 0_usize..6).prop_flat_map(|(len, prekeys)| {
            let count = parts_needed(len, prekeys);
            let doubles = proptest::collection::vec(0..count, 0..count);
            (Just(len), Just(prekeys), doubles.prop_flat_map(move |doubles| {
                Just((0..count).chain(doubles).collect::<Vec<_>>()).prop_shuffle()
            }))
        }),
    ) {
        let parts = parts(1, 1, &body(len), prekeys);
        prop_assert_eq!(parts.iter().map(|p| p.prekeys.len()).sum::<usize>(), prekeys);
        prop_assert!(parts.iter().all(|part| part.encode().is_ok()));
        let mut assembly = Assembly::default();
        let mut seen = BTreeSet::new();
        for index in order {
            let arrival = assembly.accept(&parts[index], TODAY).unwrap();
            let fresh = seen.insert(index);
            if seen.len() == parts.len() {
                let Arrival::Whole(whole) = arrival else { panic!("not whole") };
                prop_assert_eq!(whole.body, body(len));
                break;
            }
            let missing = (parts.len() - seen.len()) as u8;
            let expected =
                if fresh { Arrival::Waiting { missing, given_up: None } } else { Arrival::Double };
            prop_assert_eq!(arrival, expected);
        }
        prop_assert_eq!(assembly.incomplete(), 0);
    }
}
