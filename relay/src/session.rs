//! One connection's requests, without its I/O: frames go in, [`Action`]s come out. Whatever needs the
//! owner of a mailbox carries an [`Owner`], which only a verified proof makes.

use velar_protocol::wire::codec::{self, CodecError};
use velar_protocol::wire::{
    AccessToken, Ack, Answer, DeliveryOutcome, Envelope, Exporter, HoldId, HoldSecret, MailboxId,
    Owner, Refusal, Request, SendTokenHash,
};

use crate::clock::Now;
use crate::limits::{FULL_RETRY_S, Limits};
use crate::rate::{Bucket, Rate};
use crate::store::{ShortDigest, short_digest};

/// What to do about one frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer this; nothing else.
    Answer(Answer),
    /// Say who the relay is.
    Info,
    /// Open a mailbox or replace its tokens.
    Open {
        /// Whose.
        owner: Owner,
        /// All tokens that may send from now on.
        tokens: Vec<SendTokenHash>,
        /// What was shown for a new mailbox. Part of the proof; not looked at yet.
        access: Option<AccessToken>,
    },
    /// Delete a mailbox.
    Close(Owner),
    /// Turn the stream into a subscription.
    Subscribe(Vec<Owner>),
    /// Store an envelope.
    Send {
        /// Where.
        token: SendTokenHash,
        /// What.
        envelope: Envelope,
        /// Its digest.
        digest: ShortDigest,
    },
    /// Store envelopes for later.
    Hold {
        /// Its name.
        id: HoldId,
        /// Seconds until release.
        for_s: u32,
        /// What goes where.
        deliveries: Vec<(SendTokenHash, Envelope)>,
        /// The hold that goes in the same step.
        replaces: Option<HoldId>,
    },
    /// Move a hold's release.
    Extend {
        /// Which.
        id: HoldId,
        /// Seconds until release.
        for_s: u32,
    },
    /// Delete a hold.
    Cancel(HoldId),
    /// Write these bytes as the last of this stream.
    Last {
        /// A whole frame.
        frame: Vec<u8>,
        /// Then close the connection too: the other end speaks another protocol.
        close: bool,
    },
}

/// What a request shows of who asks, if it is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// What everybody can ask.
    Nothing,
    /// That a mailbox is theirs.
    Owner,
    /// A send token.
    Token,
    /// A hold's secret.
    Secret,
}

impl Shown {
    /// What this action shows.
    pub(crate) fn by(action: &Action) -> Self {
        match action {
            Action::Open { .. } | Action::Close(_) | Action::Subscribe(_) => Self::Owner,
            Action::Send { .. } | Action::Hold { .. } => Self::Token,
            Action::Extend { .. } | Action::Cancel(_) => Self::Secret,
            Action::Answer(_) | Action::Info | Action::Last { .. } => Self::Nothing,
        }
    }

    /// Whether the relay knows what was shown. An alarm from the panic kit proves no owner: a registered token counts.
    pub(crate) fn proves(self, answer: &Answer) -> bool {
        let registered = |outcome: &DeliveryOutcome| *outcome != DeliveryOutcome::Refused;
        match (self, answer) {
            (Self::Nothing, _) => false,
            (Self::Owner, answer) => matches!(answer, Answer::Opened { .. } | Answer::Closed),
            (Self::Token, Answer::Held { outcomes }) => outcomes.iter().any(registered),
            (Self::Token, answer) => matches!(answer, Answer::Accepted),
            (Self::Secret, answer) => matches!(answer, Answer::Extended { .. } | Answer::Cancelled),
        }
    }
}

/// What one connection has shown and used. See the [module](self).
pub struct Session {
    exporter: Exporter,
    rate: Rate,
    bucket: Bucket,
    subscriptions: u32,
    max_subscriptions: u32,
    spoke: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { exporter: _, rate, bucket: _, subscriptions, max_subscriptions, spoke } = self;
        f.debug_struct("Session")
            .field("rate", rate)
            .field("subscriptions", subscriptions)
            .field("max_subscriptions", max_subscriptions)
            .field("spoke", spoke)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// For a connection with this exporter value.
    #[must_use]
    pub fn new(exporter: Exporter, limits: &Limits, now: Now) -> Self {
        let rate = Rate { per_min: limits.connection_rate_per_min, burst: limits.connection_burst };
        Self {
            exporter,
            rate,
            bucket: Bucket::new(now),
            subscriptions: 0,
            max_subscriptions: limits.subscriptions_per_connection,
            spoke: false,
        }
    }

    /// Whether a valid frame ever came.
    #[must_use]
    pub fn has_spoken(&self) -> bool {
        self.spoke
    }

    /// A subscription of this connection ended.
    pub fn subscription_ended(&mut self) {
        self.subscriptions = self.subscriptions.saturating_sub(1);
    }

    /// What to do about a frame (what follows its length field). Never panics, whatever the bytes.
    pub fn frame(&mut self, frame: &[u8], now: Now) -> Action {
        match codec::decode::<Request>(frame) {
            Ok(request) => {
                self.spoke = true;
                tracing::trace!(request = name(&request), bytes = frame.len(), "heard");
                self.request(request, now)
            }
            Err(error) => self.broken(error),
        }
    }

    /// What to do about a length field or frame that is none.
    pub fn broken(&mut self, error: CodecError) -> Action {
        match error {
            CodecError::Version { .. } => {
                Action::Last { frame: codec::version_notice().to_vec(), close: true }
            }
            CodecError::Length { len, .. } if len > 0 => last(Refusal::TooLong),
            _ => last(Refusal::Malformed),
        }
    }

    fn request(&mut self, request: Request, now: Now) -> Action {
        if let Err(retry_after_s) = self.bucket.take(self.rate, cost(&request), now) {
            return Action::Answer(Answer::Full { retry_after_s });
        }
        self.verified(request).unwrap_or_else(|refusal| Action::Answer(Answer::Refused(refusal)))
    }

    fn verified(&mut self, request: Request) -> Result<Action, Refusal> {
        Ok(match request {
            Request::Info => Action::Info,
            Request::Open { mailbox, proof, tokens, access } => {
                let shown = access.as_ref();
                let owner = Owner::of_open(&self.exporter, mailbox, &proof, &tokens, shown)?;
                Action::Open { owner, tokens, access }
            }
            Request::Close { mailbox, proof } => {
                Action::Close(Owner::of_close(&self.exporter, mailbox, &proof)?)
            }
            Request::Subscribe { mailboxes } => {
                if self.subscriptions >= self.max_subscriptions {
                    return Err(Refusal::TooManySubscriptions);
                }
                let verify = |claim| Owner::of_subscribe(&self.exporter, claim);
                let owners = mailboxes.iter().map(verify).collect::<Result<Vec<_>, _>>()?;
                let mut ids: Vec<MailboxId> = owners.iter().map(|owner| owner.mailbox()).collect();
                ids.sort_unstable();
                ids.dedup();
                if ids.len() < owners.len() {
                    // Two indexes for one mailbox: an `Ack` would not say which.
                    return Err(Refusal::Malformed);
                }
                self.subscriptions += 1;
                Action::Subscribe(owners)
            }
            Request::Send { delivery } => Action::Send {
                token: delivery.token.hash(),
                digest: short_digest(&delivery.envelope),
                envelope: delivery.envelope,
            },
            Request::Hold { id, for_s, deliveries, replaces } => Action::Hold {
                id,
                for_s,
                deliveries: deliveries
                    .into_iter()
                    .map(|delivery| (delivery.token.hash(), delivery.envelope))
                    .collect(),
                replaces: replaces.as_ref().map(HoldSecret::id),
            },
            Request::Extend { secret, for_s } => Action::Extend { id: secret.id(), for_s },
            Request::Cancel { secret } => Action::Cancel(secret.id()),
        })
    }
}

/// An `Ack` from a frame on a subscription.
///
/// # Errors
/// [`CodecError`] for anything else; the subscription then ends.
pub fn ack(frame: &[u8]) -> Result<Ack, CodecError> {
    codec::decode(frame)
}

/// What is asked, without a word of for whom.
fn name(request: &Request) -> &'static str {
    match request {
        Request::Info => "info",
        Request::Open { .. } => "open",
        Request::Close { .. } => "close",
        Request::Subscribe { .. } => "subscribe",
        Request::Send { .. } => "send",
        Request::Hold { .. } => "hold",
        Request::Extend { .. } => "extend",
        Request::Cancel { .. } => "cancel",
    }
}

fn cost(request: &Request) -> u32 {
    match request {
        Request::Hold { deliveries, .. } => deliveries.len() as u32,
        Request::Subscribe { mailboxes } => mailboxes.len() as u32,
        Request::Open { tokens, .. } => (tokens.len() as u32).max(1),
        _ => 1,
    }
}

fn last(refusal: Refusal) -> Action {
    last_word(&Answer::Refused(refusal))
}

/// There was no memory for a frame that began.
pub(crate) fn no_room() -> Action {
    last_word(&Answer::Full { retry_after_s: FULL_RETRY_S })
}

fn last_word(answer: &Answer) -> Action {
    Action::Last { frame: codec::encode(answer).unwrap_or_default(), close: false }
}

#[cfg(test)]
mod tests;
