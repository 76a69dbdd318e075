//! What can go wrong between here and a relay, by who can do something about it.
//!
//! No variant carries an IP address, a token or a mailbox: errors end up in logs and on screens. The host is
//! named as the person gave it.

use std::io;

use quinn::{ConnectionError, ReadError, TransportErrorCode, WriteError};
use velar_protocol::wire::limits::PROTOCOL_VERSION;
use velar_protocol::wire::{Answer, CodecError, Refusal, TokenOutcome};

/// Why a relay could not be reached, or a connection to it ended.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// This machine: no UDP socket could be opened, or its random source or TLS library failed.
    #[error("no network socket could be opened here")]
    Local(#[source] io::Error),
    /// This machine or its network: the name did not resolve.
    #[error("the name {host} could not be resolved")]
    Unresolved {
        /// As in the relay address.
        host: String,
    },
    /// This machine's network: there is no route to any address of the relay. Known at once.
    #[error("there is no network route to {host}")]
    Unreachable {
        /// As in the relay address.
        host: String,
    },
    /// Nobody answered in time. The relay is down, or the network drops UDP.
    #[error("no answer in time")]
    Timeout,
    /// Whoever answered is not the relay meant: its key is not the pinned one. Never talk to it.
    #[error("{host} answered with a key that is not the pinned one")]
    WrongPin {
        /// As in the relay address.
        host: String,
    },
    /// Someone answered, but the handshake failed: not a Velar relay, or one with other algorithms.
    #[error("{host} did not complete the handshake of a relay")]
    Handshake {
        /// As in the relay address.
        host: String,
    },
    /// The relay speaks another version of the protocol.
    #[error("the relay speaks protocol version {theirs}")]
    VersionMismatch {
        /// Theirs.
        theirs: u8,
    },
    /// The relay took no connection: it has too many, in all or from this network.
    #[error("the relay has no room for another connection")]
    Busy,
    /// The relay refused, and repeating it unchanged will not help.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The relay cannot do it now; nothing was promised.
    #[error("the relay cannot serve now")]
    Unavailable {
        /// Seconds after which a repetition makes sense.
        retry_after_s: u32,
    },
    /// The relay has no room for it: its disk, the recipient's mailbox, or this sender's share of that.
    #[error("the relay has no room for it now")]
    Full {
        /// Seconds after which a repetition makes sense.
        retry_after_s: u32,
    },
    /// A send token is registered to another mailbox there, so the relay says.
    #[error("a send token is in use by another mailbox")]
    TokenTaken,
    /// The relay broke the protocol.
    #[error("the relay broke the protocol")]
    Protocol(#[source] CodecError),
    /// The relay answered with something that does not belong to the request.
    #[error("the relay's answer does not belong to the request")]
    UnexpectedAnswer,
    /// The caller: the request is out of the protocol's bounds. Nothing was sent.
    #[error("the request is out of bounds")]
    BadRequest(#[source] CodecError),
    /// The relay ended the connection or the stream: it shuts down, restarted, or had enough.
    #[error("the relay closed the connection")]
    Closed,
    /// The connection was lost: nothing was heard for the idle timeout.
    #[error("the connection was lost")]
    Lost,
    /// The connection was closed from here.
    #[error("the connection was closed from here")]
    ClosedHere,
}

impl NetError {
    /// Of an answer that is not the one hoped for.
    #[must_use]
    pub fn of_answer(answer: &Answer) -> Self {
        match *answer {
            Answer::Refused(refusal) => Self::Refused(refusal),
            Answer::Full { retry_after_s } => Self::Full { retry_after_s },
            Answer::Unavailable { retry_after_s } => Self::Unavailable { retry_after_s },
            _ => Self::UnexpectedAnswer,
        }
    }

    /// Of what became of a token.
    ///
    /// # Errors
    /// [`NetError::TokenTaken`], [`NetError::Full`]; [`NetError::UnexpectedAnswer`] if nothing is said of it.
    pub fn of_token(outcome: Option<&TokenOutcome>) -> Result<(), Self> {
        match outcome {
            Some(TokenOutcome::Registered) => Ok(()),
            Some(TokenOutcome::Taken) => Err(Self::TokenTaken),
            Some(TokenOutcome::Full) => Err(Self::Full { retry_after_s: 0 }),
            None => Err(Self::UnexpectedAnswer),
        }
    }

    /// Of a frame that came from the relay.
    pub(super) fn of_frame(error: CodecError) -> Self {
        match error {
            // Who says that it speaks this one is not to be believed otherwise.
            CodecError::Version { theirs } if theirs != PROTOCOL_VERSION => {
                Self::VersionMismatch { theirs }
            }
            other => Self::Protocol(other),
        }
    }

    /// Of a connection attempt. A wrong pin is told apart by the verifier, not here.
    pub(super) fn of_handshake(error: &ConnectionError, host: &str) -> Self {
        match error {
            ConnectionError::TimedOut => Self::Timeout,
            ConnectionError::ConnectionClosed(close)
                if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
            {
                Self::Busy
            }
            _ => Self::Handshake { host: host.to_owned() },
        }
    }
}

impl From<ConnectionError> for NetError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::TimedOut => Self::Lost,
            ConnectionError::LocallyClosed => Self::ClosedHere,
            _ => Self::Closed,
        }
    }
}

impl From<ReadError> for NetError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::ConnectionLost(error) => error.into(),
            _ => Self::Closed,
        }
    }
}

impl From<WriteError> for NetError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ConnectionLost(error) => error.into(),
            _ => Self::Closed,
        }
    }
}
