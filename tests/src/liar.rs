//! A relay that answers what a test has it say: for what no honest relay does. It keeps envelopes in memory, checks no
//! proof, and holds nothing.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, RecvStream, SendStream, ServerConfig};
use rcgen::PublicKeyData;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use velar_protocol::wire::codec::{self, Frame, HEADER_LEN};
use velar_protocol::wire::limits::{ALPN_QUIC, PROTOCOL_VERSION};
use velar_protocol::wire::{
    Ack, Answer, ClockJump, Envelope, Event, Info, MailboxId, Pin, Refusal, RelayAddress, Request,
    SendTokenHash, ServedLimits, TokenMark, TokenOutcome,
};

use crate::load::Outcome;

/// How often a subscription looks for what is new.
const LOOK: Duration = Duration::from_millis(50);

/// Such a relay, in this process, until it is dropped.
#[derive(Debug)]
pub struct Liar {
    /// Where it serves.
    pub address: RelayAddress,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    tokens: HashMap<SendTokenHash, MailboxId>,
    boxes: HashMap<MailboxId, Vec<(u64, TokenMark, Envelope)>>,
    sequence: u64,
    says: Option<TokenOutcome>,
    marks: Option<TokenMark>,
    turns_away: u8,
}

impl Liar {
    /// Starts one that is honest so far.
    ///
    /// # Errors
    /// If no socket or key can be made.
    pub fn start() -> Outcome<Self> {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let pin = Pin(Sha256::digest(certified.signing_key.subject_public_key_info()).into());
        let key =
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)?;
        tls.alpn_protocols = vec![ALPN_QUIC.to_vec()];
        let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
        let endpoint = Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let port = endpoint.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let serving = tokio::spawn(serve(endpoint, state.clone()));
        let address = RelayAddress::new("127.0.0.1", port, pin, None)?;
        Ok(Self { address, state, serving })
    }

    /// From now on it says this of every token that it is asked to register, and registers none; `None`: it is honest.
    pub fn say(&self, outcome: Option<TokenOutcome>) {
        lock(&self.state).says = outcome;
    }

    /// It refuses the tokens of the next so many envelopes.
    pub fn turn_away(&self, envelopes: u8) {
        lock(&self.state).turns_away = envelopes;
    }

    /// Envelopes that it has yet to turn away.
    #[must_use]
    pub fn to_turn_away(&self) -> u8 {
        lock(&self.state).turns_away
    }

    /// From now on it says that everything came by this token.
    pub fn mark(&self, token: TokenMark) {
        lock(&self.state).marks = Some(token);
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Info => Answer::Info(info()),
            Request::Open { mailbox, tokens, .. } => {
                self.boxes.entry(mailbox).or_default();
                self.tokens.retain(|_, owner| *owner != mailbox);
                let outcome = self.says.unwrap_or(TokenOutcome::Registered);
                let outcomes = vec![outcome; tokens.len()];
                if outcome == TokenOutcome::Registered {
                    self.tokens.extend(tokens.into_iter().map(|token| (token, mailbox)));
                }
                Answer::Opened { outcomes, reopening: None }
            }
            Request::Close { mailbox, .. } => {
                self.boxes.remove(&mailbox);
                Answer::Closed
            }
            Request::Subscribe { mailboxes } => {
                let known = mailboxes.iter().all(|one| self.boxes.contains_key(&one.mailbox));
                if known { Answer::Subscribed } else { Answer::Refused(Refusal::UnknownMailbox) }
            }
            Request::Send { .. } if self.turns_away > 0 => {
                self.turns_away -= 1;
                Answer::Refused(Refusal::UnknownToken)
            }
            Request::Send { delivery } => {
                let token = delivery.token.hash();
                let mailbox = self.tokens.get(&token).and_then(|of| self.boxes.get_mut(of));
                let Some(mailbox) = mailbox else {
                    return Answer::Refused(Refusal::UnknownToken);
                };
                self.sequence += 1;
                mailbox.push((self.sequence, token.mark(), delivery.envelope));
                Answer::Accepted
            }
            Request::Hold { .. } => Answer::Full { retry_after_s: 3600 },
            Request::Extend { .. } | Request::Cancel { .. } => {
                Answer::Refused(Refusal::UnknownHold)
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn info() -> Info {
    let time_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let limits = ServedLimits {
        envelope_age_s: 14 * 86_400,
        hold_length_s: 30 * 86_400,
        mailbox_envelopes: 16_384,
        token_envelopes: 2_048,
        mailbox_idle_s: 90 * 86_400,
    };
    let clock_jump = ClockJump::None;
    Info { version: PROTOCOL_VERSION, time_s, access_required: false, limits, clock_jump }
}

async fn serve(endpoint: Endpoint, state: Arc<Mutex<State>>) {
    while let Some(incoming) = endpoint.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            while let Ok((send, receive)) = connection.accept_bi().await {
                tokio::spawn(stream(send, receive, state.clone()));
            }
        });
    }
}

/// Answers requests, until one of them is a subscription or the client ends the stream.
async fn stream(mut send: SendStream, mut receive: RecvStream, state: Arc<Mutex<State>>) {
    while let Some(request) = next::<Request>(&mut receive).await {
        let subscribed: Option<Vec<MailboxId>> = match &request {
            Request::Subscribe { mailboxes } => {
                Some(mailboxes.iter().map(|one| one.mailbox).collect())
            }
            _ => None,
        };
        let answer = lock(&state).answer(request);
        let Ok(bytes) = codec::encode(&answer) else { return };
        if send.write_all(&bytes).await.is_err() {
            return;
        }
        if let (Some(mailboxes), Answer::Subscribed) = (subscribed, answer) {
            let acks = tokio::spawn(acknowledged(receive, mailboxes.clone(), state.clone()));
            deliver(&mut send, &mailboxes, &state).await;
            acks.abort();
            return;
        }
    }
}

async fn acknowledged(
    mut receive: RecvStream,
    mailboxes: Vec<MailboxId>,
    state: Arc<Mutex<State>>,
) {
    while let Some(ack) = next::<Ack>(&mut receive).await {
        let Some(mailbox) = mailboxes.get(usize::from(ack.mailbox)) else { return };
        if let Some(kept) = lock(&state).boxes.get_mut(mailbox) {
            kept.retain(|(sequence, ..)| *sequence != ack.sequence);
        }
    }
}

async fn deliver(send: &mut SendStream, mailboxes: &[MailboxId], state: &Mutex<State>) {
    let (mut sent, mut caught_up) = (0, false);
    loop {
        let mut events = Vec::new();
        {
            let state = lock(state);
            for (mailbox, id) in (0_u8..).zip(mailboxes) {
                for (sequence, token, envelope) in state.boxes.get(id).into_iter().flatten() {
                    if *sequence > sent {
                        let (sequence, token) = (*sequence, state.marks.or(Some(*token)));
                        let envelope = envelope.clone();
                        let received_at_s = info().time_s;
                        let event =
                            Event::Envelope { mailbox, sequence, received_at_s, token, envelope };
                        events.push(event);
                    }
                }
                if !caught_up {
                    events.push(Event::CaughtUp { mailbox, expired: 0 });
                }
            }
            (sent, caught_up) = (state.sequence, true);
        }
        for event in events {
            let Ok(bytes) = codec::encode(&event) else { return };
            if send.write_all(&bytes).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn next<F: Frame>(receive: &mut RecvStream) -> Option<F> {
    let mut header = [0; HEADER_LEN];
    receive.read_exact(&mut header).await.ok()?;
    let length = usize::try_from(u32::from_le_bytes(header)).ok().filter(|len| *len < 1 << 20)?;
    let mut frame = vec![0; length];
    receive.read_exact(&mut frame).await.ok()?;
    codec::decode(&frame).ok()
}
