//! What is kept of a drill. Pure.

use serde::{Deserialize, Serialize};
use velar_protocol::seal::MemberId;

/// A drill that this device raised, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// When, by this device's clock.
    pub raised_s: u64,
    /// What was said.
    pub text: String,
    /// Everybody else who was in the circle then, or heard of it since.
    pub people: Vec<DrillPerson>,
}

/// One person in a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillPerson {
    /// Who.
    pub member: MemberId,
    /// As they were called then.
    pub name: String,
    /// When their terminal had it: by its own clock, and not after this device heard of it.
    pub received_s: Option<u64>,
    /// When they took it, likewise.
    pub taken_s: Option<u64>,
}

impl Drill {
    /// Somebody received it, or took it. What was known before, and earlier times, stay.
    pub fn learn(
        &mut self,
        member: MemberId,
        name: &str,
        received_s: Option<u64>,
        taken_s: Option<u64>,
    ) {
        let earlier = |known: Option<u64>, now: Option<u64>| match (known, now) {
            (Some(known), Some(now)) => Some(known.min(now)),
            (known, now) => known.or(now),
        };
        match self.people.iter_mut().find(|person| person.member == member) {
            Some(person) => {
                person.received_s = earlier(person.received_s, received_s);
                person.taken_s = earlier(person.taken_s, taken_s);
            }
            None => {
                let name = name.to_owned();
                self.people.push(DrillPerson { member, name, received_s, taken_s });
            }
        }
    }

    /// Seconds from the beginning to a time. A clock that is behind makes it 0, never less.
    #[must_use]
    pub fn after_s(&self, at_s: Option<u64>) -> Option<u64> {
        at_s.map(|at_s| at_s.saturating_sub(self.raised_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVA: MemberId = MemberId([1; 32]);

    #[test]
    fn what_is_learned_of_somebody_adds_up_and_the_earliest_time_stays() {
        let mut drill = Drill { raised_s: 100, text: String::new(), people: Vec::new() };
        drill.learn(EVA, "Eva", Some(130), None);
        drill.learn(EVA, "Eva", Some(150), Some(160));
        drill.learn(EVA, "Eva", None, None);
        let [eva] = drill.people.as_slice() else { panic!("one person") };
        assert_eq!((eva.received_s, eva.taken_s), (Some(130), Some(160)));
        assert_eq!(drill.after_s(eva.taken_s), Some(60));
        assert_eq!(drill.after_s(Some(90)), Some(0));
        assert_eq!(drill.after_s(None), None);
    }
}
