//! Whom the circle may turn to outside: which of two lists counts. Pure.

use serde::{Deserialize, Serialize};
use velar_protocol::circle::Contact;

/// The list as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacts {
    /// Grows by one with each change.
    pub counter: u64,
    /// In the order in which to turn to them.
    pub contacts: Vec<Contact>,
}

impl Contacts {
    /// Whether this one takes the place of `other`: everybody who has heard of both decides alike.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let order = |list: &Self| {
            let entries = list.contacts.iter().map(|one| (one.name.clone(), one.how.clone()));
            (list.counter, entries.collect::<Vec<_>>())
        };
        order(self) > order(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(counter: u64, names: &[&str]) -> Contacts {
        let one = |name: &&str| Contact { name: (*name).to_owned(), how: String::new() };
        Contacts { counter, contacts: names.iter().map(one).collect() }
    }

    #[test]
    fn of_two_lists_made_at_once_everybody_keeps_the_same() {
        let (one, other) = (list(3, &["Marta"]), list(3, &["Rosa"]));
        assert!(other.is_newer_than(&one) && !one.is_newer_than(&other));
        assert!(!one.is_newer_than(&one));
    }

    #[test]
    fn an_older_list_does_not_come_back() {
        assert!(list(2, &[]).is_newer_than(&list(1, &["Zoe"])));
        assert!(!list(1, &["Zoe"]).is_newer_than(&list(2, &[])));
    }
}
