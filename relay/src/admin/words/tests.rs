use proptest::prelude::*;

use super::*;
use crate::limits::{ACCESS_NAME_LEN, ACCESS_TOKENS, ADMIN_ANSWER};

fn asks() -> Vec<(&'static str, Ask)> {
    let name = || "red-norte".to_owned();
    vec![
        (
            r#"{"version":1,"ask":{"access":{"new":{"name":"red-norte","mailboxes":40}}}}"#,
            Ask::Access(AskAccess::New { name: name(), mailboxes: Some(40) }),
        ),
        (r#"{"version":1,"ask":{"access":"list"}}"#, Ask::Access(AskAccess::List)),
        (
            r#"{"version":1,"ask":{"access":{"revoke":{"name":"red-norte"}}}}"#,
            Ask::Access(AskAccess::Revoke { name: name(), close_mailboxes: false }),
        ),
        (
            r#"{"version":1,"ask":{"access":{"revoke":{"name":"red-norte","close_mailboxes":true}}}}"#,
            Ask::Access(AskAccess::Revoke { name: name(), close_mailboxes: true }),
        ),
    ]
}

#[test]
fn commands_are_said_as_written() {
    for (text, ask) in asks() {
        assert_eq!(line(ask.clone()), format!("{text}\n"));
        assert_eq!(asked(format!("{text}\n").as_bytes()), Ok(ask));
    }
}

#[test]
fn what_is_no_command_is_told_so() {
    let long = format!("{{\"version\":1,\"ask\":\"{}\"}}\n", "x".repeat(ADMIN_LINE));
    for (bad, error) in [
        ("", WordsError::Line),
        (r#"{"version":1,"ask":{"access":"list"}}"#, WordsError::Line),
        (long.as_str(), WordsError::Line),
        ("\n", WordsError::Form),
        ("access list\n", WordsError::Form),
        ("{}\n", WordsError::Form),
        ("{\"version\":-1,\"ask\":{\"access\":\"list\"}}\n", WordsError::Form),
        ("{\"version\":1}\n", WordsError::Form),
        ("{\"version\":1,\"ask\":{\"access\":\"open\"}}\n", WordsError::Form),
        ("{\"version\":1,\"ask\":{\"access\":{\"new\":{}}}}\n", WordsError::Form),
        (
            "{\"version\":1,\"ask\":{\"access\":{\"revoke\":{\"name\":\"a\",\"all\":true}}}}\n",
            WordsError::Form,
        ),
        ("{\"version\":1,\"ask\":{\"access\":\"list\"},\"more\":1}\n", WordsError::Form),
        ("{\"version\":1,\"ask\":{\"access\":\"list\"}}{}\n", WordsError::Form),
        ("{\"version\":2,\"demand\":[1]}\n", WordsError::Version(2)),
    ] {
        assert_eq!(asked(bad.as_bytes()), Err(error), "{bad:.80}");
    }
    assert_eq!(asked(b"\xff\n"), Err(WordsError::Form));
}

#[test]
fn the_longest_answer_fits() {
    let view = TokenView {
        name: "\u{00f1}".repeat(ACCESS_NAME_LEN / 2),
        index: u16::MAX,
        open: Some(u32::MAX),
        most: Some(u32::MAX),
    };
    let tokens = vec![view; ACCESS_TOKENS];
    let said = Said::AccessListed { required: true, tokens, revoked: Some(u32::MAX) };
    let text = answer(said.clone());
    assert!(text.len() < ADMIN_ANSWER, "{}", text.len());
    assert_eq!(super::said(text.as_bytes()), Ok(said));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let line = [&bytes[..], b"\n"].concat();
        let _ = asked(&line);
        let _ = said(&line);
    }
}
