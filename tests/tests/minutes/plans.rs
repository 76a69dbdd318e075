//! The agreed check-ins, over the real programs: told, kept, and missed. The first watcher, whose deadline lives in each
//! accompanier's client.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use serde_json::Value;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, form_circle, program};
use velar_tests::process::RelayProcess;

async fn circle(root: &std::path::Path) -> Outcome<(RelayProcess, Person, Person)> {
    let mut relay = RelayProcess::init(&program("velar-relay")?, &root.join("relay")).await?;
    relay.start().await?;
    let people = form_circle(root, relay.address()?, "Luz", &[("Ana", "defender")]).await?;
    let [luz, ana] = people.try_into().map_err(|_| "two people")?;
    Ok((relay, luz, ana))
}

/// What an accompanier's status says of Ana.
async fn ana_at(person: &Person) -> Outcome<Value> {
    let (_, status) = person.json(&["status"]).await?;
    let members = status["members"].as_array().ok_or("no members")?;
    Ok(members.iter().find(|member| member["name"] == "Ana").ok_or("no Ana")?.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_found_by_the_accompanier_alone_and_not_claimed_before_it_is_known()
-> Outcome<()> {
    let root = tempfile::tempdir()?;
    let (mut relay, luz, ana) = circle(root.path()).await?;
    let hook = format!("echo \"$VELAR_EVENT\" >> '{}'", luz.file("rung").display());
    let mut watch = luz.watch(&["--plain", "--exec", &hook]).await?;

    let set = ["plan", "set", "--every", "1", "--grace", "0", "--itinerary", "by bus to the river"];
    let agreed = ana.must(&set).await?.out;
    for said in ["a check-in every 1 min, grace 0 min, with an itinerary", "Next check-in: before"]
    {
        assert!(agreed.contains(said), "{said}: {agreed}");
    }
    let told = watch.line_with("Check-in of Ana: next before").await?;
    assert!(!told.contains("river"), "{told}");

    // The relay dies: the connection says nothing, and the deadline passes.
    relay.kill_nine().await?;
    let unknown = watch.line_with("!!! CANNOT KNOW whether Ana has checked in").await?;
    assert!(unknown.contains("Ask Ana by another way."), "{unknown}");
    let status = ana_at(&luz).await?;
    assert_eq!((&status["late"], &status["cannot_know"]), (&false.into(), &true.into()));
    let alerts = luz.must(&["alerts"]).await?.out;
    for said in ["No open alerts.", "Ana: CANNOT KNOW."] {
        assert!(alerts.contains(said), "{said}: {alerts}");
    }
    assert!(!watch.seen.iter().any(|line| line.contains("*** ALERT")), "{:#?}", watch.seen);

    // It is back, and nothing waits there: now it is known, and nobody had to say so.
    relay.start().await?;
    let rings = watch.line_with("*** ALERT").await?;
    assert!(rings.ends_with("Ana: check-in overdue"), "{rings}");
    watch.line_with("Last check-in of Ana: ").await?;
    let status = ana_at(&luz).await?;
    assert_eq!((&status["late"], &status["cannot_know"]), (&true.into(), &false.into()));
    let (_, shown) = luz.json(&["alerts"]).await?;
    let alert = &shown["alerts"][0];
    assert_eq!(alert["events"][0]["reason"], "overdue");
    assert_eq!(alert["events"].as_array().map(Vec::len), Some(1), "once: {shown}");
    assert!(!shown.to_string().contains("river"), "{shown}");
    luz.must(&["claim"]).await?;

    // She comes back, and ends the plan: nobody waits for her any more, and the alert is theirs to close.
    let ended = ana.must(&["plan", "end", "--note", "no battery, I am home"]).await?.out;
    assert!(ended.contains("No next check-in is agreed."), "{ended}");
    watch.line_with("Check-in of Ana: no battery, I am home").await?;
    watch.line_with("stays open until somebody has spoken with Ana").await?;
    assert_eq!(ana_at(&luz).await?["due_s"], Value::Null);
    luz.must(&["close", "--unconfirmed", "she is home"]).await?;
    watch.line_with("is closed by Luz").await?;
    let (_, lines) = watch.stop().await?;
    assert!(!lines.iter().any(|line| line.contains("river")), "{lines:#?}");
    let rung = std::fs::read_to_string(luz.file("rung"))?;
    assert_eq!(rung.lines().collect::<Vec<_>>(), ["cannot-know", "raised"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_agreed_shown_silenced_and_ended() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let (_relay, luz, ana) = circle(root.path()).await?;
    let none = ana.must(&["plan"]).await?.out;
    assert!(none.contains("There is no plan.") && none.contains("velar plan set"), "{none}");

    let route = ana.file("route");
    std::fs::write(&route, "bus at nine\nback by road\n")?;
    let route = route.to_string_lossy().into_owned();
    let set = [
        "plan",
        "set",
        "--at",
        "20:00,09:00",
        "--zone",
        "america/mexico_city",
        "--grace",
        "20m",
        "--until",
        "40d",
        "--itinerary-file",
        &route,
        "--no-signal",
    ];
    let (code, set) = ana.json(&set).await?;
    assert!(code == 0 || code == 4, "{set}");
    let plan = &set["plan"];
    assert_eq!(plan["at"], serde_json::json!(["09:00", "20:00"]));
    assert_eq!(plan["zone"], "America/Mexico_City");
    assert_eq!((&plan["grace_min"], &plan["margin_min"]), (&20.into(), &5.into()));
    assert_eq!(plan["number"], set["check_in"]);
    let next_s = set["next_s"].as_u64().unwrap();
    // Nine or eight in Mexico, which has no summer time: 15:00 or 02:00 UTC; said in whole minutes, rounded up.
    let minute_of_day = next_s / 60 % 1440;
    assert!([900, 120, 901, 121].contains(&minute_of_day), "{minute_of_day}");

    let shown = ana.must(&["plan", "show"]).await?.out;
    for said in [
        "check-ins at 09:00, 20:00 (America/Mexico_City), grace 20 min, until ",
        "Said with each check-in: no signal ahead",
        "  bus at nine\n  back by road",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let of_luz = ana_at(&luz).await?;
    assert_eq!(of_luz["due_s"].as_u64(), Some(next_s + 20 * 60));
    let inbox = luz.must(&["inbox"]).await?.out;
    assert!(inbox.contains("no signal ahead") && !inbox.contains("bus"), "{inbox}");

    let silent = ana.run(&["plan", "silence", "--until", "3h"]).await?.out;
    for said in ["Planned silence until ", "velar plan silence --over"] {
        assert!(silent.contains(said), "{said}: {silent}");
    }
    let (_, again) = ana.json(&["checkin"]).await?;
    let (_, status) = ana.json(&["status"]).await?;
    assert_eq!(
        status["plan"]["silent_until_s"].as_u64().unwrap() / 60,
        again["next_s"].as_u64().unwrap() / 60
    );
    let inbox = luz.must(&["inbox"]).await?.out;
    assert!(inbox.contains("planned silence"), "{inbox}");
    ana.run(&["plan", "silence", "--over"]).await?;
    let over = ana.run(&["plan", "silence", "--over", "--json"]).await?;
    assert_eq!((over.code, over.failure().as_str()), (8, "plan-not-silent"));

    for (args, failure) in [
        (&["plan", "set", "--until", "2020-01-01 10:00"][..], "plan-past"),
        (&["plan", "set", "--every", "30d"], "plan-far"),
        (&["plan", "silence", "--until", "31d"], "plan-far"),
        (&["plan", "set", "--zone", "Mexico/Nowhere"], "plan-zone"),
        (&["plan", "set", "--itinerary-file", "/nowhere/at/all"], "plan-file"),
        (&["plan", "set", "--itinerary", &"x".repeat(2_001)], "plan-itinerary"),
    ] {
        let refused = ana.run(&[args, &["--json"]].concat()).await?;
        assert_eq!(refused.failure(), failure, "{args:?}: {refused:?}");
        assert_ne!(refused.code, 0);
    }
    let (_, kept) = ana.json(&["plan"]).await?;
    assert_eq!(kept["plan"]["itinerary"], "bus at nine\nback by road", "nothing was changed");

    ana.run(&["plan", "end"]).await?;
    let (_, status) = ana.json(&["status"]).await?;
    assert_eq!((&status["plan"], &status["next_check_in_s"]), (&Value::Null, &Value::Null));
    // An alert id that does not exist, and who is nobody, are as clear as before.
    assert_eq!(luz.run(&["claim", "9d69f7b4"]).await?.code, 6);
    Ok(())
}
