//! `velar backup` and `velar restore`: names, safety numbers, the plan and the log, without keys.

use std::path::PathBuf;

use rand_core::Rng;
use serde_json::json;

use super::files::{self, NewFile};
use super::{Context, show};
use crate::backup::{Backup, BackupError};
use crate::cli;
use crate::device::{DeviceError, Entropy};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::passphrase::PassphraseSource;
use crate::terminal::clean;
use crate::text::t;
use crate::vault::{KdfCost, PARCEL_LEN};

pub(super) fn backup(context: &Context, args: cli::Backup) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut device = context.device()?;
    let backup = device.backup(now_s()).map_err(|error| context.failure(error))?;
    let file = NewFile::create(context, &args.file)?;
    let source = source(args.backup_passphrase_file);
    let (prompt, again) = (t!(text, "backup-passphrase-new"), t!(text, "passphrase-again"));
    let passphrase = context
        .stop
        .while_reading(&source, |from| from.read_new(&prompt, &again))
        .map_err(|error| context.passphrase_failure(&error))?;
    let mut entropy = Entropy::default();
    let sealed =
        backup.seal(&passphrase, KdfCost::default(), &mut |buffer| entropy.fill_bytes(buffer));
    let sealed =
        sealed.map_err(|error| failed(context, &error, &args.file.display().to_string()))?;
    file.keep(context, &sealed)?;
    let path = args.file.display().to_string();
    if context.json {
        let data = json!({
            "backup": path, "members": backup.members.len(), "plan": backup.plan.is_some(),
            "log": backup.log.len(),
        });
        context.line(&show::json_line(&data))?;
    } else {
        context.line(&t!(text, "backup-done", path = clean(&path)))?;
        context.line(&t!(text, "backup-what"))?;
    }
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

pub(super) fn restore(context: &Context, args: cli::Restore) -> Result<Exit, Failure> {
    let text = &context.text;
    let path = args.file.display().to_string();
    let limit = u64::try_from(PARCEL_LEN).unwrap_or(u64::MAX - 1);
    let file = files::read(context, &args.file, limit)?;
    let source = source(args.backup_passphrase_file);
    let passphrase = context
        .stop
        .while_reading(&source, |from| from.read(&t!(text, "backup-passphrase")))
        .map_err(|error| context.passphrase_failure(&error))?;
    let backup =
        Backup::open(&passphrase, &file).map_err(|error| failed(context, &error, &path))?;
    if !args.show {
        let mut device = context.device()?;
        device.restore(&backup, now_s()).map_err(|error| match error {
            DeviceError::InCircle => failure!(text, Exit::NotNow, "error-restore-in-circle"),
            error => context.failure(error),
        })?;
    }
    tell(context, &backup, !args.show)?;
    Ok(Exit::Done)
}

fn source(file: Option<PathBuf>) -> PassphraseSource {
    file.map_or(PassphraseSource::Prompt, PassphraseSource::File)
}

fn failed(context: &Context, error: &BackupError, path: &str) -> Failure {
    let text = &context.text;
    match error {
        BackupError::NotABackup => failure!(text, Exit::Failed, "error-backup-none", path = path),
        BackupError::Locked => failure!(text, Exit::Locked, "error-backup-locked", path = path),
        BackupError::Newer => failure!(text, Exit::NotNow, "error-backup-newer", path = path),
        BackupError::Vault(error) => context.vault_failure(error),
    }
}

/// What is in it, and what was taken over.
fn tell(context: &Context, backup: &Backup, restored: bool) -> Result<(), Failure> {
    let text = &context.text;
    if context.json {
        let members: Vec<_> = backup
            .members
            .iter()
            .map(|known| {
                json!({"name": known.name, "number": known.number, "verified": known.verified})
            })
            .collect();
        let data = json!({
            "restored": restored, "made_s": backup.made_s, "circle": backup.circle, "me": backup.me,
            "members": members, "plan": backup.plan.is_some(), "log": backup.log.len(),
        });
        return context.line(&show::json_line(&data));
    }
    let time = context.clock.moment(backup.made_s, now_s());
    context.line(&t!(text, "backup-of", name = clean(&backup.me), time = time))?;
    if let Some(circle) = &backup.circle {
        context.line(&t!(text, "circle-name", circle = clean(circle)))?;
    }
    for known in &backup.members {
        let state = match known.verified {
            true => t!(text, "verify-state-yes"),
            false => t!(text, "verify-state-no"),
        };
        context.line(&format!("  {}  {}  {state}", clean(&known.name), clean(&known.number)))?;
    }
    if backup.plan.is_some() {
        context.line(&t!(text, "backup-plan"))?;
    }
    context.line(&t!(text, "backup-log", count = backup.log.len()))?;
    if restored {
        context.line(&t!(text, "restore-done"))?;
        if backup.plan.is_some() {
            context.line(&t!(text, "restore-plan"))?;
        }
        context.line(&t!(text, "restore-next"))?;
    }
    Ok(())
}
