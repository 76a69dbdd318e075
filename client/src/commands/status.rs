//! `velar status`: what is true of this device, its connection, what it has sent, and the circle.

use std::time::Duration;

use serde_json::{Value, json};
use velar_protocol::wire::RelayAddress;

use super::carrier::Carrier;
use super::panic::KitLines;
use super::show::{self, Who};
use super::tokens::Tokens;
use super::{Context, clocks, deadlines, holds, inbox, newer, plan, presence, relays};
use crate::cli::Status;
use crate::deadlines::Deadline;
use crate::device::{
    Device, DeviceError, HoldsView, JoinState, MemberView, Missed, NamedRelay, NewerView, Progress,
    WatcherView,
};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::plan::Plan;
use crate::records::Item;
use crate::text::t;

/// How long the relays are waited for.
const WAIT: Duration = Duration::from_secs(3);

/// How long relays that answer are waited for to take what is left with them.
const SETTLE: Duration = Duration::from_secs(1);

pub(super) async fn run(context: &Context, args: Status) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let mut device = context.device()?;
    let vault = context.vault_dir.display().to_string();
    if let Err(DeviceError::NoCircle | DeviceError::JoinPending) = device.circle() {
        return no_circle(context, &mut device, &vault);
    }
    let mut carrier = Carrier::new(context)?;
    carrier.catch_up(&mut device, WAIT).await.map_err(failed)?;
    if device.is_removed().map_err(failed)? {
        carrier.finish(&mut device).await.map_err(failed)?;
        return removed(context, &mut device, &vault);
    }
    let answered = if args.ask {
        Some(presence::call_the_roll(&mut carrier, &mut device).await.map_err(failed)?)
    } else {
        None
    };
    if carrier.news.is_connected() {
        holds::settle(&mut carrier, &mut device, SETTLE).await.map_err(failed)?;
    }
    carrier.keep_kit(&mut device).map_err(failed)?;
    let kit = KitLines::of(context, &mut device).map_err(failed)?;
    let missed = deadlines::judge(&mut device, &carrier.news).map_err(failed)?;
    let state = State::look(context, &mut device, missed).map_err(failed)?;
    let homes = device.homes().map_err(failed)?;
    let in_use = || homes.iter().filter(|home| home.left_s.is_none()).map(|home| &home.relay);
    let relays: Vec<String> = in_use().map(RelayAddress::place).collect();
    let (reached, lost): (Vec<&RelayAddress>, Vec<_>) =
        in_use().partition(|relay| carrier.news.reads(relay));
    let unopenable: Vec<_> = homes
        .iter()
        .filter(|home| home.left_s.is_none() && home.is_unopenable)
        .map(|home| home.relay.place())
        .collect();
    if context.json {
        let mut data = state.json(&vault, carrier.news.is_connected(), &relays);
        let differs = carrier.news.clock_differs.map(|differs| differs.by_s);
        show::set(&mut data, "clock_differs_s", json!(differs));
        show::set(&mut data, "relay_clocks", carrier.news.relay_clocks.json());
        show::set(&mut data, "unopenable", json!(unopenable));
        show::set(&mut data, "kit", kit.json());
        if let Some(answered) = &answered {
            let answered: Vec<_> = answered.iter().map(|member| show::hex(&member.0)).collect();
            show::set(&mut data, "answered", json!(answered));
        }
        context.line(&show::json_line(&data))?;
    } else {
        context.line(&t!(context.text, "status-vault", path = vault))?;
        let places =
            |relays: &[&RelayAddress]| context.text.list(relays.iter().map(|relay| relay.place()));
        if !reached.is_empty() {
            context.line(&t!(context.text, "status-connected", relay = places(&reached)))?;
            if state.unsent > 0 && lost.is_empty() {
                carrier.news.remark_trouble(context);
            }
        }
        if !lost.is_empty() {
            let relay = places(&lost);
            let line = if reached.is_empty() {
                t!(context.text, "status-disconnected", relay = relay)
            } else {
                t!(context.text, "status-disconnected-one", relay = relay)
            };
            context.line(&line)?;
            carrier.news.remark_trouble(context);
        }
        for place in &unopenable {
            context.line(&t!(context.text, "status-unopenable", relay = place.as_str()))?;
        }
        for line in carrier.news.relay_clocks.lines(&context.text) {
            context.line(&line)?;
        }
        if let Some(differs) = carrier.news.clock_differs {
            context.line(&clocks::difference(differs, &context.text))?;
        }
        let silent = answered
            .as_ref()
            .and_then(|answered| presence::silent(context, &state.watchers, answered, state.now_s));
        let lines = state.lines(context).into_iter().chain(silent).chain(kit.lines(context));
        for line in lines {
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
    let kept = device.newer().map_err(|error| context.failure(error))?;
    if context.json {
        let state = if joining { "joining" } else { "none" };
        let data = json!({
            "vault": vault, "circle": null, "state": state,
            "newer_messages": newer::json(None, &kept), "newer_envelopes": kept.envelopes,
        });
        context.line(&show::json_line(&data))?;
    } else {
        context.line(&t!(text, "status-vault", path = vault))?;
        let next = if joining { t!(text, "status-joining") } else { t!(text, "status-no-circle") };
        context.line(&next)?;
        for line in newer::lines(context, None, &kept) {
            context.line(&line)?;
        }
    }
    Ok(Exit::Done)
}

/// Nothing of what follows is so for who was removed from the circle.
fn removed(context: &Context, device: &mut Device, vault: &str) -> Result<Exit, Failure> {
    let circle = device.circle().map_err(|error| context.failure(error))?.name;
    if context.json {
        let data = json!({"vault": vault, "circle": circle, "state": "removed"});
        context.line(&show::json_line(&data))?;
        return Ok(Exit::NotNow);
    }
    context.line(&t!(context.text, "status-vault", path = vault))?;
    context.line(&t!(context.text, "circle-name", circle = crate::terminal::clean(&circle)))?;
    Err(context.failure(DeviceError::Removed))
}

/// What is known after a look.
struct State {
    now_s: u64,
    who: Who,
    watchers: Vec<WatcherView>,
    circle: String,
    successors: usize,
    lead: bool,
    unfinished: usize,
    unsent: usize,
    not_received: Vec<String>,
    check_in: Option<(u64, Progress)>,
    next: Option<Deadline>,
    plan: Option<Plan>,
    missed: Vec<Missed>,
    holds: HoldsView,
    named: Vec<NamedRelay>,
    open: Vec<String>,
    unread: usize,
    newer: NewerView,
    requests: usize,
    tokens: Tokens,
    damage: usize,
    exposed: bool,
}

impl State {
    fn look(
        context: &Context,
        device: &mut Device,
        missed: Vec<Missed>,
    ) -> Result<Self, DeviceError> {
        let now_s = now_s();
        let circle = device.circle()?;
        let (unfinished, unsent) = device.unfinished()?;
        let cursor = device.cursor(inbox::CURSOR)?;
        let items = device.items_after(0)?;
        let news = |(n, item): &&(u64, Item)| *n > cursor && !item.is_mine();
        let open = device.alerts(true, now_s)?;
        let who = Who::of(context, device)?;
        Ok(Self {
            now_s,
            tokens: Tokens::of(device, &who, now_s)?,
            who,
            watchers: device.watchers()?,
            circle: circle.name,
            successors: circle.successors,
            lead: circle.lead,
            unfinished,
            unsent,
            not_received: device.not_received()?,
            check_in: device.last_check_in()?,
            next: device.own_deadline()?,
            plan: device.plan()?,
            missed,
            holds: device.holds(now_s)?,
            named: device.named_relays()?,
            open: open.iter().map(|view| view.alert.id.short()).collect(),
            unread: items.iter().filter(news).count(),
            newer: device.newer()?,
            requests: device.requests()?,
            damage: device.damage(),
            exposed: device.was_exposed(),
        })
    }

    /// Whether a member's time is over, and if so, whether that is known or cannot be.
    fn missed_by(&self, member: &MemberView) -> Option<bool> {
        let missed = self.missed.iter().find(|one| one.deadline.member == member.member);
        missed.map(|one| one.known)
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
        lines.extend(relays::waiting_lines(context, &self.named));
        match &self.check_in {
            Some((at_s, progress)) => {
                lines.push(t!(text, "status-last-checkin", time = moment(*at_s)));
                for line in show::outcome(context, progress) {
                    lines.push(format!("  {line}"));
                }
                match self.next {
                    Some(next) if next.due_s <= self.now_s => {
                        lines.push(t!(text, "status-own-late", time = moment(next.due_s)));
                    }
                    Some(next) => {
                        lines.push(t!(text, "status-next-checkin", time = moment(next.due_s)));
                    }
                    None => {}
                }
            }
            None => lines.push(t!(text, "status-no-checkin")),
        }
        if let Some(plan) = &self.plan {
            lines.push(t!(text, "plan-is", plan = plan::line(context, plan, self.now_s)));
        }
        lines.extend(holds::lines(context, &self.holds, self.now_s));
        lines.push(t!(text, "status-alerts", count = self.open.len()));
        lines.push(t!(text, "status-unread", count = self.unread));
        lines.extend(newer::lines(context, Some(&self.who), &self.newer));
        if self.requests > 0 {
            lines.push(t!(text, "status-requests", count = self.requests));
        }
        lines.extend(self.tokens.lines(context, &self.who));
        lines.push(presence::line(context, &self.watchers, self.now_s));
        for member in self.who.members().iter().filter(|member| !member.me) {
            let name = self.who.name(member.member);
            let Some((_, sent_s, _)) = &member.check_in else { continue };
            let time = moment(*sent_s);
            let due_s = due_s(member);
            let missed = self.missed_by(member);
            lines.push(match due_s {
                None => t!(text, "status-member-checkin", name = name, time = time),
                Some(due_s) if missed == Some(true) => {
                    let due = moment(due_s);
                    t!(text, "status-member-late", name = name, time = time, due = due)
                }
                Some(due_s) if missed == Some(false) => {
                    let due = moment(due_s);
                    t!(text, "status-member-unknown", name = name, time = time, due = due)
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
                "due_s": due_s, "late": self.missed_by(member) == Some(true),
                "cannot_know": self.missed_by(member) == Some(false),
                "heard_s": member.heard_s, "reachable": member.reachable,
            })
        };
        let members: Vec<Value> = self.who.members().iter().map(member).collect();
        json!({
            "vault": vault, "state": "in", "circle": self.circle, "connected": connected,
            "relays": relays, "named_relays": relays::json_named(&self.named), "unsent": self.unsent, "unreceived": self.unfinished,
            "not_received_by": self.not_received,
            "last_check_in_s": self.check_in.as_ref().map(|(at_s, _)| at_s),
            "last_check_in_people": self.check_in.as_ref().map(|(_, p)| show::people_json(p)),
            "next_check_in_s": self.next.map(|next| next.due_s),
            "plan": self.plan.as_ref().map(plan::as_json), "holds": holds::json(&self.holds),
            "open_alerts": self.open, "unread": self.unread,
            "requests": self.requests, "tokens": self.tokens.json(&self.who),
            "watching": presence::names(&self.watchers, self.now_s),
            "watchers": presence::json(&self.watchers, self.now_s),
            "members": members, "successors": self.successors, "damaged_records": self.damage,
            "was_exposed": self.exposed, "newer_messages": newer::json(Some(&self.who), &self.newer),
            "newer_envelopes": self.newer.envelopes,
        })
    }
}

/// When a member's silence becomes one.
fn due_s(member: &MemberView) -> Option<u64> {
    let (said, sent_s, arrived_s) = member.check_in.as_ref()?;
    Deadline::of(member.member, said, *sent_s, *arrived_s).map(|deadline| deadline.due_s)
}
