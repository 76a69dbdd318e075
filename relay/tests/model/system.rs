//! A real relay on a real store, and the worlds that explain all it has said.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::LazyLock;

use proptest_state_machine::StateMachineTest;
use velar_protocol::wire::codec::{HEADER_LEN, encode};
use velar_protocol::wire::{
    self, Answer, Envelope, Exporter, HoldSecret, MailboxSecret, Refusal, Request, SendToken,
};
use velar_relay::Limits;
use velar_relay::clock::Now;
use velar_relay::dry_run::{Delivered, DryRelay, Outcome, Subscription};
use velar_relay::session::Session;

use crate::disk::Disk;
use crate::reference::{
    Ask, Delivery, HOLDS, MAILBOXES, Op, Reference, Story, acknowledged, setup,
};
use crate::state::{AGE_S, MAILBOX_ENVELOPES, TOKEN_ENVELOPES};
use crate::world::{
    HOLD_LENGTH_S, IDLE_S, Kept, OPEN_HOLDS, OPEN_MAILBOXES, OUTAGE_WAIT_S, START_S, Said, World,
};

const HERE: Exporter = Exporter([1; 32]);
/// Envelopes that a reader who goes on takes at once.
const PIECE: usize = 2;
/// A token that no mailbox ever registers.
const NOBODYS: u8 = 100;

/// The relay under test. After a crash it may be in any of several worlds; what it says then rules worlds out,
/// and one must be left.
pub(crate) struct System<D: Disk> {
    /// Never empty between operations: a relay that dies is replaced at once.
    relay: Option<DryRelay<D::Store>>,
    session: Session,
    watcher: Option<Subscription>,
    pub(crate) disk: D,
    worlds: Vec<World>,
}

/// The test of one kind of store.
pub(crate) struct Test<D>(PhantomData<D>);

impl<D: Disk> StateMachineTest for Test<D> {
    type SystemUnderTest = System<D>;
    type Reference = Reference;

    fn init_test(_: &Story) -> System<D> {
        let mut system = System::new();
        setup().iter().for_each(|op| system.act(op));
        system
    }

    fn apply(mut system: System<D>, _: &Story, op: Op) -> System<D> {
        system.act(&op);
        // A start is not followed by a look at everything: first come, first served, whatever a crash left.
        if !matches!(op, Op::Crash { .. } | Op::Stop { .. }) {
            system.look();
        }
        system
    }

    /// Whatever is held is released in the end.
    fn teardown(mut system: System<D>, _: Story) {
        system.look();
        for _ in 0..4 {
            system.act(&Op::Pass { seconds: 40 });
            system.look();
        }
    }
}

impl<D: Disk> System<D> {
    pub(crate) fn new() -> Self {
        let mut disk = D::new();
        let now = Now::from_s(START_S);
        let relay = DryRelay::new(disk.open(), limits(), now).unwrap();
        let session = Session::new(HERE, &limits(), now);
        let relay = Some(relay);
        let worlds = vec![World::new()];
        let mut system = Self { relay, session, watcher: None, disk, worlds };
        // As in the server, whose first tick comes with its start.
        system.act(&Op::Pass { seconds: 0 });
        system.act(&Op::Commit);
        system
    }

    pub(crate) fn relay(&mut self) -> &mut DryRelay<D::Store> {
        self.relay.as_mut().unwrap()
    }

    pub(crate) fn act(&mut self, op: &Op) {
        match op {
            Op::Ask(ask) => self.ask(ask),
            Op::Read { mailbox, room, acks } => self.read_some(*mailbox, *room, *acks),
            Op::Watch { mailbox } => self.watch(*mailbox),
            Op::Leave => self.leave(),
            Op::Commit => {
                self.relay().commit().unwrap();
                self.worlds.iter_mut().for_each(World::commit);
            }
            Op::Pass { seconds } => {
                let released = self.relay().pass(*seconds).unwrap();
                let name = |id| (0..HOLDS).find(|hold| hold_secret(*hold).id() == id).unwrap();
                let released: Vec<u8> = released.into_iter().map(name).collect();
                self.explain(op, &released, |world| world.pass(*seconds, &released));
            }
            Op::Crash { applied, flushed, outage_s } => self.crash(*applied, *flushed, *outage_s),
            Op::Stop { outage_s } => {
                let relay = self.relay.take().unwrap();
                let now_s = relay.now().hold_s() + outage_s;
                let store = self.disk.reopened(relay.stop().unwrap());
                self.start(store, now_s);
                self.explain(op, &"stopped", |world| world.restart(Kept::Everything, *outage_s));
            }
        }
    }

    fn ask(&mut self, ask: &Ask) {
        let frame = encode(&request(ask)).unwrap();
        let Self { relay, session, .. } = self;
        let said = match relay.as_mut().unwrap().frame(session, &frame[HEADER_LEN..]) {
            Outcome::Answered(answer) => Said::AtOnce(answer),
            Outcome::AtCommit(answer) => Said::AtCommit(answer),
            other => panic!("{other:?} in answer to {ask:?}"),
        };
        self.judge(ask, &said, |world| world.ask(ask) == said);
    }

    fn crash(&mut self, applied: usize, flushed: bool, outage_s: u64) {
        let mut relay = self.relay.take().unwrap();
        let (waiting, now_s) = (relay.waiting(), relay.now().hold_s() + outage_s);
        let (store, exact) = self.disk.crashed(relay.die(applied).unwrap(), flushed);
        self.start(store, now_s);
        let kept = match applied {
            0 => Kept::Nothing,
            _ if exact && applied >= waiting => Kept::Everything,
            _ => Kept::Some,
        };
        let op = Op::Crash { applied, flushed, outage_s };
        self.explain(&op, &kept, |world| world.restart(kept, outage_s));
    }

    fn start(&mut self, store: D::Store, now_s: u64) {
        let now = Now::from_s(now_s);
        self.relay = Some(DryRelay::new(store, limits(), now).unwrap());
        self.session = Session::new(HERE, &limits(), now);
        self.watcher = None;
    }

    fn watch(&mut self, mailbox: u8) {
        self.leave();
        self.watcher = self.subscribe(mailbox);
        let there = self.watcher.is_some();
        self.judge(&Op::Watch { mailbox }, &there, |world| world.watch(mailbox) == there);
    }

    fn leave(&mut self) {
        if let (Some(watcher), Some(relay)) = (self.watcher.take(), &mut self.relay) {
            relay.unsubscribe(&mut self.session, &watcher);
        }
        self.worlds.iter_mut().for_each(World::leave);
    }

    /// What was sent since to whoever reads.
    fn news(&mut self) {
        let (Some(watcher), Some(relay)) = (&mut self.watcher, &mut self.relay) else { return };
        let mut sent = Vec::new();
        let sent = loop {
            // In small pieces: each has to go on where the one before ended.
            let Some(piece) = relay.take(watcher, PIECE).unwrap() else { break None };
            sent.extend(numbers(&piece));
            if piece.len() < PIECE {
                break Some(sent);
            }
        };
        self.judge(&"news", &sent, |world| world.news() == sent);
    }

    fn read_some(&mut self, mailbox: u8, room: usize, acks: u8) {
        let there = self.read(mailbox, room);
        let Some(there) = there else { return };
        for number in acknowledged(&numbers(&there), room, acks) {
            let one = there.iter().find(|one| number_of(&one.envelope) == number).unwrap();
            self.relay().ack(&one.mailbox, one.sequence);
            self.worlds.iter_mut().for_each(|world| world.ack(mailbox, number));
        }
    }

    /// Reads as a new subscriber, without acknowledging anything. `None`: there is no such mailbox.
    fn read(&mut self, mailbox: u8, room: usize) -> Option<Vec<Delivered>> {
        let read = self.subscribed(mailbox, room);
        if let Some(there) = &read {
            let growing = there.windows(2).all(|two| two[0].sequence < two[1].sequence);
            assert!(growing, "sequences do not grow: {there:?}");
            let whole = |one: &Delivered| one.envelope == envelope(number_of(&one.envelope));
            assert!(there.iter().all(whole), "not as it was sent: {there:?}");
        }
        let sent = read.as_deref().map(numbers);
        let what = format!("reading mailbox {mailbox}");
        self.judge(&what, &sent, |world| {
            let mut there = world.read(mailbox);
            if let Some(there) = &mut there {
                there.truncate(room);
            }
            there == sent
        });
        read
    }

    pub(crate) fn subscribed(&mut self, mailbox: u8, room: usize) -> Option<Vec<Delivered>> {
        let mut subscription = self.subscribe(mailbox)?;
        let relay = self.relay.as_mut().unwrap();
        let there = relay.take(&mut subscription, room).unwrap();
        relay.unsubscribe(&mut self.session, &subscription);
        there
    }

    fn subscribe(&mut self, mailbox: u8) -> Option<Subscription> {
        let relay = self.relay.as_mut().unwrap();
        match relay.frame(&mut self.session, &subscribing(mailbox)[HEADER_LEN..]) {
            Outcome::Subscribed(subscription) => Some(subscription),
            Outcome::Answered(Answer::Refused(Refusal::UnknownMailbox)) => None,
            other => panic!("{other:?} in answer to a subscription"),
        }
    }

    /// All that can be seen without changing anything.
    fn look(&mut self) {
        self.news();
        for mailbox in 0..MAILBOXES {
            self.read(mailbox, usize::MAX);
            let expired = self.expired(mailbox);
            let what = format!("asking what expired in mailbox {mailbox}");
            self.judge(&what, &expired, |world| world.expired(mailbox) == expired);
        }
        for hold in 0..HOLDS {
            // Refused, if there is such a hold; stored never, for there is nobody to deliver to.
            let deliveries = vec![Delivery { token: NOBODYS, number: 0 }];
            self.ask(&Ask::Hold { hold, for_s: 1, deliveries, replaces: None });
        }
    }

    pub(crate) fn expired(&mut self, mailbox: u8) -> Option<u64> {
        self.relay().expired(&secret(mailbox).id())
    }

    /// Rules out the worlds in which this would be wrong.
    fn judge(&mut self, op: &dyn Debug, seen: &dyn Debug, right: impl Fn(&mut World) -> bool) {
        self.explain(op, seen, |world| {
            let mut world = world.clone();
            right(&mut world).then_some(world).into_iter().collect()
        });
    }

    /// Replaces every world by those that follow from it; one must be left.
    fn explain(&mut self, op: &dyn Debug, seen: &dyn Debug, follow: impl Fn(&World) -> Vec<World>) {
        let mut worlds: Vec<World> = Vec::new();
        for world in self.worlds.iter().flat_map(follow) {
            if !worlds.contains(&world) {
                worlds.push(world);
            }
        }
        assert!(
            !worlds.is_empty(),
            "{op:?}: {seen:?} breaks a promise. Before it the relay was one of {:#?}",
            self.worlds
        );
        self.worlds = worlds;
    }
}

fn limits() -> Limits {
    let small = |limit: usize| u32::try_from(limit).unwrap();
    let seconds = |limit: u64| u32::try_from(limit).unwrap();
    Limits {
        mailbox_part: 0,
        hold_part: 0,
        mailbox_envelopes: small(MAILBOX_ENVELOPES),
        token_envelopes: small(TOKEN_ENVELOPES),
        mailboxes: small(OPEN_MAILBOXES),
        holds: small(OPEN_HOLDS),
        envelope_age_s: seconds(AGE_S),
        mailbox_idle_s: seconds(IDLE_S),
        outage_wait_s: seconds(OUTAGE_WAIT_S),
        hold_length_s: HOLD_LENGTH_S,
        // Rates are a matter of one connection and one moment: not modelled, so never reached.
        token_burst: 1_000_000,
        hold_burst: 1_000_000,
        connection_burst: 1_000_000,
        ..Limits::default()
    }
}

fn request(ask: &Ask) -> Request {
    let delivery =
        |one: &Delivery| wire::Delivery { token: token(one.token), envelope: envelope(one.number) };
    match ask {
        Ask::Open { mailbox, tokens } => {
            let tokens = tokens.iter().map(|number| token(*number).hash()).collect();
            Request::open(&HERE, secret(*mailbox), tokens, None)
        }
        Ask::Close { mailbox } => Request::close(&HERE, secret(*mailbox)),
        Ask::Send { token, number } => {
            Request::Send { delivery: delivery(&Delivery { token: *token, number: *number }) }
        }
        Ask::Hold { hold, for_s, deliveries, replaces } => Request::Hold {
            id: hold_secret(*hold).id(),
            for_s: *for_s,
            deliveries: deliveries.iter().map(delivery).collect(),
            replaces: replaces.map(hold_secret),
        },
        Ask::Extend { hold, for_s } => {
            Request::Extend { secret: hold_secret(*hold), for_s: *for_s }
        }
        Ask::Cancel { hold } => Request::Cancel { secret: hold_secret(*hold) },
    }
}

fn secret(mailbox: u8) -> &'static MailboxSecret {
    static ALL: LazyLock<Vec<MailboxSecret>> = LazyLock::new(|| {
        (0..MAILBOXES).map(|mailbox| MailboxSecret::from_seed(&[mailbox; 32])).collect()
    });
    &ALL[usize::from(mailbox)]
}

/// The same proof again and again: making one takes longer than all the rest.
fn subscribing(mailbox: u8) -> &'static [u8] {
    static ALL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let frame = |mailbox| encode(&Request::subscribe(&HERE, [secret(mailbox)])).unwrap();
        (0..MAILBOXES).map(frame).collect()
    });
    &ALL[usize::from(mailbox)]
}

fn token(number: u8) -> SendToken {
    SendToken::new([number; 32])
}

fn hold_secret(number: u8) -> HoldSecret {
    HoldSecret::new([number; 32])
}

fn envelope(number: u16) -> Envelope {
    Envelope::new(number.to_le_bytes().repeat(2048)).unwrap()
}

fn numbers(delivered: &[Delivered]) -> Vec<u16> {
    delivered.iter().map(|one| number_of(&one.envelope)).collect()
}

pub(crate) fn number_of(envelope: &Envelope) -> u16 {
    u16::from_le_bytes([envelope.as_bytes()[0], envelope.as_bytes()[1]])
}
