//! What goes into a backup, and what comes back from one.

use velar_protocol::circle::PersonId;
use velar_protocol::circle::words::safety_number;

use super::{Device, DeviceError, Done};
use crate::backup::{Backup, Known};
use crate::log::{LogRecord, entry_key};
use crate::plan::Plan;
use crate::records::{JoiningKind, LogKind, PlanKind};

impl Device {
    /// A backup of what may leave this device: nothing that could act in its name.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn backup(&mut self, now_s: u64) -> Done<Backup> {
        let mine = self.identity();
        let log = self.log()?;
        self.read(now_s, |turn| {
            let profile = turn.profile()?;
            let roster = turn.roster()?;
            let mut members = Vec::new();
            if let Some(roster) = &roster {
                for entry in roster.members().iter().filter(|m| m.member() != mine.member()) {
                    let peer = turn.peer(entry.member())?;
                    let number = safety_number(&roster.circle(), &mine, &entry.identity);
                    members.push(Known { name: peer.name, number, verified: peer.verified });
                }
            }
            Ok(Backup {
                made_s: now_s,
                circle: roster.map(|_| profile.circle_name),
                me: profile.name,
                person: profile.person.0,
                members,
                plan: turn.readable::<PlanKind>(&[])?,
                log: log.entries,
                head: log.head,
            })
        })
    }

    /// Takes over a backup: whose device it is, the plan and the log. This device stays a new member, with keys of its own,
    /// and has to be invited.
    ///
    /// # Errors
    /// [`DeviceError::InCircle`] if it is in a circle, is joining one, or has a log already: nothing is replaced.
    pub fn restore(&mut self, backup: &Backup, now_s: u64) -> Done {
        self.write(now_s, |turn| {
            let mut profile = turn.profile()?;
            let joining = turn.tx.contains::<JoiningKind>(&[])?;
            if profile.circle.is_some() || joining || turn.tx.count::<LogKind>()? > 0 {
                return Err(DeviceError::InCircle);
            }
            profile.person = PersonId(backup.person);
            turn.set_profile(&profile)?;
            if let Some(plan) = &backup.plan {
                // No plan of this device's has this number: what is left at relays is never taken for that of another.
                let plan = Plan { number: u64::MAX, ..plan.clone() };
                turn.tx.put::<PlanKind>(&[], &plan)?;
            }
            for entry in &backup.log {
                let record = LogRecord::Entry(entry.clone());
                turn.tx.put::<LogKind>(&entry_key(entry.n), &record)?;
            }
            if backup.head.n > 0 {
                turn.tx.put::<LogKind>(&[], &LogRecord::Head(backup.head))?;
            }
            Ok(())
        })
    }
}
