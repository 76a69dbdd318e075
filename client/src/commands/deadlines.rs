//! Who did not check in again, for commands that show something: judged after what lay at the relays was read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Context;
use super::carrier::News;
use super::show::{self, Who};
use crate::device::{Device, DeviceError, Missed};
use crate::link::now_s;
use crate::text::t;

/// Whose time is over. What is known to be missed is an alert from now on.
pub(super) fn judge(device: &mut Device, news: &News) -> Result<Vec<Missed>, DeviceError> {
    device.judge(|_| news.read, &BTreeSet::new(), now_s())
}

/// A line for each of whom it cannot be known.
pub(super) fn unknown(context: &Context, who: &Who, missed: &[Missed]) -> Vec<String> {
    let line = |one: &Missed| {
        let name = who.name(one.deadline.member);
        let due = context.clock.moment(one.deadline.due_s, now_s());
        t!(context.text, "alerts-cannot-know", name = name, due = due)
    };
    missed.iter().filter(|one| !one.known).map(line).collect()
}

/// The same for programs: `[{"member", "name", "due_s"}]`.
pub(super) fn unknown_json(who: &Who, missed: &[Missed]) -> Value {
    let one = |one: &Missed| {
        let member = one.deadline.member;
        json!({
            "member": show::hex(&member.0), "name": who.name(member), "due_s": one.deadline.due_s,
        })
    };
    missed.iter().filter(|one| !one.known).map(one).collect()
}
