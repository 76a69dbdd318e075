//! Hands a generation to the relays: no keys, no vault. To the network it is a check-in: as many envelopes on the
//! same connections, and after them a request about a hold, here one that nobody has.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use velar_protocol::wire::{Answer, Delivery, RelayAddress, Request};

use super::file::Marker;
use super::format::Generation;
use crate::holds;
use crate::link::RelayClock;
use crate::net::{
    Backoff, Connector, LONGEST_ALARM, NetError, PipelineSink, PipelineSource, Purpose,
};
use crate::outbox::drawn_out;

/// Envelopes on the wire without an answer at most, on one connection.
const IN_FLIGHT: usize = 32;

/// What becomes known.
#[derive(Debug)]
pub enum News {
    /// This relay has this envelope on disk.
    Accepted {
        /// Which, in the generation's order.
        envelope: usize,
        /// Which of its ways.
        way: usize,
    },
    /// This relay did not take an envelope now; it is offered again.
    NotTaken {
        /// The relay.
        relay: RelayAddress,
    },
    /// This relay cannot be reached now; it is tried again.
    Trouble {
        /// The relay.
        relay: RelayAddress,
        /// Why.
        error: NetError,
    },
    /// All that goes along with an alarm was asked of a relay.
    Asked,
    /// A relay's clock.
    Time(RelayClock),
}

/// A generation on its way. Dropping it ends the attempts.
pub struct Posting {
    news: mpsc::UnboundedReceiver<News>,
    tasks: JoinSet<()>,
    connector: Arc<Connector>,
}

/// One envelope on one way.
#[derive(Clone)]
struct Item {
    envelope: usize,
    way: usize,
    delivery: Delivery,
    refusals: u32,
    not_before: Instant,
}

struct Sending {
    connector: Arc<Connector>,
    news: mpsc::UnboundedSender<News>,
    marker: Marker,
    relay: RelayAddress,
    waiting: VecDeque<Item>,
    /// Whether the request about a hold was sent.
    asked: bool,
}

impl Posting {
    /// Begins at once, at all relays beside each other, with what they do not have yet. With `homes`, this device's
    /// own relays are connected to as well, as a check-in does, and asked for the time.
    ///
    /// # Errors
    /// [`NetError::Local`].
    pub fn start(generation: &Generation, marker: &Marker, homes: bool) -> Result<Self, NetError> {
        let connector = Arc::new(Connector::new()?);
        let (told, news) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let mut relays: Vec<Sending> = Vec::new();
        for (envelope, one) in generation.envelopes.iter().enumerate() {
            for (way, route) in one.ways.iter().enumerate().filter(|(_, way)| !way.accepted) {
                let delivery =
                    Delivery { token: route.token.clone(), envelope: one.envelope.clone() };
                let not_before = Instant::now();
                let item = Item { envelope, way, delivery, refusals: 0, not_before };
                if let Some(known) = relays.iter_mut().find(|known| known.relay == route.relay) {
                    known.waiting.push_back(item);
                    continue;
                }
                let (connector, news) = (connector.clone(), told.clone());
                let (relay, waiting) = (route.relay.clone(), VecDeque::from([item]));
                let marker = marker.clone();
                relays.push(Sending { connector, news, marker, relay, waiting, asked: false });
            }
        }
        for sending in relays {
            tasks.spawn(sending.run());
        }
        for home in generation.homes.iter().filter(|_| homes) {
            tasks.spawn(stay(connector.clone(), told.clone(), home.clone()));
        }
        Ok(Self { news, tasks, connector })
    }

    /// What becomes known next. Never comes once everything is told.
    pub async fn next(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    /// What is known already and was not told yet.
    pub fn try_next(&mut self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Closes the connections and waits a moment until the relays know.
    pub async fn finish(mut self) {
        self.tasks.shutdown().await;
        self.connector.drain().await;
    }
}

/// A connection of the kind on which mailboxes are read.
async fn stay(connector: Arc<Connector>, news: mpsc::UnboundedSender<News>, home: RelayAddress) {
    let Ok(connection) = connector.connect(&home, Purpose::Read).await else { return };
    if let Ok(Answer::Info(info)) = connection.request(&Request::Info).await {
        // Whoever listened may have ended.
        let _ = news.send(News::Time(RelayClock::of(&info)));
    }
    connection.closed().await;
}

impl Sending {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        while let Some(due) = self.waiting.iter().map(|item| item.not_before).min() {
            tokio::time::sleep_until(due).await;
            if let Err(error) = self.connected(&mut backoff).await {
                let pause = backoff.after(&error, LONGEST_ALARM, random());
                self.tell(News::Trouble { relay: self.relay.clone(), error });
                sleep(pause).await;
            }
        }
    }

    /// One connection, until it fails or everything that is due is answered.
    async fn connected(&mut self, backoff: &mut Backoff) -> Result<(), NetError> {
        let connection = self.connector.connect(&self.relay, Purpose::Send).await?;
        let (mut sink, mut source) = connection.pipeline().await?.split();
        loop {
            let now = Instant::now();
            let (mut due, later): (VecDeque<Item>, VecDeque<Item>) =
                self.waiting.drain(..).partition(|item| item.not_before <= now);
            self.waiting = later;
            let done = self.offer(&mut sink, &mut source, &mut due, backoff).await;
            // What has no answer is offered again on the next connection.
            self.waiting.extend(due);
            done?;
            match self.waiting.iter().map(|item| item.not_before).min() {
                Some(due) => tokio::time::sleep_until(due).await,
                None => break,
            }
        }
        // As long as the process: an idle connection is nothing that only an alarm has.
        connection.closed().await;
        Ok(())
    }

    async fn offer(
        &mut self,
        sink: &mut PipelineSink,
        source: &mut PipelineSource,
        due: &mut VecDeque<Item>,
        backoff: &mut Backoff,
    ) -> Result<(), NetError> {
        let mut on_wire = 0;
        let mut accepted = false;
        while !due.is_empty() {
            while on_wire < IN_FLIGHT
                && let Some(item) = due.get(on_wire)
            {
                sink.send(&Request::Send { delivery: item.delivery.clone() }).await?;
                on_wire += 1;
            }
            let answer = source.answer().await?;
            on_wire -= 1;
            let Some(item) = due.pop_front() else { break };
            backoff.reset();
            accepted |= answer == Answer::Accepted;
            self.answered(item, &answer);
        }
        if accepted && !self.asked {
            // As a check-in's, once the relay has taken something. (There is no such hold.)
            sink.send(&holds::question()).await?;
            source.answer().await?;
            self.asked = true;
            self.tell(News::Asked);
        }
        Ok(())
    }

    fn answered(&mut self, mut item: Item, answer: &Answer) {
        let (envelope, way) = (item.envelope, item.way);
        let pause = match answer {
            Answer::Accepted => {
                self.marker.accepted(envelope, way);
                return self.tell(News::Accepted { envelope, way });
            }
            Answer::Full { retry_after_s } | Answer::Unavailable { retry_after_s } => {
                let pause_s = u64::from((*retry_after_s).max(1));
                Duration::from_secs(drawn_out(pause_s, LONGEST_ALARM.as_secs(), random()))
            }
            // Its owner may be about to register the token.
            _ => Duration::from_secs(2 << item.refusals.min(8)),
        };
        item.refusals += 1;
        item.not_before = Instant::now() + pause.min(LONGEST_ALARM);
        self.waiting.push_back(item);
        self.tell(News::NotTaken { relay: self.relay.clone() });
    }

    fn tell(&self, news: News) {
        // Whoever listened may have ended; this task is about to.
        let _ = self.news.send(news);
    }
}

fn random() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX / 2)
}
