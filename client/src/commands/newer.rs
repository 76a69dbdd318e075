//! What is kept because this program is too old to read it, and that it is this program which is to be upgraded.

use serde_json::{Value, json};
use velar_protocol::seal::MemberId;

use super::Context;
use super::show::{self, Who};
use crate::device::NewerView;
use crate::text::t;

/// For people; nothing where nothing is kept. `who`: the members, in a circle.
pub(super) fn lines(context: &Context, who: Option<&Who>, kept: &NewerView) -> Vec<String> {
    let envelopes = kept.envelopes;
    let envelopes =
        (envelopes > 0).then(|| t!(context.text, "status-newer-envelopes", count = envelopes));
    messages(context, who, kept).into_iter().chain(envelopes).collect()
}

/// The same of messages alone: among them may be alarms.
pub(super) fn messages(context: &Context, who: Option<&Who>, kept: &NewerView) -> Option<String> {
    let text = &context.text;
    let name = |member: &Option<MemberId>| match (who, member) {
        (Some(who), Some(member)) => who.name(*member),
        _ => t!(text, "word-unknown-member"),
    };
    let count: usize = kept.messages.values().sum();
    let names = text.list(kept.messages.keys().map(name));
    (count > 0).then(|| t!(text, "status-newer", count = count, names = names))
}

/// For programs: `[{"member","name","count"}]`, both null for people who are not known here.
pub(super) fn json(who: Option<&Who>, kept: &NewerView) -> Value {
    let one = |(member, count): (&Option<MemberId>, &usize)| {
        let name = who.zip(*member).map(|(who, member)| who.name(member));
        let member = member.map(|member| show::hex(&member.0));
        json!({"member": member, "name": name, "count": count})
    };
    kept.messages.iter().map(one).collect()
}
