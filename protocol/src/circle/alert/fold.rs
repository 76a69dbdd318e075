//! The fold. Its rules are numbered in spec/circles.md §8; the numbers here are those.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Alert, AlertEvent, AlertId, Claim, EventId, EventKind, Heard, Reason, Seen, StandDown,
};
use crate::circle::limits::PUT_AWAY_S;
use crate::circle::roster::{Agreement, Former, Membership};
use crate::seal::MemberId;

impl Alert {
    /// Folds events into a state. `None` without any `Raised`: what it is about is not known yet.
    ///
    /// Events of other alerts and events that their author may not make are passed over.
    #[must_use]
    pub fn fold(
        id: AlertId,
        heard: &[Heard],
        members: &Membership,
        agreement: &Agreement,
        now_s: u64,
    ) -> Option<Self> {
        let mut set: BTreeMap<EventId, Known<'_>> = BTreeMap::new();
        for one in heard.iter().filter(|one| one.event.alert == id) {
            let again = Known::of(one);
            set.entry(one.event.id()).and_modify(|known| known.merge(again)).or_insert(again);
        }
        let mut raised: Vec<Raised<'_>> =
            set.iter().filter_map(|(id, heard)| Raised::of(*id, heard, members)).collect();
        raised.sort_by_key(|r| (r.at_s, r.id));
        let named = || raised.iter().map(|r| r.subject);
        let subject = named().find(|s| id.is_about(*s)).or_else(|| named().min())?;
        let fold = Fold { set: &set, subject, members };

        let (closed, closed_by) = fold.closings(&raised);
        let open = || raised.iter().filter(|r| !closed.contains(&r.id));
        let raised_s = open().chain(&raised).next()?.at_s;
        let left_open: BTreeSet<EventId> = open().map(|r| r.id).collect();
        let duress = open().any(|r| r.reason == Reason::Duress);
        let claimed = fold.claims(u64::from(agreement.claim_quiet_min) * 60, now_s);
        Some(Self {
            id,
            subject,
            raised_s,
            reasons: raised.iter().map(|r| (r.reason, r.author, r.text.to_owned())).collect(),
            drill: raised.iter().all(|r| r.drill),
            handed: fold.handed(&claimed.standing),
            claims: claimed.standing,
            claim_expired: claimed.expired,
            duress,
            stand_down: fold.stand_down(&raised, &left_open, duress),
            closed_by: closed_by.filter(|_| left_open.is_empty()),
            seen: Seen {
                raised: raised.iter().map(|r| r.id).collect(),
                claims: claimed.seen,
                asked: fold.asks().map(|(id, _, _)| id).collect(),
            },
        })
    }
}

/// An event, however often it was heard. Borrowed: texts are long, and a state is folded often.
#[derive(Clone, Copy)]
struct Known<'a> {
    event: &'a AlertEvent,
    first_hand: bool,
    heard_s: u64,
}

impl<'a> Known<'a> {
    fn of(heard: &'a Heard) -> Self {
        Self { event: &heard.event, first_hand: heard.is_first_hand(), heard_s: heard.heard_s }
    }

    fn merge(&mut self, again: Self) {
        self.first_hand |= again.first_hand;
        self.heard_s = self.heard_s.min(again.heard_s);
    }

    /// When it happened, as far as this client will believe: a clock ahead of ours gains nothing by it.
    fn at_s(&self) -> u64 {
        if self.event.at_s == 0 { self.heard_s } else { self.event.at_s.min(self.heard_s) }
    }
}

/// A reason that counts.
struct Raised<'a> {
    id: EventId,
    author: MemberId,
    at_s: u64,
    reason: Reason,
    subject: MemberId,
    drill: bool,
    text: &'a str,
}

impl<'a> Raised<'a> {
    /// At first hand its author was in the roster when it arrived: removing somebody does not silence what she raised, nor
    /// what others pass on of it.
    fn of(id: EventId, heard: &Known<'a>, members: &Membership) -> Option<Self> {
        let EventKind::Raised { reason, subject, drill, text, .. } = &heard.event.kind else {
            return None;
        };
        let known = |member| members.known(member).is_some();
        (heard.first_hand || known(heard.event.author) || known(*subject)).then(|| Self {
            id,
            author: heard.event.author,
            at_s: heard.at_s(),
            reason: *reason,
            subject: *subject,
            drill: *drill,
            text,
        })
    }
}

struct Claimed {
    standing: Vec<Claim>,
    expired: bool,
    seen: BTreeSet<(EventId, MemberId)>,
}

struct Fold<'a> {
    set: &'a BTreeMap<EventId, Known<'a>>,
    subject: MemberId,
    members: &'a Membership,
}

impl<'a> Fold<'a> {
    fn may_answer(&self, member: MemberId) -> bool {
        self.members.may_answer(member, self.subject)
    }

    /// Events of those who may answer. At first hand: their kinds come in no other way, but for notes.
    fn answers(&self) -> impl Iterator<Item = (EventId, Known<'a>)> {
        self.set
            .iter()
            .map(|(id, heard)| (*id, *heard))
            .filter(|(_, heard)| heard.first_hand && self.may_answer(heard.event.author))
    }

    /// What closings end: by those who may answer, all that they name; by those who left so long after, of that what had
    /// come so long before, too.
    fn ends(&self) -> impl Iterator<Item = (EventId, Known<'a>, BTreeSet<EventId>)> {
        self.set.iter().filter_map(|(id, heard)| match &heard.event.kind {
            EventKind::Closed { saw, .. } if heard.first_hand => {
                let ended = saw.iter().copied().filter(|named| self.may_end(heard, named));
                Some((*id, *heard, ended.collect()))
            }
            _ => None,
        })
    }

    fn may_end(&self, closing: &Known<'_>, named: &EventId) -> bool {
        let author = closing.event.author;
        let stood = |former: &Former| {
            let long_before = |at_s: u64| former.left_s.saturating_sub(at_s) >= PUT_AWAY_S;
            long_before(closing.heard_s)
                && self.set.get(named).is_some_and(|heard| long_before(heard.heard_s))
                && self.members.might_have_answered(former, self.subject)
        };
        self.may_answer(author) || self.members.left(author).is_some_and(stood)
    }

    fn claims(&self, quiet_s: u64, now_s: u64) -> Claimed {
        let mut done: BTreeSet<EventId> = BTreeSet::new();
        let mut given_back: BTreeSet<(EventId, MemberId)> = BTreeSet::new();
        let mut active: BTreeMap<MemberId, u64> = BTreeMap::new();
        for (_, heard) in self.answers() {
            let author = heard.event.author;
            match &heard.event.kind {
                EventKind::Claimed { over } => done.extend(over),
                EventKind::Released { claims, .. } => {
                    given_back.extend(claims.iter().map(|claim| (*claim, author)));
                }
                _ => {}
            }
            // What a client does by itself (an overdue alert) is no sign that a person is at it.
            let by_a_person =
                !matches!(heard.event.kind, EventKind::Raised { .. } | EventKind::Released { .. });
            if by_a_person {
                let latest = active.entry(author).or_default();
                *latest = (*latest).max(heard.at_s());
            }
        }
        done.extend(self.ends().flat_map(|(_, _, ended)| ended));
        let mut seen = BTreeSet::new();
        let mut standing = Vec::new();
        let mut expired = false;
        let mut leads = BTreeSet::new();
        for (id, heard) in self.answers() {
            let by = heard.event.author;
            let is_claim = matches!(heard.event.kind, EventKind::Claimed { .. });
            if !is_claim || done.contains(&id) || given_back.contains(&(id, by)) {
                continue;
            }
            seen.insert((id, by));
            let active_s = active.get(&by).copied().unwrap_or_default();
            if now_s.saturating_sub(active_s) >= quiet_s {
                expired = true;
            } else if leads.insert(by) {
                // In the order of ids: a second claim of the same author adds nothing.
                standing.push(Claim { id, by, at_s: heard.at_s(), active_s });
            }
        }
        Claimed { standing, expired, seen }
    }

    /// Requests to stand down by the subject's person: id, author, reasons seen.
    fn asks(&self) -> impl Iterator<Item = (EventId, MemberId, &'a BTreeSet<EventId>)> {
        self.set.iter().filter_map(|(id, heard)| match &heard.event.kind {
            EventKind::StandDownAsked { saw, .. }
                if heard.first_hand
                    && self.members.same_person(heard.event.author, self.subject) =>
            {
                Some((*id, heard.event.author, saw))
            }
            _ => None,
        })
    }

    /// Whom those whose claims stand have asked to take it, and who has not.
    fn handed(&self, standing: &[Claim]) -> Vec<(MemberId, MemberId)> {
        let mut handed = BTreeSet::new();
        for (_, heard) in self.answers() {
            if let EventKind::HandOver { to, claims, .. } = &heard.event.kind {
                let by = heard.event.author;
                let has_it = standing.iter().any(|c| c.by == by && claims.contains(&c.id));
                if has_it && self.may_answer(*to) && !standing.iter().any(|c| c.by == *to) {
                    handed.insert((by, *to));
                }
            }
        }
        handed.into_iter().collect()
    }

    fn stand_down(
        &self,
        raised: &[Raised<'_>],
        left_open: &BTreeSet<EventId>,
        duress: bool,
    ) -> StandDown {
        let panics: BTreeSet<EventId> = raised
            .iter()
            .filter(|r| {
                r.reason == Reason::Panic && self.members.same_person(r.author, self.subject)
            })
            .map(|r| r.id)
            .collect();
        let mut asker = None;
        let mut covered = BTreeSet::new();
        for (_, author, saw) in self.asks() {
            asker = asker.or(Some(author));
            covered.extend(saw.iter().copied());
        }
        let Some(asker) = asker.filter(|_| panics.is_subset(&covered)) else {
            return StandDown::None;
        };

        let mut confirmer = None;
        let mut confirmed = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for (_, heard) in self.answers() {
            if let EventKind::StandDownConfirmed { asked, saw } = &heard.event.kind {
                confirmed.extend(asked.iter().copied());
                seen.extend(saw.iter().copied());
                if self.asks().any(|(id, ..)| asked.contains(&id)) {
                    confirmer = confirmer.or(Some(heard.event.author));
                }
            }
        }
        let mut first = None;
        let mut covered = BTreeSet::new();
        for (_, author, saw) in self.asks().filter(|(id, ..)| confirmed.contains(id)) {
            first = first.or(Some(author));
            covered.extend(saw.iter().copied());
        }
        match (first, confirmer) {
            (Some(first), Some(by))
                if !duress && panics.is_subset(&covered) && left_open.is_subset(&seen) =>
            {
                StandDown::Confirmed(first, by)
            }
            _ => StandDown::Asked(asker),
        }
    }

    /// Ids that closings name, and who made the latest of those that name a reason.
    fn closings(&self, raised: &[Raised<'_>]) -> (BTreeSet<EventId>, Option<MemberId>) {
        let mut closed = BTreeSet::new();
        let mut last = None;
        for (id, heard, ended) in self.ends() {
            if raised.iter().any(|r| ended.contains(&r.id)) {
                last = last.max(Some((heard.at_s(), id, heard.event.author)));
            }
            closed.extend(ended);
        }
        (closed, last.map(|(_, _, author)| author))
    }
}
