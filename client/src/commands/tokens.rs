//! What is said of send tokens: by which of them come envelopes that nothing here opens, which a relay did not register,
//! and which are exchanged.

use serde_json::{Value, json};
use velar_protocol::wire::TokenOutcome;

use super::Context;
use super::show::{self, Who};
use crate::device::{Device, DeviceError, ExchangeView, HomeView, UnopenedView};
use crate::records::Holder;
use crate::terminal::short_id;
use crate::text::t;
use velar_protocol::seal::MemberId;

/// How tokens stand now.
pub(super) struct Tokens {
    unopened: UnopenedView,
    homes: Vec<HomeView>,
    exchanges: Vec<(MemberId, ExchangeView)>,
}

impl Tokens {
    pub(super) fn of(device: &mut Device, who: &Who, now_s: u64) -> Result<Self, DeviceError> {
        let mut homes = device.homes()?;
        homes.retain(|home| home.left_s.is_none());
        let mut exchanges = Vec::new();
        for member in who.members() {
            let going_on = device.exchange(member.member)?;
            exchanges.extend(going_on.map(|exchange| (member.member, exchange)));
        }
        Ok(Self { unopened: device.unopened(now_s)?, homes, exchanges })
    }

    /// For `velar status`: what a person can do something about, or has begun.
    pub(super) fn lines(&self, context: &Context, who: &Who) -> Vec<String> {
        let text = &context.text;
        let mut lines = Vec::new();
        for one in self.unopened.by_token.iter().filter(|one| one.many) {
            let name = one.holder.member().map(|member| who.name(member)).unwrap_or_default();
            lines.push(many(context, &name, one.holder, one.count));
            // Of an exchange that goes on it is said below how to end it.
            let going_on = |member| self.exchanges.iter().any(|(known, _)| *known == member);
            let member = one.holder.member().filter(|member| !going_on(*member));
            lines.extend(member.map(|member| {
                t!(text, "many-unopened-next", name = name, id = short_id(&member.0))
            }));
        }
        if self.unopened.by_unknown > 0 {
            lines.push(t!(text, "status-unopened-unknown", count = self.unopened.by_unknown));
        }
        for (member, exchange) in &self.exchanges {
            let (name, id) = (who.name(*member), short_id(&member.0));
            if !exchange.registered {
                lines.push(t!(text, "status-exchange-pending", name = name));
            } else if let Some(until_s) = exchange.earlier_until_s {
                let time = context.clock.moment(until_s, crate::link::now_s());
                lines.push(t!(text, "status-exchange", name = name, id = id, time = time));
            }
        }
        lines.extend(self.homes.iter().flat_map(|home| unregistered(context, who, home)));
        lines
    }

    pub(super) fn json(&self, who: &Who) -> Value {
        let by_token = self.unopened.by_token.iter().map(|one| {
            let member = one.holder.member();
            json!({
                "member": member.map(|member| show::hex(&member.0)),
                "name": member.map(|member| who.name(member)),
                "token": token_name(one.holder), "count": one.count, "many": one.many,
            })
        });
        let exchanges = self.exchanges.iter().map(|(member, exchange)| {
            json!({
                "member": show::hex(&member.0), "name": who.name(*member),
                "registered": exchange.registered, "received": exchange.received,
                "earlier_until_s": exchange.earlier_until_s,
            })
        });
        json!({
            "unopened": {
                "by_token": by_token.collect::<Vec<_>>(), "by_unknown": self.unopened.by_unknown,
            },
            "exchanges": exchanges.collect::<Vec<_>>(),
        })
    }
}

/// That many come by one token.
fn many(context: &Context, name: &str, holder: Holder, count: u64) -> String {
    let text = &context.text;
    match holder {
        Holder::Member(_) | Holder::Next(_) => {
            t!(text, "many-unopened-member", name = name, count = count)
        }
        Holder::Earlier(_) => t!(text, "many-unopened-earlier", name = name, count = count),
        Holder::Spare(..) => t!(text, "many-unopened-spare", name = name, count = count),
        Holder::Invitation(_) | Holder::Everyone => {
            t!(text, "many-unopened-invitation", count = count)
        }
    }
}

/// The same when it begins, and what to do.
pub(super) fn many_now(context: &Context, name: &str, holder: Holder, count: u64) -> Vec<String> {
    let text = &context.text;
    let next = holder.member().map(|member| {
        let id = short_id(&member.0);
        match holder {
            Holder::Earlier(_) => t!(text, "many-unopened-end", id = id),
            _ => t!(text, "many-unopened-next", name = name, id = id),
        }
    });
    std::iter::once(many(context, name, holder, count)).chain(next).collect()
}

/// That somebody else had registered a token, and what comes of it.
pub(super) fn taken(context: &Context, time: &str, relay: &str, name: &str, of: Holder) -> String {
    let text = &context.text;
    match of {
        Holder::Member(_) | Holder::Next(_) | Holder::Earlier(_) => {
            t!(text, "watch-token-taken", time = time, relay = relay, name = name)
        }
        Holder::Spare(..) => {
            t!(text, "watch-token-taken-spare", time = time, relay = relay, name = name)
        }
        Holder::Invitation(_) | Holder::Everyone => {
            t!(text, "watch-token-taken-invitation", time = time, relay = relay)
        }
    }
}

/// Whose tokens a relay did not register, for people.
pub(super) fn unregistered(context: &Context, who: &Who, home: &HomeView) -> Vec<String> {
    let (text, relay) = (&context.text, home.relay.place());
    let mut lines = Vec::new();
    let full = names(context, who, home, TokenOutcome::Full);
    if !full.is_empty() {
        lines.push(t!(text, "relays-no-room", relay = relay.as_str(), names = text.list(full)));
    }
    let taken = names(context, who, home, TokenOutcome::Taken);
    if !taken.is_empty() {
        lines.push(t!(text, "relays-taken", relay = relay, names = text.list(taken)));
    }
    lines
}

/// The names of those whose tokens had this outcome, each once; of whoever is still to come it says that.
pub(super) fn names(
    context: &Context,
    who: &Who,
    home: &HomeView,
    outcome: TokenOutcome,
) -> Vec<String> {
    let mut names = Vec::new();
    for (holder, _) in home.unregistered.iter().filter(|(_, known)| *known == outcome) {
        let name = match holder {
            Holder::Member(member) | Holder::Next(member) => who.name(*member),
            // It counts no more, or soon.
            Holder::Earlier(_) => continue,
            Holder::Spare(..) | Holder::Invitation(_) | Holder::Everyone => {
                t!(context.text, "word-somebody-new")
            }
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The stable name of what a token was made for.
pub(super) fn token_name(holder: Holder) -> &'static str {
    match holder {
        Holder::Member(_) | Holder::Next(_) => "member",
        Holder::Earlier(_) => "earlier",
        Holder::Spare(..) => "spare",
        Holder::Invitation(_) | Holder::Everyone => "invitation",
    }
}
