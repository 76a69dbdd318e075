//! Access tokens, by the real program: made and revoked while it runs and while it does not, over its socket and by its
//! file; what they open over the wire.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod common;

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Client, Conn, Relay, envelope, program, secret, token};
use rustix::process::Signal;
use tempfile::TempDir;
use velar_protocol::wire::{
    AccessKey, AccessToken, Answer, EndReason, Event, Refusal, Request, TokenOutcome,
};

const REQUIRED: Answer = Answer::Refused(Refusal::AccessRequired);
const SPENT: Answer = Answer::Refused(Refusal::AccessSpent);

/// A relay's folder, and the relay if it runs.
struct Scene {
    folder: TempDir,
    relay: Option<Relay>,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Relay::init(folder.path());
        Self { folder, relay: None }
    }

    fn serving() -> Self {
        let mut scene = Self::new();
        scene.serve(&[]);
        scene
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        self.data().join("access.toml")
    }

    fn serve(&mut self, args: &[&str]) {
        self.relay = Some(Relay::serve(self.data(), args));
    }

    /// Ends as planned, so that what it has is on disk.
    fn stop(&mut self) {
        let mut relay = self.relay.take().unwrap();
        relay.signal(Signal::TERM);
        assert!(relay.child.wait().unwrap().success());
    }

    fn access(&self, args: &[&str]) -> Output {
        program().arg("access").args(args).arg("--data").arg(self.data()).output().unwrap()
    }

    fn must(&self, args: &[&str]) -> String {
        let output = self.access(args);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        out(&output)
    }

    fn fails(&self, args: &[&str]) -> String {
        let output = self.access(args);
        assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}: {}", out(&output));
        err(&output)
    }

    /// Makes an access token.
    fn key(&self, name: &str) -> AccessKey {
        common::access_key(self.data(), name)
    }

    async fn conn(&self) -> Conn {
        Client::new(self.relay.as_ref().unwrap().addr, self.data()).connect().await
    }

    /// What the socket answers to these bytes.
    fn line(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.data().join("admin.sock")).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn in_two_days() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 2 * 86_400
}

async fn open(conn: &Conn, mailbox: u8, shown: Option<AccessToken>) -> Answer {
    conn.ask(&Request::open(&conn.exporter, &secret(mailbox), vec![token(mailbox).hash()], shown))
        .await
}

/// Opens it; what opens it again.
async fn opened(conn: &Conn, mailbox: u8, shown: AccessToken) -> AccessToken {
    let answer = open(conn, mailbox, Some(shown)).await;
    let Answer::Opened { outcomes, reopening: Some(text) } = answer else { panic!("{answer:?}") };
    assert_eq!(outcomes, [TokenOutcome::Registered]);
    text
}

async fn asks_for_one(conn: &Conn) -> bool {
    let Answer::Info(info) = conn.ask(&Request::Info).await else { panic!() };
    info.access_required
}

#[tokio::test]
async fn the_first_token_closes_a_relay_that_runs_and_what_is_open_stays_open() {
    let scene = Scene::serving();
    let conn = scene.conn().await;
    assert!(!asks_for_one(&conn).await);
    assert_eq!(open(&conn, 1, None).await, common::all_registered(1));
    let listed = scene.access(&["list"]);
    assert!(out(&listed).is_empty() && err(&listed).contains("Anybody may open"));

    let made = scene.access(&["new", "red-norte"]);
    assert!(err(&made).contains("only time") && err(&made).contains("Until now anybody"));
    let key = AccessKey::read(&AccessToken::new(out(&made).trim().to_owned()).unwrap()).unwrap();
    assert!(asks_for_one(&conn).await);
    assert_eq!(open(&conn, 2, None).await, REQUIRED);
    assert_eq!(open(&conn, 1, None).await, common::all_registered(1), "by none, and open");
    opened(&conn, 2, key.to_text()).await;
    let wrong = [AccessKey::new([7; 32]).to_text(), AccessToken::new("aurora".into()).unwrap()];
    for shown in wrong {
        assert_eq!(open(&conn, 3, Some(shown)).await, REQUIRED);
    }
    // One that was open before can be opened again once it has shown a token.
    let again = opened(&conn, 1, key.to_text()).await;
    assert_eq!(again, key.reopening(&secret(1).id()).to_text());
}

#[tokio::test]
async fn a_child_opens_one_mailbox_for_whoever_is_first_across_restarts() {
    let mut scene = Scene::new();
    let key = scene.key("red-norte");
    scene.serve(&[]);
    let child = key.child(in_two_days(), [5; 16]).to_text();
    let conn = scene.conn().await;
    let reopening = opened(&conn, 1, child.clone()).await;
    assert_eq!(opened(&conn, 1, child.clone()).await, reopening, "the same again");
    assert_eq!(open(&conn, 2, Some(child.clone())).await, SPENT);
    scene.relay.take().unwrap().kill();
    scene.serve(&[]);
    let conn = scene.conn().await;
    assert_eq!(open(&conn, 2, Some(child.clone())).await, SPENT);
    assert_eq!(conn.ask(&Request::close(&conn.exporter, &secret(1))).await, Answer::Closed);
    assert_eq!(open(&conn, 1, Some(child)).await, SPENT, "closing it gives nothing back");
    let over = key.child(in_two_days() - 3 * 86_400, [6; 16]).to_text();
    assert_eq!(open(&conn, 2, Some(over)).await, SPENT);
    let for_years = key.child(in_two_days() * 2, [7; 16]).to_text();
    assert_eq!(open(&conn, 2, Some(for_years)).await, SPENT);
    assert_eq!(open(&conn, 2, Some(reopening.clone())).await, REQUIRED, "another's mailbox");
    assert_eq!(opened(&conn, 1, reopening.clone()).await, reopening);
}

#[tokio::test]
async fn a_relay_that_lost_its_disk_lets_everybody_back_in_and_nobody_else() {
    let mut scene = Scene::new();
    let key = scene.key("red-norte");
    scene.serve(&[]);
    let conn = scene.conn().await;
    let mine = opened(&conn, 1, key.to_text()).await;
    let hers = opened(&conn, 2, key.child(in_two_days(), [5; 16]).to_text()).await;
    scene.stop();
    fs::remove_dir_all(scene.data().join("store")).unwrap();
    scene.serve(&[]);
    let conn = scene.conn().await;
    assert_eq!(open(&conn, 2, None).await, REQUIRED);
    assert_eq!(open(&conn, 2, Some(mine.clone())).await, REQUIRED);
    assert_eq!(opened(&conn, 1, mine.clone()).await, mine);
    assert_eq!(opened(&conn, 2, hers.clone()).await, hers);
    assert_eq!(conn.send(&token(2), &envelope(1)).await, Answer::Accepted);
    assert!(scene.must(&["list"]).contains("2 of 256"), "{}", scene.must(&["list"]));
}

#[tokio::test]
async fn a_token_that_is_revoked_while_the_relay_runs_opens_nothing_new() {
    let mut scene = Scene::new();
    scene.serve(&[]);
    let (north, south) = (scene.key("norte"), scene.key("sur"));
    let conn = scene.conn().await;
    let child = north.child(in_two_days(), [5; 16]).to_text();
    let reopening = opened(&conn, 1, north.to_text()).await;
    opened(&conn, 2, south.to_text()).await;
    let said = scene.must(&["revoke", "norte"]);
    assert!(said.contains("1 mailbox is open by it, and stays open"), "{said}");
    for shown in [north.to_text(), child, reopening.clone()] {
        assert_eq!(open(&conn, 3, Some(shown)).await, REQUIRED);
    }
    // Open, and nothing opens it again.
    assert_eq!(open(&conn, 1, Some(reopening.clone())).await, common::all_registered(1));
    assert_eq!(conn.send(&token(1), &envelope(1)).await, Answer::Accepted);
    let listed = scene.access(&["list"]);
    assert!(err(&listed).contains("tokens that were revoked: 1"), "{}", err(&listed));
    assert!(!out(&listed).contains("norte") && out(&listed).contains("sur"));
    assert!(scene.fails(&["revoke", "norte"]).contains("access list"));
    // Another token takes it over.
    let again = opened(&conn, 1, south.to_text()).await;
    assert_eq!(again, south.reopening(&secret(1).id()).to_text());
    scene.stop();
    scene.serve(&[]);
    let conn = scene.conn().await;
    assert_eq!(open(&conn, 3, Some(north.to_text())).await, REQUIRED, "it stays revoked");
    assert_eq!(opened(&conn, 1, again.clone()).await, again);
    scene.must(&["revoke", "sur"]);
    assert!(asks_for_one(&conn).await, "without any token nobody opens anything, not everybody");
    assert_eq!(open(&conn, 4, Some(south.to_text())).await, REQUIRED);
}

#[tokio::test]
async fn a_stolen_token_is_revoked_with_all_that_was_opened_by_it() {
    let mut scene = Scene::new();
    let (north, south) = (scene.key("norte"), scene.key("sur"));
    // Without a relay nothing is known of mailboxes, and nothing happens by halves.
    assert!(scene.fails(&["revoke", "norte", "--close-mailboxes"]).contains("Nothing was changed"));
    scene.serve(&[]);
    assert!(scene.fails(&["revoke", "norta", "--close-mailboxes"]).contains("access list"));
    let conn = scene.conn().await;
    let again = opened(&conn, 1, north.to_text()).await;
    opened(&conn, 2, north.child(in_two_days(), [5; 16]).to_text()).await;
    opened(&conn, 3, south.to_text()).await;
    for number in 1..=3 {
        assert_eq!(conn.send(&token(number), &envelope(1)).await, Answer::Accepted);
    }
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    online.envelope().await;
    let said = scene.must(&["revoke", "norte", "--close-mailboxes"]);
    assert!(said.contains("2 mailboxes that were open by it are closed"), "{said}");
    let ended = loop {
        if let Event::Ended { reason } = online.event().await {
            break reason;
        }
    };
    assert_eq!(ended, EndReason::MailboxClosed);
    let unknown = Answer::Refused(Refusal::UnknownToken);
    assert_eq!(conn.send(&token(1), &envelope(2)).await, unknown);
    assert_eq!(conn.send(&token(3), &envelope(2)).await, Answer::Accepted);
    for shown in [north.to_text(), again] {
        assert_eq!(open(&conn, 1, Some(shown)).await, REQUIRED);
    }
    // It was on disk before it was said.
    scene.relay.take().unwrap().kill();
    scene.serve(&[]);
    let conn = scene.conn().await;
    assert_eq!(conn.send(&token(2), &envelope(3)).await, unknown);
    assert_eq!(conn.send(&token(3), &envelope(3)).await, Answer::Accepted);
    let listed = scene.access(&["list"]);
    assert!(out(&listed).contains("1 of 256") && !err(&listed).contains("revoked"));
    let said = scene.must(&["revoke", "sur"]);
    assert!(said.contains("1 mailbox is open by it, and stays open"), "{said}");
}

#[tokio::test]
async fn each_token_opens_as_many_mailboxes_as_it_was_made_for() {
    let scene = Scene::serving();
    let text = scene.must(&["new", "dos", "--mailboxes", "2"]);
    let key = AccessKey::read(&AccessToken::new(text.trim_end().to_owned()).unwrap()).unwrap();
    let other = scene.key("otra");
    let conn = scene.conn().await;
    opened(&conn, 1, key.to_text()).await;
    opened(&conn, 2, key.child(in_two_days(), [1; 16]).to_text()).await;
    for shown in [key.to_text(), key.child(in_two_days(), [2; 16]).to_text()] {
        let full = open(&conn, 3, Some(shown)).await;
        assert!(matches!(full, Answer::Full { retry_after_s } if retry_after_s > 0), "{full:?}");
    }
    opened(&conn, 3, other.to_text()).await;
    assert!(scene.must(&["list"]).contains("2 of 2"));
    conn.ask(&Request::close(&conn.exporter, &secret(1))).await;
    opened(&conn, 4, key.child(in_two_days(), [2; 16]).to_text()).await;
}

#[test]
fn tokens_are_made_listed_and_revoked_while_no_relay_runs() {
    let mut scene = Scene::new();
    let text = scene.must(&["new", "red-norte", "--mailboxes", "5"]);
    assert!(text.starts_with("velar-access-") && text.lines().count() == 1, "{text}");
    assert_eq!(fs::metadata(scene.file()).unwrap().permissions().mode() & 0o777, 0o600);
    scene.must(&["new", "sur"]);
    let listed = scene.access(&["list"]);
    assert!(out(&listed).contains("? of 5") && out(&listed).contains("? of ?"));
    assert!(err(&listed).contains("while the relay runs"));
    assert!(!out(&listed).contains(&text.trim_end()[20..]), "the token is shown once");
    assert!(scene.fails(&["new", "sur"]).contains("another name"));
    assert!(scene.fails(&["new", "red norte"]).contains("letters, digits"));
    assert!(!scene.access(&["new", "x", "--mailboxes", "0"]).status.success());
    assert!(scene.must(&["revoke", "sur"]).contains("stay open"));
    // The same words and the same file while one runs.
    scene.serve(&[]);
    let listed = out(&scene.access(&["list"]));
    assert!(listed.contains("0 of 5"), "{listed}");
    assert!(scene.fails(&["new", "red-norte"]).contains("another name"));
    scene.must(&["new", "sur"]);
    scene.stop();
    let listed = out(&scene.access(&["list"]));
    assert!(listed.contains("red-norte") && listed.contains("sur"), "{listed}");
    let index = |name: &str| {
        let line = listed.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u16>().unwrap()
    };
    assert_eq!(index("sur"), index("red-norte") + 2, "an index is not used again");
}

#[test]
fn access_is_for_folders_of_relays() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    command.args(["access", "new", "norte", "--data"]).arg(folder.path());
    let output = command.output().unwrap();
    assert!(!output.status.success() && err(&output).contains("velar-relay init"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_relay_does_not_start_on_tokens_that_it_cannot_read() {
    let mut scene = Scene::new();
    let key = scene.key("norte");
    let whole = fs::read_to_string(scene.file()).unwrap();
    let serve = |scene: &Scene, args: &[&str]| {
        let mut command = program();
        command.args(["serve", "--data"]).arg(scene.data()).args(args);
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{}", out(&output));
        err(&output)
    };
    for args in [&[][..], &["--check-config"]] {
        fs::write(scene.file(), whole.replace("velar-access-", "velar-excess-")).unwrap();
        let said = serve(&scene, args);
        assert!(said.contains("access.toml") && said.contains("backup"), "{said}");
        assert!(!said.contains(&key.to_text().expose()[20..]), "{said}");
        fs::write(scene.file(), &whole).unwrap();
        fs::set_permissions(scene.file(), Permissions::from_mode(0o644)).unwrap();
        assert!(serve(&scene, args).contains("chmod 600"));
        fs::set_permissions(scene.file(), Permissions::from_mode(0o600)).unwrap();
    }
    assert!(!scene.data().join("admin.sock").exists());
    scene.serve(&[]);
    assert!(scene.must(&["list"]).contains("norte"));
}

#[test]
fn the_socket_is_the_operators_and_answers_nonsense_with_a_reason() {
    let mut scene = Scene::serving();
    let socket = scene.data().join("admin.sock");
    let about = fs::metadata(&socket).unwrap();
    assert!(about.file_type().is_socket());
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    let long = vec![b'x'; 5000];
    for bad in [
        &b""[..],
        b"\n",
        b"access list\n",
        b"{\"version\":1,\"ask\":{\"access\":\"list\"}}",
        b"{\"version\":1,\"ask\":{\"access\":\"open\"}}\n",
        b"{\"version\":1,\"ask\":{\"access\":{\"revoke\":{\"name\":\"a\",\"all\":true}}}}\n",
        b"\xff\xfe\n",
        &long,
    ] {
        let answer = scene.line(bad);
        assert!(answer.starts_with(r#"{"version":1,"said":{"failed":{"what":""#), "{answer}");
    }
    let other = scene.line(b"{\"version\":2,\"demand\":[]}\n");
    assert!(other.contains("different versions"), "{other}");
    let listed = scene.line(b"{\"version\":1,\"ask\":{\"access\":\"list\"}}\n");
    let none =
        r#"{"version":1,"said":{"access-listed":{"required":false,"tokens":[],"revoked":0}}}"#;
    assert_eq!(listed.trim_end(), none);
    // Callers that say nothing keep others waiting for a while only.
    let silent: Vec<_> = (0..4).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    assert!(scene.must(&["new", "norte"]).starts_with("velar-access-"));
    drop(silent);
    scene.stop();
    assert!(!socket.exists());
}

#[test]
fn what_a_killed_relay_left_is_in_nobodys_way() {
    let mut scene = Scene::serving();
    scene.relay.take().unwrap().kill();
    assert!(scene.data().join("admin.sock").exists(), "this tests nothing");
    scene.key("norte");
    scene.serve(&[]);
    assert!(out(&scene.access(&["list"])).contains("norte"));
    // A relay without its socket still keeps others from its file.
    fs::remove_file(scene.data().join("admin.sock")).unwrap();
    let said = scene.fails(&["new", "sur"]);
    assert!(
        said.contains("is using the access tokens") && said.contains("stop the relay"),
        "{said}"
    );
}
