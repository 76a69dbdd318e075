//! `velar drill`: raised and told as an alarm is; then, per person, how long it took.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use velar_protocol::circle::AlertId;
use velar_protocol::seal::{MemberId, MessageId};

use super::Context;
use super::carrier::{CATCH_UP, Carrier, is_over};
use super::show::{self, Who};
use crate::cli::Drill as Args;
use crate::device::{Device, DeviceError, DrillView, Progress, Reach};
use crate::drill::DrillPerson;
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::terminal::{clean, span, table};
use crate::text::t;

/// How long the command waits unless said otherwise: until everybody has it and somebody has taken it.
const WAIT: Duration = Duration::from_secs(60);

/// Bytes of text: as with an alarm, a drill takes one envelope for each person.
const MAX_LEN: usize = 2_000;

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    match args.report {
        Some(which) => report(context, which.as_deref()).await,
        None => practise(context, &args.text.join(" "), args.wait.unwrap_or(WAIT)).await,
    }
}

async fn practise(context: &Context, said: &str, wait: Duration) -> Result<Exit, Failure> {
    let text = &context.text;
    let failed = |error: DeviceError| context.failure(error);
    let (count, limit) = (said.len(), MAX_LEN);
    if count > limit {
        return Err(failure!(text, Exit::Usage, "error-text-long", count = count, limit = limit));
    }
    let mut device = context.device()?;
    let me = device.member();
    let own = device.alerts(true, now_s()).map_err(failed)?;
    let own = own.iter().find(|view| view.alert.subject == me);
    if let Some(alert) = own.map(|view| view.alert.id.short()) {
        return Err(failure!(text, Exit::NotNow, "error-drill-own-open", alert = alert));
    }
    let at_s = now_s();
    let (alert, message) = device.drill(said, at_s).map_err(failed)?;
    let time = context.clock.stamp(at_s);
    if context.json {
        let data = json!({
            "kind": "raised", "alert": alert.short(), "raised_s": at_s,
            "message": show::hex(&message.0),
        });
        context.line(&show::json_line(&data))?;
    } else {
        context.line(&t!(text, "drill-raised", alert = alert.short(), time = time))?;
    }
    let mut carrier = Carrier::new(context)?;
    let mut telling = Telling::default();
    let go_on = |device: &mut Device, _: &_| telling.go_on(context, device, alert, message);
    carrier.until(&mut device, wait, go_on).await.map_err(failed)?;
    telling.go_on(context, &mut device, alert, message).map_err(failed)?;
    let exit = show::exit(&telling.progress);
    if !context.json && exit != Exit::Done {
        for line in show::outcome(context, &telling.progress) {
            context.line(&line)?;
        }
        carrier.news.remark_trouble(context);
    }
    if let Some(view) = one(&mut device, |view| view.alert == alert).map_err(failed)? {
        print(context, &mut device, &view)?;
    }
    if !context.json {
        context.remark(&t!(text, "drill-next", alert = alert.short()));
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    Ok(exit)
}

/// Says each thing once, when it has become true.
#[derive(Default)]
struct Telling {
    progress: Progress,
    received: BTreeSet<MemberId>,
    taken: BTreeSet<MemberId>,
}

impl Telling {
    /// Says what is new; whether everybody has it and somebody has taken it.
    fn go_on(
        &mut self,
        context: &Context,
        device: &mut Device,
        alert: AlertId,
        message: MessageId,
    ) -> Result<bool, DeviceError> {
        self.progress = device.progress(message)?;
        let mut lines = Vec::new();
        for (member, name, reach) in &self.progress {
            if matches!(reach, Reach::Received(_)) && self.received.insert(*member) {
                lines.push(t!(context.text, "panic-received", name = clean(name)));
            }
        }
        let view = one(device, |view| view.alert == alert)?;
        for person in view.iter().flat_map(|view| &view.drill.people) {
            if person.taken_s.is_some() && self.taken.insert(person.member) {
                lines.push(t!(context.text, "panic-taken", name = clean(&person.name)));
            }
        }
        if !context.json {
            lines.iter().for_each(|line| show::say(context, line));
        }
        let nobody = self.progress.is_empty();
        Ok(nobody || is_over(&self.progress) && !self.taken.is_empty())
    }
}

/// The latest drill that is meant.
fn one(
    device: &mut Device,
    meant: impl Fn(&DrillView) -> bool,
) -> Result<Option<DrillView>, DeviceError> {
    let mut drills = device.drills(now_s())?;
    drills.retain(meant);
    Ok(drills.into_iter().max_by_key(|view| view.drill.raised_s))
}

async fn report(context: &Context, which: Option<&str>) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let mut device = context.device()?;
    device.circle().map_err(failed)?;
    let mut carrier = Carrier::new(context)?;
    if !carrier.catch_up(&mut device, CATCH_UP).await.map_err(failed)? {
        carrier.news.remark_trouble(context);
        context.remark(&t!(context.text, "alerts-not-up-to-date"));
    }
    let wanted = which.map(|which| which.trim().to_lowercase());
    let meant = |view: &DrillView| {
        wanted.as_ref().is_none_or(|wanted| show::hex(&view.alert.0).starts_with(wanted))
    };
    let Some(view) = one(&mut device, meant).map_err(failed)? else {
        return Err(match which {
            Some(which) => {
                failure!(context.text, Exit::NotFound, "error-drill-unknown", alert = which)
            }
            None => failure!(context.text, Exit::NotFound, "error-drill-none"),
        });
    };
    print(context, &mut device, &view)?;
    carrier.finish(&mut device).await.map_err(failed)?;
    Ok(Exit::Done)
}

fn print(context: &Context, device: &mut Device, view: &DrillView) -> Result<(), Failure> {
    let who = Who::of(context, device).map_err(|error| context.failure(error))?;
    if context.json {
        return context.line(&show::json_line(&json(view, &who)));
    }
    let text = &context.text;
    let time = context.clock.moment(view.drill.raised_s, now_s());
    let (alert, name) = (view.alert.short(), who.name(view.by));
    context.line(&t!(text, "drill-report", alert = alert, name = name, time = time))?;
    let mut rows =
        vec![vec![t!(text, "column-name"), t!(text, "column-received"), t!(text, "column-taken")]];
    for person in &view.drill.people {
        let after = |at_s: Option<u64>| {
            view.drill.after_s(at_s).map(|seconds| span(Duration::from_secs(seconds)))
        };
        let received = after(person.received_s).unwrap_or_else(|| match view.mine {
            true => t!(text, "drill-not-received"),
            false => t!(text, "drill-not-known"),
        });
        let taken = after(person.taken_s).unwrap_or_else(|| t!(text, "drill-not-taken"));
        rows.push(vec![clean(&person.name), received, taken]);
    }
    context.line(table(&rows).trim_end())
}

fn json(view: &DrillView, who: &Who) -> Value {
    let drill = &view.drill;
    let person = |person: &DrillPerson| {
        json!({
            "member": show::hex(&person.member.0), "name": person.name,
            "received_s": person.received_s, "received_after_s": drill.after_s(person.received_s),
            "taken_s": person.taken_s, "taken_after_s": drill.after_s(person.taken_s),
        })
    };
    let people: Vec<Value> = drill.people.iter().map(person).collect();
    json!({
        "kind": "report", "alert": view.alert.short(), "alert_id": show::hex(&view.alert.0),
        "by": {"member": show::hex(&view.by.0), "name": who.name(view.by)}, "mine": view.mine,
        "raised_s": drill.raised_s, "text": drill.text, "people": people,
    })
}
