//! Whatever happens, what comes to her devices does not depend on whether the circle knows.

use proptest::prelude::*;
use velar_protocol::circle::{AlertId, EventKind, StandDown};

use super::{check_in, circle};
use crate::device::tests::office::World;
use crate::outbox::Class;
use crate::records::{DeliveryKind, OutgoingKind, What};

/// What people do after that moment.
#[derive(Clone, Debug)]
enum Step {
    CheckIn,
    Say(&'static str),
    SayToOne,
    Panic,
    StandDown,
    OwnNote,
    Claim(&'static str),
    Release(&'static str),
    Confirm(&'static str),
    /// Done only where it is known that she is under duress.
    Note(&'static str),
    Close(&'static str),
    Take(&'static str),
    Pass(u64),
    Carry(&'static str),
    Settle,
    Lose(&'static str),
}

fn other() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("Luz"), Just("Eva")]
}

fn anybody() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("Luz"), Just("Eva"), Just("Ana")]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::CheckIn),
        2 => anybody().prop_map(Step::Say),
        1 => Just(Step::SayToOne),
        2 => Just(Step::Panic),
        2 => Just(Step::StandDown),
        1 => Just(Step::OwnNote),
        3 => other().prop_map(Step::Claim),
        1 => other().prop_map(Step::Release),
        2 => other().prop_map(Step::Confirm),
        2 => other().prop_map(Step::Note),
        1 => other().prop_map(Step::Close),
        2 => other().prop_map(Step::Take),
        2 => (1_u64..2_000).prop_map(Step::Pass),
        4 => anybody().prop_map(Step::Carry),
        3 => Just(Step::Settle),
        1 => other().prop_map(Step::Lose),
    ]
}

/// What somebody with her device, and a look at her mailbox, can tell.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// Messages queued for her: class, bytes, parts.
    queued: Vec<(&'static str, Class, usize, Option<u8>)>,
    /// Envelopes of her own: class, to whom, which part.
    own: Vec<(Class, bool, u8)>,
    shown: Vec<String>,
    alerts: Vec<String>,
}

fn run(steps: &[Step], duress: bool) -> Vec<Seen> {
    let mut world = circle();
    check_in(&mut world, "Ana");
    world.settle();
    world.person("Ana").reopen(duress);
    check_in(&mut world, "Ana");
    world.settle();
    let mut seen = Vec::new();
    let mut closed = false;
    for step in steps {
        act(&mut world, step, duress, &mut closed);
        seen.push(look(&mut world));
    }
    world.settle();
    seen.push(look(&mut world));
    for name in super::OTHERS {
        let now_s = world.now_s;
        let all = world.device(name).alerts(false, now_s).unwrap();
        let known = all.iter().any(|view| super::reasons(view).contains(&super::Reason::Duress));
        assert_eq!(known, duress, "{name}");
    }
    super::knows_nothing(&mut world, "Ana");
    seen
}

/// The alert that her device shows, if any.
fn hers(world: &mut World) -> Option<AlertId> {
    let now_s = world.now_s;
    let views = world.device("Ana").alerts(true, now_s).unwrap();
    views.last().map(|view| view.alert.id)
}

/// Whether this device has heard her raise this alert.
fn knows_panic(world: &mut World, name: &'static str, alert: AlertId) -> bool {
    let now_s = world.now_s;
    let views = world.device(name).alerts(false, now_s).unwrap();
    let known = views.iter().find(|view| view.alert.id == alert);
    known.is_some_and(|view| super::reasons(view).contains(&super::Reason::Panic))
}

fn act(world: &mut World, step: &Step, duress: bool, closed: &mut bool) {
    let now_s = world.now_s;
    let alert = hers(world);
    let luz = world.person("Luz").member();
    // What is not possible here and now is not done.
    match (step, alert) {
        (Step::CheckIn, _) => check_in(world, "Ana"),
        (Step::Say(name), _) => drop(world.device(name).say("hola", &[], now_s)),
        (Step::SayToOne, _) => drop(world.device("Ana").say("hola", &[luz], now_s)),
        (Step::Panic, _) => drop(world.device("Ana").panic("ayuda", now_s)),
        (Step::StandDown, Some(alert)) => drop(world.device("Ana").stand_down(alert, "", now_s)),
        (Step::OwnNote, Some(alert)) => drop(world.device("Ana").note(alert, "sigo", now_s)),
        (Step::Claim(name), Some(alert)) if knows_panic(world, name, alert) => {
            drop(world.device(name).claim(alert, now_s));
        }
        // A claim that a closing has ended cannot be given back.
        (Step::Release(name), Some(alert)) if !*closed => {
            drop(world.device(name).release(alert, "", now_s));
        }
        (Step::Confirm(name), Some(alert)) => {
            drop(world.device(name).confirm_stand_down(alert, now_s));
        }
        (Step::Note(_) | Step::Close(_) | Step::Take(_), _) => {
            *closed |= matches!(step, Step::Close(_));
            if duress {
                act_on_duress(world, step);
            }
        }
        (Step::Pass(seconds), _) => world.now_s += seconds,
        (Step::Carry(name), _) => drop(world.carry(name)),
        (Step::Settle, _) => world.settle(),
        (Step::Lose(name), _) => world.meddle(name, std::collections::VecDeque::clear),
        _ => {}
    }
}

fn act_on_duress(world: &mut World, step: &Step) {
    let now_s = world.now_s;
    let all = world.device("Ana").alerts(false, now_s).unwrap();
    let about_her = |world: &mut World, name: &'static str| {
        let views = world.device(name).alerts(true, now_s).unwrap();
        views.iter().map(|view| view.alert.id).next()
    };
    match step {
        Step::Note(name) => {
            if let Some(alert) = about_her(world, name) {
                world.device(name).note(alert, "la tienen", now_s).unwrap();
            }
        }
        Step::Close(name) => {
            if let Some(alert) = about_her(world, name) {
                world.device(name).close(alert, "está libre", now_s).unwrap();
            }
        }
        // Before she has raised anything herself: after, she is told who takes it.
        Step::Take(name) if all.is_empty() => {
            if let Some(alert) = about_her(world, name) {
                world.device(name).claim(alert, now_s).unwrap();
            }
        }
        _ => {}
    }
}

fn look(world: &mut World) -> Seen {
    let mut seen = Seen::default();
    let (now_s, ana) = (world.now_s, world.person("Ana").member());
    for name in super::OTHERS {
        let queued = world.device(name).vault.read(|tx| tx.list::<DeliveryKind>()).unwrap();
        let for_her = queued.iter().map(|(_, d)| d).filter(|d| d.to == ana);
        seen.queued.extend(for_her.map(|d| (name, d.class, d.bytes.len(), d.parts)));
    }
    let luz = world.person("Luz").member();
    let own = world.device("Ana").vault.read(|tx| tx.list::<OutgoingKind>()).unwrap();
    seen.own = own.iter().map(|(_, out)| (out.class, out.to == luz, out.index)).collect();
    let names: Vec<_> =
        ["Ana", "Luz", "Eva"].map(|name| (world.person(name).member(), name)).into();
    let name = |id| names.iter().find(|(member, _)| *member == id).map_or("?", |(_, name)| name);
    seen.shown = world
        .person("Ana")
        .shown
        .iter()
        .map(|item| {
            let from = item.from.map_or("-", name);
            let what = match &item.what {
                What::Said { text, .. } => text.clone(),
                What::CheckedIn(said) => format!("check-in {}", said.counter),
                What::Alert { event, told_by } => {
                    format!("{} {:?}", event_shape(&event.kind), told_by.map(name))
                }
                What::Unopened { .. } => "unopened".into(),
                _ => "other".into(),
            };
            format!("{} {from}: {what}", item.at_s)
        })
        .collect();
    for view in world.device("Ana").alerts(false, now_s).unwrap() {
        let mut by: Vec<_> = view.alert.claims.iter().map(|claim| name(claim.by)).collect();
        by.sort_unstable();
        let stood = match view.alert.stand_down {
            StandDown::None => "no",
            StandDown::Asked(_) => "asked",
            StandDown::Confirmed(..) => "confirmed",
        };
        let open = view.alert.is_open();
        let reasons = view.alert.reasons.len();
        seen.alerts.push(format!("{open} {reasons} {by:?} {stood} {}", view.events.len()));
    }
    seen
}

fn event_shape(kind: &EventKind) -> String {
    match kind {
        EventKind::Raised { reason, text, .. } => format!("raised {reason:?} {text}"),
        EventKind::Claimed { over } => format!("claimed over {}", over.len()),
        EventKind::Released { claims, text } => format!("released {} {text}", claims.len()),
        EventKind::Note { text } => format!("note {text}"),
        EventKind::StandDownAsked { saw, text } => format!("asked {} {text}", saw.len()),
        EventKind::StandDownConfirmed { asked, saw } => {
            format!("confirmed {} {}", asked.len(), saw.len())
        }
        EventKind::Closed { saw, text } => format!("closed {} {text}", saw.len()),
        EventKind::HandOver { claims, text, .. } => format!("handed {} {text}", claims.len()),
    }
}

/// Each case forms two circles: few here, more where `PROPTEST_CASES` asks for them.
fn config() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig { max_shrink_iters: 20, ..ProptestConfig::default() };
    ProptestConfig { cases: if asked { default.cases } else { 4 }, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_that_comes_to_her_depends_on_it(steps in prop::collection::vec(step(), 5..30)) {
        let usual = run(&steps, false);
        let duress = run(&steps, true);
        for (n, (usual, duress)) in usual.iter().zip(&duress).enumerate() {
            prop_assert_eq!(usual, duress, "after step {} of {:?}", n, steps);
        }
    }
}
