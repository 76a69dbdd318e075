//! The bodies of what only clients read. Part of `bodies.rs`.

use std::sync::LazyLock;

use velar_protocol::circle::{
    Agreement, Body, Invitation, Message, PersonId, Role, Roles, Roster, RosterMember, SignedCard,
    SignedRoster,
};
use velar_protocol::encoding;
use velar_protocol::seal::{
    CircleId, IdentitySecret, PART_LEN, Part, PrekeySecret, hint, hint_of, matches, open,
};
use velar_protocol::wire::Envelope;
use velar_protocol::wire::limits::ENVELOPE_LEN;

/// Lead of [`ROSTER`].
pub(crate) const LEAD: u8 = 1;
/// The lead's successor.
pub(crate) const HEIR: u8 = 2;
pub(crate) const CIRCLE: CircleId = CircleId([0x21; 32]);

/// What a member holds already when [`statement_verifying`] brings the next state.
pub(crate) static ROSTER: LazyLock<Roster> = LazyLock::new(|| {
    let roles = Roles::of(&[Role::Coordinator]);
    let identity = secret(HEIR).public();
    let heir = RosterMember { person: PersonId([HEIR; 16]), roles, identity };
    let person = PersonId([LEAD; 16]);
    Roster::found(&secret(LEAD), person, roles, Agreement::default(), [7; 32])
        .and_then(|roster| roster.with_member(&secret(LEAD), heir))
        .and_then(|roster| roster.with_successors(&secret(LEAD), vec![heir.member()]))
        .expect("a roster of two")
});

pub(crate) fn secret(seed: u8) -> IdentitySecret {
    IdentitySecret::from_seed(&[seed; 64])
}

/// What a person pastes, or a QR holds. Called by [`link_parsing`](super::link_parsing).
pub(crate) fn invitation_parsing(text: &str) {
    if let Ok(invitation) = text.parse::<Invitation>() {
        assert_eq!(invitation.to_string().parse(), Ok(invitation));
    }
}

/// What a mailbox brings, cut or filled up with zeros to an envelope's length; with the right hint if its
/// first byte is odd, so that decryption is reached.
pub(crate) fn envelope_opening(input: &[u8]) {
    let owner = secret(1).public();
    let prekey = PrekeySecret::from_seed(&[2; 96]);
    let mut bytes = input.to_vec();
    bytes.resize(ENVELOPE_LEN, 0);
    if bytes[0] % 2 == 1 {
        let ciphertext = bytes[17..].first_chunk().expect("an envelope is longer than its header");
        let hint = hint(prekey.id(), ciphertext);
        bytes[0] = 1;
        bytes[1..17].copy_from_slice(hint.as_bytes());
    }
    part_reading(&bytes);
    let envelope = Envelope::new(bytes).expect("the length of an envelope");
    assert_eq!(hint_of(&envelope).is_ok(), envelope.as_bytes()[0] == 1);
    let _ = matches(&envelope, prekey.id());
    if let Ok(opened) = open(&owner, &CircleId([3; 32]), &prekey, &envelope) {
        assert!(opened.part.encode().is_ok(), "a part was read that cannot be written");
    }
}

/// What was inside an envelope. A part has one encoding.
fn part_reading(input: &[u8]) {
    let Some(Ok(part)) = input.first_chunk::<PART_LEN>().map(Part::decode) else { return };
    let again = part.encode().expect("what was read can be written");
    assert_eq!(again.as_slice(), &input[..PART_LEN]);
}

/// What the parts of a message make together. What decodes is within bounds, and decodes from its encoding.
pub(crate) fn message_decoding(input: &[u8]) {
    let Ok(message) = Message::decode(input) else { return };
    let encoded = message.encode().expect("what decodes is within bounds");
    assert_eq!(Message::decode(&encoded).as_ref(), Ok(&message));
    let (chain, card) = match &message.body {
        Body::Rosters { chain, .. } => (chain.as_slice(), None),
        Body::Introduction { chain, card, .. } => (chain.as_slice(), Some(card)),
        Body::Welcome { roster, card, .. } => (std::slice::from_ref(roster), Some(card)),
        Body::Card(card) => (&[][..], Some(card)),
        Body::Join(join) => {
            let _ = join.is_signed_to(input);
            (&[][..], Some(&join.card))
        }
        _ => (&[][..], None),
    };
    for signed in chain {
        let lead = secret(LEAD).public();
        let claimed = Roster::claimed(signed);
        assert!(claimed.iter().all(|one| one.member() != lead.member() || one.identity == lead));
        let _ = Roster::anchor(CIRCLE, signed.clone());
        next_state(signed);
    }
    let _ = card.map(|card| card.verify(&CIRCLE, &secret(LEAD).public()));
}

/// What a member of the circle may sign: any bytes at all, as a roster state and as a card.
pub(crate) fn statement_verifying(input: &[u8]) {
    for signer in [LEAD, HEIR] {
        let member = secret(signer).public().member();
        let signature = secret(signer).sign(b"velar/1 roster signature", &[input]);
        let fields =
            encoding::to_bytes(&(input, member, signature)).expect("bytes have an encoding");
        next_state(&encoding::from_bytes(&fields).expect("the fields of a signed roster"));
        let signature = secret(signer).sign(b"velar/1 card", &[input]);
        let fields = encoding::to_bytes(&(input, signature)).expect("bytes have an encoding");
        let card: SignedCard = encoding::from_bytes(&fields).expect("the fields of a signed card");
        if let Ok(card) = card.verify(&CIRCLE, &secret(signer).public()) {
            assert_eq!((card.circle, card.member), (CIRCLE, member));
        }
    }
}

/// Only the lead changes a circle; a successor changes who leads it, and nothing else.
fn next_state(signed: &SignedRoster) {
    if let Ok(next) = ROSTER.accept(signed.clone()) {
        assert_eq!((next.circle(), next.number()), (ROSTER.circle(), ROSTER.number() + 1));
        assert_eq!(next.lead(), ROSTER.lead());
        assert!(next.member(next.lead()).is_some());
    }
    if let Ok(next) = ROSTER.accept_takeover(signed.clone()) {
        assert_eq!(next.lead(), secret(HEIR).public().member());
        assert_eq!(next.members(), ROSTER.members());
    }
}
