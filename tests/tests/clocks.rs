//! Clocks that are wrong, set, changed to summer time, and far apart, over the real programs: nothing is lost, and what it
//! means is said with the next step, in both languages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod of_three;

use std::time::Duration;

use serde_json::Value;
use velar::net::Purpose;
use velar_protocol::wire::ClockJump;
use velar_tests::clock::SetClock;
use velar_tests::load::{Outcome, info};
use velar_tests::person::Person;

use self::of_three::OfThree;

const DAY_S: i64 = 86_400;

/// Another clock than the one that all have; right, until it is set.
fn another_clock(circle: &OfThree) -> Outcome<SetClock> {
    let folder = circle.root.path().join("another clock");
    std::fs::create_dir(&folder)?;
    SetClock::new(&folder)
}

/// What somebody's status says of Ana.
async fn ana_at(person: &Person) -> Outcome<Value> {
    let (_, status) = person.json(&["status"]).await?;
    let members = status["members"].as_array().ok_or("no members")?;
    Ok(members.iter().find(|member| member["name"] == "Ana").ok_or("no Ana")?.clone())
}

/// Until when Ana is waited for, as somebody's status says: whole minutes after she spoke, at this time or within the minute.
async fn waits_until(person: &Person, at_s: i64) -> Outcome<()> {
    let due_s = ana_at(person).await?["due_s"].as_i64().ok_or("nobody waits for Ana")?;
    assert!((at_s..at_s + 60).contains(&due_s), "{due_s}, not {at_s}");
    Ok(())
}

async fn open_alerts(person: &Person) -> Outcome<usize> {
    let (_, alerts) = person.json(&["alerts"]).await?;
    Ok(alerts["alerts"].as_array().ok_or("no alerts")?.len())
}

/// Unix seconds of a minute in UTC.
fn utc(days_since_epoch: i64, hour: i64, minute: i64) -> i64 {
    days_since_epoch * DAY_S + hour * 3_600 + minute * 60
}

fn has_both(both: &[(i32, String); 2], spanish: &str, english: &str) {
    assert!(both[0].1.contains(spanish), "{spanish}: {}", both[0].1);
    assert!(both[1].1.contains(english), "{english}: {}", both[1].1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_while_a_terminal_watches_is_said_and_keeps_nothing_back() -> Outcome<()>
{
    let (circle, _) = OfThree::form_at(None).await?;
    let OfThree { luz, eva, ana, .. } = &circle;
    let theirs = another_clock(&circle)?;
    let mut luzs = luz.with_clock(&theirs).speaking("es").watch(&["--plain"]).await?;
    let mut evas = eva.with_clock(&theirs).speaking("en").watch(&["--plain"]).await?;
    ana.run(&["plan", "set", "--every", "60"]).await?;
    for watch in [&mut luzs, &mut evas] {
        watch.line_with("Ana").await?;
    }

    // By half a minute more than is said: whole minutes, rounded down.
    theirs.set_by(-DAY_S - 30)?;
    luzs.line_with("!!! El reloj de este equipo se ATRASÓ 1440 minutos. Los plazos se cuidan igual. Revisa la hora de este equipo.").await?;
    evas.line_with("!!! The clock of this device was set BACK by 1440 minutes. Deadlines are kept all the same. Check the time of this device.").await?;
    ana.run(&["panic", "me siguen", "--wait", "5"]).await?;
    for watch in [&mut luzs, &mut evas] {
        watch.line_with("me siguen").await?;
    }

    theirs.set_by(DAY_S)?;
    luzs.line_with("!!! El reloj de este equipo se ADELANTÓ 2880 minutos. Puede parecer que alguien se atrasó sin que sea así. Revisa la hora de este equipo.").await?;
    evas.line_with("!!! The clock of this device was set AHEAD by 2880 minutes. Somebody may look late who is not. Check the time of this device.").await?;
    // By that clock she is late: it is said as an alert, not kept back.
    luzs.line_with("Ana: reporte atrasado").await?;
    evas.line_with("Ana: check-in overdue").await?;

    theirs.set_by(-30)?;
    luzs.line_with("se ATRASÓ 1440 minutos").await?;
    evas.line_with("was set BACK by 1440 minutes").await?;
    ana.run(&["checkin", "--note", "ya en casa"]).await?;
    for watch in [&mut luzs, &mut evas] {
        watch.line_with("ya en casa").await?;
    }
    assert_eq!(ana_at(luz).await?["late"], false);
    luz.must(&["close", "--unconfirmed", "en casa"]).await?;
    evas.line_with("is closed by Luz").await?;
    for watch in [luzs, evas] {
        assert!(watch.stop().await?.0.success());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_in_by_a_clock_that_is_a_day_wrong_arrives_and_says_to_look_at_it() -> Outcome<()> {
    let (circle, _) = OfThree::form_at(None).await?;
    let OfThree { luz, eva, ana, .. } = &circle;
    let hers = another_clock(&circle)?;
    let ana = &ana.with_clock(&hers);
    let mut watch = eva.watch(&["--plain"]).await?;
    ana.run(&["plan", "set", "--every", "60"]).await?;
    let (spanish, english) = (
        "El reloj de este equipo y el del servidor difieren por 1440 minutos. Revisa la hora de este equipo.",
        "This device's clock and the relay's differ by 1440 minutes. Check the time of this device.",
    );
    hers.set_by(DAY_S + 30)?;
    let both = ana.in_both(&["checkin", "--note", "ahead"]).await?;
    has_both(&both, spanish, english);
    has_both(&ana.in_both(&["status"]).await?, spanish, english);
    for _ in 0..2 {
        watch.line_with("ahead").await?;
    }
    // Until when she is waited for is counted from when it came.
    let now_s = i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_secs())?;
    let due_s = ana_at(luz).await?["due_s"].as_i64().unwrap();
    assert!((now_s..now_s + 76 * 60).contains(&due_s), "{due_s} at {now_s}");
    assert_eq!(open_alerts(luz).await?, 0);

    hers.set_by(-DAY_S - 30)?;
    let both = ana.in_both(&["checkin", "--note", "behind"]).await?;
    has_both(&both, spanish, english);
    for _ in 0..2 {
        watch.line_with("behind").await?;
    }
    // So old, it does not tell that she is well now; whoever asks her closes it.
    watch.line_with("Ana: check-in overdue").await?;

    hers.set_by(0)?;
    let (_, english) = &ana.in_both(&["checkin", "--note", "right"]).await?[1];
    assert!(!english.contains("clock"), "{english}");
    watch.line_with("right").await?;
    assert_eq!(ana_at(luz).await?["late"], false);
    eva.must(&["close", "--unconfirmed", "her clock was wrong"]).await?;
    watch.line_with("is closed by Eva").await?;
    assert_eq!((open_alerts(luz).await?, open_alerts(eva).await?), (0, 0));
    watch.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relays_clock_that_was_set_is_said_and_no_device_is_blamed_for_it() -> Outcome<()> {
    let (circle, relays) = OfThree::form_at(None).await?;
    let right = another_clock(&circle)?;
    let (eva, ana) = (&circle.eva.with_clock(&right), &circle.ana.with_clock(&right));
    relays.set_by(DAY_S + 30)?;
    let asking = velar::net::Connector::new()?;
    let asking = asking.connect(circle.relay.address()?, Purpose::Read).await?;
    while info(&asking).await?.clock_jump == ClockJump::None {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let place = circle.relay.address()?.place();
    let set = (
        format!(
            "El servidor {place} dice que su reloj se adelantó 1440 minutos. Los plazos se cuidan igual. Avisa a quien opera el servidor."
        ),
        format!(
            "The relay {place} says that its clock was set forward by 1440 minutes. Deadlines are kept all the same. Tell whoever runs the relay."
        ),
    );
    let differs = (
        "Entre el reloj de este dispositivo y el del servidor hay 1440 minutos de diferencia. El servidor dice que su reloj se cambió. Compara la hora de este dispositivo con otro reloj.",
        "This device's clock and the relay's differ by 1440 minutes. The relay says that its own was set. Compare this device's time with another clock.",
    );
    for (said, of_set) in [
        (ana.in_both(&["status"]).await?, true),
        (ana.in_both(&["relays", "list"]).await?, true),
        (ana.in_both(&["checkin"]).await?, false),
    ] {
        if of_set {
            has_both(&said, &set.0, &set.1);
        }
        for (_, said) in &said {
            assert!(!said.contains("Revisa la hora") && !said.contains("Check the time"), "{said}");
        }
    }
    has_both(&ana.in_both(&["status"]).await?, differs.0, differs.1);
    has_both(&ana.in_both(&["checkin"]).await?, differs.0, differs.1);
    let (_, status) = ana.json(&["status"]).await?;
    let by_s = status["relay_clocks"][0]["set_by_s"].as_i64().unwrap();
    assert!((DAY_S..DAY_S + 60).contains(&by_s), "{status}");
    let (_, relays) = ana.json(&["relays", "list"]).await?;
    assert_eq!(relays["relays"][0]["clock_set_by_s"], by_s);
    let mut watch = eva.speaking("en").watch(&["--plain"]).await?;
    watch.line_with(differs.1).await?;
    watch.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_goes_on_by_local_time_when_the_clocks_are_put_forward() -> Outcome<()> {
    // Saturday, 2027-03-13, 18:00 in Tijuana; that night 03:00 comes after 01:59.
    let (saturday, sunday) = (20_890, 20_891);
    let (circle, clock) = OfThree::form_at(Some(utc(sunday, 2, 0))).await?;
    let luz = &circle.luz.in_zone("America/Mexico_City");
    let ana = &circle.ana.in_zone("America/Tijuana");
    assert_eq!(saturday + 1, sunday);
    let set = ["plan", "set", "--at", "02:30,09:00", "--zone", "America/Tijuana", "--grace", "20"];
    has_both(
        &ana.in_both(&set).await?,
        "Siguiente reporte: antes de 2027-03-14 03:00",
        "Next check-in: before 2027-03-14 03:00",
    );
    // 02:30 is not shown that night: the first moment after, 10:00 UTC, is 04:00 in Mexico.
    waits_until(luz, utc(sunday, 10, 20)).await?;
    has_both(
        &luz.in_both(&["status"]).await?,
        "el siguiente antes de 2027-03-14 04:20",
        "next before 2027-03-14 04:20",
    );

    clock.set_to(utc(sunday, 9, 59))?;
    let both = ana.in_both(&["checkin"]).await?;
    // It is 01:59 there; the next hour is that of summer.
    has_both(&both, "Siguiente reporte: antes de 09:00", "Next check-in: before 09:00");
    waits_until(luz, utc(sunday, 16, 20)).await?;
    clock.set_to(utc(sunday, 16, 19))?;
    assert_eq!(open_alerts(luz).await?, 0, "an hour later by winter's time she would not be late");
    clock.set_to(utc(sunday, 16, 22))?;
    has_both(&luz.in_both(&["alerts"]).await?, "Ana: reporte atrasado", "Ana: check-in overdue");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_goes_on_by_local_time_when_the_clocks_are_put_back() -> Outcome<()> {
    // Saturday, 2027-11-06, 20:00 in Tijuana; that night 01:30 comes at 08:30 and at 09:30 UTC.
    let sunday = 21_129;
    let (circle, clock) = OfThree::form_at(Some(utc(sunday, 3, 0))).await?;
    let (luz, ana) = (&circle.luz, &circle.ana.in_zone("America/Tijuana"));
    let set = ["plan", "set", "--at", "01:30,09:00", "--zone", "America/Tijuana", "--grace", "20"];
    has_both(
        &ana.in_both(&set).await?,
        "Siguiente reporte: antes de 2027-11-07 01:30",
        "Next check-in: before 2027-11-07 01:30",
    );
    waits_until(luz, utc(sunday, 8, 50)).await?;
    clock.set_to(utc(sunday, 8, 31))?;
    let both = ana.in_both(&["checkin"]).await?;
    has_both(&both, "Siguiente reporte: antes de 09:00", "Next check-in: before 09:00");
    // 09:00 in winter: 17:00 UTC. The second 01:30 asks for nothing.
    waits_until(luz, utc(sunday, 17, 20)).await?;
    clock.set_to(utc(sunday, 9, 55))?;
    assert_eq!(open_alerts(luz).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_a_day_apart_by_their_zones_wait_for_the_same_moment() -> Outcome<()> {
    // Sunday, 2027-01-10, 20:00 UTC: Monday, 10:00 in Kiritimati; Sunday, 09:00 in Pago Pago.
    let day = 20_828;
    let (circle, clock) = OfThree::form_at(Some(utc(day, 20, 0))).await?;
    let ana = &circle.ana.in_zone("Pacific/Kiritimati");
    let luz = &circle.luz.in_zone("Pacific/Pago_Pago");
    let eva = &circle.eva.in_zone("America/Mexico_City");
    let set = ["plan", "set", "--at", "09:00", "--zone", "Pacific/Kiritimati", "--grace", "15"];
    let both = ana.in_both(&set).await?;
    has_both(
        &both,
        "Siguiente reporte: antes de 2027-01-12 09:00",
        "Next check-in: before 2027-01-12 09:00",
    );
    has_both(&both, "(Pacific/Kiritimati)", "(Pacific/Kiritimati)");
    for (person, due) in [(luz, "2027-01-11 08:15"), (eva, "2027-01-11 13:15")] {
        waits_until(person, utc(day + 1, 19, 15)).await?;
        has_both(
            &person.in_both(&["status"]).await?,
            &format!("el siguiente antes de {due}"),
            &format!("next before {due}"),
        );
    }
    clock.set_to(utc(day + 1, 19, 14))?;
    for person in [luz, eva] {
        assert_eq!(open_alerts(person).await?, 0);
    }
    clock.set_to(utc(day + 1, 19, 17))?;
    for person in [luz, eva] {
        has_both(
            &person.in_both(&["alerts"]).await?,
            "Ana: reporte atrasado",
            "Ana: check-in overdue",
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_days_without_a_network_everything_is_there_and_what_is_open_rings()
-> Outcome<()> {
    let (circle, clock) = OfThree::form_at(Some(utc(20_828, 20, 0))).await?;
    let OfThree { luz, eva, ana, .. } = &circle;
    ana.run(&["plan", "set", "--every", "60", "--grace", "15"]).await?;
    luz.must(&["status"]).await?;
    eva.must(&["status"]).await?;
    // Ana and Luz are away from here on. Eva writes, and finds that Ana is silent.
    eva.run(&["say", "nos vemos a las seis"]).await?;
    clock.set_to(utc(20_828, 21, 17))?;
    has_both(&eva.in_both(&["alerts"]).await?, "Ana: reporte atrasado", "Ana: check-in overdue");
    eva.must(&["claim"]).await?;
    eva.must(&["note", "busco a su hermana"]).await?;

    clock.set_to(utc(20_831, 20, 0))?;
    // Whoever comes back sees first how it stands now; the claim went quiet days ago.
    let mut watch = luz.speaking("es").watch(&["--plain"]).await?;
    for said in
        ["nos vemos a las seis", "busco a su hermana", "reporte atrasado", "NADIE la ha tomado"]
    {
        watch.line_with(said).await?;
    }
    watch.stop().await?;
    has_both(&luz.in_both(&["alerts"]).await?, "Ana: reporte atrasado", "Ana: check-in overdue");

    // Ana hears of it, and what to do.
    has_both(
        &ana.in_both(&["status"]).await?,
        "Tu reporte tocaba antes de 2027-01-10 21:00: velar checkin",
        "Your check-in was due before 2027-01-10 21:00: velar checkin",
    );
    for (_, inbox) in ana.in_both(&["inbox", "--all"]).await? {
        assert!(inbox.contains("nos vemos a las seis"), "{inbox}");
    }
    let mut watch = luz.watch(&["--plain"]).await?;
    ana.must(&["checkin", "--note", "sin señal en la sierra"]).await?;
    watch.line_with("sin señal en la sierra").await?;
    // That it is an alert about her she hears from those who have it, with what they say next.
    for minute in 1..=10 {
        clock.set_to(utc(20_831, 20, 2 * minute))?;
        if ana.must(&["checkin"]).await?.out.contains("stand-down") {
            break;
        }
    }
    has_both(&ana.in_both(&["checkin"]).await?, "velar stand-down", "velar stand-down");
    watch.stop().await?;
    for (_, inbox) in luz.in_both(&["inbox", "--all"]).await? {
        assert!(inbox.contains("sin señal en la sierra"), "{inbox}");
    }
    assert_eq!(ana_at(luz).await?["late"], false);
    assert_eq!(open_alerts(luz).await?, 1, "it stays open until somebody closes it");
    luz.must(&["close", "--unconfirmed", "hablamos"]).await?;
    assert_eq!((open_alerts(eva).await?, open_alerts(ana).await?), (0, 0));
    Ok(())
}
