//! `velar status`: what is true of this device, its connection, what it has sent, and the circle.

use std::time::Duration;

use serde_json::{Value, json};

use super::carrier::Carrier;
use super::panic::KitLines;
use super::show::{self, Who};
use super::{Context, inbox};
use crate::device::{Device, DeviceError, JoinState, MemberView, Progress};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::records::{Item, What};
use crate::text::t;

/// How long the relays are waited for.
const WAIT: Duration = Duration::from_secs(3);

pub(super) async fn run(context: &Context) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let mut device = context.device()?;
    let vault = context.vault_dir.display().to_string();
    if let Err(DeviceError::NoCircle | DeviceError::JoinPending) = device.circle() {
        return no_circle(context, &mut device, &vault);
    }
    let mut carrier = Carrier::new(context)?;
    carrier.catch_up(&mut device, WAIT).await.map_err(failed)?;
    carrier.keep_kit(&mut device).map_err(failed)?;
    let kit = KitLines::of(context, &mut device).map_err(failed)?;
    let state = State::look(context, &mut device).map_err(failed)?;
    let relays: Vec<String> =
        device.homes().map_err(failed)?.iter().map(|home| home.relay.host().to_owned()).collect();
    if context.json {
        let mut data = state.json(&vault, carrier.news.is_connected(), &relays);
        let differs = carrier.news.clock_differs_s;
        show::set(&mut data, "clock_differs_s", json!(differs));
        show::set(&mut data, "kit", kit.json());
        context.line(&show::json_line(&data))?;
    } else {
        context.line(&t!(context.text, "status-vault", path = vault))?;
        let relays = context.text.list(&relays);
        if carrier.news.is_connected() {
            context.line(&t!(context.text, "status-connected", relay = relays))?;
        } else {
            context.line(&t!(context.text, "status-disconnected", relay = relays))?;
            carrier.news.remark_trouble(context);
        }
        if let Some(seconds) = carrier.news.clock_differs_s {
            context.line(&t!(context.text, "status-clock", minutes = seconds / 60))?;
        }
        for line in state.lines(context).into_iter().chain(kit.lines(context)) {
            context.line(&line)?;
        }
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    Ok(Exit::Done)
}

fn no_circle(context: &Context, device: &mut Device, vault: &str) -> Result<Exit, Failure> {
    let text = &context.text;
    let joining = match device.join_state() {
        Ok(JoinState::Void) => {
            return Err(failure!(text, Exit::Suspicious, "error-invitation-void"));
        }
        Ok(_) => true,
        Err(DeviceError::NotJoining) => false,
        Err(error) => return Err(context.failure(error)),
    };
    if context.json {
        let state = if joining { "joining" } else { "none" };
        let data = json!({"vault": vault, "circle": null, "state": state});
        context.line(&show::json_line(&data))?;
    } else {
        context.line(&t!(text, "status-vault", path = vault))?;
        let next = if joining { t!(text, "status-joining") } else { t!(text, "status-no-circle") };
        context.line(&next)?;
    }
    Ok(Exit::Done)
}

/// What is known after a look.
struct State {
    now_s: u64,
    who: Who,
    circle: String,
    successors: usize,
    lead: bool,
    unfinished: usize,
    unsent: usize,
    not_received: Vec<String>,
    check_in: Option<(u64, Progress)>,
    next_s: Option<u64>,
    open: Vec<String>,
    unread: usize,
    requests: usize,
    damage: usize,
    exposed: bool,
}

impl State {
    fn look(context: &Context, device: &mut Device) -> Result<Self, DeviceError> {
        let now_s = now_s();
        let circle = device.circle()?;
        let (unfinished, unsent) = device.unfinished()?;
        let cursor = device.cursor(inbox::CURSOR)?;
        let items = device.items_after(0)?;
        let news = |(n, item): &&(u64, Item)| *n > cursor && !item.is_mine();
        let requests = device.answers(now_s)?.iter().filter(|answer| !answer.void).count();
        let open = device.alerts(true, now_s)?;
        Ok(Self {
            now_s,
            who: Who::of(context, device)?,
            circle: circle.name,
            successors: circle.successors,
            lead: circle.lead,
            unfinished,
            unsent,
            not_received: device.not_received()?,
            check_in: device.last_check_in()?,
            next_s: items.iter().rev().find_map(|(_, item)| next_of_mine(item)),
            open: open.iter().map(|view| view.alert.id.short()).collect(),
            unread: items.iter().filter(news).count(),
            requests,
            damage: device.damage(),
            exposed: device.was_exposed(),
        })
    }

    fn lines(&self, context: &Context) -> Vec<String> {
        let text = &context.text;
        let moment = |at_s: u64| context.clock.moment(at_s, self.now_s);
        let mut lines = Vec::new();
        lines.push(t!(text, "circle-name", circle = crate::terminal::clean(&self.circle)));
        lines.push(match self.unsent {
            0 => t!(text, "status-queue-empty"),
            count => t!(text, "status-queue", count = count),
        });
        let sent = self.unfinished.saturating_sub(self.unsent);
        if sent > 0 {
            let names = self.not_received.iter().map(|name| crate::terminal::clean(name));
            lines.push(t!(text, "status-unreceived", count = sent, names = text.list(names)));
        }
        match &self.check_in {
            Some((at_s, progress)) => {
                lines.push(t!(text, "status-last-checkin", time = moment(*at_s)));
                for line in show::outcome(context, progress) {
                    lines.push(format!("  {line}"));
                }
                if let Some(next_s) = self.next_s {
                    lines.push(t!(text, "status-next-checkin", time = moment(next_s)));
                }
            }
            None => lines.push(t!(text, "status-no-checkin")),
        }
        lines.push(t!(text, "status-alerts", count = self.open.len()));
        lines.push(t!(text, "status-unread", count = self.unread));
        if self.requests > 0 {
            lines.push(t!(text, "status-requests", count = self.requests));
        }
        let watching = self.who.watching(self.now_s);
        let count = watching.len();
        lines.push(if self.who.members().iter().all(|m| m.me || m.heard_s.is_none()) {
            t!(text, "presence-unknown")
        } else {
            t!(text, "presence-count", count = count, names = text.list(&watching))
        });
        for member in self.who.members().iter().filter(|member| !member.me) {
            let name = self.who.name(member.member);
            let Some((_, sent_s, _)) = &member.check_in else { continue };
            let time = moment(*sent_s);
            lines.push(match due_s(member) {
                None => t!(text, "status-member-checkin", name = name, time = time),
                Some(due_s) if due_s < self.now_s => {
                    let due = moment(due_s);
                    t!(text, "status-member-late", name = name, time = time, due = due)
                }
                Some(due_s) => {
                    let due = moment(due_s);
                    t!(text, "status-member-due", name = name, time = time, due = due)
                }
            });
        }
        // Only who could do something about it hears of it.
        if self.lead && self.successors == 0 {
            lines.push(t!(text, "status-no-successor"));
        }
        lines
    }

    fn json(&self, vault: &str, connected: bool, relays: &[String]) -> Value {
        let member = |member: &MemberView| {
            let due_s = due_s(member);
            json!({
                "member": show::hex(&member.member.0), "name": member.name, "me": member.me,
                "check_in_s": member.check_in.as_ref().map(|(_, sent_s, _)| sent_s),
                "due_s": due_s, "late": due_s.is_some_and(|due_s| due_s < self.now_s),
                "heard_s": member.heard_s, "reachable": member.reachable,
            })
        };
        let members: Vec<Value> = self.who.members().iter().map(member).collect();
        json!({
            "vault": vault, "state": "in", "circle": self.circle, "connected": connected,
            "relays": relays, "unsent": self.unsent, "unreceived": self.unfinished,
            "not_received_by": self.not_received,
            "last_check_in_s": self.check_in.as_ref().map(|(at_s, _)| at_s),
            "last_check_in_people": self.check_in.as_ref().map(|(_, p)| show::people_json(p)),
            "next_check_in_s": self.next_s, "open_alerts": self.open, "unread": self.unread,
            "requests": self.requests, "watching": self.who.watching(self.now_s),
            "members": members, "successors": self.successors, "damaged_records": self.damage,
            "was_exposed": self.exposed,
        })
    }
}

/// When my next check-in is due, if this item is my last one and says so.
fn next_of_mine(item: &Item) -> Option<u64> {
    match (&item.what, item.from) {
        (What::CheckedIn(said), None) => {
            Some(item.sent_at_s.saturating_add(u64::from(said.next_min) * 60))
        }
        _ => None,
    }
}

/// When a member's silence becomes one: after the interval and the grace of its last check-in.
fn due_s(member: &MemberView) -> Option<u64> {
    let (said, sent_s, arrived_s) = member.check_in.as_ref()?;
    let minutes = u64::from(said.next_min) + u64::from(said.grace_min);
    (said.next_min > 0).then(|| (*sent_s).min(*arrived_s).saturating_add(minutes * 60))
}
