//! People who form a circle, step by step as people do.

use std::fs;
use std::path::Path;

use serde_json::Value;
use velar_protocol::wire::RelayAddress;

use super::Person;
use crate::load::Outcome;

/// Forms a circle at this relay, as people do: the first of `people` coordinates, the others are invited one
/// by one, each with a role, and the words are compared. Returns them in the same order.
///
/// Their passphrases cost next to nothing to try: each command would otherwise spend most of its time on that.
///
/// # Errors
/// If a step fails.
pub async fn form_circle(
    root: &Path,
    relay: &RelayAddress,
    coordinator: &str,
    others: &[(&str, &str)],
) -> Outcome<Vec<Person>> {
    let mut people = vec![Person::with_cheap_vault(root, coordinator)?];
    for (name, _) in others {
        people.push(Person::with_cheap_vault(root, name)?);
    }
    let roles: Vec<&str> = others.iter().map(|(_, role)| *role).collect();
    gather(relay, &people, &roles).await?;
    Ok(people)
}

/// Has these people, who have vaults and no circle yet, form one: the first coordinates, the others come in with
/// these roles.
///
/// # Errors
/// If a step fails.
pub async fn gather(relay: &RelayAddress, people: &[Person], roles: &[&str]) -> Outcome<()> {
    let (first, others) = people.split_first().ok_or("nobody")?;
    let relay = relay.to_string();
    first
        .must(&["circle", "new", "--name", "Casa Norte", "--me", &first.name, "--relay", &relay])
        .await?;
    for (person, role) in others.iter().zip(roles) {
        invite(first, person, role).await?;
    }
    // What was said in passing arrives: rosters, cards, introductions.
    for _ in 0..2 {
        for person in people {
            person.must(&["status"]).await?;
        }
    }
    Ok(())
}

async fn invite(coordinator: &Person, person: &Person, role: &str) -> Outcome<()> {
    let (_, invited) = coordinator.json(&["invite", "--role", role]).await?;
    let link = invited.get("link").and_then(Value::as_str).ok_or("no link")?;
    let file = person.file("invitation");
    fs::write(&file, link)?;
    let file = file.to_string_lossy().into_owned();
    // Its answer is at the relay when it says so; then it waits for the words.
    let join = ["join", "--link-file", &file, "--me", &person.name, "--json"];
    let mut joining = person.listen(&join)?;
    joining.line_with("velar approve").await?;
    coordinator.run(&["approve"]).await?;
    let shown = joining.ran().await?.json();
    let words = shown.get("words").and_then(Value::as_array).ok_or("no words")?;
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    let words = words.join(" ");
    let entering = person.listen(&["join", "--words", &words])?;
    coordinator.must(&["approve", "--words", &words]).await?;
    let entered = entering.ran().await?;
    if entered.code == 0 { Ok(()) } else { Err(entered.err.into()) }
}
