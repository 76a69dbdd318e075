//! A relay that served a whole circle through an alarm holds nothing that names anybody: not on its disk, not in its
//! memory, not in its logs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;
use velar::device::Device;
use velar::net::{Connector, Purpose};
use velar::passphrase::PassphraseSource;
use velar::records::PeerKind;
use velar::vault::Vault;
use velar_protocol::wire::{Envelope, Event, MailboxSecret, RelayAddress, SendTokenHash};
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Running, form_circle, program};
use velar_tests::process::RelayProcess;
use velar_tests::search::{Needle, Searched, search_folder, search_memory};

/// The relay's own address. Its clients have [`CLIENTS`]: whatever names that names a client.
const RELAY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const CLIENTS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A part of the name of the relay's folder, which its memory is certain to hold: finding it proves the search.
const PLANTED: &str = "planted-needle-5f1e0c";

const COORDINATOR: &str = "Yuliana Quenguán";
const DEFENDER: &str = "Ramiro Tombé";
const ACCOMPANIER: &str = "Marleny Chocué";
const ABSENT: &str = "Wilmer Taquinás";

/// The circle's name, as the shared steps give it.
const CIRCLE: &str = "Casa Norte";

const SAID: &str = "nos vemos en la vereda El Silencio";
const CHECKED_IN: &str = "llegamos bien a la escuela de Toribío";
const RAISED: &str = "dos hombres armados siguen la camioneta verde";
const NOTED: &str = "hablé con la guardia indígena de San Francisco";
const SAFE: &str = "ya se fueron por la quebrada";
const CLOSED: &str = "está en casa de su hermana mayor";

/// What only the clients know, and where it must not be.
struct Secrets {
    /// Nowhere: names, texts, members' public keys and ids.
    people: Vec<Needle>,
    /// Not on the disk nor in the logs: the relay hears these, and forgets them.
    heard: Vec<Needle>,
    /// What the relay has to know: its disk and memory must show it, or the search sees nothing.
    mailbox: MailboxSecret,
    tokens: Vec<SendTokenHash>,
}

fn open(person: &Person) -> Outcome<Vault> {
    let passphrase = PassphraseSource::File(person.file("passphrase")).read("")?;
    Ok(Vault::open(&person.vault(), &passphrase)?)
}

fn secrets(people: &[Person], ports: &BTreeSet<u16>) -> Outcome<Secrets> {
    let texts = [SAID, CHECKED_IN, RAISED, NOTED, SAFE, CLOSED, CIRCLE];
    let mut hidden: Vec<_> = texts.map(Needle::text).into();
    let mut heard = Vec::new();
    let mut absent = None;
    for person in people {
        hidden.push(Needle::text(&person.name));
        hidden.extend(person.name.split(' ').map(Needle::text));
        let mut vault = open(person)?;
        let peers = vault.read(|tx| tx.list::<PeerKind>())?;
        assert_eq!(peers.len(), people.len() - 1, "{} knows everybody", person.name);
        for (_, peer) in &peers {
            assert!(!peer.addresses.is_empty(), "{} has no token for {}", person.name, peer.name);
            for address in &peer.addresses {
                let what = format!("the token of {} for {}", person.name, peer.name);
                heard.push(Needle::new(what, address.token.expose()));
            }
        }
        let mut device = Device::of(vault)?;
        let (identity, name) = (device.identity(), &person.name);
        hidden.push(Needle::new(format!("Ed25519 key of {name}"), &identity.ed25519));
        hidden.push(Needle::new(format!("X25519 key of {name}"), &identity.x25519));
        hidden.push(Needle::new(format!("member id of {name}"), &identity.member().0));
        let circle = device.circle()?.id;
        hidden.push(Needle::new("circle id", &circle.0));
        if person.name == ABSENT {
            let home = device.homes()?.into_iter().next().ok_or("no mailbox")?;
            absent = Some((home.mailbox, home.tokens));
        }
    }
    heard.push(Needle::exactly("the clients' address", CLIENTS.to_string().as_bytes()));
    for port in ports {
        heard.push(Needle::exactly(format!("port {port}"), format!(":{port}").as_bytes()));
        let (ip, port) = (CLIENTS.octets(), port.to_be_bytes());
        heard.push(Needle::exactly("a client's socket", &[ip.as_slice(), &port].concat()));
        let reversed: Vec<u8> = port.into_iter().rev().collect();
        heard.push(Needle::exactly("a client's socket", &[ip.as_slice(), &reversed].concat()));
    }
    let (mailbox, tokens) = absent.ok_or("nobody is absent")?;
    Ok(Secrets { people: hidden, heard, mailbox, tokens })
}

/// Ports of the UDP sockets of a process.
fn ports(pid: u32) -> Outcome<BTreeSet<u16>> {
    let mut sockets = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // One that was closed meanwhile is no socket.
        let target = fs::read_link(entry?.path()).unwrap_or_default();
        let target = target.to_string_lossy().into_owned();
        sockets.extend(target.strip_prefix("socket:[").map(|inode| inode.replace(']', "")));
    }
    let mut ports = BTreeSet::new();
    for table in ["/proc/net/udp", "/proc/net/udp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if sockets.contains(fields[9]) {
                let (_, port) = fields[1].rsplit_once(':').ok_or("unreadable table")?;
                ports.insert(u16::from_str_radix(port, 16)?);
            }
        }
    }
    Ok(ports)
}

/// Everything that people do with an alarm. `ABSENT` is away all the time.
async fn live(people: &[Person], watch: &mut Running) -> Outcome<()> {
    let [coordinator, defender, accompanier, _absent] = people else { return Err("four".into()) };
    defender.must(&["say", SAID]).await?;
    watch.line_with(SAID).await?;
    defender.must(&["checkin", "--note", CHECKED_IN, "--mood", "tired"]).await?;
    watch.line_with(CHECKED_IN).await?;
    defender.must(&["panic", RAISED, "--wait", "5"]).await?;
    watch.line_with(RAISED).await?;
    coordinator.must(&["claim"]).await?;
    watch.line_with(COORDINATOR).await?;
    coordinator.must(&["note", NOTED]).await?;
    watch.line_with(NOTED).await?;
    defender.must(&["stand-down", SAFE]).await?;
    watch.line_with(SAFE).await?;
    accompanier.must(&["stand-down", "--confirm"]).await?;
    coordinator.must(&["close", CLOSED]).await?;
    watch.line_with(CLOSED).await?;
    Ok(())
}

/// What lies in a mailbox; it stays there.
async fn waiting(relay: &RelayAddress, mailbox: &MailboxSecret) -> Outcome<Vec<Envelope>> {
    let sockets = Connector::new()?;
    let connection = sockets.connect(relay, Purpose::Read).await?;
    let mut subscription = connection.subscribe(std::slice::from_ref(mailbox)).await?;
    let mut envelopes = Vec::new();
    loop {
        match timeout(Duration::from_secs(60), subscription.next()).await?? {
            Event::Envelope { envelope, .. } => envelopes.push(envelope),
            Event::CaughtUp { .. } => break,
            Event::Ended { reason } => return Err(format!("ended: {reason:?}").into()),
        }
    }
    connection.close();
    Ok(envelopes)
}

fn nothing_in(place: &str, searched: &Searched) {
    eprintln!("{place}: {} bytes searched", searched.bytes);
    assert!(searched.found.is_empty(), "{place}: {:#?}", searched.found);
}

/// The search of this folder sees each needle, in each of its forms, where it is.
fn the_search_sees(needles: &[Needle], folder: &Path) {
    for needle in needles {
        for form in needle.forms() {
            fs::write(folder.join("planted"), [b"before", form, b"after"].concat()).unwrap();
            let searched = search_folder(folder, &[], std::slice::from_ref(needle)).unwrap();
            assert!(searched.has(needle), "{} is not seen", needle.what());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_is_blind() {
    let root = tempfile::tempdir().unwrap();
    let operator = tempfile::tempdir().unwrap();
    let data = operator.path().join(PLANTED);
    let log = operator.path().join("log");
    let relay = RelayProcess::init_at(RELAY, &program("velar-relay").unwrap(), &data).await;
    let mut relay = relay.unwrap().as_shipped().logging_to(log.clone());
    relay.start().await.unwrap();
    let address = relay.address().unwrap().clone();
    let others = [(DEFENDER, "defender"), (ACCOMPANIER, "accompanier"), (ABSENT, "accompanier")];
    let people = form_circle(root.path(), &address, COORDINATOR, &others).await.unwrap();
    let mut watch = people[2].watch(&["--json"]).await.unwrap();
    let ports = ports(watch.pid().unwrap()).unwrap();
    assert!(!ports.is_empty() && !ports.contains(&address.port()), "{ports:?}");
    live(&people, &mut watch).await.unwrap();

    let secrets = secrets(&people, &ports).unwrap();
    let lying = waiting(&address, &secrets.mailbox).await.unwrap();
    assert!(lying.len() >= 8, "{} envelopes wait for who is away", lying.len());

    let pid = relay.usage().unwrap().pid();
    nothing_in("memory", &search_memory(pid, &secrets.people).unwrap());
    let mailbox = Needle::exactly("mailbox", secrets.mailbox.id().as_bytes());
    let planted = Needle::exactly("planted", PLANTED.as_bytes());
    let known = [mailbox.clone(), planted.clone()];
    let seen = search_memory(pid, &known).unwrap();
    assert!(known.iter().all(|needle| seen.has(needle)), "the search of the memory sees nothing");

    watch.stop().await.unwrap();
    let disk = |needles: &[Needle], except: &[&str]| search_folder(&data, except, needles).unwrap();
    nothing_in("disk, while it runs", &disk(&secrets.people, &[]));
    relay.stop().await.unwrap();
    nothing_in("disk", &disk(&secrets.people, &[]));
    nothing_in("disk", &disk(&secrets.heard, &[]));
    let mut known = vec![mailbox];
    known.extend(secrets.tokens.iter().map(|hash| Needle::exactly("hash", hash.as_bytes())));
    for (index, envelope) in lying.iter().enumerate() {
        // A part of its ciphertext.
        known.push(Needle::exactly(format!("envelope {index}"), &envelope.as_bytes()[1500..1700]));
    }
    let seen = disk(&known, &[]);
    for needle in &known {
        assert!(seen.has(needle), "the search of the disk does not see {}", needle.what());
    }

    let logs = |needles: &[Needle]| {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(&log, folder.path().join("log")).unwrap();
        search_folder(folder.path(), &[], needles).unwrap()
    };
    nothing_in("logs", &logs(&secrets.people));
    nothing_in("logs", &logs(&secrets.heard));
    nothing_in("logs", &logs(&known));
    let line = [Needle::text("velar_relay")];
    assert!(logs(&line).has(&line[0]), "nothing was logged");

    let folder = tempfile::tempdir().unwrap();
    the_search_sees(&secrets.people, folder.path());
    the_search_sees(&secrets.heard, folder.path());
}
