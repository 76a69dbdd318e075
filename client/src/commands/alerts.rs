//! `velar alerts` and what people do about one: `claim`, `release`, `note`, `stand-down`, `close`.
//!
//! Each first takes in what lies at the relays, so that what it says names what is known; then it acts, in
//! the vault, and carries until that is at the relays.

mod blocks;
mod handing;
mod which;

use std::io::IsTerminal;
use std::time::Duration;

use serde_json::{Value, json};
use velar_protocol::circle::{Alert, StandDown};
use velar_protocol::seal::MessageId;

pub(super) use self::handing::hand_over;
use self::which::{Which, which};
use super::carrier::{CATCH_UP, Carrier, is_sent};
use super::items::alert_json;
use super::show::{self, Who};
use super::{Context, deadlines, newer, say};
use crate::cli::{
    AlertText, Alerts, Close as CloseArgs, StandDown as StandDownArgs, WhichAlert, alert_and_text,
};
use crate::device::{Device, DeviceError, Missed, Progress, Reach};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::terminal::{Reply, asker};
use crate::text::t;

/// How long a command waits until what it said is at the relays.
const TO_RELAY: Duration = Duration::from_secs(4);

/// Letters of an id that the first word of a text must have to count as one.
const MIN_ID: usize = 4;

pub(super) async fn list(context: &Context, args: Alerts) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut desk = Desk::open(context).await?;
    context.warn_if_removed(&mut desk.device)?;
    let now = now_s();
    let views = desk.device.alerts(!args.all, now).map_err(|error| desk.context.failure(error))?;
    let kept = desk.device.newer().map_err(|error| desk.context.failure(error))?;
    if context.json {
        let alerts: Vec<Value> = views.iter().map(|view| blocks::json(view, &desk.who)).collect();
        let unknown = deadlines::unknown_json(&desk.who, &desk.missed);
        let newer = newer::json(Some(&desk.who), &kept);
        let data = json!({
            "up_to_date": desk.up_to_date, "alerts": alerts, "cannot_know": unknown,
            "newer_messages": newer,
        });
        context.line(&show::json_line(&data))?;
    } else {
        for view in &views {
            for line in blocks::block(context, &desk.who, view, now) {
                context.line(&line)?;
            }
        }
        if views.is_empty() {
            context.line(&t!(text, "alerts-none"))?;
        }
        let newer = newer::messages(context, Some(&desk.who), &kept);
        for line in deadlines::unknown(context, &desk.who, &desk.missed).into_iter().chain(newer) {
            context.line(&line)?;
        }
        if !args.all {
            context.remark(&t!(text, "alerts-closed-too"));
        }
    }
    desk.close().await?;
    Ok(Exit::Done)
}

pub(super) async fn claim(context: &Context, args: WhichAlert) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut desk = Desk::open(context).await?;
    let alert = desk.find(args.alert.as_deref(), Which::NotMine)?;
    let id = alert.id.short();
    let name = desk.who.name(alert.subject);
    if alert.leading().is_some_and(|claim| desk.who.is_me(claim.by)) {
        desk.report(
            "again",
            &alert,
            &Progress::new(),
            &[t!(text, "claim-again", alert = id.as_str())],
        )?;
        desk.close().await?;
        return Ok(Exit::Done);
    }
    let before = alert.leading().map(|claim| (desk.who.name(claim.by), claim.at_s));
    let said = desk.device.claim(alert.id, now_s()).map_err(|error| desk.context.failure(error))?;
    let progress = desk.send(&said).await?;
    let alert = desk.again(&alert)?;
    let mut lines = vec![t!(text, "claim-done", alert = id.as_str(), name = name.as_str())];
    if let Some((had, at_s)) = before {
        let (time, alert) = (context.clock.moment(at_s, now_s()), id.as_str());
        lines.push(t!(text, "claim-over", name = had, time = time, alert = alert));
    }
    if let Some(leader) = alert.leading().filter(|_| alert.claims.len() > 1) {
        if desk.who.is_me(leader.by) {
            let others = alert.claims.iter().skip(1).map(|claim| desk.who.name(claim.by));
            lines.push(t!(text, "claim-leads", names = text.list(others)));
        } else {
            let (leader, alert) = (desk.who.name(leader.by), id.as_str());
            lines.push(t!(text, "claim-second", leader = leader, alert = alert));
        }
    }
    lines.push(t!(text, "claim-next", name = name));
    desk.end("claimed", &alert, &progress, lines).await
}

pub(super) async fn release(context: &Context, args: WhichAlert) -> Result<Exit, Failure> {
    let mut desk = Desk::open(context).await?;
    let alert = desk.find(args.alert.as_deref(), Which::TakenByMe)?;
    let said = desk.device.release(alert.id, "", now_s());
    let said = said.map_err(|error| desk.failed_about(error, &alert))?;
    let progress = desk.send(&said).await?;
    let lines = vec![t!(context.text, "release-done", alert = alert.id.short())];
    desk.end("released", &alert, &progress, lines).await
}

pub(super) async fn note(context: &Context, args: AlertText) -> Result<Exit, Failure> {
    let mut desk = Desk::open(context).await?;
    let (given, said) = desk.alert_and_text(&args, FirstWord::Id)?;
    say::check(context, &said)?;
    let alert = desk.find(given.as_deref(), Which::Any)?;
    let said =
        desk.device.note(alert.id, &said, now_s()).map_err(|error| desk.context.failure(error))?;
    let progress = desk.send(&said).await?;
    let lines = vec![t!(context.text, "note-done", alert = alert.id.short())];
    desk.end("noted", &alert, &progress, lines).await
}

pub(super) async fn stand_down(context: &Context, args: StandDownArgs) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut desk = Desk::open(context).await?;
    let first = if args.confirm { FirstWord::IdOrName } else { FirstWord::Id };
    let (given, said) = desk.alert_and_text(&args.what, first)?;
    say::fits(context, &said)?;
    if args.confirm {
        return confirm(desk, given.as_deref()).await;
    }
    let alert = desk.find(given.as_deref(), Which::Mine)?;
    let id = alert.id.short();
    let said = match desk.device.stand_down(alert.id, &said, now_s()) {
        Err(DeviceError::NotYours) => {
            let name = desk.who.name(alert.subject);
            let name = name.as_str();
            return Err(failure!(
                text,
                Exit::NotNow,
                "error-stand-down-not-yours",
                alert = id,
                name = name
            ));
        }
        said => said.map_err(|error| desk.context.failure(error))?,
    };
    let progress = desk.send(&said).await?;
    let lines = vec![t!(text, "stand-down-asked", alert = id), t!(text, "stand-down-asked-next")];
    desk.end("stand-down-asked", &alert, &progress, lines).await
}

async fn confirm(mut desk: Desk<'_>, given: Option<&str>) -> Result<Exit, Failure> {
    let text = &desk.context.text;
    let alert = desk.find(given, Which::Asked)?;
    let name = desk.who.name(alert.subject);
    let id = alert.id.short();
    if desk.who.is_me(alert.subject) {
        return Err(failure!(text, Exit::NotNow, "error-stand-down-own", alert = id));
    }
    if alert.stand_down == StandDown::None {
        let name = name.as_str();
        return Err(failure!(
            text,
            Exit::NotNow,
            "error-stand-down-not-asked",
            alert = id,
            name = name
        ));
    }
    let shown = name.as_str();
    let (advice, ask) = if alert.duress {
        let advice = t!(text, "stand-down-duress-advice", name = shown);
        (advice, t!(text, "stand-down-duress-ask", name = shown))
    } else {
        let advice = t!(text, "stand-down-confirm-advice", name = shown);
        (advice, t!(text, "stand-down-confirm-ask", name = shown))
    };
    desk.agree(&advice, &ask)?;
    let said = desk.device.confirm_stand_down(alert.id, now_s());
    let said = said.map_err(|error| desk.context.failure(error))?;
    let progress = desk.send(&said).await?;
    let lines = if alert.duress {
        vec![t!(text, "stand-down-duress-done", alert = id, name = shown)]
    } else {
        let done = t!(text, "stand-down-confirmed", alert = id, name = shown);
        vec![done, t!(text, "stand-down-calm", name = shown)]
    };
    desk.end("stand-down-confirmed", &alert, &progress, lines).await
}

pub(super) async fn close(context: &Context, args: CloseArgs) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut desk = Desk::open(context).await?;
    let (given, said) = desk.alert_and_text(&args.what, FirstWord::IdOrName)?;
    say::fits(context, &said)?;
    let alert = desk.find(given.as_deref(), Which::NotMine)?;
    let id = alert.id.short();
    if desk.who.is_me(alert.subject) {
        return Err(failure!(text, Exit::NotNow, "error-close-own"));
    }
    let settled = alert.drill || matches!(alert.stand_down, StandDown::Confirmed(..));
    if !settled && !args.unconfirmed {
        let name = desk.who.name(alert.subject);
        if context.json || !std::io::stdin().is_terminal() {
            let exit = Exit::NeedsConfirmation;
            if alert.duress {
                return Err(failure!(text, exit, "error-close-duress", name = name));
            }
            return Err(failure!(text, exit, "error-close-unconfirmed", name = name));
        }
        let ask = match alert.duress {
            true => t!(text, "close-duress-ask", name = name),
            false => t!(text, "close-unconfirmed-ask", name = name),
        };
        desk.agree("", &ask)?;
    }
    let said =
        desk.device.close(alert.id, &said, now_s()).map_err(|error| desk.context.failure(error))?;
    let progress = desk.send(&said).await?;
    let mut lines = vec![t!(text, "close-done", alert = id)];
    if alert.duress {
        lines.push(t!(text, "close-duress-done", name = desk.who.name(alert.subject)));
    }
    lines.push(t!(text, "close-debrief"));
    desk.end("closed", &alert, &progress, lines).await
}

/// What the first word of a text may be besides its beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FirstWord {
    /// An alert's id. One that is none any more, or mistyped, is still no text: nobody else's alert is meant.
    Id,
    /// Also the name of whom it is about: what ends an alert must end no other.
    IdOrName,
}

/// Hexadecimal with digits and letters: no word of a text, and no number.
fn looks_like_id(word: &str) -> bool {
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mixed = word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic());
    hex && mixed && (MIN_ID..=32).contains(&word.len())
}

/// An open device that has taken in what lay at the relays, as far as they answered.
struct Desk<'a> {
    context: &'a Context,
    device: Device,
    carrier: Carrier<'a>,
    who: Who,
    up_to_date: bool,
    missed: Vec<Missed>,
}

impl<'a> Desk<'a> {
    async fn open(context: &'a Context) -> Result<Self, Failure> {
        let failed = |error: DeviceError| context.failure(error);
        let mut device = context.device()?;
        Who::of(context, &mut device).map_err(failed)?;
        let mut carrier = Carrier::new(context)?;
        let up_to_date = carrier.catch_up(&mut device, CATCH_UP).await.map_err(failed)?;
        if !up_to_date {
            carrier.news.remark_trouble(context);
            context.remark(&t!(context.text, "alerts-not-up-to-date"));
        }
        let missed = deadlines::judge(&mut device, &carrier.news).map_err(failed)?;
        let who = Who::of(context, &mut device).map_err(failed)?;
        Ok(Self { context, device, carrier, who, up_to_date, missed })
    }

    fn failed_about(&self, error: DeviceError, alert: &Alert) -> Failure {
        show::failed_about(self.context, error, &alert.id.short())
    }

    /// The alert that is meant.
    fn find(&mut self, given: Option<&str>, meant: Which) -> Result<Alert, Failure> {
        let views =
            self.device.alerts(false, now_s()).map_err(|error| self.context.failure(error))?;
        let alerts: Vec<Alert> = views.into_iter().map(|view| view.alert).collect();
        which(self.context, &self.who, &alerts, given, meant).cloned()
    }

    /// Takes the alert off the front of a text, if its first word means one.
    fn alert_and_text(
        &mut self,
        args: &AlertText,
        first: FirstWord,
    ) -> Result<(Option<String>, String), Failure> {
        let views =
            self.device.alerts(false, now_s()).map_err(|error| self.context.failure(error))?;
        let means_one = |word: &str| {
            let id = word.to_ascii_lowercase();
            let is_id = id.len() >= MIN_ID
                && views.iter().any(|view| show::hex(&view.alert.id.0).starts_with(&id));
            is_id || looks_like_id(&id) || first == FirstWord::IdOrName && self.is_name(word)
        };
        Ok(alert_and_text(args, means_one))
    }

    /// Whether a word is how a member is called, or the first part of it.
    fn is_name(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let called = |name: String| name == word || name.split(' ').next() == Some(word.as_str());
        self.who.members().iter().any(|member| called(member.name.to_lowercase()))
    }

    /// The alert as it is now.
    fn again(&mut self, alert: &Alert) -> Result<Alert, Failure> {
        let views =
            self.device.alerts(false, now_s()).map_err(|error| self.context.failure(error))?;
        let now = views.into_iter().map(|view| view.alert).find(|now| now.id == alert.id);
        Ok(now.unwrap_or_else(|| alert.clone()))
    }

    /// Carries until these messages are at the relays; how far the one that is furthest behind got.
    async fn send(&mut self, messages: &[MessageId]) -> Result<Progress, Failure> {
        let mut worst = Progress::new();
        let sent = |device: &mut Device, worst: &mut Progress| -> Result<bool, DeviceError> {
            for message in messages {
                *worst = device.progress(*message)?;
                if !is_sent(worst) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        self.carrier
            .until(&mut self.device, TO_RELAY, |device, _| sent(device, &mut worst))
            .await
            .map_err(|error| self.context.failure(error))?;
        Ok(worst)
    }

    /// Asks, if there is somebody at a terminal. What runs without one has been decided before.
    fn agree(&self, advice: &str, question: &str) -> Result<(), Failure> {
        let text = &self.context.text;
        if !std::io::stdin().is_terminal() {
            return Ok(());
        }
        let Ok(mut asker) = asker() else { return Ok(()) };
        let advised = if advice.is_empty() { Ok(()) } else { asker.show(advice) };
        match advised.and_then(|()| asker.yes_or_no(question, text)) {
            Ok(Reply::Yes) => Ok(()),
            _ => Err(failure!(text, Exit::NeedsConfirmation, "error-declined")),
        }
    }

    /// Says what was done, and how far it got.
    fn report(
        &self,
        done: &str,
        alert: &Alert,
        progress: &Progress,
        lines: &[String],
    ) -> Result<(), Failure> {
        if self.context.json {
            let mut data = alert_json(alert, &self.who);
            show::set(&mut data, "done", json!(done));
            show::set(&mut data, "people", show::people_json(progress));
            return self.context.line(&show::json_line(&data));
        }
        lines.iter().try_for_each(|line| self.context.line(line))
    }

    /// Says what was done and whether it is on its way, and closes.
    async fn end(
        mut self,
        done: &str,
        alert: &Alert,
        progress: &Progress,
        mut lines: Vec<String>,
    ) -> Result<Exit, Failure> {
        let here = |reach: &Reach| matches!(reach, Reach::Queued | Reach::NoRelay { .. });
        let on_way = |(_, _, reach): &(_, _, Reach)| !here(reach);
        let kept = !progress.is_empty() && !progress.iter().any(on_way);
        if kept {
            lines.push(t!(self.context.text, "sent-kept"));
        } else if progress.iter().any(|(_, _, reach)| here(reach)) {
            let names = self.context.text.list(show::names_where(progress, here));
            lines.push(t!(self.context.text, "sent-not-reached", names = names));
        }
        lines.extend(show::no_relay(self.context, progress));
        let alert = self.again(alert)?;
        self.report(done, &alert, progress, &lines)?;
        self.close().await?;
        Ok(if kept { Exit::Kept } else { Exit::Done })
    }

    async fn close(mut self) -> Result<(), Failure> {
        let closed = self.carrier.finish(&mut self.device).await;
        closed.map_err(|error| self.context.failure(error))
    }
}
