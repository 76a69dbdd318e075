//! What is left at relays for when this device falls silent, as check-ins and the status tell it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Context;
use super::carrier::Carrier;
use super::show::hex;
use crate::device::{Device, DeviceError, HoldsView};
use crate::holds::{Loss, SlotState, SlotView, Trouble};
use crate::link::now_s;
use crate::terminal::clean;
use crate::text::t;

/// One relay that answers is enough: the others are waited for no longer than this.
const PATIENCE: Duration = Duration::from_secs(1);

/// Carries until relays have answered about the newest check-in, for `wait` at most.
pub(super) async fn settle(
    carrier: &mut Carrier<'_>,
    device: &mut Device,
    wait: Duration,
) -> Result<(), DeviceError> {
    // The first prekeys of somebody may have come with the answer to this check-in.
    device.complete_holds(now_s())?;
    let begun = Instant::now();
    let settled = |device: &mut Device| {
        if !device.holds_pending(now_s())? {
            return Ok(true);
        }
        let armed = |slot: &SlotView| matches!(slot.state, SlotState::Armed { .. });
        Ok(begun.elapsed() >= PATIENCE && device.holds(now_s())?.relays.iter().any(armed))
    };
    carrier.until(device, wait, |device, _| settled(device)).await?;
    Ok(())
}

/// A line for each relay, and one for those whom no relay would tell. Nothing if nothing is agreed and nothing is left.
pub(super) fn lines(context: &Context, view: &HoldsView, now_s: u64) -> Vec<String> {
    let text = &context.text;
    let mut lines = Vec::new();
    for slot in &view.relays {
        lines.push(line(context, slot, now_s));
        if slot.lost.is_some() && slot.state != SlotState::Nothing {
            lines.push(format!("  {}", t!(text, "hold-left-again")));
        }
        let reason = match slot.trouble {
            Some(Trouble::TooLong) => t!(text, "hold-too-long"),
            Some(Trouble::Full) => t!(text, "hold-full"),
            Some(Trouble::Unavailable | Trouble::Refused) => t!(text, "hold-refused"),
            None => continue,
        };
        lines.push(format!("  {reason}"));
    }
    let names = view.nothing_for.iter().map(|(_, name)| clean(name));
    let some = view.relays.iter().any(|slot| matches!(slot.state, SlotState::Armed { .. }));
    // Who is not told by any relay is named only beside those who are: otherwise it is everybody.
    if some && !view.nothing_for.is_empty() {
        lines.push(t!(text, "hold-nothing-for", names = text.list(names)));
    } else if view.relays.is_empty() && !view.nothing_for.is_empty() {
        lines.push(t!(text, "hold-none"));
    }
    lines
}

fn line(context: &Context, slot: &SlotView, now_s: u64) -> String {
    let text = &context.text;
    let relay = slot.relay.place();
    let moment = |at_s: u64| context.clock.moment(at_s, now_s);
    match slot.state {
        SlotState::Over { until_s } => {
            t!(text, "hold-over", relay = relay, time = moment(until_s))
        }
        SlotState::Armed { until_s } | SlotState::Behind { until_s: Some(until_s) }
            if slot.ends =>
        {
            t!(text, "hold-ends", relay = relay, time = moment(until_s))
        }
        SlotState::Armed { until_s } => {
            t!(text, "hold-armed", relay = relay, time = moment(until_s))
        }
        SlotState::Behind { until_s: Some(until_s) } => {
            t!(text, "hold-behind", relay = relay, time = moment(until_s))
        }
        SlotState::Behind { until_s: None } => t!(text, "hold-unknown", relay = relay),
        SlotState::Nothing => match slot.lost {
            None => t!(text, "hold-nothing", relay = relay),
            Some(Loss::Once) => t!(text, "hold-lost", relay = relay),
            Some(Loss::Again) => t!(text, "hold-lost-again", relay = relay),
        },
    }
}

/// `{"until_s", "relays": [{"relay", "state", "until_s", "ends", "trouble", "lost", "not_for"}], "nothing_for"}`.
pub(super) fn json(view: &HoldsView) -> Value {
    let slot = |slot: &SlotView| {
        let (state, until_s) = match slot.state {
            SlotState::Armed { until_s } => ("armed", Some(until_s)),
            SlotState::Behind { until_s } => ("behind", until_s),
            SlotState::Over { until_s } => ("over", Some(until_s)),
            SlotState::Nothing => ("nothing", None),
        };
        let trouble = slot.trouble.map(|trouble| match trouble {
            Trouble::TooLong => "too-long",
            Trouble::Full => "full",
            Trouble::Unavailable => "unavailable",
            Trouble::Refused => "refused",
        });
        let not_for: Vec<String> = slot.not_for.iter().map(|member| hex(&member.0)).collect();
        json!({
            "relay": slot.relay.place(), "state": state, "until_s": until_s, "ends": slot.ends,
            "trouble": trouble, "lost": slot.lost.is_some(), "not_for": not_for,
        })
    };
    let relays: Vec<Value> = view.relays.iter().map(slot).collect();
    let person = |(member, name): &(velar_protocol::seal::MemberId, String)| json!({"member": hex(&member.0), "name": name});
    let nothing_for: Vec<Value> = view.nothing_for.iter().map(person).collect();
    json!({"until_s": view.until_s, "relays": relays, "nothing_for": nothing_for})
}
