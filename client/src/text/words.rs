//! The protocol's words in the reader's language.

use velar_protocol::circle::alert::Reason;
use velar_protocol::circle::message::{CheckIn, Condition};
use velar_protocol::circle::roster::{Role, Roles};

use super::{Text, t};

impl Text {
    /// A role.
    #[must_use]
    pub fn role(&self, role: Role) -> String {
        match role {
            Role::Defender => t!(self, "role-defender"),
            Role::Accompanier => t!(self, "role-accompanier"),
            Role::Coordinator => t!(self, "role-coordinator"),
        }
    }

    /// Roles, separated by commas.
    #[must_use]
    pub fn roles(&self, roles: Roles) -> String {
        self.list(roles.iter().map(|role| self.role(role)))
    }

    /// How somebody is.
    #[must_use]
    pub fn condition(&self, condition: Condition) -> String {
        match condition {
            Condition::Well => t!(self, "mood-well"),
            Condition::Tired => t!(self, "mood-tired"),
            Condition::Unwell => t!(self, "mood-unwell"),
            Condition::Afraid => t!(self, "mood-afraid"),
        }
    }

    /// Why an alert was raised.
    #[must_use]
    pub fn reason(&self, reason: Reason) -> String {
        match reason {
            Reason::Panic => t!(self, "alert-reason-panic"),
            Reason::Overdue { .. } => t!(self, "alert-reason-overdue"),
            Reason::Released { .. } => t!(self, "alert-reason-released"),
            Reason::Duress => t!(self, "alert-reason-duress"),
        }
    }

    /// What a check-in says besides that it came, for `watch-checkin-details`: how the person is, flags,
    /// the note. `None` if nothing. The note is as the person wrote it: clean the result.
    #[must_use]
    pub fn checkin_details(&self, checkin: &CheckIn) -> Option<String> {
        let flags = [
            (checkin.low_battery, t!(self, "flag-low-battery")),
            (checkin.no_signal, t!(self, "flag-no-signal")),
            (checkin.planned_silence, t!(self, "flag-planned-silence")),
        ];
        let said = checkin
            .condition
            .map(|condition| self.condition(condition))
            .into_iter()
            .chain(flags.into_iter().filter_map(|(on, word)| on.then_some(word)))
            .chain((!checkin.note.is_empty()).then(|| checkin.note.clone()));
        let said = self.list(said);
        (!said.is_empty()).then_some(said)
    }

    /// Several things, separated by commas; names are shown as given.
    #[must_use]
    pub fn list<Item: AsRef<str>>(&self, items: impl IntoIterator<Item = Item>) -> String {
        let mut list = String::new();
        for item in items {
            if !list.is_empty() {
                list.push_str(", ");
            }
            list.push_str(item.as_ref());
        }
        list
    }
}
