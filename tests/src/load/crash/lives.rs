//! The lives of the relay: each from a start, or a part of one, to a kill.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::timeout;
use velar_protocol::wire::RelayAddress;

use super::chance::Chance;
use super::clients::Common;
use crate::load::Outcome;
use crate::process::RelayProcess;

/// From when the relay serves to its kill.
const LIFE_MS: (u64, u64) = (20, 1500);

/// From the start of the process to a kill that is meant to find it starting.
const START_MS: u64 = 100;

/// One start in so many is cut off like that.
const CUT_OFF: u64 = 5;

/// Room for everything that a run leaves unread.
const ROOM: [&str; 2] = ["--mailbox-envelopes=1000000000", "--token-envelopes=1000000000"];

/// A relay that is killed again and again, and everybody's knowledge of where it is.
pub(super) struct Lives {
    relay: RelayProcess,
    chance: Chance,
    common: Arc<Common>,
    places: watch::Sender<RelayAddress>,
}

impl Lives {
    /// Starts the relay for the first time.
    pub(super) async fn begin(
        relay: RelayProcess,
        chance: Chance,
        common: Arc<Common>,
    ) -> Outcome<Self> {
        let mut relay = ROOM.into_iter().fold(relay, RelayProcess::with_flag);
        relay.start().await?;
        let first = relay.address()?.clone();
        Ok(Self { relay, chance, common, places: watch::Sender::new(first) })
    }

    /// Where it serves, now and after every start.
    pub(super) fn places(&self) -> watch::Receiver<RelayAddress> {
        self.places.subscribe()
    }

    pub(super) fn place(&self) -> RelayAddress {
        self.places.borrow().clone()
    }

    /// A moment to be killed at, counted from a start.
    pub(super) fn moment(&mut self) -> Duration {
        Duration::from_millis(self.chance.between(LIFE_MS.0, LIFE_MS.1))
    }

    /// Kills the relay and starts it again; now and then that start is cut off by a kill, and the next.
    pub(super) async fn kill_and_start(&mut self) -> Outcome<()> {
        self.kill().await?;
        while self.chance.once_in(CUT_OFF) {
            self.prepare();
            let moment = Duration::from_millis(self.chance.between(0, START_MS));
            let cut_off = match timeout(moment, self.relay.start()).await {
                Ok(started) => {
                    started?;
                    false
                }
                Err(_) => true,
            };
            self.kill().await?;
            self.common.ledger().seen.kills_in_start += u64::from(cut_off);
        }
        self.start().await
    }

    /// Kills it, and starts it again without any more kills.
    pub(super) async fn kill_and_start_once(&mut self) -> Outcome<()> {
        self.kill().await?;
        self.start().await
    }

    /// Ends it gently.
    pub(super) async fn end(mut self) -> Outcome<()> {
        self.relay.stop().await
    }

    async fn start(&mut self) -> Outcome<()> {
        self.prepare();
        self.relay.start().await?;
        self.places.send_replace(self.relay.address()?.clone());
        Ok(())
    }

    /// Anybody may take the port while the relay is down: it gets another. Holds wait a second after an outage, or not
    /// at all: then they are released while everybody is coming back.
    fn prepare(&mut self) {
        self.relay.forget_port();
        let wait_s = self.chance.between(0, 1);
        self.relay.set_flag(&format!("--outage-wait-s={wait_s}"));
    }

    async fn kill(&mut self) -> Outcome<()> {
        if let Some(status) = self.relay.ended()? {
            return Err(format!("the relay ended by itself: {status}").into());
        }
        self.relay.kill_nine().await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.common.ledger().kills.note(u64::try_from(now.as_millis())?);
        Ok(())
    }
}
