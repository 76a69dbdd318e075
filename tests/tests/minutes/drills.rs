//! A drill is raised, taken and reported as an alarm is; an alarm that comes meanwhile is real.
#![allow(clippy::indexing_slicing, reason = "tests fail by panicking")]

use crate::of_three::OfThree;
use serde_json::Value;
use velar_tests::load::Outcome;

fn person<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut people = report["people"].as_array().into_iter().flatten();
    people.find(|person| person["name"] == name).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_reports_per_person_and_an_alarm_meanwhile_is_real() -> Outcome<()> {
    let OfThree { luz, eva, ana, .. } = &OfThree::form().await?;
    let none = ana.run(&["drill", "--report", "--json"]).await?;
    assert_eq!(none.failure(), "drill-none", "{none:?}");
    let mut watch = eva.watch(&["--plain"]).await?;
    let drill = ana.start(&["drill", "sunday", "evening", "--wait", "600"])?;
    let raised = watch.line_with("*** DRILL").await?;
    assert!(raised.ends_with("Ana: sunday evening"), "{raised}");
    watch.line_with("To take it: velar claim").await?;
    let taken = eva.must(&["claim"]).await?.out;
    assert!(taken.contains("You have taken alert"), "{taken}");
    watch.until(|line| line.ends_with("of Ana is taken by Eva. (drill)")).await?;
    // Luz's terminal was off: the drill waits for it.
    luz.must(&["status"]).await?;
    let (status, said) = drill.end().await?;
    assert!(status.success(), "{said:#?}");
    for line in
        ["Eva's terminal has received it.", "Luz's terminal has received it.", "Eva has taken it."]
    {
        assert!(said.iter().any(|said| said == line), "{line}: {said:#?}");
    }
    let row = |name: &str| said.iter().rfind(|line| line.starts_with(name)).cloned();
    assert!(row("Luz").is_some_and(|row| row.ends_with('–')), "{said:#?}");
    assert!(row("Eva").is_some_and(|row| row.matches(" s").count() == 2), "{said:#?}");

    let (_, report) = ana.json(&["drill", "--report"]).await?;
    assert_eq!((&report["mine"], &report["text"]), (&true.into(), &"sunday evening".into()));
    assert!(person(&report, "Eva")["received_after_s"].is_u64(), "{report}");
    assert!(person(&report, "Eva")["taken_after_s"].is_u64(), "{report}");
    assert!(person(&report, "Luz")["received_after_s"].is_u64(), "{report}");
    assert!(person(&report, "Luz")["taken_after_s"].is_null(), "{report}");
    let id = report["alert"].as_str().unwrap_or_default();

    // Who says no id does not mean the drill.
    let again = ana.run(&["drill", "--json"]).await?;
    assert_eq!(again.failure(), "drill-own-open", "{again:?}");
    ana.must(&["panic", "now", "for", "real"]).await?;
    let real = watch.line_with("*** ALERT").await?;
    assert!(real.ends_with("Ana raised the alarm."), "{real}");
    watch.line_with("Ana: now for real").await?;
    let (_, claimed) = luz.json(&["claim"]).await?;
    assert_eq!((&claimed["drill"], &claimed["done"]), (&false.into(), &"claimed".into()));
    assert_ne!(claimed["alert"], report["alert"]);
    let closed = luz.must(&["close", id]).await?.out;
    assert!(closed.contains("closed"), "{closed}");
    let (_, kept) = ana.json(&["drill", "--report", id]).await?;
    assert_eq!(kept["people"], report["people"]);
    let checked_in = ana.run(&["checkin"]).await?.out;
    assert!(checked_in.contains("is still open"), "the real one is: {checked_in}");
    Ok(())
}
