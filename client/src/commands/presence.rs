//! Who is watching, as `status` and `checkin` say it: what is known, and since when.

use std::time::Duration;

use serde_json::{Value, json};
use velar_protocol::seal::MemberId;

use super::carrier::Carrier;
use super::{Context, show};
use crate::device::{Device, DeviceError, WatcherView};
use crate::link::now_s;
use crate::terminal::clean;
use crate::text::t;

/// How long a roll-call waits for answers.
const ANSWERS: Duration = Duration::from_secs(3);

/// Asks who is watching, and waits until everybody has answered, or a moment. Who has answered.
pub(super) async fn call_the_roll(
    carrier: &mut Carrier<'_>,
    device: &mut Device,
) -> Result<Vec<MemberId>, DeviceError> {
    let before = device.watchers()?;
    device.call_the_roll(now_s())?;
    let answered = |device: &mut Device, _: &_| {
        let now = device.watchers()?;
        Ok(now.iter().all(|watcher| watcher.answers > count_of(&before, watcher)))
    };
    carrier.until(device, ANSWERS, answered).await?;
    let now = device.watchers()?.into_iter();
    let answered = now.filter(|watcher| watcher.answers > count_of(&before, watcher));
    Ok(answered.map(|watcher| watcher.member).collect())
}

/// After a roll-call: who said before that they were watching, and has not answered now.
pub(super) fn silent(
    context: &Context,
    watchers: &[WatcherView],
    answered: &[MemberId],
    now_s: u64,
) -> Option<String> {
    let silent: Vec<String> = watchers
        .iter()
        .filter(|one| one.is_watching(now_s) && !answered.contains(&one.member))
        .map(|one| heard(context, one, now_s))
        .collect();
    let text = &context.text;
    (!silent.is_empty()).then(|| t!(text, "presence-silent", names = text.list(&silent)))
}

fn heard(context: &Context, watcher: &WatcherView, now_s: u64) -> String {
    let time = context.clock.moment(watcher.said_s, now_s);
    t!(context.text, "presence-heard", name = clean(&watcher.name), time = time)
}

fn count_of(before: &[WatcherView], watcher: &WatcherView) -> u64 {
    before.iter().find(|known| known.member == watcher.member).map_or(0, |known| known.answers)
}

/// Names of those who are watching, as far as is known.
pub(super) fn names(watchers: &[WatcherView], now_s: u64) -> Vec<String> {
    let watching = watchers.iter().filter(|watcher| watcher.is_watching(now_s));
    watching.map(|watcher| clean(&watcher.name)).collect()
}

/// `2 of 3 watching`, with names and when each was heard.
pub(super) fn line(context: &Context, watchers: &[WatcherView], now_s: u64) -> String {
    let text = &context.text;
    let watching: Vec<String> = watchers
        .iter()
        .filter(|watcher| watcher.is_watching(now_s))
        .map(|watcher| heard(context, watcher, now_s))
        .collect();
    let (count, total) = (watching.len(), watchers.len());
    if total == 0 {
        t!(text, "presence-no-accompaniers")
    } else if watchers.iter().all(|watcher| watcher.heard_s.is_none()) {
        t!(text, "presence-unknown")
    } else if count == 0 {
        t!(text, "presence-nobody", total = total)
    } else {
        t!(text, "presence-count", count = count, total = total, names = text.list(&watching))
    }
}

/// For programs.
pub(super) fn json(watchers: &[WatcherView], now_s: u64) -> Value {
    let one = |watcher: &WatcherView| {
        json!({
            "member": show::hex(&watcher.member.0), "name": watcher.name,
            "watching": watcher.is_watching(now_s), "until_s": watcher.until_s,
            "said_s": watcher.said_s, "heard_s": watcher.heard_s,
        })
    };
    watchers.iter().map(one).collect()
}

/// What somebody who checks in is told of it: how many, and loudly if nobody.
pub(super) fn told_at_check_in(
    context: &Context,
    watchers: &[WatcherView],
    now_s: u64,
) -> Vec<String> {
    let mut lines = vec![line(context, watchers, now_s)];
    if names(watchers, now_s).is_empty() {
        lines.push(t!(context.text, "presence-nobody-next"));
    }
    lines
}
