//! `velar invite`: nothing is handed out before it works.

use std::io::IsTerminal;
use std::time::Duration;

use serde_json::json;
use velar_protocol::circle::words::WordList;
use velar_protocol::circle::{Role, Roles};
use velar_protocol::wire::{Answer, Delivery, MailboxSecret, Refusal, Request};

use super::Context;
use super::carrier::{Carrier, is_settled, token_trouble};
use super::show::role_names;
use crate::cli::Invite;
use crate::device::{Device, OfferToSend};
use crate::failure::{Exit, Failure, no_access_token};
use crate::link::now_s;
use crate::net::{Connector, NetError, Purpose};
use crate::records::Holder;
use crate::terminal::{Ground, qr};
use crate::text::{Language, t};

/// How long the relay may take until it knows the token for the answer.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn run(context: &Context, args: Invite) -> Result<Exit, Failure> {
    let mut device = context.device()?;
    let roles: Vec<Role> = args.roles.iter().copied().map(Role::from).collect();
    let roles = Roles::of(if roles.is_empty() { &[Role::Defender] } else { &roles });
    let list = match context.text.language() {
        Language::Spanish => WordList::Spanish,
        Language::English => WordList::English,
    };
    let offer = device.invite(roles, list, now_s()).map_err(|error| context.failure(error))?;
    let mut carrier = Carrier::new(context)?;
    let placed = place(context, &mut device, &mut carrier, &offer).await;
    if placed.is_err() {
        device.forget_invitation(offer.id).map_err(|error| context.failure(error))?;
    }
    carrier.close().await;
    placed?;
    show(context, &args, roles, &offer)?;
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

/// Opens the way for the answer, then leaves the offer at the invitation's own mailbox.
async fn place(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    offer: &OfferToSend,
) -> Result<(), Failure> {
    let relay = offer.invitation.relay();
    if !carrier.reach(device, PATIENCE, |device, _| is_settled(device)).await? {
        let trouble = carrier.news.trouble.take();
        let (relay, error) = trouble.unwrap_or_else(|| (relay.clone(), NetError::Timeout));
        return Err(context.net_failure(&relay, &error));
    }
    // Whoever answers has this one way to do it.
    let answers = |holder: &Holder| *holder == Holder::Invitation(offer.id);
    let trouble = token_trouble(device, answers).map_err(|error| context.failure(error))?;
    if let Some((relay, error)) = trouble {
        return Err(context.net_failure(&relay, &error));
    }
    let ended = device.ended_invitations(relay, now_s()).map_err(|error| context.failure(error))?;
    let mut closed = Vec::new();
    let left = leave(carrier.connector(), offer, &ended, &mut closed).await;
    device.invitations_closed(&closed).map_err(|error| context.failure(error))?;
    left.map_err(|error| match error {
        // The token has been revoked, or the relay asks for one since.
        NetError::Refused(Refusal::AccessRequired) => {
            no_access_token(&relay.place(), &context.text)
        }
        error => context.net_failure(relay, &error),
    })
}

/// Leaves the offer. Before that, mailboxes of invitations that are over make room for this one's; notes which are gone.
async fn leave(
    connector: &Connector,
    offer: &OfferToSend,
    ended: &[([u8; 16], MailboxSecret)],
    closed: &mut Vec<[u8; 16]>,
) -> Result<(), NetError> {
    let relay = offer.invitation.relay();
    let reading = connector.connect(relay, Purpose::Read).await?;
    let (exporter, mailbox) = (reading.exporter(), offer.mailbox());
    for (id, mailbox) in ended {
        match reading.request(&Request::close(&exporter, mailbox)).await? {
            Answer::Closed | Answer::Refused(Refusal::UnknownMailbox) => closed.push(*id),
            // No room to write that down now, say: the next invitation tries again.
            _ => {}
        }
    }
    let tokens = vec![offer.token().hash()];
    let open = Request::open(&exporter, &mailbox, tokens, offer.access.clone());
    match reading.request(&open).await? {
        Answer::Opened { outcomes, .. } => NetError::of_token(outcomes.first())?,
        other => return Err(NetError::of_answer(&other)),
    }
    reading.close();
    let sending = connector.connect(relay, Purpose::Send).await?;
    let delivery = Delivery { token: offer.token(), envelope: offer.envelope.clone() };
    match sending.request(&Request::Send { delivery }).await? {
        Answer::Accepted => {}
        other => return Err(NetError::of_answer(&other)),
    }
    sending.close();
    Ok(())
}

fn show(
    context: &Context,
    args: &Invite,
    roles: Roles,
    offer: &OfferToSend,
) -> Result<(), Failure> {
    let text = &context.text;
    // It goes to the screen and nowhere else.
    let shown = zeroize::Zeroizing::new(offer.invitation.to_string());
    if context.json {
        let value = json!({"link": *shown, "roles": role_names(roles), "until_s": offer.until_s});
        return context.line(&value.to_string());
    }
    let time = context.clock.moment(offer.until_s, now_s());
    context.remark(&t!(text, "invite-made", roles = text.roles(roles), time = time));
    if !args.no_qr && std::io::stdout().is_terminal() {
        let plain = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        let ground = if plain { Ground::Dark } else { Ground::Colour };
        if let Ok(code) = qr(&shown, ground) {
            context.line(code.trim_end_matches('\n'))?;
        }
    }
    context.line(&shown)?;
    context.remark(&t!(text, "invite-in-person"));
    context.remark(&t!(text, "invite-next"));
    Ok(())
}
