//! What commands print alike: who, how far, and lines of JSON that no text can break out of.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use velar_protocol::circle::{Role, Roles};
use velar_protocol::seal::MemberId;

use super::{Context, carrier};
use crate::device::{Device, DeviceError, MemberView, Progress, Reach};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::terminal::{clean, is_hidden};
use crate::text::t;

/// The members' names, made harmless.
pub(super) struct Who {
    me: MemberId,
    members: Vec<MemberView>,
    former: BTreeMap<MemberId, String>,
    unknown: String,
}

impl Who {
    /// Those who are in the circle now, and the names of those who were.
    pub(super) fn of(context: &Context, device: &mut Device) -> Result<Self, DeviceError> {
        let unknown = t!(context.text, "word-unknown-member");
        let (me, mut former) = (device.member(), device.former_members()?);
        for (_, name) in former.iter_mut().filter(|(member, _)| **member != me) {
            *name = t!(context.text, "word-former", name = clean(name));
        }
        Ok(Self { me, members: device.members()?, former, unknown })
    }

    /// The name of a member, or of somebody who was one; anybody else is somebody unknown.
    pub(super) fn name(&self, member: MemberId) -> String {
        let known = self.members.iter().find(|known| known.member == member);
        let known = known.map(|known| &known.name).or_else(|| self.former.get(&member));
        let name = known.map(|name| clean(name)).filter(|name| !name.is_empty());
        name.unwrap_or_else(|| self.unknown.clone())
    }

    /// Whether this was a member once, and is not any more.
    pub(super) fn is_former(&self, member: MemberId) -> bool {
        self.former.contains_key(&member)
    }

    /// This device, while it is in the circle.
    pub(super) fn me(&self) -> Option<&MemberView> {
        self.members.iter().find(|member| member.me)
    }

    /// This device's own name.
    pub(super) fn my_name(&self) -> String {
        self.name(self.me)
    }

    /// Whether it is this device.
    pub(super) fn is_me(&self, member: MemberId) -> bool {
        self.me == member
    }

    /// Everybody.
    pub(super) fn members(&self) -> &[MemberView] {
        &self.members
    }
}

/// A failure of the device about `which` member or alert.
pub(super) fn failed_about(context: &Context, error: DeviceError, which: &str) -> Failure {
    let text = &context.text;
    match error {
        DeviceError::UnknownMember if !which.is_empty() => {
            failure!(text, Exit::NotFound, "error-member-unknown", name = which)
        }
        DeviceError::UnknownAlert if !which.is_empty() => {
            failure!(text, Exit::NotFound, "error-alert-unknown", alert = which)
        }
        error => context.failure(error),
    }
}

/// Roles as they are named in JSON, and on the command line.
pub(super) fn role_names(roles: Roles) -> Vec<&'static str> {
    roles
        .iter()
        .map(|role| match role {
            Role::Defender => "defender",
            Role::Accompanier => "accompanier",
            Role::Coordinator => "coordinator",
        })
        .collect()
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// One line of JSON. What a terminal would act on or hide is escaped; a parser reads the text as it was.
pub(super) fn json_line(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        if c.is_control() || is_hidden(c) || matches!(c, '\u{2028}' | '\u{2029}') {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            line.push(c);
        }
    }
    line
}

/// Prints one line of data; that the output fails does not undo what was done.
pub(super) fn say(context: &Context, line: &str) {
    if context.line(line).is_err() {
        tracing::warn!("the output could not be written");
    }
}

/// How far something got for one person, in words.
pub(super) fn reach_text(context: &Context, name: &str, reach: &Reach) -> String {
    match reach {
        Reach::Queued => t!(context.text, "state-queued"),
        Reach::AtRelay(relays) => {
            t!(context.text, "state-at-relay", relay = context.text.list(relays))
        }
        Reach::Received(at_s) => {
            let time = context.clock.moment(*at_s, now_s());
            t!(context.text, "state-received", name = name, time = time)
        }
        Reach::GivenUp => t!(context.text, "state-given-up"),
        Reach::NoRelay { relays, refused: false } => {
            t!(context.text, "state-relay-asks", relay = context.text.list(relays))
        }
        Reach::NoRelay { relays, refused: true } => {
            t!(context.text, "state-relay-refused", relay = context.text.list(relays))
        }
    }
}

/// How far something got, per person: `[{"member","name","state",…}]`.
pub(super) fn people_json(progress: &Progress) -> Value {
    let one = |(member, name, reach): &(MemberId, String, Reach)| {
        let mut person = json!({"member": hex(&member.0), "name": name, "state": state(reach)});
        match reach {
            Reach::AtRelay(relays) | Reach::NoRelay { relays, .. } => {
                set(&mut person, "relays", json!(relays));
            }
            Reach::Received(at_s) => set(&mut person, "received_s", json!(at_s)),
            Reach::Queued | Reach::GivenUp => {}
        }
        person
    };
    progress.iter().map(one).collect()
}

/// Puts a field into an object.
pub(super) fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// The stable name of a state.
fn state(reach: &Reach) -> &'static str {
    match reach {
        Reach::Queued => "queued",
        Reach::AtRelay(_) => "at-relay",
        Reach::Received(_) => "received",
        Reach::GivenUp => "given-up",
        Reach::NoRelay { refused: false, .. } => "relay-asks",
        Reach::NoRelay { refused: true, .. } => "relay-refused",
    }
}

/// Names of those for whom this holds, made harmless.
pub(super) fn names_where(progress: &Progress, holds: impl Fn(&Reach) -> bool) -> Vec<String> {
    progress.iter().filter(|(.., reach)| holds(reach)).map(|(_, name, _)| clean(name)).collect()
}

/// For whom it waits because of the relays where they are reached, and what to do about it.
pub(super) fn no_relay(context: &Context, progress: &Progress) -> Vec<String> {
    let text = &context.text;
    let line = |(_, name, reach): &(MemberId, String, Reach)| {
        let Reach::NoRelay { relays, refused } = reach else { return None };
        let (name, relay) = (clean(name), relays.first().map_or("", String::as_str));
        Some(match refused {
            false => t!(text, "sent-relay-asks", name = name, relay = relay),
            true => t!(text, "sent-relay-refused", name = name, relay = relay),
        })
    };
    progress.iter().filter_map(line).collect()
}

/// Whether it was received.
pub(super) fn is_received(reach: &Reach) -> bool {
    matches!(reach, Reach::Received(_))
}

/// How a command that sent something ends.
pub(super) fn exit(progress: &Progress) -> Exit {
    if progress.is_empty() {
        Exit::NotNow
    } else if progress.iter().any(|(.., reach)| is_received(reach)) {
        Exit::Done
    } else if progress.iter().any(|(.., reach)| matches!(reach, Reach::AtRelay(_))) {
        Exit::NotReceived
    } else {
        Exit::Kept
    }
}

/// What became of something sent, person by person; nothing that is not known.
pub(super) fn outcome(context: &Context, progress: &Progress) -> Vec<String> {
    let text = &context.text;
    if progress.is_empty() {
        return vec![t!(text, "sent-nobody")];
    }
    let received = names_where(progress, is_received);
    if received.len() == progress.len() {
        return vec![t!(text, "sent-received-all", count = received.len())];
    }
    let mut lines = Vec::new();
    if !received.is_empty() {
        lines.push(t!(text, "sent-received", names = text.list(&received)));
    }
    let at_relay = names_where(progress, |reach| matches!(reach, Reach::AtRelay(_)));
    if !at_relay.is_empty() {
        lines.push(t!(text, "sent-at-relay", names = text.list(&at_relay)));
    }
    let not_reached = names_where(progress, |reach| {
        matches!(reach, Reach::Queued | Reach::GivenUp | Reach::NoRelay { .. })
    });
    let over = carrier::is_over(progress);
    let kept = received.is_empty() && at_relay.is_empty() && !over;
    if kept {
        lines.push(t!(text, "sent-kept"));
    }
    if !not_reached.is_empty() {
        lines.push(t!(text, "sent-not-reached", names = text.list(&not_reached)));
        lines.extend(no_relay(context, progress));
    }
    if !kept && !over {
        lines.push(if carrier::is_sent(progress) {
            t!(text, "sent-waits-at-relay")
        } else {
            t!(text, "sent-keeps-trying")
        });
    }
    lines
}
