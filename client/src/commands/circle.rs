//! `velar circle new` and `velar circle show`.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use velar_protocol::circle::limits::MAX_NAME_LEN;
use velar_protocol::circle::roster::is_name;
use velar_protocol::circle::{Role, Roles};
use velar_protocol::wire::{Access, AccessToken, Answer, RelayAddress, Request};

use super::carrier::{Carrier, is_settled};
use super::show::{json_line, role_names};
use super::{Context, agreement};
use crate::cli::{Circle, CircleNew};
use crate::device::{Device, DeviceError};
use crate::failure::{Exit, Failure, failure, is_final, reason};
use crate::link::now_s;
use crate::net::{Connector, NetError, Purpose};
use crate::terminal::clean;
use crate::text::t;

/// How long the relay may take; after that the circle is kept here and the mailbox opened later.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// More members than this are said to be many: everybody believes that somebody else is answering.
pub(super) const MANY: usize = 12;

pub(super) async fn run(context: &Context, args: Circle) -> Result<Exit, Failure> {
    match args {
        Circle::New(args) => new(context, args).await,
        Circle::Show => show(context),
        Circle::Agree(args) => agreement::agree(context, args).await,
    }
}

async fn new(context: &Context, args: CircleNew) -> Result<Exit, Failure> {
    for name in [&args.name, &args.me] {
        check_name(context, name)?;
    }
    let access = args.access_token_file.as_deref().map(|path| access_token(context, path));
    let access = access.transpose()?;
    let mut device = context.device()?;
    let mut carrier = Carrier::new(context)?;
    let done = found(context, &mut device, &mut carrier, &args, access).await;
    carrier.close().await;
    done
}

async fn found(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    args: &CircleNew,
    access: Option<AccessToken>,
) -> Result<Exit, Failure> {
    let relay = &args.relay;
    let asked = ask_relay(carrier.connector(), relay, access.is_some());
    let answers = match timeout(PATIENCE, asked).await {
        Ok(Err(error)) if is_final(&error) => return Err(context.net_failure(relay, &error)),
        Ok(answer) => answer.is_ok(),
        Err(_) => false,
    };
    let roles = Roles::of(&[Role::Coordinator, Role::Accompanier]);
    device
        .found_circle(&args.name, &args.me, roles, relay.clone(), access, now_s())
        .map_err(|error| in_circle(context, device, error))?;
    let reached =
        answers && carrier.reach(device, PATIENCE, |device, _| is_settled(device)).await?;
    match &carrier.news.trouble {
        // The circle may be founded again, with the right token.
        Some((relay, error)) if !reached && is_final(error) => {
            return Err(context.net_failure(relay, error));
        }
        _ => {}
    }
    let (circle, host) = (args.name.trim(), relay.place());
    if context.json {
        let (me, roles) = (args.me.trim(), role_names(roles));
        let relay = relay.to_string();
        let value = json!({
            "circle": circle, "me": me, "roles": roles, "relay": relay, "registered": reached,
        });
        context.line(&json_line(&value))?;
    } else {
        context.line(&t!(context.text, "circle-new-done", circle = clean(circle)))?;
    }
    if reached {
        context.remark(&t!(context.text, "circle-new-next"));
        Ok(Exit::Done)
    } else {
        context.remark(&t!(context.text, "circle-new-kept", relay = host));
        Ok(Exit::Kept)
    }
}

/// Whether the relay is the one meant, and would open a mailbox as far as it says.
pub(super) async fn ask_relay(
    connector: &Connector,
    relay: &RelayAddress,
    token: bool,
) -> Result<(), NetError> {
    let connection = connector.connect(relay, Purpose::Read).await?;
    let answer = connection.request(&Request::Info).await?;
    connection.close();
    match answer {
        Answer::Info(info) if info.access_required && !token => {
            Err(NetError::Refused(velar_protocol::wire::Refusal::AccessRequired))
        }
        Answer::Info(_) => Ok(()),
        other => Err(NetError::of_answer(&other)),
    }
}

/// The same failure; with the circle's name, if this device is in one.
pub(super) fn in_circle(context: &Context, device: &mut Device, error: DeviceError) -> Failure {
    if matches!(device.is_removed(), Ok(true)) {
        return context.failure(DeviceError::Removed);
    }
    match (error, device.circle()) {
        (DeviceError::InCircle, Ok(circle)) => {
            failure!(context.text, Exit::NotNow, "error-circle-exists", circle = circle.name)
        }
        (DeviceError::InCircle, Err(DeviceError::NoCircle | DeviceError::JoinPending)) => {
            failure!(context.text, Exit::NotNow, "error-join-pending")
        }
        (error, _) => context.failure(error),
    }
}

/// Whether this can be the name of a person or circle.
pub(super) fn check_name(context: &Context, name: &str) -> Result<(), Failure> {
    if is_name(name) {
        return Ok(());
    }
    let limit = MAX_NAME_LEN;
    Err(failure!(context.text, Exit::Usage, "error-name-bad", name = name, limit = limit))
}

/// What a file holds to open a mailbox by: an access token, or a child of one.
pub(super) fn access_token(context: &Context, path: &Path) -> Result<AccessToken, Failure> {
    let failed = |error: std::io::Error| {
        let (path, detail) = (path.display().to_string(), reason(&error, &context.text));
        failure!(
            context.text,
            Exit::NotFound,
            "error-access-token-file",
            path = path,
            detail = detail
        )
    };
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    let opens = |shown: &AccessToken| {
        matches!(Access::read(shown), Some(Access::Token(_) | Access::Child(_)))
    };
    AccessToken::new(line).filter(opens).ok_or_else(|| no_token(context, path))
}

/// A file holds something else.
pub(super) fn no_token(context: &Context, path: &Path) -> Failure {
    let path = path.display().to_string();
    failure!(context.text, Exit::Usage, "error-access-token-form", path = path)
}

fn show(context: &Context) -> Result<Exit, Failure> {
    let mut device = context.device()?;
    context.warn_if_removed(&mut device)?;
    let failed = |error| context.failure(error);
    let circle = device.circle().map_err(failed)?;
    let members = device.members().map_err(failed)?;
    let mut homes = device.homes().map_err(failed)?;
    homes.retain(|home| home.left_s.is_none());
    let text = &context.text;
    let me = members.iter().find(|member| member.me);
    let (name, roles) =
        me.map_or((String::new(), Roles::of(&[])), |me| (clean(&me.name), me.roles));
    let lead = members.iter().find(|member| member.lead);
    if context.json {
        let relays: Vec<_> = homes
            .iter()
            .map(|home| json!({"address": home.relay.to_string(), "registered": home.registered}))
            .collect();
        let value = json!({
            "circle": circle.name,
            "me": name,
            "roles": role_names(roles),
            "lead": circle.lead,
            "members": members.len(),
            "number": circle.number,
            "successors": circle.successors,
            "relays": relays,
            "agreement": agreement::agreement_json(&circle.agreement),
        });
        context.line(&json_line(&value))?;
    } else {
        context.line(&t!(text, "circle-name", circle = clean(&circle.name)))?;
        context.line(&t!(text, "circle-me", name = name, roles = text.roles(roles)))?;
        for home in &homes {
            context.line(&t!(text, "circle-relay", relay = home.relay.to_string()))?;
        }
        context.line(&t!(text, "circle-members", count = members.len()))?;
        let lead = lead.map_or_else(String::new, |lead| clean(&lead.name));
        context.line(&t!(text, "circle-roster", number = circle.number, name = lead))?;
        for line in agreement::lines(text, &circle.agreement) {
            context.line(&line)?;
        }
        match members.len() {
            1 => context.remark(&t!(text, "circle-alone")),
            count if count > MANY => context.remark(&t!(text, "circle-large", count = count)),
            _ => {}
        }
    }
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}
