//! `velar watch`: an accompanier's post. Stays connected, shows each thing once, rings, and says loudly when
//! it hears nothing. Line by line; the same as JSON with `--json` (see `JSON.md`).

mod alarms;
mod connections;
mod deadlines;
mod end;
mod hook;
mod output;
mod rounds;
mod shift;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use velar_protocol::circle::AlertId;
use velar_protocol::seal::MemberId;
use velar_protocol::wire::RelayAddress;

use self::connections::{Connections, Say};
use self::deadlines::Deadlines;
use self::end::End;
use self::hook::{Hook, Trouble};
use self::output::Output;
use self::rounds::{Rounds, Rules};
use self::shift::Shift;
use super::items::Teller;
use super::show::{self, Who};
use super::{Context, carrier, newer};
use crate::cli::Watch;
use crate::device::{Device, DeviceError};
use crate::failure::{Exit, Failure, net_reason, reason};
use crate::kit;
use crate::link::{Difference, Happened, Link, now_s};
use crate::net::NetError;
use crate::records::What;
use crate::text::t;

/// Name of this reader's cursor.
const CURSOR: &str = "watch";

/// How long ringing waits for a backlog: what was raised and closed meanwhile does not ring.
const BACKLOG: Duration = Duration::from_secs(5);

/// Ringing waits for a backlog again when it has not for so long.
const AWAY: Duration = Duration::from_secs(30);

/// A clock that is wrong is said again after this long.
const CLOCK_AGAIN_S: u64 = 3600;

/// How long until a vault that could not be written is tried again.
const VAULT_WAIT: Duration = Duration::from_secs(5);

/// A vault that cannot be written is said again after this long.
const VAULT_AGAIN: Duration = Duration::from_secs(60);

/// Time is looked at this often when nothing happens.
const TICK: Duration = Duration::from_millis(500);

pub(super) async fn run(context: &Context, args: Watch) -> Result<Exit, Failure> {
    let device = context.device()?;
    let mut post = Post::new(context, device, args.exec, Shift::new(!args.off_shift))
        .map_err(|end| end.failure(context))?;
    post.started().map_err(|end| end.failure(context))?;
    let watched = loop {
        // What was on its way to the vault is not acknowledged: through a new link it comes again.
        let mut link = carrier::link(context, !args.off_shift)?;
        let watched = post.watch(&mut link).await;
        let passes = matches!(&watched, Err(end) if end.may_pass());
        if !passes && post.sign_off(&mut link).await.is_err() {
            tracing::warn!("that this watch ends could not be said");
        }
        link.finish().await;
        match watched {
            Err(end) if end.may_pass() => match post.wait_for_vault(end).await {
                Ok(()) if context.stop.is_told() => break Ok(()),
                Ok(()) => {}
                failed => break failed,
            },
            watched => break watched,
        }
    };
    watched.and_then(|()| post.stopped()).map_err(|end| end.failure(context))?;
    Ok(Exit::Done)
}

/// The watch.
struct Post<'a> {
    context: &'a Context,
    device: Device,
    out: Output<'a>,
    who: Who,
    position: u64,
    rules: Rules,
    shift: Shift,
    connections: Connections,
    rounds: Rounds,
    deadlines: Deadlines,
    ring_from: Instant,
    hook: Option<Hook>,
    clocks: BTreeMap<String, u64>,
    unsent: usize,
    /// Alerts that were open here at the start, until they are told.
    untold: Vec<AlertId>,
    vault_said: Option<Instant>,
}

impl<'a> Post<'a> {
    fn new(
        context: &'a Context,
        mut device: Device,
        exec: Option<String>,
        shift: Shift,
    ) -> Result<Self, End> {
        let who = Who::of(context, &mut device)?;
        let agreement = device.circle()?.agreement;
        Ok(Self {
            context,
            out: Output::new(context),
            who,
            position: device.cursor(CURSOR)?,
            rules: Rules::from(&agreement),
            shift,
            connections: Connections::default(),
            rounds: Rounds::default(),
            deadlines: Deadlines::default(),
            ring_from: Instant::now() + BACKLOG,
            hook: exec.map(Hook::new),
            clocks: BTreeMap::new(),
            unsent: 0,
            untold: Vec::new(),
            vault_said: None,
            device,
        })
    }

    async fn watch(&mut self, link: &mut Link) -> Result<(), End> {
        self.items()?;
        self.belongs()?;
        let mut looked = Instant::now();
        loop {
            let happened = tokio::select! {
                happened = link.step(&mut self.device, tokio::time::Instant::now() + TICK) => happened?,
                () = self.context.stop.wait() => return Ok(()),
            };
            let mut changed = false;
            for one in happened {
                changed |= matches!(one, Happened::Changed | Happened::CaughtUp(_));
                self.happened(one)?;
            }
            if changed {
                self.items()?;
                self.belongs()?;
                self.agreed()?;
            }
            if changed || looked.elapsed() >= TICK {
                looked = Instant::now();
                self.look(changed)?;
            }
            if self.deadlines.asks() {
                link.ask();
            }
        }
    }

    /// Who was removed from the circle watches over nobody any more, and must not believe it.
    fn belongs(&mut self) -> Result<(), End> {
        if self.device.is_removed()? {
            kit::reconcile(&mut self.device, now_s())?;
            self.out.bell()?;
            return Err(DeviceError::Removed.into());
        }
        Ok(())
    }

    /// Takes over what the circle has agreed, and who is in it.
    fn agreed(&mut self) -> Result<(), End> {
        self.rules = Rules::from(&self.device.circle()?.agreement);
        self.who = Who::of(self.context, &mut self.device)?;
        let homes = self.device.homes()?.into_iter().filter(|home| home.left_s.is_none());
        self.connections.use_only(&homes.map(|home| home.relay).collect::<Vec<_>>());
        Ok(())
    }

    fn time(&self) -> String {
        self.context.clock.stamp(now_s())
    }

    /// Who watches what.
    fn started(&mut self) -> Result<(), End> {
        let text = &self.context.text;
        let circle = crate::terminal::clean(&self.device.circle()?.name);
        let name = self.who.my_name();
        let on_shift = self.shift.is_on();
        let kept = self.device.newer()?;
        let data = json!({
            "circle": circle, "name": name, "on_shift": on_shift,
            "newer_messages": newer::json(Some(&self.who), &kept), "newer_envelopes": kept.envelopes,
        });
        let line = t!(text, "watch-started", time = self.time(), circle = circle, name = name);
        self.out.tell("started", data, &line)?;
        if !on_shift && !self.context.json {
            self.out.lines(&[t!(text, "watch-off-shift", time = self.time())])?;
        }
        if !self.context.json {
            self.out.lines(&newer::lines(self.context, Some(&self.who), &kept))?;
        }
        for home in self.device.homes()? {
            let in_use = home.left_s.is_none();
            if let Some(say) = self.connections.connecting(&home.relay, in_use) {
                self.connection(&home.relay.place(), &say, None)?;
            }
        }
        let open = self.device.alerts(true, now_s())?;
        self.untold = open.into_iter().map(|view| view.alert.id).collect();
        Ok(())
    }

    /// Shows what has come since the last time. The cursor follows each line that has left this process:
    /// after a crash at most the last one comes again, with the same number.
    fn items(&mut self) -> Result<(), End> {
        let items = self.device.items_after(self.position)?;
        if items.is_empty() {
            return Ok(());
        }
        self.who = Who::of(self.context, &mut self.device)?;
        let teller = Teller::new(self.context, &self.who, &mut self.device, now_s())?;
        let mut unsaved = None;
        for (n, item) in items {
            if self.context.json {
                self.out.object(&teller.json(n, &item))?;
            } else {
                self.out.lines(&teller.lines(&item))?;
            }
            // Whatever becomes of the cursor, what follows is shown too.
            self.position = n;
            if matches!(item.what, What::Newer { .. }) {
                self.out.bell()?;
                if let Some(hook) = &mut self.hook {
                    hook.ring(None, "newer-version", false);
                }
            }
            match self.device.set_cursor(CURSOR, n).map_err(End::from) {
                Err(end) if end.may_pass() => unsaved = Some(end),
                saved => saved?,
            }
        }
        unsaved.map_or(Ok(()), |end| self.say_vault(end))
    }

    fn happened(&mut self, happened: Happened) -> Result<(), End> {
        match happened {
            Happened::Connected(relay) => {
                // After a while without connection there is a backlog again. A connection that comes and goes holds up nothing.
                if self.ring_from.elapsed() >= AWAY {
                    self.ring_from = Instant::now() + BACKLOG;
                }
                self.unsent = 0;
                match self.connections.connected(&relay) {
                    Some(say) => self.connection(&relay.place(), &say, None),
                    None => Ok(()),
                }
            }
            Happened::CaughtUp(relay) => match self.connections.caught_up(&relay) {
                Some(say) => self.connection(&relay.place(), &say, None),
                None => Ok(()),
            },
            Happened::Disconnected(relay, error) => match self.connections.lost(&relay, now_s()) {
                Some(say) => self.connection(&relay.place(), &say, Some(&error)),
                None => Ok(()),
            },
            Happened::NotOpened(relay, error) => self.not_opened(&relay, &error),
            Happened::NoRoomFor(relay, members) => self.no_room_for(&relay, &members),
            Happened::CannotSend(relay, error) => self.cannot_send(&relay, &error),
            Happened::ClockDiffers(relay, differs) => self.clock_differs(&relay, differs),
            // For whoever asks how this device stands; a terminal that is watched is for people.
            Happened::RelayClockSet(..) => Ok(()),
            Happened::Answered(relay) => {
                if self.read_relays()?.contains(&relay) {
                    self.deadlines.answered();
                }
                Ok(())
            }
            Happened::Changed => Ok(()),
        }
    }

    fn connection(&self, relay: &str, say: &Say, error: Option<&NetError>) -> Result<(), End> {
        let text = &self.context.text;
        let time = self.time();
        let mut data = json!({"relay": relay});
        let (kind, line) = match say {
            Say::Connecting => {
                ("connecting", t!(text, "watch-connecting", time = time, relay = relay))
            }
            Say::Connected => {
                ("connected", t!(text, "watch-connected", time = time, relay = relay))
            }
            Say::CaughtUp => ("caught-up", t!(text, "watch-caught-up", time = time)),
            Say::Lost => {
                ("disconnected", t!(text, "watch-disconnected", time = time, relay = relay))
            }
            Say::LostOne => {
                show::set(&mut data, "reached", json!(true));
                let line = t!(text, "watch-disconnected-one", time = time, relay = relay);
                ("disconnected", line)
            }
            Say::StillLost { since_s } => {
                show::set(&mut data, "since_s", json!(since_s));
                let since = self.context.clock.moment(*since_s, now_s());
                let line =
                    t!(text, "watch-still-disconnected", time = time, relay = relay, since = since);
                ("still-disconnected", line)
            }
        };
        let mut line = line;
        if let Some(error) = error {
            let why = net_reason(error, text);
            line = format!("{line} ({why})");
            show::set(&mut data, "reason", json!(why));
        }
        Ok(self.out.tell(kind, data, &line)?)
    }

    /// What this device has to say does not get out; said when it begins, not at each attempt.
    fn cannot_send(&mut self, relay: &RelayAddress, error: &NetError) -> Result<(), End> {
        let (_, unsent) = self.device.unfinished()?;
        if unsent == 0 || unsent == self.unsent {
            return Ok(());
        }
        self.unsent = unsent;
        let text = &self.context.text;
        let why = net_reason(error, text);
        let data = json!({"relay": relay.place(), "count": unsent, "reason": why});
        let line = t!(text, "watch-unsent", time = self.time(), count = unsent);
        Ok(self.out.tell("unsent", data, &format!("{line} ({why})"))?)
    }

    /// What some people send to this device is refused.
    fn not_opened(&self, relay: &RelayAddress, error: &NetError) -> Result<(), End> {
        let why = net_reason(error, &self.context.text);
        let place = relay.place();
        let data = json!({"relay": place, "reason": why});
        let line =
            t!(self.context.text, "watch-not-opened", time = self.time(), relay = place, why = why);
        Ok(self.out.tell("not-opened", data, &line)?)
    }

    /// What these people send to this device through that relay is refused.
    fn no_room_for(&self, relay: &RelayAddress, members: &[MemberId]) -> Result<(), End> {
        let names: Vec<String> = members.iter().map(|member| self.who.name(*member)).collect();
        let (text, place) = (&self.context.text, relay.place());
        let data = json!({"relay": place, "names": names});
        let names = text.list(&names);
        let line = t!(text, "watch-no-room", time = self.time(), relay = place, names = names);
        Ok(self.out.tell("no-room-for", data, &line)?)
    }

    fn clock_differs(&mut self, relay: &RelayAddress, differs: Difference) -> Result<(), End> {
        let now = now_s();
        let said = self.clocks.get(&relay.place());
        if said.is_some_and(|said| now.abs_diff(*said) < CLOCK_AGAIN_S) {
            return Ok(());
        }
        self.clocks.insert(relay.place(), now);
        let Difference { by_s, relay_was_set } = differs;
        let data = json!({"relay": relay.place(), "seconds": by_s, "relay_was_set": relay_was_set});
        let (text, time, minutes) = (&self.context.text, self.time(), by_s / 60);
        let line = if relay_was_set {
            t!(text, "watch-clock-unclear", time = time, minutes = minutes)
        } else {
            t!(text, "watch-clock", time = time, minutes = minutes)
        };
        Ok(self.out.tell("clock-differs", data, &line)?)
    }

    /// What time brings: rings, lost connections, the hook, who watches, whether anybody reads this.
    fn look(&mut self, changed: bool) -> Result<(), End> {
        self.out.check()?;
        let now = now_s();
        self.presence(changed, now)?;
        for (host, say) in self.connections.look(now) {
            self.connection(&host, &say, None)?;
        }
        let settling = self.connections.is_catching_up() || self.connections.is_connecting();
        if !settling || Instant::now() >= self.ring_from {
            self.deadlines(now)?;
            self.open_alerts()?;
            self.ring(now)?;
        }
        if let Some(trouble) = self.hook.as_mut().and_then(Hook::tend) {
            self.hook_failed(&trouble)?;
        }
        match self.be_present(changed, now) {
            // It is said again at the next look; what rings must not end for it.
            Err(end) if end.may_pass() => self.say_vault(end)?,
            said => said?,
        }
        Ok(())
    }

    fn hook_failed(&self, trouble: &Trouble) -> Result<(), End> {
        let text = &self.context.text;
        let detail = match trouble {
            Trouble::Io(error) => reason(error, text),
            Trouble::Ended(Some(code)) => t!(text, "reason-exec-code", code = *code),
            Trouble::Ended(None) => t!(text, "reason-exec-killed"),
            Trouble::TooLong => t!(text, "reason-exec-long"),
        };
        let data = json!({"detail": detail});
        let line = t!(text, "watch-exec-failed", time = self.time(), detail = detail);
        Ok(self.out.tell("exec-failed", data, &line)?)
    }

    /// The vault cannot be written now: says so, rings for what is known, and waits a little.
    async fn wait_for_vault(&mut self, end: End) -> Result<(), End> {
        self.say_vault(end)?;
        match self.look(false) {
            Err(end) if end.may_pass() => {}
            looked => looked?,
        }
        tokio::select! {
            () = tokio::time::sleep(VAULT_WAIT) => {}
            () = self.context.stop.wait() => {}
        }
        Ok(())
    }

    fn say_vault(&mut self, end: End) -> Result<(), End> {
        if self.vault_said.is_none_or(|at| at.elapsed() >= VAULT_AGAIN) {
            self.vault_said = Some(Instant::now());
            let failure = end.failure(self.context);
            let why = failure.what();
            let line = t!(self.context.text, "watch-vault", time = self.time(), why = why);
            self.out.tell("vault-trouble", json!({"reason": why}), &line)?;
            self.out.bell()?;
        }
        Ok(())
    }

    fn stopped(&self) -> Result<(), End> {
        let line = t!(self.context.text, "watch-stopped", time = self.time());
        Ok(self.out.tell("stopped", json!({}), &line)?)
    }
}
