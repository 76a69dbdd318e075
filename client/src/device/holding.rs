//! The holds of this device: what is sealed for them, when relays may be asked, what their answers change.

use velar_protocol::circle::{AlertEvent, Body, CheckIn, EventKind, Message, Reason};
use velar_protocol::seal::assembly::parts_needed;
use velar_protocol::seal::lifetimes::HOLD_MAX_DAYS;
use velar_protocol::seal::{MemberId, MessageId, Part, Voice, seal};
use velar_protocol::wire::{Answer, Envelope, RelayAddress, SendToken};

use super::{Device, DeviceError, Done, Turn};
use crate::holds::{About, Holds, SlotView, Step, StepId, Told};
use crate::plan::{MARGIN_MIN, Plan};
use crate::records::{DeliveryKind, HoldKind, What, delivery_key};
use crate::vault::VaultError;

/// One-time prekeys of a member that an alarm in the place of one that a relay let go, or lost, does not take.
const KEPT: usize = 1;

/// What is left at relays, for the person.
pub struct HoldsView {
    /// When relays release it, as the newest check-in asks; `None` if that agreed none.
    pub until_s: Option<u64>,
    /// The relays.
    pub relays: Vec<SlotView>,
    /// Names of those for whom no relay is known to have anything.
    pub nothing_for: Vec<(MemberId, String)>,
}

impl Device {
    /// What is left at relays, to be released if this device falls silent.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`], [`DeviceError::Vault`].
    pub fn holds(&mut self, now_s: u64) -> Done<HoldsView> {
        self.read(now_s, |turn| {
            let holds = turn.known_holds()?;
            let others = turn.others()?;
            let mut nothing_for = Vec::new();
            if holds.is_running(now_s) {
                for member in holds.uncovered(&others) {
                    nothing_for.push((member, turn.peer(member)?.name));
                }
            }
            Ok(HoldsView { until_s: holds.until_s(), relays: holds.views(now_s), nothing_for })
        })
    }

    /// Seals for those of whom prekeys have come meanwhile; the deadline stays as it was.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn complete_holds(&mut self, now_s: u64) -> Done {
        self.write(now_s, |turn| turn.keep_holds())
    }

    /// Whether relays are to be asked for something yet, or a check-in has to get to one before.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn holds_pending(&mut self, now_s: u64) -> Done<bool> {
        self.read(now_s, |turn| Ok(!turn.known_hold_steps()?.is_empty()))
    }
}

impl Device {
    /// The relays that have to be asked about holds, now or once the check-in is out.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn hold_relays(&mut self, now_s: u64) -> Done<Vec<RelayAddress>> {
        self.read(now_s, |turn| {
            let steps = turn.known_hold_steps()?;
            Ok(steps.iter().map(|step| step.id.relay().clone()).collect())
        })
    }
}

impl Turn<'_> {
    /// A damaged record is as none: what lies at relays then is released, and quiet for who has a newer check-in.
    fn known_holds(&self) -> Done<Holds> {
        Ok(self.readable::<HoldKind>(&[])?.unwrap_or_default())
    }

    fn set_holds(&self, holds: &Holds) -> Done {
        Ok(self.tx.put::<HoldKind>(&[], holds)?)
    }

    /// What was agreed, unless that is over.
    fn running_plan(&self) -> Done<Option<Plan>> {
        Ok(self.plan()?.filter(|plan| !plan.is_over(self.now_s)))
    }

    /// This check-in was made now: holds are to last as long as it says.
    pub(super) fn wish_holds(&mut self, check_in: &CheckIn) -> Done {
        let plan = self.running_plan()?;
        let margin_min = plan.as_ref().map_or(MARGIN_MIN, |plan| plan.margin_min);
        let minutes = [check_in.next_min, check_in.grace_min, margin_min].map(u64::from);
        let for_s = (minutes.iter().sum::<u64>() * 60).min(u64::from(HOLD_MAX_DAYS) * 86_400);
        let until_s = (check_in.next_min > 0).then(|| self.now_s.saturating_add(for_s));
        let mut holds = self.known_holds()?;
        holds.wish(check_in.counter, until_s, self.now_s);
        if until_s.is_some() {
            let about = about(check_in, plan.as_ref());
            if holds.wants_alarm(about, self.today()) {
                self.begin_alarm(&mut holds, check_in, plan.as_ref());
            }
            self.fill_holds(&mut holds, true, 0)?;
        }
        self.set_holds(&holds)
    }

    /// Members came and went, moved, or brought prekeys that were lacking: what lies at the relays follows, with the same
    /// deadline.
    pub(super) fn keep_holds(&mut self) -> Done {
        let mut holds = self.known_holds()?;
        if holds.is_running(self.now_s) && self.fill_holds(&mut holds, false, 0)? {
            self.set_holds(&holds)?;
        }
        Ok(())
    }

    fn begin_alarm(&mut self, holds: &mut Holds, check_in: &CheckIn, plan: Option<&Plan>) {
        let reason = Reason::Released { check_in: check_in.counter };
        let itinerary = plan.map(|plan| plan.itinerary.clone()).unwrap_or_default();
        let event = AlertEvent {
            alert: check_in.next_alarm,
            salt: self.random(),
            author: self.me(),
            at_s: 0,
            kind: EventKind::raised(reason, self.me(), false, itinerary),
        };
        holds.begin(about(check_in, plan), event, self.today());
    }

    /// Seals what is not sealed yet and can be, and says where it is to lie. Says whether anything changed.
    /// At least `keep` one-time prekeys of each member stay, and [`KEPT`] whenever the alarm takes the place of one that may
    /// be out: what a relay says it has let go, or lost, must not use up what alarms need.
    fn fill_holds(&mut self, holds: &mut Holds, again: bool, keep: usize) -> Done<bool> {
        let keep = if holds.spares() { keep.max(KEPT) } else { keep };
        let others = self.others()?;
        let mut changed = false;
        if let Some((event, lacking)) = holds.unsealed(&others) {
            let body = Body::Alert(event.clone());
            let message = Message { sent_at_s: 0, kit: 0, marks: Vec::new(), body }.encode()?;
            // As the events of an alert that is said: its message has its id.
            let id = MessageId(event.id().0);
            for member in lacking {
                if let Some(envelope) = self.seal_beforehand(member, id, &message, keep)? {
                    let bytes = envelope.as_bytes().to_vec();
                    holds.sealed(member, envelope.digest().0, bytes, self.today());
                    changed = true;
                }
            }
        }
        let addresses = self.addresses_of(&others)?;
        Ok(holds.place(&addresses, again, || self.random()) || changed)
    }

    fn addresses_of(&self, members: &[MemberId]) -> Done<Vec<(RelayAddress, MemberId, SendToken)>> {
        let mut all = Vec::new();
        for member in members {
            for address in self.ways(*member, false)? {
                all.push((address.relay, *member, address.token));
            }
        }
        Ok(all)
    }

    /// One envelope for one member that nobody has sent yet. `None` if there is nothing to seal it to: never to a
    /// last-resort prekey, which lives too short for what may lie at a relay for a month.
    fn seal_beforehand(
        &mut self,
        member: MemberId,
        message: MessageId,
        bytes: &[u8],
        keep: usize,
    ) -> Done<Option<Envelope>> {
        let tx = self.tx;
        match tx.whole(|| self.try_to_seal_beforehand(member, message, bytes, keep)) {
            // What is wrong with one member must not keep the others from being told.
            Err(DeviceError::Vault(VaultError::Damaged { .. }) | DeviceError::Seal(..)) => {
                tracing::error!("what is to lie at relays for one member cannot be sealed");
                Ok(None)
            }
            other => other,
        }
    }

    fn try_to_seal_beforehand(
        &mut self,
        member: MemberId,
        message: MessageId,
        bytes: &[u8],
        keep: usize,
    ) -> Done<Option<Envelope>> {
        let Some(recipient) = self.identity_of(member)? else { return Ok(None) };
        if parts_needed(bytes.len(), 0) > 1 {
            return Err(DeviceError::Text);
        }
        if self.ways(member, false)?.is_empty() {
            return Ok(None);
        }
        let Some(prekey) = self.take_one_time(&recipient, keep)? else { return Ok(None) };
        let (roster_number, roster_hash) =
            self.roster()?.map_or((0, [0; 32]), |roster| (roster.number(), roster.hash()));
        let part = Part {
            sender: self.me(),
            roster_number,
            roster_hash,
            voice: Voice::NONE,
            message,
            sequence: 0,
            index: 0,
            count: 1,
            yours_held: self.in_stock(member)?.min(usize::from(u8::MAX)) as u8,
            body: bytes.to_vec(),
            prekeys: Vec::new(),
        };
        let circle = self.circle()?;
        seal(self.identity, &recipient, &circle, &prekey, &part, &mut self.entropy)
            .map(Some)
            .map_err(|error| DeviceError::Seal(member, error))
    }

    /// What relays are to be asked, but for those that this device never connects to: what was left there ends at its time.
    fn known_hold_steps(&self) -> Done<Vec<Step>> {
        let mut kept = Vec::new();
        for step in self.known_holds()?.steps(self.now_s) {
            if !self.refuses(step.id.relay())? {
                kept.push(step);
            }
        }
        Ok(kept)
    }

    /// What relays are to be asked now: only once the check-in itself is at a relay for somebody. (Otherwise the deadline
    /// of the holds would move before anybody could know of the check-in that moved it.)
    pub(super) fn hold_steps(&self) -> Done<Vec<Step>> {
        let steps = self.known_hold_steps()?;
        if steps.is_empty() || self.check_in_is_out()? { Ok(steps) } else { Ok(Vec::new()) }
    }

    /// When the first of what a relay did not take of them may be asked again: Unix seconds.
    pub(super) fn next_hold_step_s(&self) -> Done<Option<u64>> {
        Ok(self.known_holds()?.next_step_s(self.now_s))
    }

    fn check_in_is_out(&self) -> Done<bool> {
        let Some((message, ..)) = self.profile()?.check_in else { return Ok(false) };
        for member in self.others()? {
            let delivery = self.readable::<DeliveryKind>(&delivery_key(message, member))?;
            if delivery.is_some_and(|delivery| {
                let parts = delivery.parts.unwrap_or(u8::MAX);
                delivery.received_s.is_some() || delivery.accepted_parts >= parts
            }) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn hold_answered(&mut self, step: &StepId, answer: &Answer) -> Done {
        let mut holds = self.known_holds()?;
        let random = u64::from_le_bytes(self.random());
        let told = holds.answered(step, answer, self.now_s, random);
        let (now_s, relay) = (self.now_s, step.relay().place());
        match told {
            Told::Nothing => {}
            Told::Gone => self.show(None, now_s, What::HoldGone { relay })?,
            Told::Lost => self.show(None, now_s, What::HoldLost { relay })?,
        }
        if holds.is_running(self.now_s)
            && let Some((_, check_in, _)) = self.profile()?.check_in
        {
            if holds.takes_renewal() {
                let plan = self.running_plan()?;
                self.begin_alarm(&mut holds, &check_in, plan.as_ref());
            }
            self.fill_holds(&mut holds, false, KEPT)?;
        }
        self.set_holds(&holds)
    }
}

fn about(check_in: &CheckIn, plan: Option<&Plan>) -> About {
    About { alert: check_in.next_alarm, plan: plan.map_or(0, |plan| plan.number) }
}
