//! Says to the circle what it reads, a message (or an alarm) per line, and repeats each line once it is in the vault: from
//! then on it is kept. Carries nothing: that is a `velar watch` beside it. For tests, which kill both.
#![expect(clippy::print_stdout, reason = "the kept lines are this program's output")]

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use clap::Parser;
use velar::device::Device;
use velar::link::now_s;
use velar::passphrase::PassphraseSource;
use velar::vault::Vault;
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
}

fn main() -> Outcome<()> {
    let talker = Talker::parse();
    let passphrase = PassphraseSource::File(talker.passphrase_file).read("")?;
    let mut device = Device::of(Vault::open(&talker.vault, &passphrase)?)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        if talker.alarms {
            device.panic(&line, now_s())?;
        } else {
            device.say(&line, &[], now_s())?;
        }
        println!("{line}");
        io::stdout().flush()?;
    }
    Ok(())
}
