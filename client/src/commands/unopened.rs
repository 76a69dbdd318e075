//! What is said of envelopes that nothing here opens, by whose token they came.

use serde_json::{Value, json};

use super::Context;
use super::show::{self, Who};
use crate::device::UnopenedView;
use crate::records::Holder;
use crate::terminal::short_id;
use crate::text::t;

/// That many come by one token, and what to do.
pub(super) fn many(context: &Context, name: &str, holder: Holder, count: u64) -> Vec<String> {
    let text = &context.text;
    let next = holder
        .member()
        .map(|member| t!(text, "many-unopened-next", name = name, id = short_id(&member.0)));
    let line = match holder {
        Holder::Member(_) => t!(text, "many-unopened-member", name = name, count = count),
        Holder::Spare(..) => t!(text, "many-unopened-spare", name = name, count = count),
        Holder::Invitation(_) | Holder::Everyone => {
            t!(text, "many-unopened-invitation", count = count)
        }
    };
    std::iter::once(line).chain(next).collect()
}

/// The stable name of what a token was made for.
pub(super) fn token_name(holder: Holder) -> &'static str {
    match holder {
        Holder::Member(_) => "member",
        Holder::Spare(..) => "spare",
        Holder::Invitation(_) | Holder::Everyone => "invitation",
    }
}

/// What came today and yesterday, for `velar status`. Of a few by a member's token it was told when they came.
pub(super) fn lines(context: &Context, who: &Who, unopened: &UnopenedView) -> Vec<String> {
    let mut lines = Vec::new();
    for one in unopened.by_token.iter().filter(|one| one.many) {
        let name = one.holder.member().map(|member| who.name(member)).unwrap_or_default();
        lines.extend(many(context, &name, one.holder, one.count));
    }
    if unopened.by_unknown > 0 {
        lines.push(t!(context.text, "status-unopened-unknown", count = unopened.by_unknown));
    }
    lines
}

/// The same for programs.
pub(super) fn as_json(who: &Who, unopened: &UnopenedView) -> Value {
    let by_token: Vec<Value> = unopened
        .by_token
        .iter()
        .map(|one| {
            let member = one.holder.member();
            json!({
                "member": member.map(|member| show::hex(&member.0)),
                "name": member.map(|member| who.name(member)),
                "token": token_name(one.holder), "count": one.count, "many": one.many,
            })
        })
        .collect();
    json!({"by_token": by_token, "by_unknown": unopened.by_unknown})
}
