//! What is said on the socket for commands: one line, one object of JSON, each way.
//!
//! ```text
//! {"version":1,"ask":{"access":{"new":{"name":"red-norte","mailboxes":40}}}}
//! {"version":1,"ask":{"access":"list"}}
//! {"version":1,"ask":{"access":{"revoke":{"name":"red-norte"}}}}
//! {"version":1,"ask":{"access":{"revoke":{"name":"red-norte","close_mailboxes":true}}}}
//! ```
//!
//! An answer of another version, or to a line that is none of these, is `{"version":1,"said":{"failed":{"what":"…"}}}`.

use serde::{Deserialize, Serialize};
use velar_protocol::wire::AccessToken;
use zeroize::Zeroizing;

use crate::limits::ADMIN_LINE;

/// Of this protocol; both ends come from one program, but may be of two builds.
const VERSION: u32 = 1;

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Ask {
    /// About access tokens.
    Access(AskAccess),
}

/// What a command asks for about access tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum AskAccess {
    /// A new one.
    New {
        /// What the operator calls it.
        name: String,
        /// Mailboxes that it is good for.
        mailboxes: Option<u32>,
    },
    /// All of them, but not the tokens themselves.
    List,
    /// The end of one.
    Revoke {
        /// What the operator calls it.
        name: String,
        /// And of the mailboxes that are open by it.
        #[serde(default, skip_serializing_if = "is_false")]
        close_mailboxes: bool,
    },
}

/// What the relay says to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Said {
    /// A new access token, on disk. This is the only time that it is shown.
    AccessMade {
        /// The token.
        token: AccessToken,
        /// Until now anybody could open a mailbox.
        first: bool,
    },
    /// All of them.
    AccessListed {
        /// Whether a new mailbox needs one.
        required: bool,
        /// The oldest first.
        tokens: Vec<TokenView>,
        /// Mailboxes that are open by tokens that were revoked.
        revoked: Option<u32>,
    },
    /// It is revoked, on disk.
    AccessRevoked {
        /// Mailboxes that are open by it, and stay open.
        mailboxes: Option<u32>,
        /// Mailboxes that were closed, if that was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closed: Option<ClosedView>,
    },
    /// Nothing was done.
    Failed {
        /// Why, and what to do.
        what: String,
    },
}

/// An access token as its operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenView {
    pub(crate) name: String,
    pub(crate) index: u16,
    /// Mailboxes that are open by it; `None`: no relay runs that would know.
    pub(crate) open: Option<u32>,
    /// Mailboxes that may be; `None`: as many as the limit of the relay says.
    pub(crate) most: Option<u32>,
}

/// Mailboxes that were closed with their access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClosedView {
    pub(crate) mailboxes: u32,
    /// That is on disk.
    pub(crate) durable: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    version: u32,
    ask: Ask,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    version: u32,
    said: Said,
}

/// Of any version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Why a line was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WordsError {
    /// It has no end, or comes after too much.
    #[error("a command is one line of {ADMIN_LINE} bytes at most; ask with: velar-relay access")]
    Line,
    /// It is of another program.
    #[error(
        "the relay that runs and this command are of different versions of velar-relay ({VERSION} and {0}); restart the relay with the newer program"
    )]
    Version(u32),
    /// It makes no sense.
    #[error("that is no command; ask with: velar-relay access")]
    Form,
}

/// The line that asks for this.
pub(super) fn line(ask: Ask) -> String {
    lined(&Asked { version: VERSION, ask })
}

/// The line that says this. It may hold a token.
pub(super) fn answer(said: Said) -> Zeroizing<String> {
    Zeroizing::new(lined(&Answered { version: VERSION, said }))
}

/// What a line asks for.
pub(super) fn asked(line: &[u8]) -> Result<Ask, WordsError> {
    if line.len() > ADMIN_LINE {
        return Err(WordsError::Line);
    }
    read::<Asked>(line).map(|asked| asked.ask)
}

/// What an answer says.
pub(super) fn said(line: &[u8]) -> Result<Said, WordsError> {
    read::<Answered>(line).map(|answered| answered.said)
}

fn read<T: for<'de> Deserialize<'de>>(line: &[u8]) -> Result<T, WordsError> {
    let line = line.strip_suffix(b"\n").ok_or(WordsError::Line)?;
    // What another version says may have another form.
    let Versioned { version } = serde_json::from_slice(line).map_err(|_| WordsError::Form)?;
    if version != VERSION {
        return Err(WordsError::Version(version));
    }
    serde_json::from_slice(line).map_err(|_| WordsError::Form)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

fn lined(value: &impl Serialize) -> String {
    // None of these types has a form that JSON has not.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests;
