//! Who keeps watch: saying so, asking, and what the others have said.

use velar_protocol::circle::Body;
use velar_protocol::circle::limits::MAX_WATCH_S;
use velar_protocol::circle::message::watched_until_s;
use velar_protocol::seal::MemberId;

use super::sealing::Post;
use super::views::name_of;
use super::{Device, Done, Turn};
use crate::outbox::Class;
use crate::presence::ROLL_CALL_S;
use crate::records::PresenceKind;

/// Under this key, instead of a member's, stands until when this device said to be watching.
const MINE: &[u8] = &[];

/// Somebody who could answer an alert of this device's person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatcherView {
    /// Who.
    pub member: MemberId,
    /// Their name.
    pub name: String,
    /// When they were last heard of.
    pub heard_s: Option<u64>,
    /// When they last said whether they watch.
    pub said_s: u64,
    /// Grows each time they say so.
    pub answers: u64,
    /// Until when they said to watch; 0: not, or never said.
    pub until_s: u64,
}

impl WatcherView {
    /// Whether they are watching, as far as is known.
    #[must_use]
    pub fn is_watching(&self, now_s: u64) -> bool {
        let heard_s = self.heard_s.unwrap_or(0);
        self.until_s.min(heard_s.saturating_add(MAX_WATCH_S)) > now_s
    }
}

impl Device {
    /// Tells everybody that this terminal watches until then (0: not any more). With `ask`, whoever watches answers.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`](super::DeviceError::NoCircle).
    pub fn say_presence(&mut self, until_s: u64, ask: bool, now_s: u64) -> Done {
        self.write(now_s, |turn| {
            turn.tx.put::<PresenceKind>(MINE, &until_s)?;
            let others = turn.others()?;
            turn.say_presence(&others, until_s, ask)
        })
    }

    /// Until when this device has last said to be watching; 0: not.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn presence_said(&mut self) -> Done<u64> {
        self.read(0, |turn| Ok(turn.readable::<PresenceKind>(MINE)?.unwrap_or(0)))
    }

    /// A roll-call: whoever watches answers. What a watch on this device has said stays as it is.
    ///
    /// # Errors
    /// As [`Device::say_presence`].
    pub fn call_the_roll(&mut self, now_s: u64) -> Done {
        self.write(now_s, |turn| {
            let until_s = turn.readable::<PresenceKind>(MINE)?.unwrap_or(0);
            let others = turn.others()?;
            turn.say_presence(&others, until_s, true)
        })
    }

    /// Answers those who asked who is watching; says whether anybody did.
    ///
    /// # Errors
    /// As [`Device::say_presence`].
    pub fn answer_roll_calls(&mut self, until_s: u64, now_s: u64) -> Done<bool> {
        let asked = self.read(now_s, |turn| turn.askers())?;
        if asked.is_empty() {
            return Ok(false);
        }
        self.write(now_s, |turn| {
            let members = turn.others()?;
            for (asker, asked_s) in asked {
                turn.tx.delete::<PresenceKind>(&asker.0)?;
                let waits = turn.now_s.abs_diff(asked_s) <= ROLL_CALL_S;
                if waits && members.contains(&asker) {
                    turn.say_presence(&[asker], until_s, false)?;
                }
            }
            Ok(true)
        })
    }

    /// Everybody who could answer an alert of this device's person.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`](super::DeviceError::NoCircle).
    pub fn watchers(&mut self) -> Done<Vec<WatcherView>> {
        self.read(0, |turn| {
            let members = turn.members()?;
            let me = turn.me();
            let mut watchers = Vec::new();
            for entry in members.roster().members() {
                let member = entry.member();
                if !members.may_answer(member, me) {
                    continue;
                }
                let peer = turn.peer(member)?;
                watchers.push(WatcherView {
                    member,
                    name: name_of(member, &peer),
                    heard_s: peer.heard_s,
                    said_s: peer.presence_s,
                    answers: peer.presence_sequence,
                    until_s: peer.watching_until_s.unwrap_or(0),
                });
            }
            Ok(watchers)
        })
    }
}

impl Turn<'_> {
    /// A heartbeat. One that has not gone out yet is worth nothing beside a newer one.
    fn say_presence(&mut self, to: &[MemberId], watching_until_s: u64, ask: bool) -> Done {
        self.drop_presence(to)?;
        let body = Body::Presence { watching_until_s, ask };
        self.tell(to, body, &Post::of(Class::Presence).without_receipt()).map(|_| ())
    }

    /// A member said whether it watches. Of what came by several ways only what was said last counts.
    pub(super) fn presence_heard(
        &mut self,
        from: MemberId,
        sequence: u64,
        claimed_s: u64,
        ask: bool,
    ) -> Done {
        let mut peer = self.peer(from)?;
        if sequence < peer.presence_sequence {
            return Ok(());
        }
        peer.presence_sequence = sequence;
        peer.presence_s = self.now_s;
        peer.watching_until_s = Some(watched_until_s(claimed_s, self.now_s));
        self.set_peer(from, &peer)?;
        if ask {
            self.tx.put::<PresenceKind>(&from.0, &self.now_s)?;
        }
        Ok(())
    }

    /// Who asked who is watching, and when.
    fn askers(&self) -> Done<Vec<(MemberId, u64)>> {
        if self.tx.count::<PresenceKind>()? == 0 {
            return Ok(Vec::new());
        }
        let mut askers = Vec::new();
        for member in self.others()? {
            if let Some(asked_s) = self.readable::<PresenceKind>(&member.0)? {
                askers.push((member, asked_s));
            }
        }
        Ok(askers)
    }
}
