//! This device's log of alerts: an entry for each event, in the order in which it came here.

use velar_protocol::circle::{AlertId, EventKind, Heard};
use velar_protocol::seal::MemberId;

use super::{Device, DeviceError, Done, Turn};
use crate::log::{
    Entry, Field, Head, LogRecord, NO_ID, People, Piece, What, entry_key, reason_name,
};
use crate::records::{LogKind, PeerKind};
use crate::vault::VaultError;

/// The log.
pub struct LogView {
    /// Its entries, as far as they can be read, in order.
    pub entries: Vec<Entry>,
    /// Where it should end.
    pub head: Head,
}

/// A consent to an export, as it is recorded.
pub struct Consent<'a> {
    /// The alert's short id, as in the log.
    pub alert: &'a str,
    /// Who agreed to what.
    pub text: &'a str,
    /// `nobody`, `some` or `everybody`.
    pub redacted: &'a str,
}

impl Device {
    /// The log of all alerts.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn log(&mut self) -> Done<LogView> {
        self.read(0, |turn| turn.log())
    }

    /// Records a consent to an export; the log with it.
    ///
    /// # Errors
    /// [`DeviceError::Vault`]; [`DeviceError::UnknownAlert`] if the log has no such alert.
    pub fn record_consent(&mut self, consent: &Consent<'_>, now_s: u64) -> Done<LogView> {
        self.write(now_s, |turn| {
            let log = turn.log()?;
            let of = |entry: &&Entry| entry.value(Field::Alert) == Some(consent.alert);
            let known = log.entries.iter().find(of).ok_or(DeviceError::UnknownAlert)?;
            let mut pieces = vec![
                Piece::new(Field::What, What::Export.name()),
                Piece::new(Field::Alert, consent.alert),
                Piece::new(Field::AlertId, known.value(Field::AlertId).unwrap_or_default()),
                Piece::new(Field::HeardS, now_s.to_string()),
            ];
            pieces.extend(turn.log_member(Field::Author, Field::AuthorName, turn.me())?);
            pieces.push(Piece::new(Field::Redacted, consent.redacted));
            pieces.extend(Piece::text(Field::Consent, consent.text));
            turn.append_log(pieces)?;
            turn.log()
        })
    }

    /// Everybody whom this device has known, with their names.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn people(&mut self) -> Done<People> {
        self.read(0, |turn| {
            let mut people = People::new();
            let mut add = |member: MemberId, name: String| {
                let names = people.entry(hex(&member.0)).or_default();
                if !name.is_empty() {
                    names.insert(name);
                }
            };
            add(turn.me(), turn.profile()?.name);
            for entry in turn.roster()?.iter().flat_map(|roster| roster.members()) {
                add(entry.member(), turn.peer(entry.member())?.name);
            }
            // Those who left keep their names here, without ids.
            for (place, peer) in turn.tx.list::<PeerKind>()? {
                if !peer.name.is_empty() && !people.values().any(|names| names.contains(&peer.name))
                {
                    people.entry(format!("{NO_ID}{place}")).or_default().insert(peer.name);
                }
            }
            Ok(people)
        })
    }
}

impl Turn<'_> {
    /// An event that this device heard or said for the first time.
    pub(super) fn log_event(&mut self, heard: &Heard) -> Done {
        let event = heard.event();
        let mut pieces = vec![
            Piece::new(Field::What, What::of(&event.kind).name()),
            Piece::new(Field::Alert, event.alert.short()),
            Piece::new(Field::AlertId, hex(&event.alert.0)),
            Piece::new(Field::EventId, hex(&event.id().0)),
        ];
        if event.at_s > 0 {
            pieces.push(Piece::new(Field::SaidS, event.at_s.to_string()));
        }
        pieces.push(Piece::new(Field::HeardS, heard.heard_s().to_string()));
        pieces.extend(self.log_member(Field::Author, Field::AuthorName, event.author)?);
        if !heard.is_first_hand() {
            let by = heard.brought_by();
            pieces.extend(self.log_member(Field::BroughtBy, Field::BroughtByName, by)?);
        }
        if let EventKind::Raised { reason, subject, drill, .. } = &event.kind {
            pieces.extend(self.log_member(Field::Subject, Field::SubjectName, *subject)?);
            pieces.push(Piece::new(Field::Reason, reason_name(*reason)));
            if *drill {
                pieces.push(Piece::new(Field::Drill, "yes"));
            }
        }
        if let EventKind::HandOver { to, .. } = &event.kind {
            pieces.extend(self.log_member(Field::To, Field::ToName, *to)?);
        }
        let named = event.kind.named().into_iter().flatten();
        pieces.extend(named.map(|id| Piece::new(Field::Names, hex(&id.0))));
        pieces.extend(Piece::text(Field::Text, event.kind.text().unwrap_or_default()));
        self.append_log(pieces)
    }

    /// The author of an event that was passed on has said it too.
    pub(super) fn log_first_hand(&mut self, heard: &Heard) -> Done {
        let event = heard.event();
        let mut pieces = vec![
            Piece::new(Field::What, What::FirstHand.name()),
            Piece::new(Field::Alert, event.alert.short()),
            Piece::new(Field::AlertId, hex(&event.alert.0)),
            Piece::new(Field::EventId, hex(&event.id().0)),
            Piece::new(Field::HeardS, self.now_s.to_string()),
        ];
        pieces.extend(self.log_member(Field::Author, Field::AuthorName, event.author)?);
        self.append_log(pieces)
    }

    /// A member's client has received an alarm that this device sent.
    pub(super) fn log_received(&mut self, by: MemberId, alert: AlertId) -> Done {
        let mut pieces = vec![
            Piece::new(Field::What, What::Received.name()),
            Piece::new(Field::Alert, alert.short()),
            Piece::new(Field::AlertId, hex(&alert.0)),
            Piece::new(Field::HeardS, self.now_s.to_string()),
        ];
        pieces.extend(self.log_member(Field::Author, Field::AuthorName, by)?);
        self.append_log(pieces)
    }

    /// A member's id, and the name it has here now.
    fn log_member(&self, id: Field, name: Field, member: MemberId) -> Done<Vec<Piece>> {
        let called =
            if member == self.me() { self.profile()?.name } else { self.peer(member)?.name };
        let mut pieces = vec![Piece::new(id, hex(&member.0))];
        if !called.is_empty() {
            pieces.push(Piece::new(name, called));
        }
        Ok(pieces)
    }

    fn log(&self) -> Done<LogView> {
        let head = match self.readable::<LogKind>(&[])? {
            Some(LogRecord::Head(head)) => Some(head),
            _ => None,
        };
        let mut entries: Vec<Entry> = self
            .tx
            .list::<LogKind>()?
            .into_iter()
            .filter_map(|(_, record)| match record {
                LogRecord::Entry(entry) => Some(entry),
                LogRecord::Head(_) => None,
            })
            .collect();
        entries.sort_by_key(|entry| entry.n);
        let last = entries.last().map_or(Head::NONE, Entry::head);
        Ok(LogView { entries, head: head.unwrap_or(last) })
    }

    /// An alarm never fails for its log: what is damaged there is gone on without, and `velar log verify` finds it.
    fn append_log(&mut self, pieces: Vec<Piece>) -> Done {
        let head = match self.readable::<LogKind>(&[])? {
            Some(LogRecord::Head(head)) => head,
            _ => match self.log() {
                Ok(log) => log.head,
                Err(DeviceError::Vault(VaultError::Damaged { .. })) => {
                    tracing::error!("the log is damaged: an entry is lost");
                    return Ok(());
                }
                Err(error) => return Err(error),
            },
        };
        let entry = Entry::after(&head, self.random(), pieces);
        self.tx.put::<LogKind>(&[], &LogRecord::Head(entry.head()))?;
        Ok(self.tx.put::<LogKind>(&entry_key(entry.n), &LogRecord::Entry(entry))?)
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
