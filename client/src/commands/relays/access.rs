//! `velar relays token` and `velar relays once`: what opens mailboxes at a relay that asks for it.

use serde_json::json;
use tokio::time::timeout;
use velar_protocol::wire::{
    Access, AccessKey, AccessToken, Answer, MailboxSecret, Refusal, RelayAddress, Request,
};

use super::super::carrier::{Carrier, News};
use super::super::circle::{PATIENCE, access_token, no_token};
use super::super::{Context, show};
use crate::cli::{RelayOnce, RelayToken};
use crate::device::{Device, DeviceError};
use crate::failure::{Exit, Failure, failure, is_final};
use crate::link::now_s;
use crate::net::{Connector, NetError, Purpose};
use crate::text::t;

/// Takes what opens this device's mailbox at a relay in use: an access token, for inviting too, or one that is good once.
pub(super) async fn token(context: &Context, args: RelayToken) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let path = args.access_token_file.as_path();
    let access = access_token(context, path)?;
    let mut device = context.device()?;
    device.circle().map_err(failed)?;
    let relay = device.relay_at(&args.relay).map_err(failed)?;
    match Access::read(&access) {
        Some(Access::Token(key)) => take_token(context, device, &relay, access, &key).await,
        Some(Access::Child(_)) => take_child(context, device, &relay, access).await,
        Some(Access::Reopening(_)) | None => Err(no_token(context, path)),
    }
}

async fn take_token(
    context: &Context,
    mut device: Device,
    relay: &RelayAddress,
    access: AccessToken,
    key: &AccessKey,
) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let mut carrier = Carrier::new(context)?;
    let tried = match timeout(PATIENCE, try_token(carrier.connector(), relay, access)).await {
        Ok(Err(NetError::Refused(Refusal::AccessRequired))) => {
            let relay = relay.place();
            return Err(failure!(
                context.text,
                Exit::Refused,
                "error-access-token-wrong",
                relay = relay
            ));
        }
        Ok(Err(error)) if is_final(&error) => return Err(context.net_failure(relay, &error)),
        Ok(answer) => answer.is_ok(),
        Err(_) => false,
    };
    device.set_access(relay, key).map_err(failed)?;
    let open = |device: &mut Device, _: &News| {
        Ok(device.homes()?.iter().any(|home| home.relay == *relay && home.registered))
    };
    if tried {
        carrier.reach(&mut device, PATIENCE, open).await?;
    }
    let place = relay.place();
    if context.json {
        let data = json!({"relay": relay.to_string(), "tried": tried});
        context.line(&show::json_line(&data))?;
    } else if tried {
        context.line(&t!(context.text, "relays-token", relay = place))?;
    } else {
        context.line(&t!(context.text, "relays-token-kept", relay = place))?;
    }
    carrier.close().await;
    context.warn_of_damage(&device);
    Ok(if tried { Exit::Done } else { Exit::Kept })
}

/// It opens one mailbox, so it is not tried with another than this device's.
async fn take_child(
    context: &Context,
    mut device: Device,
    relay: &RelayAddress,
    access: AccessToken,
) -> Result<Exit, Failure> {
    let place = relay.place();
    device.set_child(relay, access).map_err(|error| match error {
        DeviceError::RelayKnown => {
            failure!(context.text, Exit::NotNow, "error-once-needless", relay = place.as_str())
        }
        error => context.failure(error),
    })?;
    let mut carrier = Carrier::new(context)?;
    let open = |device: &mut Device, _: &News| {
        Ok(device.homes()?.iter().any(|home| home.relay == *relay && home.registered))
    };
    let opened = carrier.reach(&mut device, PATIENCE, open).await?;
    if context.json {
        let data = json!({"relay": relay.to_string(), "tried": opened});
        context.line(&show::json_line(&data))?;
    } else if opened {
        context.line(&t!(context.text, "relays-added", relay = place))?;
    } else {
        context.line(&t!(context.text, "relays-added-kept", relay = place))?;
        carrier.news.remark_trouble(context);
    }
    carrier.close().await;
    context.warn_of_damage(&device);
    Ok(if opened { Exit::Done } else { Exit::Kept })
}

/// Makes, of this device's access token, leave for one mailbox at a relay, for somebody who is to be reached there too. No relay has
/// to be asked.
pub(super) fn once(context: &Context, args: &RelayOnce) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut device = context.device()?;
    device.circle().map_err(|error| context.failure(error))?;
    let relay = device.relay_at(&args.relay).map_err(|error| context.failure(error))?;
    let (child, until_s) = device.child_for(&relay, now_s()).map_err(|error| match error {
        DeviceError::NoAccessToken(place) => {
            failure!(text, Exit::NotNow, "error-once-access-token", relay = place)
        }
        error => context.failure(error),
    })?;
    if context.json {
        let data = json!({"relay": relay.to_string(), "once": child.expose(), "until_s": until_s});
        context.line(&show::json_line(&data))?;
    } else {
        let time = context.clock.moment(until_s, now_s());
        let (place, address) = (relay.place(), relay.to_string());
        context.remark(&t!(text, "relays-once", relay = place, time = time, address = address));
        context.line(child.expose())?;
    }
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

/// Opens a mailbox that nobody needs by this token, and deletes it: of one that is open the relay would look at no token.
async fn try_token(
    connector: &Connector,
    relay: &RelayAddress,
    access: AccessToken,
) -> Result<(), NetError> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|_| NetError::ClosedHere)?;
    let mailbox = MailboxSecret::from_seed(&seed);
    let connection = connector.connect(relay, Purpose::Read).await?;
    let open = Request::open(&connection.exporter(), &mailbox, Vec::new(), Some(access));
    let answer = connection.request(&open).await?;
    if matches!(answer, Answer::Opened { .. }) {
        connection.request(&Request::close(&connection.exporter(), &mailbox)).await?;
    }
    connection.close();
    match answer {
        // As many mailboxes as it is good for are open: it is the right one.
        Answer::Opened { .. } | Answer::Full { .. } => Ok(()),
        other => Err(NetError::of_answer(&other)),
    }
}
