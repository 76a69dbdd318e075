//! Taking an alert, handing it over, and what rings while nobody has it.
#![allow(clippy::indexing_slicing, reason = "tests fail by panicking")]

use crate::of_three::{OfThree, leader_of_two, open_alert, ring};
use serde_json::Value;
use velar_tests::load::Outcome;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_claim_at_once_everybody_sees_both_and_the_same_one_leading() -> Outcome<()> {
    let mut circle = OfThree::form().await?;
    let mut watches = [circle.luz.watch(&["--json"]).await?, circle.eva.watch(&["--json"]).await?];
    circle.ana.must(&["panic"]).await?;
    for watch in &mut watches {
        assert_eq!(ring(watch).await?["event"], "raised");
    }
    for watch in watches {
        watch.stop().await?;
    }
    // Neither can know of the other's claim when making it.
    circle.relay.stop().await?;
    for person in [&circle.luz, &circle.eva] {
        let claimed = person.run(&["claim"]).await?;
        assert_eq!(claimed.code, 3, "{claimed:?}");
    }
    circle.relay.start().await?;
    circle.luz.must(&["status"]).await?;
    let leader = leader_of_two(&circle.eva).await?;
    assert_eq!(leader_of_two(&circle.luz).await?, leader);
    assert_eq!(leader_of_two(&circle.ana).await?, leader);
    let shown = circle.ana.must(&["alerts"]).await?.out;
    let leads = format!("{} leads; the others support.", leader.as_str().unwrap_or_default());
    assert!(shown.contains(&leads), "{shown}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_rings_at_the_one_asked_and_leaves_nobody_alone_in_between() -> Outcome<()> {
    let OfThree { luz, eva, ana, .. } = &OfThree::form().await?;
    let mut luz_watch = luz.watch(&["--json"]).await?;
    let mut eva_watch = eva.watch(&["--json"]).await?;
    ana.must(&["panic"]).await?;
    for watch in [&mut luz_watch, &mut eva_watch] {
        assert_eq!(ring(watch).await?["event"], "raised");
    }
    let nothing = luz.run(&["hand-over", "--to", "Eva", "--json"]).await?;
    assert_eq!(nothing.failure(), "alert-not-yours-to-release", "{nothing:?}");
    luz.must(&["claim"]).await?;
    for (to, failure) in
        [("Ana", "hand-over-not-they"), ("Luz", "member-self"), ("Rosa", "member-unknown")]
    {
        let refused = luz.run(&["hand-over", "--to", to, "--json"]).await?;
        assert_eq!(refused.failure(), failure, "{refused:?}");
    }
    let asked = luz.must(&["hand-over", "--to", "Eva", "my", "shift", "ends"]).await?.out;
    assert!(asked.contains("Until then it stays yours."), "{asked}");
    assert_eq!(ring(&mut eva_watch).await?["event"], "handed-over");
    let alert = open_alert(ana).await?;
    assert_eq!(alert["leader"]["name"], "Luz");
    assert_eq!(alert["handed"][0]["to"]["name"], "Eva");
    let shown = eva.must(&["alerts"]).await?.out;
    assert!(shown.contains("Luz asks Eva to take it"), "{shown}");

    eva.must(&["claim"]).await?;
    let taken = r#""event":"claimed""#;
    luz_watch.until(|line| line.contains(taken) && line.contains(r#""name":"Eva""#)).await?;
    let alert = open_alert(ana).await?;
    assert_eq!(
        (&alert["leader"]["name"], &alert["handed"]),
        (&"Eva".into(), &Value::Array(vec![]))
    );
    let (_, lines) = luz_watch.stop().await?;
    assert!(!lines.iter().any(|line| line.contains("handed-over\"") && line.contains("\"ring\"")));
    Ok(())
}

/// Minutes are the unit of what a circle agrees: this one takes three.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_rings_until_it_is_taken_and_when_whoever_took_it_goes_quiet() -> Outcome<()> {
    let OfThree { luz, eva, ana, .. } = &OfThree::form().await?;
    let refused = eva.run(&["circle", "agree", "--repeat", "1", "--json"]).await?;
    assert_eq!(refused.failure(), "not-lead", "{refused:?}");
    let refused = luz.run(&["circle", "agree", "--claim-quiet", "0"]).await?;
    assert_eq!(refused.code, 2, "{refused:?}");
    // A watch takes over what is agreed while it runs.
    let mut watch = eva.watch(&["--plain"]).await?;
    let agree = ["circle", "agree", "--repeat", "1", "--claim-quiet", "1", "--tier-three", "0"];
    let agreed = luz.must(&agree).await?.out;
    assert!(agreed.contains("It rings again every 1 min"), "{agreed}");
    watch.line_with("Luz has changed what the circle agreed").await?;
    let refused = ana.run(&["contacts", "add", "Marta", "lawyer", "--json"]).await?;
    assert_eq!(refused.failure(), "not-allowed", "{refused:?}");
    luz.must(&["contacts", "add", "Marta Ruiz", "lawyer,", "+52", "55"]).await?;
    watch.line_with("Luz has changed whom to turn to").await?;

    ana.must(&["panic", "at", "the", "bridge"]).await?;
    watch.line_with("Ana: at the bridge").await?;
    for _ in 0..2 {
        watch.line_with("NOBODY has taken it, since").await?;
        watch.line_with("Marta Ruiz: lawyer, +52 55").await?;
        watch.line_with("Velar calls nobody.").await?;
    }
    luz.must(&["claim"]).await?;
    watch.line_with("is taken by Luz.").await?;
    watch.line_with("Whoever had taken it went quiet. It needs somebody").await?;
    let alert = open_alert(ana).await?;
    assert_eq!((&alert["claims"], &alert["claim_expired"]), (&Value::Array(vec![]), &true.into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_check_in_rings_at_those_on_shift_first_and_then_at_everybody() -> Outcome<()> {
    let OfThree { luz, eva, ana, .. } = &OfThree::form().await?;
    luz.must(&["circle", "agree", "--tier-two", "1"]).await?;
    let mut eva_watch = eva.watch(&["--json"]).await?;
    luz.must(&["status"]).await?;
    let mut luz_watch = luz.watch(&["--off-shift", "--json"]).await?;
    ana.must(&["plan", "set", "--every", "1m", "--grace", "0"]).await?;
    let missed = ring(&mut eva_watch).await?;
    assert_eq!(missed["event"], "raised", "{missed}");
    let asked = ring(&mut luz_watch).await?;
    assert_eq!(asked["event"], "tier-two", "the first that rings at who is off shift: {asked}");
    assert_eq!(asked["alert"], missed["alert"]);
    Ok(())
}
