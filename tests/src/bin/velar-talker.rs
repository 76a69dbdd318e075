//! Says to the circle what it reads, a message (or an alarm) per line, and repeats each line once it is in the vault: from
//! then on it is kept. Carries nothing: that is a `velar watch` beside it, or the next command. For tests, which kill both.
#![expect(clippy::print_stdout, reason = "the kept lines are this program's output")]

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use velar::device::Device;
use velar::link::now_s;
use velar::passphrase::PassphraseSource;
use velar::records::{DeliveryKind, OutgoingBytesKind, OutgoingKind};
use velar::vault::{Tx, Vault, VaultError};
use velar_protocol::seal::MessageId;
use velar_protocol::wire::Envelope;
use velar_tests::load::Outcome;

#[derive(Parser)]
struct Talker {
    /// Folder of the vault.
    #[arg(long)]
    vault: PathBuf,
    /// File with its passphrase.
    #[arg(long)]
    passphrase_file: PathBuf,
    /// Raises an alarm with each line.
    #[arg(long)]
    alarms: bool,
    /// Speaks the version after this one: in the messages, or already in the envelopes.
    #[arg(long)]
    newer: Option<Newer>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Newer {
    Messages,
    Envelopes,
}

fn main() -> Outcome<()> {
    let talker = Talker::parse();
    let passphrase = PassphraseSource::File(talker.passphrase_file).read("")?;
    let mut device = Device::of(Vault::open(&talker.vault, &passphrase)?)?;
    let mut vault = Vault::open(&talker.vault, &passphrase)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let said = if talker.alarms {
            device.panic(&line, now_s())?.1
        } else {
            device.say(&line, &[], now_s())?
        };
        if let Some(newer) = talker.newer {
            vault.write(|tx| match newer {
                Newer::Messages => unseal_newer(tx, said),
                Newer::Envelopes => make_envelopes_newer(tx, said),
            })?;
            // Seals what is not sealed.
            device.tend(true, false, now_s())?;
        }
        println!("{line}");
        io::stdout().flush()?;
    }
    Ok(())
}

/// A message as the next version says it, to be sealed.
fn unseal_newer(tx: &Tx<'_>, said: MessageId) -> Result<(), VaultError> {
    for (_, sealed) in tx.list::<OutgoingKind>()?.into_iter().filter(|(_, one)| one.message == said)
    {
        tx.delete::<OutgoingKind>(&sealed.key())?;
        tx.delete::<OutgoingBytesKind>(&sealed.key())?;
    }
    for (_, mut delivery) in tx.list::<DeliveryKind>()? {
        if delivery.message == said {
            raise(&mut delivery.bytes);
            delivery.parts = None;
            let key = velar::records::delivery_key(said, delivery.to);
            tx.put::<DeliveryKind>(&key, &delivery)?;
        }
    }
    Ok(())
}

/// Envelopes whose version is the next one; nobody can open them.
fn make_envelopes_newer(tx: &Tx<'_>, said: MessageId) -> Result<(), VaultError> {
    for (_, mut sealed) in
        tx.list::<OutgoingKind>()?.into_iter().filter(|(_, one)| one.message == said)
    {
        let Some(mut bytes) = tx.get::<OutgoingBytesKind>(&sealed.key())? else { continue };
        raise(&mut bytes);
        if let Some(envelope) = Envelope::new(bytes.clone()) {
            sealed.digest = envelope.digest().0;
        }
        tx.put::<OutgoingKind>(&sealed.key(), &sealed)?;
        tx.put::<OutgoingBytesKind>(&sealed.key(), &bytes)?;
    }
    Ok(())
}

fn raise(bytes: &mut [u8]) {
    if let Some(version) = bytes.first_mut() {
        *version += 1;
    }
}
