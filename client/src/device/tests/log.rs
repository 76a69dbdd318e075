//! The log that each device keeps of alerts.

use velar_protocol::circle::Role;

use super::office::World;
use crate::device::{Consent, Device};
use crate::log::{Details, Entry, Export, Fault, Field, LogRecord, Redaction, Wanted, What};
use crate::log::{check, check_chain, entry_key};
use crate::records::LogKind;

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

fn whats(device: &mut Device) -> Vec<What> {
    device.log().unwrap().entries.iter().filter_map(Entry::what).collect()
}

fn whole(device: &mut Device) -> Result<(), Fault> {
    let log = device.log().unwrap();
    check_chain(&log.entries, log.head)
}

/// An alert from its beginning to its end.
fn story(world: &mut World) -> String {
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("me siguen dos hombres", now_s).unwrap();
    world.settle();
    world.device("Eva").claim(alert, now_s + 10).unwrap();
    world.settle();
    world.device("Eva").note(alert, "hablé con Ana", now_s + 20).unwrap();
    world.settle();
    world.device("Ana").stand_down(alert, "ya estoy en casa", now_s + 30).unwrap();
    world.settle();
    world.device("Luz").confirm_stand_down(alert, now_s + 40).unwrap();
    world.settle();
    world.device("Luz").close(alert, "", now_s + 50).unwrap();
    world.settle();
    alert.short()
}

#[test]
fn each_device_logs_what_everybody_did_in_the_order_in_which_it_heard() {
    let mut world = circle();
    story(&mut world);
    let told = [
        What::Raised,
        What::Claimed,
        What::Note,
        What::StandDownAsked,
        What::StandDownConfirmed,
        What::Closed,
    ];
    for name in ["Luz", "Eva"] {
        assert_eq!(whats(world.device(name)), told, "{name}");
    }
    // Who raised it also logs whom it reached.
    let hers = whats(world.device("Ana"));
    assert_eq!(hers.iter().filter(|what| **what == What::Received).count(), 2);
    assert_eq!(hers.iter().copied().filter(|w| *w != What::Received).collect::<Vec<_>>(), told);
    for name in ["Luz", "Eva", "Ana"] {
        assert_eq!(whole(world.device(name)), Ok(()), "{name}");
    }
    let log = world.device("Luz").log().unwrap();
    let value = |n: usize, field| log.entries[n].value(field).unwrap_or_default().to_owned();
    assert_eq!(value(0, Field::AuthorName), "Ana");
    assert_eq!(value(0, Field::SubjectName), "Ana");
    assert_eq!(log.entries[0].text(Field::Text), "me siguen dos hombres");
    assert_eq!(value(1, Field::AuthorName), "Eva");
    assert_eq!(log.entries[4].pieces.iter().filter(|p| p.field == Field::Names).count(), 2);
}

#[test]
fn an_event_that_comes_twice_is_logged_once() {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Ana").panic("", now_s).unwrap();
    world.send("Ana", |_| true);
    world.meddle("Eva", |waiting| {
        let again: Vec<_> = waiting.iter().cloned().collect();
        waiting.extend(again);
    });
    world.settle();
    assert_eq!(whats(world.device("Eva")), [What::Raised]);
}

#[test]
fn it_is_logged_who_passed_an_alarm_on_and_that_its_author_said_it_later() {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Ana").panic("", now_s).unwrap();
    world.send("Ana", |_| true);
    let mut late = Vec::new();
    world.meddle("Eva", |waiting| late.extend(waiting.drain(..)));
    world.settle();
    world.now_s += 100;
    let now_s = world.now_s;
    world.device("Luz").say("¿ya sabes?", &[], now_s).unwrap();
    world.settle();
    let eva = world.device("Eva");
    assert_eq!(whats(eva), [What::Raised]);
    let first = eva.log().unwrap().entries.remove(0);
    assert_eq!(first.value(Field::AuthorName), Some("Ana"));
    assert_eq!(first.value(Field::BroughtByName), Some("Luz"));
    world.meddle("Eva", |waiting| waiting.extend(late));
    world.settle();
    let eva = world.device("Eva");
    assert_eq!(whats(eva), [What::Raised, What::FirstHand]);
    let second = eva.log().unwrap().entries.remove(1);
    assert_eq!(second.value(Field::EventId), first.value(Field::EventId));
    assert_eq!(whole(eva), Ok(()));
}

#[test]
fn a_consent_is_logged_before_anything_is_exported() {
    let mut world = circle();
    let alert = story(&mut world);
    let now_s = world.now_s;
    let text = "Ana, el 3 de mayo, para el mecanismo";
    let consent = Consent { alert: &alert, text, redacted: "everybody" };
    let luz = world.device("Luz");
    let log = luz.record_consent(&consent, now_s).unwrap();
    assert_eq!(check_chain(&log.entries, log.head), Ok(()));
    let last = log.entries.last().unwrap();
    assert_eq!((last.what(), last.text(Field::Consent)), (Some(What::Export), text.to_owned()));
    assert_eq!(last.value(Field::AuthorName), Some("Luz"), "who recorded it");
    let mine: Vec<&Entry> = log.entries.iter().collect();
    let redaction = Redaction::of(&Wanted::Everybody, &luz.people().unwrap(), &mine).unwrap();
    let details =
        Details { alert, exported_s: now_s, language: "es".to_owned(), notes: Vec::new() };
    let file = Export::of(&log.entries, &redaction, details).to_json();
    assert_eq!(check(&file, None).unwrap().shown, 7);
    for name in ["Ana", "Luz", "Eva"] {
        assert!(!file.contains(&format!("\"{name}\"")), "{name}");
    }
    let none = luz.record_consent(&Consent { alert: "00000000", text, redacted: "some" }, now_s);
    assert!(none.is_err());
}

#[test]
fn what_is_changed_in_the_vault_is_found_and_an_alarm_goes_on_all_the_same() {
    let mut world = circle();
    story(&mut world);
    let now_s = world.now_s;
    let forge = |device: &mut Device, n: u64, word: &str| {
        let mut entry = device.log().unwrap().entries[n as usize - 1].clone();
        entry.pieces.last_mut().unwrap().value = word.to_owned();
        device
            .write(now_s, |turn| {
                Ok(turn.tx.put::<LogKind>(&entry_key(n), &LogRecord::Entry(entry))?)
            })
            .unwrap();
    };
    let luz = world.device("Luz");
    forge(luz, 3, "otra");
    assert_eq!(whole(luz), Err(Fault::Changed(3)));

    let eva = world.device("Eva");
    let forget = |device: &mut Device, key: &[u8]| {
        device.write(now_s, |turn| Ok(turn.tx.delete::<LogKind>(key)?)).unwrap();
    };
    forget(eva, &entry_key(6));
    assert_eq!(whole(eva), Err(Fault::CutOff(5)));
    // Without the head the newest entry that is there is followed.
    forget(eva, &[]);
    world.device("Ana").panic("otra vez", now_s + 100).unwrap();
    world.settle();
    let eva = world.device("Eva");
    assert_eq!(whats(eva).last(), Some(&What::Raised));
    assert_eq!(whole(eva), Ok(()), "from here on it is a chain again");
}

#[test]
fn a_backup_brings_back_person_and_log_but_no_keys() {
    let mut world = circle();
    story(&mut world);
    let now_s = world.now_s;
    let ana = world.device("Ana");
    let backup = ana.backup(now_s).unwrap();
    let before = ana.identity();
    let names: Vec<&str> = backup.members.iter().map(|known| known.name.as_str()).collect();
    assert_eq!((names, backup.circle.as_deref()), (vec!["Luz", "Eva"], Some("Casa")));
    assert!(ana.restore(&backup, now_s).is_err(), "in a circle nothing is replaced");

    let new = world.device("Ana again");
    new.restore(&backup, now_s).unwrap();
    assert!(new.identity() != before, "a backup does not clone a device");
    assert_eq!(whole(new), Ok(()));
    assert_eq!(new.log().unwrap().head, backup.head);
    let person =
        |device: &mut Device| device.read(now_s, |turn| Ok(turn.profile()?.person)).unwrap();
    let (again, once) = (person(new), person(world.device("Ana")));
    assert!(again == once, "she cannot confirm her own stand-down");
    assert!(world.device("Ana again").restore(&backup, now_s).is_err(), "once");
}
