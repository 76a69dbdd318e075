//! What is kept because this program is too old to read it, and that it is this program which is to be upgraded.

use serde_json::{Value, json};

use super::Context;
use super::show::{self, Who};
use crate::device::NewerView;
use crate::text::t;

/// For people; nothing where nothing is kept.
pub(super) fn lines(context: &Context, who: &Who, kept: &NewerView) -> Vec<String> {
    let text = &context.text;
    let name = |member: &Option<_>| match member {
        Some(member) => who.name(*member),
        None => t!(text, "word-unknown-member"),
    };
    let messages: usize = kept.messages.values().sum();
    let names = text.list(kept.messages.keys().map(name));
    let messages =
        (messages > 0).then(|| t!(text, "status-newer", count = messages, names = names));
    let envelopes = kept.envelopes;
    let envelopes = (envelopes > 0).then(|| t!(text, "status-newer-envelopes", count = envelopes));
    messages.into_iter().chain(envelopes).collect()
}

/// For programs: `[{"member","name","count"}]`, the member null for people who are not known here.
pub(super) fn json(who: &Who, kept: &NewerView) -> Value {
    let one = |(member, count): (&Option<_>, &usize)| {
        json!({
            "member": member.map(|member: velar_protocol::seal::MemberId| show::hex(&member.0)),
            "name": member.map(|member| who.name(member)), "count": count,
        })
    };
    kept.messages.iter().map(one).collect()
}
