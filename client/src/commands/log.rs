//! `velar log`: shows this device's log, exports an alert's part of it, and checks either.

mod markdown;
mod tell;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::tell::Teller;
use super::files::{self, NewFile};
use super::{Context, say, show};
use crate::cli::{Log, LogCommand, LogExport, LogFormat, LogVerify};
use crate::device::{Consent, Device, LogView};
use crate::failure::{Exit, Failure, failure, log_failure};
use crate::link::now_s;
use crate::log::{
    Compared, Details, Entry, Export, Field, Head, Hex, Known, Piece, Redaction, Shown, Wanted,
    check, check_chain, fold,
};
use crate::terminal::{clean, clean_block};
use crate::text::t;

/// Fewest words that say who agreed to what. A *yes* says neither.
const CONSENT_WORDS: usize = 3;

/// Largest exported file that is read: thousands of long entries.
const MAX_FILE: u64 = 64 << 20;

pub(super) fn run(context: &Context, args: Log) -> Result<Exit, Failure> {
    match args.command {
        None => list(context, args.alert.as_deref()),
        Some(LogCommand::Export(args)) => export(context, args),
        Some(LogCommand::Verify(LogVerify { file: Some(file), head })) => {
            verify_file(context, &file, head.as_ref())
        }
        Some(LogCommand::Verify(LogVerify { file: None, head })) => verify(context, head.as_ref()),
    }
}

fn list(context: &Context, given: Option<&str>) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut device = context.device()?;
    let log = log_of(context, &mut device)?;
    let wanted = given.map(|given| find(context, &log.entries, Some(given))).transpose()?;
    let is_wanted =
        |entry: &&Entry| wanted.is_none() || entry.value(Field::Alert) == wanted.as_deref();
    let shown = log.entries.iter().filter(is_wanted);
    if context.json {
        let entries: Vec<Value> = shown.map(entry_json).collect();
        let data = json!({"head": head_json(log.head), "entries": entries});
        context.line(&show::json_line(&data))?;
        return Ok(Exit::Done);
    }
    let teller = Teller::new(text, &context.clock);
    let now = now_s();
    for entry in shown {
        let entry = Shown::whole(entry);
        let (n, time) = (entry.n, context.clock.moment(tell::at_s(&entry), now));
        let alert = clean(entry.value(Field::Alert).unwrap_or_default());
        context.line(&format!("{n:>4}  {time}  {alert}  {}", teller.sentence(&entry)))?;
        for said in teller.texts(&entry) {
            context.line(&clean_block(&said, "        "))?;
        }
    }
    if log.entries.is_empty() {
        context.line(&t!(text, "log-empty"))?;
    } else {
        context.remark(&t!(text, "log-head", head = head(log.head)));
    }
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

fn export(context: &Context, args: LogExport) -> Result<Exit, Failure> {
    let text = &context.text;
    let consent = consent(context, args.consent.as_deref())?;
    let mut device = context.device()?;
    let log = log_of(context, &mut device)?;
    let alert = find(context, &log.entries, args.alert.as_deref())?;
    if let Err(fault) = check_chain(&log.entries, log.head) {
        // What is left of it may be all there is; whoever checks the file finds the same.
        context.remark(&log_failure(fault, text).to_string());
    }
    let wanted = wanted(&args.redact);
    let known = device.people().map_err(|error| context.failure(error))?;
    let words = Piece::text(Field::Consent, &consent).collect();
    let agreed = Entry::after(&log.head, [0; 32], words);
    let of_alert = log.entries.iter().filter(|entry| entry.value(Field::Alert) == Some(&alert));
    let named: Vec<&Entry> = of_alert.chain([&agreed]).collect();
    let redaction = Redaction::of(&wanted, &known, &named)
        .map_err(|unknown| failure!(text, Exit::NotFound, "error-log-redact", name = unknown.0))?;

    let targets = targets(context, &args, &alert, log.head.n.saturating_add(1))?;
    let mut files = Vec::with_capacity(targets.len());
    for (format, path) in &targets {
        files.push((format, NewFile::create(context, path)?));
    }
    let redacted = match wanted {
        Wanted::Nobody => "nobody",
        Wanted::Everybody => "everybody",
        Wanted::These(_) => "some",
    };
    let recorded = Consent { alert: &alert, text: &consent, redacted };
    let now = now_s();
    let log = device.record_consent(&recorded, now).map_err(|error| context.failure(error))?;
    let details = Details {
        alert: alert.clone(),
        exported_s: now,
        language: text.language().code().to_owned(),
        notes: notes(context, !redaction.is_empty()),
    };
    let export = Export::of(&log.entries, &redaction, details);
    let with_json = targets.iter().any(|(format, _)| *format == LogFormat::Json);
    for (format, file) in files {
        let written = match format {
            LogFormat::Json => export.to_json(),
            LogFormat::Md => markdown::document(&export, with_json, text, &context.clock),
        };
        file.keep(context, written.as_bytes())?;
    }
    let paths: Vec<String> = targets.iter().map(|(_, path)| path.display().to_string()).collect();
    exported(context, &export, &paths, with_json, &redaction)?;
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

/// Says what was written, and what to note.
fn exported(
    context: &Context,
    export: &Export,
    paths: &[String],
    with_json: bool,
    redaction: &Redaction,
) -> Result<(), Failure> {
    let text = &context.text;
    let end = Head { n: export.head.n, hash: export.head.hash.0 };
    if context.json {
        let data = json!({
            "alert": export.alert, "files": paths, "head": head_json(end),
            "digest": export.digest.to_string(), "people_left_out": export.people_left_out,
        });
        return context.line(&show::json_line(&data));
    }
    for path in paths {
        context.line(&t!(text, "log-exported-to", path = clean(path)))?;
    }
    context.line(&t!(text, "log-exported-note", head = head(end)))?;
    if with_json {
        context.line(&t!(text, "log-exported-digest", digest = export.digest.to_string()))?;
    }
    if redaction.is_empty() {
        context.remark(&t!(text, "log-exported-names"));
    } else {
        let count = export.people_left_out;
        context.remark(&t!(text, "log-exported-redacted", count = count));
        context.remark(&t!(text, "log-note-redaction"));
    }
    Ok(())
}

/// This device's own log.
fn verify(context: &Context, known: Option<&Known>) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut device = context.device()?;
    let log = log_of(context, &mut device)?;
    context.warn_of_damage(&device);
    let checked = check_chain(&log.entries, log.head)
        .and_then(|()| known.map_or(Ok(Compared::NotAsked), |known| known.of_chain(&log.entries)));
    let compared = checked.map_err(|fault| log_failure(fault, text))?;
    if context.json {
        let data = json!({
            "whole": true, "entries": log.entries.len(), "head": head_json(log.head),
            "same_as_noted": same(compared),
        });
        context.line(&show::json_line(&data))?;
        return Ok(Exit::Done);
    }
    context.line(&t!(text, "log-whole", count = log.entries.len()))?;
    say_compared(context, compared)?;
    context.line(&t!(text, "log-head", head = head(log.head)))?;
    Ok(Exit::Done)
}

/// An exported file: needs no vault.
fn verify_file(context: &Context, path: &Path, known: Option<&Known>) -> Result<Exit, Failure> {
    let text = &context.text;
    let bytes = files::read(context, path, MAX_FILE)?;
    let file = String::from_utf8(bytes).unwrap_or_default();
    let checked = check(&file, known).map_err(|fault| log_failure(fault, text))?;
    let export = &checked.export;
    let end = Head { n: export.head.n, hash: export.head.hash.0 };
    if context.json {
        let data = json!({
            "whole": true, "alert": export.alert, "entries": checked.shown,
            "entries_left_out": checked.left_out, "pieces_left_out": checked.pieces_left_out,
            "people_left_out": export.people_left_out, "head": head_json(end),
            "digest": export.digest.to_string(), "same_as_noted": same(checked.compared),
        });
        context.line(&show::json_line(&data))?;
        return Ok(Exit::Done);
    }
    let alert = clean(&export.alert);
    context.line(&t!(text, "log-file-whole", alert = alert, count = checked.shown))?;
    if checked.left_out + checked.pieces_left_out > 0 {
        let (entries, words) = (checked.left_out, checked.pieces_left_out);
        context.line(&t!(text, "log-file-left-out", entries = entries, words = words))?;
    }
    say_compared(context, checked.compared)?;
    context.line(&t!(text, "log-head", head = head(end)))?;
    context.line(&t!(text, "log-exported-digest", digest = export.digest.to_string()))?;
    Ok(Exit::Done)
}

fn say_compared(context: &Context, compared: Compared) -> Result<(), Failure> {
    let text = &context.text;
    context.line(&match compared {
        Compared::NotAsked => t!(text, "log-compare-none"),
        Compared::Same => t!(text, "log-compare-same"),
        Compared::Before => t!(text, "log-compare-before"),
    })
}

fn same(compared: Compared) -> Option<bool> {
    (compared == Compared::Same).then_some(true)
}

fn log_of(context: &Context, device: &mut Device) -> Result<LogView, Failure> {
    device.log().map_err(|error| context.failure(error))
}

/// Who agreed to what, in words.
fn consent(context: &Context, given: Option<&str>) -> Result<String, Failure> {
    let consent = given.unwrap_or_default().trim();
    if consent.split_whitespace().count() < CONSENT_WORDS {
        return Err(failure!(context.text, Exit::NeedsConfirmation, "error-log-consent"));
    }
    say::fits(context, consent)?;
    Ok(consent.to_owned())
}

fn wanted(names: &[String]) -> Wanted {
    let all = ["all", "everybody", "todas", "todos", "todo"];
    if names.iter().any(|name| all.contains(&fold(name.trim()).as_str())) {
        Wanted::Everybody
    } else if names.is_empty() {
        Wanted::Nobody
    } else {
        Wanted::These(names.to_vec())
    }
}

/// The alert that is meant, by its short id: the beginning of it, or of the name of whom it is about.
fn find(context: &Context, entries: &[Entry], given: Option<&str>) -> Result<String, Failure> {
    let text = &context.text;
    let mut alerts: BTreeMap<&str, String> = BTreeMap::new();
    for entry in entries {
        let Some(alert) = entry.value(Field::Alert) else { continue };
        let subject = alerts.entry(alert).or_default();
        if let Some(name) = entry.value(Field::SubjectName) {
            name.clone_into(subject);
        }
    }
    let wanted = given.map(|given| fold(given.trim())).unwrap_or_default();
    let fits = |(alert, subject): &(&&str, &String)| {
        alert.starts_with(&wanted) || !wanted.is_empty() && fold(subject).starts_with(&wanted)
    };
    let found: Vec<(&&str, &String)> = alerts.iter().filter(fits).collect();
    match (found.as_slice(), given) {
        ([(alert, _)], _) => Ok((**alert).to_owned()),
        ([], None) => Err(failure!(text, Exit::NotFound, "error-log-empty")),
        ([], Some(given)) => {
            Err(failure!(text, Exit::NotFound, "error-log-unknown", alert = given))
        }
        (several, _) => {
            let several = several.iter().map(|(alert, name)| format!("{alert} ({})", clean(name)));
            let alerts = text.list(several);
            Err(failure!(text, Exit::NeedsConfirmation, "error-log-several", alerts = alerts))
        }
    }
}

/// Where to write which format.
fn targets(
    context: &Context,
    args: &LogExport,
    alert: &str,
    n: u64,
) -> Result<Vec<(LogFormat, PathBuf)>, Failure> {
    let ending = |format| if format == LogFormat::Json { "json" } else { "md" };
    let mut formats: Vec<LogFormat> = Vec::new();
    for format in &args.formats {
        if !formats.contains(format) {
            formats.push(*format);
        }
    }
    if args.out.is_dir() {
        if formats.is_empty() {
            formats = vec![LogFormat::Md, LogFormat::Json];
        }
        let named = |format| {
            let name = format!("velar-log-{alert}-{n}.{}", ending(format));
            (format, args.out.join(name))
        };
        return Ok(formats.into_iter().map(named).collect());
    }
    let extension = args.out.extension().and_then(std::ffi::OsStr::to_str);
    match (formats.as_slice(), extension) {
        ([one], _) => Ok(vec![(*one, args.out.clone())]),
        ([], Some("json")) => Ok(vec![(LogFormat::Json, args.out.clone())]),
        ([], _) => Ok(vec![(LogFormat::Md, args.out.clone())]),
        _ => Err(failure!(context.text, Exit::Usage, "error-log-formats")),
    }
}

/// What every reader of the file should know.
fn notes(context: &Context, redacted: bool) -> Vec<String> {
    let text = &context.text;
    let names = match redacted {
        true => t!(text, "log-note-redaction"),
        false => t!(text, "log-note-names"),
    };
    vec![
        t!(text, "log-note-one-device"),
        t!(text, "log-note-chain"),
        t!(text, "log-note-unsigned"),
        t!(text, "log-note-complete"),
        names,
    ]
}

/// `12:3f2a…`, as it is noted.
fn head(head: Head) -> String {
    format!("{}:{}", head.n, Hex(head.hash))
}

fn head_json(head: Head) -> Value {
    json!({"n": head.n, "hash": Hex(head.hash).to_string()})
}

/// An entry for programs: its fields, texts put together, times as numbers.
fn entry_json(entry: &Entry) -> Value {
    let mut data = json!({"n": entry.n, "hash": Hex(entry.hash).to_string()});
    for piece in &entry.pieces {
        let key = piece.field.name().replace('-', "_");
        let value = match piece.field {
            Field::Text | Field::Consent => json!(entry.text(piece.field)),
            Field::SaidS | Field::HeardS => json!(piece.value.parse::<u64>().ok()),
            Field::Drill => json!(true),
            Field::Names => {
                let named = entry.pieces.iter().filter(|other| other.field == Field::Names);
                json!(named.map(|other| &other.value).collect::<Vec<_>>())
            }
            _ => json!(piece.value),
        };
        show::set(&mut data, &key, value);
    }
    data
}
