//! Send tokens in wrong hands, over the real programs: floods of what nobody can open, and tokens that somebody else
//! registers first.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod of_three;

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;
use velar::device::Device;
use velar::net::{Connector, Purpose, RelayConnection};
use velar::passphrase::PassphraseSource;
use velar::records::PeerKind;
use velar::vault::Vault;
use velar_protocol::seal::MemberId;
use velar_protocol::wire::{
    Answer, Delivery, Envelope, MailboxSecret, Refusal, RelayAddress, Request, SendToken,
    SendTokenHash, TokenOutcome,
};
use velar_tests::liar::Liar;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Running};
use velar_tests::process::RelayProcess;

use self::of_three::{OfThree, object};

fn vault(person: &Person) -> Outcome<Vault> {
    let passphrase = PassphraseSource::File(person.file("passphrase")).read("")?;
    Ok(Vault::open(&person.vault(), &passphrase)?)
}

fn member(person: &Person) -> Outcome<MemberId> {
    Ok(Device::of(vault(person)?)?.member())
}

/// The token that one person has for another's mailbox.
fn token(of: &Person, to: &Person) -> Outcome<SendToken> {
    let to = member(to)?;
    let peer = vault(of)?.read(|tx| tx.get::<PeerKind>(&to.0))?.ok_or("not known")?;
    Ok(peer.addresses.into_iter().next().ok_or("no address")?.token)
}

/// Records in somebody's vault.
fn records(person: &Person) -> Outcome<u64> {
    let database = person.vault().join("vault").join("vault.db");
    let connection = rusqlite::Connection::open(database)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection.query_row("SELECT count(*) FROM record", [], |row| row.get(0))?)
}

async fn sending(relay: &RelayAddress) -> Outcome<RelayConnection> {
    Ok(Connector::new()?.connect(relay, Purpose::Send).await?)
}

/// What nobody can open, each different.
fn junk(first: u64) -> impl Iterator<Item = Envelope> {
    (first..).map(|n| {
        let bytes = [&[1][..], &n.to_le_bytes().repeat(512)[1..]].concat();
        Envelope::new(bytes).unwrap()
    })
}

async fn flood(relay: &RelayAddress, token: &SendToken, first: u64, count: usize) -> Outcome<()> {
    let (mut sink, mut source) = sending(relay).await?.pipeline().await?.split();
    for envelopes in junk(first).take(count).collect::<Vec<_>>().chunks(32) {
        for envelope in envelopes {
            let delivery = Delivery { token: token.clone(), envelope: envelope.clone() };
            sink.send(&Request::Send { delivery }).await?;
        }
        for _ in envelopes {
            assert_eq!(source.answer().await?, Answer::Accepted);
        }
    }
    Ok(())
}

/// What a relay says to one more envelope by this token.
async fn answer(relay: &RelayAddress, token: &SendToken) -> Outcome<Answer> {
    let n = u64::from_le_bytes(*token.hash().as_bytes().first_chunk().unwrap());
    let envelope = junk(n).next().unwrap();
    let delivery = Delivery { token: token.clone(), envelope };
    Ok(sending(relay).await?.request(&Request::Send { delivery }).await?)
}

async fn until_refused(relay: &RelayAddress, token: &SendToken) -> Outcome<()> {
    for _ in 0..200 {
        if answer(relay, token).await? == Answer::Refused(Refusal::UnknownToken) {
            return Ok(());
        }
        sleep(Duration::from_millis(200)).await;
    }
    Err("the token still counts".into())
}

async fn item(watch: &mut Running, kind: &str) -> Outcome<Value> {
    let wanted = format!(r#""kind":"{kind}""#);
    Ok(object(&watch.line_with(&wanted).await?))
}

/// Opens a mailbox of a stranger's with these tokens.
async fn register(relay: &RelayAddress, tokens: Vec<SendTokenHash>) -> Outcome<Vec<TokenOutcome>> {
    register_for(66, relay, tokens).await
}

/// In this one of the stranger's mailboxes.
async fn register_for(
    number: u8,
    relay: &RelayAddress,
    tokens: Vec<SendTokenHash>,
) -> Outcome<Vec<TokenOutcome>> {
    let connection = Connector::new()?.connect(relay, Purpose::Read).await?;
    let mailbox = MailboxSecret::from_seed(&[number; 32]);
    match connection.request(&Request::open(&connection.exporter(), &mailbox, tokens, None)).await?
    {
        Answer::Opened { outcomes, .. } => Ok(outcomes),
        other => Err(format!("{other:?}").into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_by_one_token_costs_nothing_and_is_ended_by_one_command() -> Outcome<()> {
    let OfThree { relay, luz, eva, ana, root: _root } = &OfThree::form().await?;
    let relay = relay.address()?;
    let stolen = token(ana, luz)?;
    let mut watch = luz.watch(&["--json"]).await?;
    flood(relay, &stolen, 0, 200).await?;
    let told = item(&mut watch, "unmatched").await?;
    assert_eq!((&told["name"], &told["asked"]), (&"Ana".into(), &true.into()), "{told}");
    let many = item(&mut watch, "many-unopened").await?;
    assert_eq!((&many["name"], &many["token"]), (&"Ana".into(), &"member".into()), "{many}");

    // What others say arrives amid it.
    let before = records(luz)?;
    flood(relay, &stolen, 1_000, 300).await?;
    eva.run(&["say", "aqui Eva"]).await?;
    ana.run(&["say", "aqui Ana"]).await?;
    flood(relay, &stolen, 2_000, 300).await?;
    for _ in 0..2 {
        let said = item(&mut watch, "message").await?;
        assert!(said["text"].as_str().unwrap().starts_with("aqui"), "{said}");
    }
    let (_, status) = luz.json(&["status"]).await?;
    let flooded = &status["tokens"]["unopened"]["by_token"][0];
    assert_eq!((&flooded["name"], &flooded["many"]), (&"Ana".into(), &true.into()), "{status}");
    assert!(flooded["count"].as_u64() >= Some(700), "{status}");
    let grown = records(luz)? - before;
    assert!(grown < 40, "{grown} records for 600 envelopes, and two messages");

    let [spanish, english] = luz.in_both(&["status"]).await?;
    let lines = [
        (&english.1, "Many envelopes come by the token given to Ana", "a relay can lie."),
        (&spanish.1, "Llegan muchos sobres con la ficha que le diste a Ana", "puede mentir."),
    ];
    for (said, begins, ends) in lines {
        let line = said.lines().find(|line| line.contains(begins)).ok_or(said.as_str())?;
        assert!(line.contains(ends), "{line}");
    }
    assert!(english.1.contains("velar members new-token "), "{}", english.1);
    assert!(spanish.1.contains("velar integrantes ficha-nueva "), "{}", spanish.1);

    // Ana is away: what she has counts, so that her alarm arrives.
    let (code, given) = luz.json(&["members", "new-token", "Ana"]).await?;
    assert_eq!((code, &given["registered"], &given["received"]), (0, &true.into(), &false.into()));
    assert!(given["earlier_until_s"].is_u64(), "{given}");
    assert_eq!(answer(relay, &stolen).await?, Answer::Accepted);
    let pending = luz.must(&["status"]).await?.out;
    assert!(pending.contains("Ana is being told of another token."), "{pending}");
    // She comes, and it ends by itself.
    ana.must(&["status"]).await?;
    until_refused(relay, &stolen).await?;
    ana.run(&["say", "con la nueva"]).await?;
    let said = item(&mut watch, "message").await?;
    assert_eq!(said["text"], "con la nueva");
    let (_, status) = luz.json(&["status"]).await?;
    assert_eq!(status["tokens"]["exchanges"].as_array().map(Vec::len), Some(0), "{status}");
    assert_eq!(status["tokens"]["unopened"]["by_token"].as_array().map(Vec::len), Some(0));
    watch.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_ended_at_once_by_who_says_yes_to_that() -> Outcome<()> {
    let OfThree { relay, luz, eva, ana, root: _root } = &OfThree::form().await?;
    let relay = relay.address()?;
    let (stolen, other) = (token(eva, luz)?, token(ana, luz)?);
    let asked = luz.run(&["members", "new-token", "Eva", "--now", "--json"]).await?;
    assert_eq!((asked.code, asked.failure().as_str()), (7, "new-token-unconfirmed"), "{asked:?}");
    assert_eq!(answer(relay, &stolen).await?, Answer::Accepted);
    let ended =
        luz.speaking("es").must(&["integrantes", "ficha-nueva", "Eva", "--ya", "--si"]).await?;
    assert!(ended.out.contains("La ficha anterior de Eva ya no cuenta."), "{ended:?}");
    assert!(ended.err.contains("tampoco una alarma"), "{ended:?}");
    until_refused(relay, &stolen).await?;
    assert_eq!(answer(relay, &other).await?, Answer::Accepted);
    eva.must(&["status"]).await?;
    eva.run(&["say", "de vuelta"]).await?;
    let read = luz.must(&["inbox"]).await?.out;
    assert!(read.contains("de vuelta"), "{read}");
    let myself = luz.run(&["members", "new-token", "Luz", "--json"]).await?;
    assert_eq!((myself.code, myself.failure().as_str()), (2, "member-self"), "{myself:?}");
    Ok(())
}

/// The relay loses its disk and comes back with its keys.
async fn lose_disk(relay: &mut RelayProcess, root: &std::path::Path) -> Outcome<()> {
    relay.kill_nine().await?;
    std::fs::remove_dir_all(root.join("relay").join("store"))?;
    relay.start().await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_stranger_registers_first_is_drawn_anew() -> Outcome<()> {
    let OfThree { mut relay, luz, eva, ana, root } = OfThree::form().await?;
    let known = token(&ana, &luz)?.hash();
    lose_disk(&mut relay, root.path()).await?;
    let address = relay.address()?.clone();
    assert_eq!(register(&address, vec![known]).await?, [TokenOutcome::Registered]);
    // Her own mailbox is there again before anything is sent to it: nothing waits to be tried again.
    ana.must(&["status"]).await?;
    let mut watch = luz.watch(&["--json"]).await?;
    let told = item(&mut watch, "token-taken").await?;
    assert_eq!((&told["name"], &told["token"]), (&"Ana".into(), &"member".into()), "{told}");
    // Nobody else is kept from it, and Ana hears of the new one.
    eva.run(&["say", "aqui Eva"]).await?;
    assert_eq!(item(&mut watch, "message").await?["text"], "aqui Eva");
    let hers = ana.watch(&["--plain"]).await?;
    for _ in 0..200 {
        if token(&ana, &luz)?.hash() != known {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    hers.stop().await?;
    assert_ne!(token(&ana, &luz)?.hash(), known);
    ana.run(&["say", "aqui Ana"]).await?;
    assert_eq!(item(&mut watch, "message").await?["text"], "aqui Ana");
    let (_, relays) = luz.json(&["relays", "list"]).await?;
    let one = &relays["relays"][0];
    assert_eq!((&one["registered"], &one["answers"]), (&true.into(), &true.into()), "{relays}");
    assert_eq!(one["taken"].as_array().map(Vec::len), Some(0), "{relays}");
    watch.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_room_for_tokens_is_read_and_says_whose_they_are() -> Outcome<()> {
    let OfThree { mut relay, luz, eva: _, ana, root } = OfThree::form().await?;
    relay.set_flag("--tokens=128");
    lose_disk(&mut relay, root.path()).await?;
    let address = relay.address()?.clone();
    // One mailbox does not get them all.
    for number in 0..4 {
        let others = (32 * number..32 * (number + 1)).map(|n| SendTokenHash([n; 32])).collect();
        let outcomes = register_for(number, &address, others).await?;
        assert_eq!(outcomes, [TokenOutcome::Registered; 32]);
    }
    let mut watch = luz.watch(&["--json"]).await?;
    let told = item(&mut watch, "no-room-for").await?;
    let names = told["names"].as_array().unwrap();
    assert!(names.contains(&"Ana".into()) && names.contains(&"Eva".into()), "{told}");
    watch.stop().await?;
    let (_, relays) = luz.json(&["relays", "list"]).await?;
    let one = &relays["relays"][0];
    assert_eq!((&one["registered"], &one["answers"]), (&true.into(), &true.into()), "{relays}");
    assert_eq!(one["no_room_for"].as_array().map(Vec::len), Some(2), "{relays}");
    let [spanish, english] = luz.in_both(&["relays", "list"]).await?;
    assert!(english.1.contains("has no room for the tokens of:"), "{}", english.1);
    assert!(spanish.1.contains("no hay lugar para las fichas de:"), "{}", spanish.1);
    // Nobody could answer it.
    let invited = luz.run(&["invite", "--json"]).await?;
    assert_eq!((invited.code, invited.failure().as_str()), (1, "relay-full-nothing-kept"));

    for number in 0..4 {
        register_for(number, &address, Vec::new()).await?;
    }
    luz.must(&["status"]).await?;
    ana.run(&["say", "por fin"]).await?;
    let read = luz.must(&["inbox"]).await?.out;
    assert!(read.contains("por fin"), "{read}");
    luz.must(&["invite"]).await?;
    Ok(())
}

/// Luz with a circle at this relay, Ana, and what Luz's invitation says.
async fn invited_at(relay: &Liar, root: &std::path::Path) -> Outcome<(Person, Person, Value)> {
    let (luz, ana) =
        (Person::with_cheap_vault(root, "Luz")?, Person::with_cheap_vault(root, "Ana")?);
    let address = relay.address.to_string();
    luz.must(&["circle", "new", "--name", "Casa", "--me", "Luz", "--relay", &address]).await?;
    let (_, invited) = luz.json(&["invite"]).await?;
    Ok((luz, ana, invited))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_calls_every_token_taken_is_told_and_nobody_waits_for_it() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let relay = Liar::start()?;
    let (luz, ana, invited) = invited_at(&relay, root.path()).await?;
    relay.say(Some(TokenOutcome::Taken));
    for (language, begins) in [("en", "At the relay"), ("es", "En el servidor")] {
        let failed = luz.speaking(language).run(&["invite"]).await?;
        assert_eq!(failed.code, 11, "{failed:?}");
        assert!(failed.err.contains(begins), "{failed:?}");
    }
    // Nor does who joins.
    let link = invited["link"].as_str().ok_or("no link")?;
    let joining = ana.run(&["join", link, "--me", "Ana", "--json"]).await?;
    assert_eq!((joining.code, joining.failure().as_str()), (11, "token-taken"), "{joining:?}");
    relay.say(None);
    // With another invitation all goes well, at the same relay.
    gather_again(&luz, &ana).await?;
    luz.run(&["say", "bienvenida"]).await?;
    let read = ana.must(&["inbox"]).await?.out;
    assert!(read.contains("bienvenida"), "{read}");

    // It makes Ana look like somebody who floods: the words say whose word it is.
    let hers = token(&ana, &luz)?;
    relay.mark(hers.hash().mark());
    flood(&relay.address, &hers, 0, 70).await?;
    let status = luz.must(&["status"]).await?.out;
    assert!(
        status.contains("token given to Ana") && status.contains("a relay can lie"),
        "{status}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_refused_twice_is_tried_again_when_its_pause_is_over() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let relay = Liar::start()?;
    let (_, ana, invited) = invited_at(&relay, root.path()).await?;
    let link = invited["link"].as_str().ok_or("no link")?;
    // All parts of an answer, and all of them once more: two seconds later, and then in four.
    relay.turn_away(6);
    let mut joining = ana.listen(&["join", link, "--me", "Ana", "--json"])?;
    joining.line_with("velar approve").await?;
    assert_eq!(relay.to_turn_away(), 0);
    joining.stop().await?;
    Ok(())
}

/// Has somebody whose answer could not be answered join by another invitation.
async fn gather_again(luz: &Person, ana: &Person) -> Outcome<()> {
    let (_, invited) = luz.json(&["invite"]).await?;
    let link = invited["link"].as_str().ok_or("no link")?;
    let mut joining = ana.listen(&["join", link, "--me", "Ana", "--json"])?;
    joining.line_with("velar approve").await?;
    luz.run(&["approve"]).await?;
    let shown = joining.ran().await?.json();
    let words: Vec<&str> =
        shown["words"].as_array().ok_or("no words")?.iter().filter_map(Value::as_str).collect();
    let words = words.join(" ");
    let entering = ana.listen(&["join", "--words", &words])?;
    luz.must(&["approve", "--words", &words]).await?;
    let entered = entering.ran().await?;
    assert_eq!(entered.code, 0, "{entered:?}");
    for person in [luz, ana, luz] {
        person.must(&["status"]).await?;
    }
    Ok(())
}
