//! A relay whose clock is set, while it runs and while it does not, over the real program: nothing is deleted, nothing is
//! released too early or kept back, and the operator hears of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

#[path = "relay_clock/rig.rs"]
mod rig;

use velar_protocol::wire::{Answer, ClockJump};
use velar_tests::load::Outcome;

use self::rig::{DAY_S, HOUR_S, Rig};

const FORWARD: &str = "was set forward";
const BACK: &str = "was set back";

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_two_minutes_ahead_for_a_moment_keeps_back_no_hold() -> Outcome<()> {
    let rig = Rig::start().await?;
    let rig = &rig;
    rig.pass().await?;
    assert_eq!(rig.told_clock().await?.0, ClockJump::None);
    rig.set_by(120, FORWARD).await?;
    assert_eq!(rig.told_clock().await?.0, ClockJump::Forward { by_s: 120 });
    rig.hold(1, 6).await?;
    rig.set_by(0, BACK).await?;
    assert_eq!(rig.told_clock().await?.0, ClockJump::Back { by_s: 120 });
    // By the clock that was wrong it would come two minutes late, by the outage that was none four.
    assert_eq!(rig.subscribe().await?.next().await?, 1);
    assert_eq!(rig.lines_with("clock was set")?.len(), 2, "once for each");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_day_ahead_releases_no_hold() -> Outcome<()> {
    let rig = Rig::start().await?;
    rig.hold(1, HOUR_S).await?;
    let (_, before_s) = rig.told_clock().await?;
    rig.set_by(DAY_S, FORWARD).await?;
    rig.pass().await?;
    let (_, after_s) = rig.told_clock().await?;
    assert!(after_s - before_s >= 86_400, "clients are told wall time");
    assert_eq!(rig.waiting().await?, (vec![], 0));
    assert!(rig.has_hold(1).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_fifteen_days_ahead_for_a_moment_deletes_no_mail() -> Outcome<()> {
    let rig = Rig::start().await?;
    assert_eq!(rig.send(1).await?, Answer::Accepted);
    rig.set_by(15 * DAY_S, FORWARD).await?;
    rig.pass().await?;
    rig.set_by(0, BACK).await?;
    assert_eq!(rig.waiting().await?, (vec![1], 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_hundred_days_ahead_deletes_no_mailbox() -> Outcome<()> {
    let rig = Rig::start().await?;
    rig.set_by(100 * DAY_S, FORWARD).await?;
    rig.pass().await?;
    assert_eq!(rig.send(1).await?, Answer::Accepted);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_day_back_keeps_back_no_hold() -> Outcome<()> {
    let rig = Rig::start().await?;
    rig.hold(1, 5).await?;
    rig.set_by(-DAY_S, BACK).await?;
    assert_eq!(rig.subscribe().await?.next().await?, 1);
    assert_eq!(rig.lines_with("clock was set")?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_day_back_at_the_start_keeps_back_no_hold() -> Outcome<()> {
    let mut rig = Rig::start().await?;
    rig.hold(1, 5).await?;
    rig.restart_at(-DAY_S).await?;
    assert_eq!(rig.subscribe().await?.next().await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_two_minutes_ahead_at_the_start_releases_after_the_wait_what_may_be_due()
-> Outcome<()> {
    let mut rig = Rig::start().await?;
    rig.hold(1, 100).await?;
    rig.hold(2, HOUR_S).await?;
    rig.restart_at(120).await?;
    assert_eq!(rig.subscribe().await?.next().await?, 1);
    assert!(rig.has_hold(2).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_hundred_days_ahead_at_the_start_deletes_nothing() -> Outcome<()> {
    let mut rig = Rig::start().await?;
    assert_eq!(rig.send(1).await?, Answer::Accepted);
    rig.restart_at(100 * DAY_S).await?;
    rig.pass().await?;
    let said = rig.logged("velar-relay clock accept").await?;
    assert!(said.contains("days=99"), "{said}");
    // Another start does not count them either.
    rig.restart_at(100 * DAY_S).await?;
    rig.pass().await?;
    assert_eq!(rig.send(2).await?, Answer::Accepted);
    assert_eq!(rig.waiting().await?, (vec![1, 2], 0));
    // It was an error: nothing is left to be counted.
    rig.set_by(0, BACK).await?;
    rig.accept().await?;
    rig.logged("nothing was left to be counted").await?;
    rig.pass().await?;
    assert_eq!(rig.waiting().await?, (vec![1, 2], 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_while_its_clock_is_wrong_goes_on_by_its_own_time() -> Outcome<()> {
    let mut rig = Rig::start().await?;
    assert_eq!(rig.send(1).await?, Answer::Accepted);
    rig.hold(2, HOUR_S).await?;
    rig.set_by(100 * DAY_S, FORWARD).await?;
    // What is answered now is on disk, and so is all that was noted before.
    rig.hold(3, 8).await?;
    rig.relay.kill_nine().await?;
    rig.clock.set_by(0)?;
    rig.serve().await?;
    let mut mail = rig.subscribe().await?;
    assert_eq!([mail.next().await?, mail.next().await?], [1, 3]);
    drop(mail);
    assert!(rig.has_hold(2).await?);
    assert!(rig.lines_with("velar-relay clock accept")?.is_empty(), "nothing is in doubt");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_an_outage_count_once_the_operator_says_so_to_the_running_relay() -> Outcome<()> {
    let mut rig = Rig::start().await?;
    assert_eq!(rig.send(1).await?, Answer::Accepted);
    rig.restart_at(20 * DAY_S).await?;
    rig.pass().await?;
    assert_eq!(rig.waiting().await?, (vec![1], 0));
    let said = rig.accept().await?;
    assert!(said.contains("within a few seconds"), "{said}");
    rig.logged("was accepted").await?;
    rig.pass().await?;
    assert_eq!(rig.waiting().await?, (vec![], 1), "it is older than fourteen days");
    assert!(!rig.accept_file().exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_an_outage_count_once_the_operator_says_so_before_the_start() -> Outcome<()> {
    let mut rig = Rig::start().await?;
    assert_eq!(rig.send(1).await?, Answer::Accepted);
    rig.relay.stop().await?;
    rig.accept().await?;
    rig.clock.set_by(20 * DAY_S)?;
    rig.serve().await?;
    rig.pass().await?;
    assert_eq!(rig.waiting().await?, (vec![], 1));
    assert!(!rig.accept_file().exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_right_after_the_start_tells_how_long_the_outage_was() -> Outcome<()> {
    let mut rig = Rig::start().await?;
    rig.hold(1, HOUR_S).await?;
    rig.hold(2, 3 * HOUR_S).await?;
    assert_eq!(rig.send(3).await?, Answer::Accepted);
    // A machine without a battery for its clock: it starts with an old time, and hears the right one from the network.
    rig.restart_at(-30 * DAY_S).await?;
    rig.hold(4, HOUR_S).await?;
    rig.set_by(2 * HOUR_S, FORWARD).await?;
    let mut mail = rig.subscribe().await?;
    assert_eq!([mail.next().await?, mail.next().await?], [3, 1]);
    drop(mail);
    rig.pass().await?;
    assert!(rig.has_hold(2).await?, "it was not due by any clock");
    assert!(rig.has_hold(4).await?, "it was left after the outage");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_right_after_the_start_deletes_nothing() -> Outcome<()> {
    let mut rig = Rig::start().await?;
    assert_eq!(rig.send(1).await?, Answer::Accepted);
    rig.restart_at(-DAY_S).await?;
    rig.set_by(100 * DAY_S, FORWARD).await?;
    rig.pass().await?;
    assert_eq!(rig.send(2).await?, Answer::Accepted);
    assert_eq!(rig.waiting().await?, (vec![1, 2], 0));
    Ok(())
}
