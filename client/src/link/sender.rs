//! Sends envelopes, and asks for holds, at one relay, in order, many at once, on a connection that proves nothing about who sends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use velar_protocol::wire::{Answer, RelayAddress, SendToken};

use super::{Report, now_s};
use crate::device::Due;
use crate::holds;
use crate::net::{Backoff, Connector, LONGEST_ALARM, NetError, Purpose};

/// Envelopes handed to one sender at most.
const QUEUE: usize = super::UNDER_WAY;

/// Envelopes on the wire without an answer at most.
const IN_FLIGHT: usize = 32;

/// A connection that nothing was sent on for this long is closed: the relay need not know that we are here.
const IDLE: Duration = Duration::from_secs(30);

/// The task that sends to one relay. Dropping it ends the task; what it had not sent is in the vault.
pub(super) struct Sender {
    queue: mpsc::Sender<Due>,
    task: JoinHandle<()>,
}

struct Sending {
    connector: Arc<Connector>,
    reports: mpsc::Sender<Report>,
    queue: mpsc::Receiver<Due>,
    relay: RelayAddress,
    /// Not answered yet, oldest first; the first `on_wire` of them are on the wire.
    pending: VecDeque<Item>,
    /// A question about a hold goes along with what is sent: a check-in has one, and an alarm must not look different.
    question: bool,
}

enum Item {
    Due(Box<Due>),
    /// About a hold that there is not.
    Question,
}

impl Sender {
    pub(super) fn start(
        connector: &Arc<Connector>,
        reports: &mpsc::Sender<Report>,
        relay: &RelayAddress,
        question: bool,
    ) -> Self {
        let (queue, pending) = mpsc::channel(QUEUE);
        let sending = Sending {
            connector: connector.clone(),
            reports: reports.clone(),
            queue: pending,
            relay: relay.clone(),
            pending: VecDeque::new(),
            question,
        };
        Self { queue, task: tokio::spawn(sending.run()) }
    }

    /// Takes an envelope; `false` if there is no room now.
    pub(super) fn send(&self, due: Due) -> bool {
        self.queue.try_send(due).is_ok()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sending {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            if self.pending.is_empty() {
                match self.queue.recv().await {
                    Some(due) => self.pending.push_back(Item::Due(due.into())),
                    None => return,
                }
            }
            let Err(error) = self.connected(&mut backoff).await else { continue };
            // A question alone is worth no other connection: it goes along with what is sent next.
            let sent = self.pending.len();
            self.pending.retain(|item| matches!(item, Item::Due(_)));
            self.question |= self.pending.len() < sent;
            let random = getrandom::u64().unwrap_or(u64::MAX / 2);
            let pause = backoff.after(&error, LONGEST_ALARM, random);
            let relay = self.relay.clone();
            if self.reports.send(Report::NotSending { relay, error }).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One connection, until it fails or is idle. What was not answered is sent again on the next: the same
    /// bytes, which the relay stores once.
    async fn connected(&mut self, backoff: &mut Backoff) -> Result<(), NetError> {
        let connection = self.connector.connect(&self.relay, Purpose::Send).await?;
        let (mut sink, mut source) = connection.pipeline().await?.split();
        let mut on_wire = 0;
        loop {
            while on_wire < IN_FLIGHT
                && let Some(item) = self.pending.get(on_wire)
            {
                let request = match item {
                    Item::Due(due) => due.request(now_s()),
                    Item::Question => Some(holds::question()),
                };
                if let Some(request) = request {
                    sink.send(&request).await?;
                    on_wire += 1;
                } else if let Some(Item::Due(late)) = self.pending.remove(on_wire) {
                    self.say(Report::Returned { ids: vec![late.id] }).await?;
                }
            }
            tokio::select! {
                answer = source.answer(), if on_wire > 0 => {
                    let answer = answer?;
                    backoff.reset();
                    on_wire -= 1;
                    // Where a check-in's comes: when the relay has taken something.
                    if answer == Answer::Accepted && std::mem::take(&mut self.question) {
                        self.pending.push_back(Item::Question);
                    }
                    if let Some(Item::Due(due)) = self.pending.pop_front() {
                        let refused = due.lane().filter(|_| answer != Answer::Accepted).cloned();
                        let relay = self.relay.clone();
                        self.say(Report::Answered { relay, id: due.id, answer }).await?;
                        if let Some(token) = refused {
                            self.give_back(&token, on_wire).await?;
                        }
                    }
                }
                due = timeout(IDLE, self.queue.recv()), if on_wire < IN_FLIGHT => match due {
                    Ok(Some(due)) => self.pending.push_back(Item::Due(due.into())),
                    Ok(None) => return Err(NetError::ClosedHere),
                    Err(_) if self.pending.is_empty() => {
                        connection.close();
                        return Ok(());
                    }
                    Err(_) => {}
                },
            }
        }
    }

    /// What was to follow one that the relay did not take, and is not on the wire, waits in the vault with it:
    /// otherwise it could be taken before it.
    async fn give_back(&mut self, token: &SendToken, on_wire: usize) -> Result<(), NetError> {
        while let Ok(due) = self.queue.try_recv() {
            self.pending.push_back(Item::Due(due.into()));
        }
        let mut ids = Vec::new();
        for item in self.pending.split_off(on_wire.min(self.pending.len())) {
            match item {
                Item::Due(due) if due.lane() == Some(token) => ids.push(due.id),
                item => self.pending.push_back(item),
            }
        }
        self.say(Report::Returned { ids }).await
    }

    async fn say(&self, report: Report) -> Result<(), NetError> {
        self.reports.send(report).await.map_err(|_| NetError::ClosedHere)
    }
}
