//! A relay that one member names is not connected to before the person says so, and that is said wherever it matters.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod of_three;

use std::io::ErrorKind;
use std::net::UdpSocket;

use serde_json::Value;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, program};
use velar_tests::process::RelayProcess;

use self::of_three::OfThree;

/// Stands where a relay was, and hears whether anybody calls there.
struct Listener(UdpSocket);

impl Listener {
    async fn in_place_of(relay: &mut RelayProcess) -> Outcome<Self> {
        relay.kill_nine().await?;
        let address = relay.address()?;
        let socket = UdpSocket::bind((address.host(), address.port()))?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// How many datagrams have come since this was last asked.
    fn heard(&self) -> usize {
        let mut count = 0;
        let mut datagram = [0; 2048];
        loop {
            match self.0.recv(&mut datagram) {
                Ok(_) => count += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return count,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// How this device stands with the only relay of others that it does not use itself: state, and how many are reached nowhere
/// else.
async fn standing(person: &Person) -> Outcome<(String, usize)> {
    let (_, status) = person.json(&["status"]).await?;
    let named = status["named_relays"].as_array().unwrap();
    assert_eq!(named.len(), 1, "{status}");
    let state = named[0]["state"].as_str().unwrap().to_owned();
    Ok((state, named[0]["only_for"].as_array().unwrap().len()))
}

/// What each of the others has got of the newest message, by name.
fn state<'a>(said: &'a Value, name: &str) -> &'a str {
    let people = said["people"].as_array().unwrap();
    people.iter().find(|one| one["name"] == name).unwrap()["state"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_only_one_names_is_not_called_before_a_yes_and_an_alarm_is_never_lost_in_silence()
-> Outcome<()> {
    let OfThree { luz, eva, ana, root, .. } = &OfThree::form().await?;
    let mut other =
        RelayProcess::init(&program("velar-relay")?, &root.path().join("other")).await?;
    other.start().await?;
    let (address, place) = (other.address()?.to_string(), other.address()?.place());

    // Luz is reached through a second relay, too; Eva's terminal says so in one line, and each status.
    let mut watch = eva.watch(&["--plain"]).await?;
    luz.must(&["relays", "add", &address]).await?;
    let line = watch.line_with("a relay that nobody else here uses").await?;
    assert!(line.contains(&format!("velar relays allow {place}")), "{line}");
    assert!(line.contains(&format!("velar relays refuse {place}")), "{line}");
    watch.stop().await?;
    ana.must(&["status"]).await?;
    let [spanish, english] = ana.in_both(&["status"]).await?;
    assert!(spanish.1.contains("también le llega por"), "{}", spanish.1);
    assert!(english.1.contains("Luz: also reached at"), "{}", english.1);
    for said in [&spanish.1, &english.1] {
        assert!(said.contains(&format!("velar relays allow {place}")), "{said}");
    }
    assert_eq!(standing(ana).await?, ("asks".to_owned(), 0));

    // While there is another way, nothing at all goes there: not even an alarm, with the kit or without.
    let listener = Listener::in_place_of(&mut other).await?;
    for args in [
        &["checkin", "--wait", "1"][..],
        &["say", "hola", "--json"],
        &["status", "--ask"],
        &["relays"],
        &["drill", "--wait", "1"],
        &["panic", "uno", "--wait", "2"],
    ] {
        ana.run(args).await?;
        assert_eq!(listener.heard(), 0, "{args:?}");
    }
    ana.run_locked(&["panic", "--wait", "2"]).await?;
    assert_eq!(listener.heard(), 0, "the kit");
    drop(listener);
    other.start().await?;

    // Now she is reached there alone.
    let (_, left) = luz.json(&["relays", "leave", &first_relay(luz).await?]).await?;
    assert_eq!(left["told"], true, "{left}");
    ana.must(&["status"]).await?;
    assert_eq!(standing(ana).await?, ("asks".to_owned(), 1));
    let listener = Listener::in_place_of(&mut other).await?;
    let (code, said) = ana.json(&["say", "llego tarde"]).await?;
    assert_eq!((code, state(&said, "Luz")), (4, "relay-asks"), "{said}");
    let [spanish, english] = ana.in_both(&["checkin", "--wait", "1"]).await?;
    assert!(spanish.1.contains("A Luz solo le llega por"), "{}", spanish.1);
    assert!(english.1.contains("Luz is reached only at"), "{}", english.1);
    let [spanish, english] = ana.in_both(&["status"]).await?;
    assert!(spanish.1.contains("NO se le envía NADA a Luz, salvo una alarma"), "{}", spanish.1);
    assert!(english.1.contains("NOTHING but an alarm is sent to Luz"), "{}", english.1);
    let [spanish, english] = ana.in_both(&["relays"]).await?;
    assert!(spanish.1.contains("NO SE USA hasta que decidas"), "{}", spanish.1);
    assert!(english.1.contains("NOT USED until you decide"), "{}", english.1);
    assert_eq!(listener.heard(), 0);
    // An alarm goes there, and that is said.
    ana.must(&["panic", "--disarm"]).await?;
    let alarm = ana.run(&["panic", "dos", "--wait", "2"]).await?;
    assert!(alarm.out.contains("There is no other way to Luz than"), "{}", alarm.out);
    assert!(listener.heard() > 0);
    // A terminal that keeps trying stops when another one is told no.
    let trying = ana.watch(&["--plain"]).await?;
    while listener.heard() == 0 {
        ana.must(&["status"]).await?;
    }
    ana.must(&["relays", "refuse", &place]).await?;
    ana.must(&["status"]).await?;
    listener.heard();
    for _ in 0..3 {
        ana.must(&["status"]).await?;
        assert_eq!(listener.heard(), 0, "refused");
    }
    trying.stop().await?;
    drop(listener);
    other.start().await?;

    let (code, allowed) = ana.json(&["relays", "allow", &place]).await?;
    assert_eq!((code, &allowed["state"]), (0, &Value::from("known")), "{allowed}");
    let read = luz.must(&["inbox", "--all"]).await?.out;
    assert!(read.contains("llego tarde") && read.contains("dos"), "{read}");
    assert_eq!(standing(ana).await?, ("known".to_owned(), 0));

    // Answers bring the keys for another kit.
    for person in [eva, luz, ana] {
        person.must(&["status"]).await?;
    }

    // A no is remembered, and said where it costs an alarm.
    let [spanish, english] = ana.in_both(&["relays", "refuse", &place]).await?;
    assert!(spanish.1.contains("NO se le envía NADA a Luz, ni una alarma"), "{}", spanish.1);
    assert!(english.1.contains("NOTHING is sent to Luz now, not even an alarm"), "{}", english.1);
    let listener = Listener::in_place_of(&mut other).await?;
    ana.must(&["panic", "--arm"]).await?;
    ana.run_locked(&["panic", "--wait", "2"]).await?;
    ana.must(&["panic", "--disarm"]).await?;
    let alarm = ana.run(&["panic", "tres", "--wait", "2"]).await?;
    assert!(alarm.out.contains("Luz is reached only at"), "{}", alarm.out);
    assert!(alarm.out.contains("which you refused"), "{}", alarm.out);
    let [spanish, english] = ana.in_both(&["status"]).await?;
    assert!(spanish.1.contains("dijiste que no a"), "{}", spanish.1);
    assert!(english.1.contains("you refused"), "{}", english.1);
    assert_eq!(listener.heard(), 0);
    drop(listener);
    other.start().await?;
    ana.must(&["relays", "allow", &place]).await?;
    let read = luz.must(&["inbox", "--all"]).await?.out;
    assert!(read.contains("tres"), "{read}");

    // What is nobody's, or one's own, is no question.
    for (place, name) in
        [("nowhere.example.org", "relay-nobodys"), (first_relay(eva).await?.as_str(), "relay-own")]
    {
        let none = ana.run(&["relays", "allow", place, "--json"]).await?;
        assert_eq!(none.failure(), name, "{none:?}");
    }
    Ok(())
}

/// The place of the first relay where this person is reached.
async fn first_relay(person: &Person) -> Outcome<String> {
    let (_, listed) = person.json(&["relays"]).await?;
    let address = listed["relays"][0]["address"].as_str().unwrap();
    Ok(address.parse::<velar_protocol::wire::RelayAddress>()?.place())
}
