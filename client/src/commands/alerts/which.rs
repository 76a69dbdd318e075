//! Which alert a person means.

use velar_protocol::circle::{Alert, StandDown};

use super::super::Context;
use super::super::show::{Who, hex};
use super::MIN_ID;
use crate::failure::{Exit, Failure, failure};

/// What the command is for: without a word by the person, the only open alert that fits is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Any.
    Any,
    /// About this device's member.
    Mine,
    /// About somebody else.
    NotMine,
    /// About somebody else who asks to stand down.
    Asked,
    /// With a claim of this device's.
    TakenByMe,
}

impl Which {
    fn fits(self, who: &Who, alert: &Alert) -> bool {
        let mine = who.is_me(alert.subject);
        match self {
            Self::Any => true,
            Self::Mine => mine,
            Self::NotMine => !mine,
            Self::Asked => !mine && matches!(alert.stand_down, StandDown::Asked(_)),
            Self::TakenByMe => alert.claims.iter().any(|claim| who.is_me(claim.by)),
        }
    }
}

/// The alert that is meant: by the beginning of its id, or by the name of whom it is about.
///
/// # Errors
/// None, several, or a closed one.
pub(super) fn which<'a>(
    context: &Context,
    who: &Who,
    alerts: &'a [Alert],
    given: Option<&str>,
    meant: Which,
) -> Result<&'a Alert, Failure> {
    let text = &context.text;
    let named: Vec<&Alert> = match given {
        None => alerts.iter().filter(|alert| alert.is_open()).collect(),
        Some(given) => alerts.iter().filter(|alert| is_named(who, alert, given)).collect(),
    };
    let open: Vec<&Alert> = named.iter().copied().filter(|alert| alert.is_open()).collect();
    let mut fitting: Vec<&Alert> =
        open.iter().copied().filter(|alert| meant.fits(who, alert)).collect();
    // Whoever does not name a drill does not mean it while there is something real.
    if fitting.iter().any(|alert| !alert.drill) && !given.is_some_and(is_id) {
        fitting.retain(|alert| !alert.drill);
    }
    if meant == Which::Mine && given.is_none() && fitting.is_empty() {
        return Err(failure!(text, Exit::NotNow, "error-stand-down-none"));
    }
    match (fitting.as_slice(), open.as_slice(), named.as_slice(), given) {
        ([one], ..) | ([], [one], ..) => Ok(one),
        ([], [], [.., closed], _) => {
            let alert = closed.id.short();
            Err(failure!(text, Exit::NotNow, "error-alert-closed", alert = alert))
        }
        ([], [], [], None) => Err(failure!(text, Exit::NotFound, "error-alert-none")),
        ([], [], [], Some(given)) => {
            Err(failure!(text, Exit::NotFound, "error-alert-unknown", alert = given))
        }
        (several, ..) => {
            let several = if several.is_empty() { &open } else { several };
            let shown = several
                .iter()
                .map(|alert| format!("{} ({})", alert.id.short(), who.name(alert.subject)));
            let alerts = text.list(shown);
            Err(failure!(text, Exit::NeedsConfirmation, "error-alert-several", alerts = alerts))
        }
    }
}

/// Whether this is the beginning of an id, not of a name.
fn is_id(given: &str) -> bool {
    let given = given.trim();
    given.len() >= MIN_ID && given.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_named(who: &Who, alert: &Alert, given: &str) -> bool {
    let given = given.trim().to_lowercase();
    let name = who.name(alert.subject).to_lowercase();
    !given.is_empty() && (hex(&alert.id.0).starts_with(&given) || name.starts_with(&given))
}
