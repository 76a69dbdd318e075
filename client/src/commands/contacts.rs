//! `velar contacts`: whom a person may turn to outside the circle. Shown, and shown again when nobody takes an
//! alert; the program turns to nobody.

use std::time::Duration;

use serde_json::{Value, json};
use velar_protocol::circle::Contact;
use velar_protocol::circle::limits::{MAX_CONTACT_LEN, MAX_CONTACTS};

use super::carrier::{CATCH_UP, Carrier, is_quiet};
use super::{Context, circle, show};
use crate::cli::{Contacts, ContactsAdd, ContactsCommand, ContactsRemove};
use crate::device::Device;
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::terminal::clean;
use crate::text::t;

/// How long a change is carried before it is left for later.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) async fn run(context: &Context, args: Contacts) -> Result<Exit, Failure> {
    let mut device = context.device()?;
    context.warn_if_removed(&mut device)?;
    let mut carrier = Carrier::new(context)?;
    // Another coordinator may have changed the list: what is changed is the newest.
    let caught_up = carrier.catch_up(&mut device, CATCH_UP).await;
    caught_up.map_err(|error| context.failure(error))?;
    let before = device.contacts().map_err(|error| context.failure(error))?;
    let after = match args.command {
        None | Some(ContactsCommand::List) => None,
        Some(ContactsCommand::Add(args)) => Some(added(context, before.clone(), args)?),
        Some(ContactsCommand::Remove(args)) => Some(removed(context, before.clone(), &args)?),
    };
    let exit = match &after {
        None => Exit::Done,
        Some(after) => change(context, &mut device, &mut carrier, after).await?,
    };
    list(context, after.as_deref().unwrap_or(&before))?;
    if exit == Exit::Kept {
        context.remark(&t!(context.text, "sent-kept"));
    }
    let finished = carrier.finish(&mut device).await;
    finished.map_err(|error| context.failure(error))?;
    Ok(exit)
}

fn list(context: &Context, contacts: &[Contact]) -> Result<(), Failure> {
    let text = &context.text;
    if context.json {
        return context.line(&show::json_line(&json!({"contacts": contacts_json(contacts)})));
    }
    if contacts.is_empty() {
        context.line(&t!(text, "contacts-none"))?;
    }
    for contact in contacts {
        let (name, how) = (clean(&contact.name), clean(&contact.how));
        context.line(&t!(text, "outside-contact", name = name, how = how))?;
    }
    context.remark(&t!(text, "contacts-when"));
    Ok(())
}

/// As in `velar contacts --json`.
pub(super) fn contacts_json(contacts: &[Contact]) -> Value {
    contacts.iter().map(|one| json!({"name": one.name, "how": one.how})).collect()
}

fn added(
    context: &Context,
    mut contacts: Vec<Contact>,
    args: ContactsAdd,
) -> Result<Vec<Contact>, Failure> {
    let text = &context.text;
    circle::check_name(context, &args.name)?;
    let (name, how) = (args.name.trim().to_owned(), args.how.join(" "));
    if how.len() > MAX_CONTACT_LEN {
        let (count, limit) = (how.len(), MAX_CONTACT_LEN);
        return Err(failure!(text, Exit::Usage, "error-text-long", count = count, limit = limit));
    }
    let full = contacts.len() >= MAX_CONTACTS;
    match contacts.iter_mut().find(|one| one.name == name) {
        Some(known) => known.how = how,
        None if full => {
            let limit = MAX_CONTACTS;
            return Err(failure!(text, Exit::NotNow, "error-contacts-full", limit = limit));
        }
        None => contacts.push(Contact { name, how }),
    }
    Ok(contacts)
}

fn removed(
    context: &Context,
    mut contacts: Vec<Contact>,
    args: &ContactsRemove,
) -> Result<Vec<Contact>, Failure> {
    let wanted = args.name.trim().to_lowercase();
    let before = contacts.len();
    contacts.retain(|one| one.name.to_lowercase() != wanted);
    if contacts.len() == before {
        let name = args.name.as_str();
        let exit = Exit::NotFound;
        return Err(failure!(context.text, exit, "error-contact-unknown", name = name));
    }
    Ok(contacts)
}

async fn change(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    after: &[Contact],
) -> Result<Exit, Failure> {
    device.set_contacts(after.to_vec(), now_s()).map_err(|error| context.failure(error))?;
    let sent = carrier.reach(device, PATIENCE, is_quiet).await?;
    Ok(if sent { Exit::Done } else { Exit::Kept })
}
