//! Who is watching: counted, asked for, and told to who checks in.
#![allow(clippy::indexing_slicing, reason = "tests fail by panicking")]

mod of_three;

use of_three::OfThree;
use velar_tests::load::Outcome;

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_is_counted_and_nobody_is_told_at_check_in() -> Outcome<()> {
    let OfThree { luz, eva, ana, .. } = &OfThree::form().await?;
    let alone = ana.run(&["checkin"]).await?;
    assert!(alone.out.contains("NOBODY is watching, as far as is known (0 of 2)."), "{alone:?}");

    let mut luz_watch = luz.watch(&["--json"]).await?;
    // One who is not on shift hears everything and counts as nobody.
    let eva_watch = eva.watch(&["--plain", "--off-shift"]).await?;
    let (code, said) = ana.json(&["checkin"]).await?;
    assert_eq!(code, 0, "{said}");
    assert_eq!(said["watching"], serde_json::json!(["Luz"]));
    assert_eq!(said["watchers"], 2);
    assert!(said["people"].as_array().is_some_and(|people| people.len() == 2), "{said}");
    let status = ana.must(&["status"]).await?.out;
    assert!(status.contains("1 of 2 watching: Luz ("), "{status}");

    // On shift, she says so by herself: to Luz's watch, and to who asks.
    eva_watch.stop().await?;
    let eva_watch = eva.watch(&["--plain"]).await?;
    luz_watch.line_with(r#""names":["Eva"]"#).await?;
    let status = ana.must(&["status", "--ask"]).await?.out;
    assert!(status.contains("2 of 2 watching: "), "{status}");

    // Who goes says so too.
    eva_watch.stop().await?;
    luz_watch.line_with(r#""names":[]"#).await?;
    luz_watch.stop().await?;
    let (_, said) = ana.json(&["status", "--ask"]).await?;
    assert_eq!(said["watching"], serde_json::json!([]));
    assert_eq!(said["watchers"].as_array().map(Vec::len), Some(2));
    let alone = ana.run(&["checkin"]).await?;
    assert!(alone.out.contains("NOBODY is watching"), "{alone:?}");
    Ok(())
}
