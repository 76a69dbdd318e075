//! `velar inbox`: what has come, each thing once.

use std::io::{self, Write};

use super::carrier::Carrier;
use super::items::Teller;
use super::show::Who;
use super::{Context, deadlines, show};
use crate::cli::Inbox;
use crate::device::DeviceError;
use crate::failure::{Exit, Failure, failure, reader_has_gone, reason};
use crate::link::now_s;
use crate::text::t;

/// How long what lies at the relays is waited for.
const WAIT: std::time::Duration = std::time::Duration::from_secs(3);

/// Name of this reader's cursor.
pub(super) const CURSOR: &str = "inbox";

pub(super) async fn run(context: &Context, args: Inbox) -> Result<Exit, Failure> {
    let text = &context.text;
    let failed = |error: DeviceError| context.failure(error);
    let mut device = context.device()?;
    let mut carrier = Carrier::new(context)?;
    if !carrier.catch_up(&mut device, WAIT).await.map_err(failed)? {
        carrier.news.remark_trouble(context);
    }
    context.warn_if_removed(&mut device)?;
    let missed = deadlines::judge(&mut device, &carrier.news).map_err(failed)?;
    // What has come may be from somebody who has come too.
    let who = Who::of(context, &mut device).map_err(failed)?;

    let cursor = device.cursor(CURSOR).map_err(failed)?;
    let after = args.after.unwrap_or(if args.all { 0 } else { cursor });
    let items = device.items_after(after).map_err(failed)?;
    // One's own words are shown to who asks for everything.
    let everything = args.all || args.after.is_some();
    let shown = items.iter().filter(|(_, item)| everything || !item.is_mine());
    let teller = Teller::new(context, &who, &mut device, now_s()).map_err(failed)?;
    let mut lines = Vec::new();
    for (n, item) in shown {
        if context.json {
            lines.push(show::json_line(&teller.json(*n, item)));
        } else {
            lines.extend(teller.numbered(*n, item));
        }
    }
    if lines.is_empty() && !context.json {
        let none = if after == 0 { t!(text, "inbox-none-at-all") } else { t!(text, "inbox-none") };
        context.remark(&none);
    }
    if !context.json {
        deadlines::unknown(context, &who, &missed).iter().for_each(|line| context.remark(line));
    }
    match print(&lines) {
        Ok(()) => {
            // Only what has left this process counts as shown, and only without a gap before it.
            if let Some((last, _)) = items.last().filter(|_| after <= cursor) {
                device.set_cursor(CURSOR, *last).map_err(failed)?;
            }
        }
        Err(error) if reader_has_gone(&error) => {}
        Err(error) => {
            let detail = reason(&error, text);
            return Err(failure!(text, Exit::Failed, "error-output", detail = detail));
        }
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    Ok(Exit::Done)
}

fn print(lines: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
