//! Several handles, threads and processes at once, and processes that die.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::*;

/// Tells the test program, started again by itself, to be the other process: `<folder>`.
const ROLE: &str = "VELAR_TEST_VAULT_WRITER";
/// Of each transaction of the other process.
const GROUP: u32 = 5;

/// Counts in one record and in one list; every transaction keeps them equal.
fn add(tx: &Tx<'_>, who: u8, n: u32) -> Result<(), VaultError> {
    let count = tx.get::<Word>(b"count")?.map_or(0, |count| count.parse::<u32>().unwrap());
    for i in 0..GROUP {
        let key = [&[who][..], &(n * GROUP + i).to_le_bytes()].concat();
        tx.put::<Blob>(&key, &vec![who; 90 + (n as usize * 37) % 3000])?;
    }
    tx.put::<Word>(b"count", &(count + GROUP).to_string())
}

fn counted(vault: &mut Vault) -> u32 {
    vault
        .read::<_, VaultError>(|tx| {
            let count = tx.get::<Word>(b"count")?.map_or(0, |count| count.parse().unwrap());
            assert_eq!(tx.count::<Blob>()?, u64::from(count));
            assert_eq!(tx.list::<Blob>()?.len(), count as usize);
            Ok(count)
        })
        .unwrap()
}

/// Not a test by itself: what the other process does. Says each committed number on stdout.
#[test]
fn the_other_process() {
    let Ok(dir) = std::env::var(ROLE) else { return };
    let mut vault = Vault::open(Path::new(&dir), &ours()).unwrap();
    let who = (std::process::id() % 251) as u8;
    let start = vault.read::<_, VaultError>(|tx| Ok(tx.list::<Blob>()?.len() as u32)).unwrap();
    for n in start.. {
        vault.write(|tx| add(tx, who, n)).unwrap();
        writeln!(std::io::stdout(), "\ncommitted {n}").unwrap();
    }
}

fn other_process(dir: &TempDir) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "vault::tests::several::the_other_process", "--nocapture"])
        .env(ROLE, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, lines.filter(|line| line.starts_with("committed")))
}

#[test]
fn a_process_killed_in_the_middle_of_writing_leaves_all_it_had_committed_and_no_half() {
    let (dir, vault) = new();
    drop(vault);
    let mut least = 0;
    for round in 0..6 {
        let (mut child, mut committed) = other_process(&dir);
        for _ in 0..=round {
            committed.next().unwrap();
        }
        // It is writing on while the signal comes.
        child.kill().unwrap();
        child.wait().unwrap();
        least += (round + 1) * GROUP;
        let now = counted(&mut open(&dir));
        assert!(now >= least && now.is_multiple_of(GROUP), "{now}, at least {least}");
        least = now;
    }
}

#[test]
fn two_processes_and_two_threads_writing_at_once_lose_nothing() {
    let (dir, mut vault) = new();
    let others = [other_process(&dir), other_process(&dir)];
    std::thread::scope(|scope| {
        for who in [252, 253] {
            let dir = &dir;
            scope.spawn(move || {
                let mut vault = open(dir);
                for n in 0..20 {
                    vault.write(|tx| add(tx, who, n)).unwrap();
                }
            });
        }
    });
    let mut said = 0;
    for (mut child, committed) in others {
        let mut committed = committed.peekable();
        assert!(committed.peek().is_some(), "it took part");
        child.kill().unwrap();
        child.wait().unwrap();
        said += committed.count() as u32;
    }
    assert!(counted(&mut vault) >= (40 + said) * GROUP);
}

#[test]
fn changes_of_any_handle_are_noticed_once() {
    let (dir, mut vault) = new();
    let mut other = open(&dir);
    assert!(!other.changed().unwrap());
    put(&mut vault, "a", "b");
    assert!(vault.changed().unwrap() && other.changed().unwrap());
    assert!(!vault.changed().unwrap() && !other.changed().unwrap());
    get(&mut vault, "a");
    let undone: Result<(), VaultError> = vault.write(|tx| {
        tx.put::<Word>(b"a", &"c".into())?;
        Err(VaultError::Busy)
    });
    assert!(undone.is_err());
    vault.write::<_, VaultError>(|_| Ok(())).unwrap();
    assert!(!vault.changed().unwrap() && !other.changed().unwrap());
}

#[test]
fn a_reader_sees_one_state_while_others_write() {
    let (dir, vault) = new();
    drop(vault);
    let (mut child, mut committed) = other_process(&dir);
    committed.next().unwrap();
    let mut vault = open(&dir);
    let mut last = 0;
    for _ in 0..20 {
        let now = counted(&mut vault);
        assert!(now >= last);
        last = now;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_writer_that_another_keeps_waiting_is_told_so() {
    let (dir, mut vault) = new();
    let mut other = open(&dir);
    other.database.raw().busy_handler(Some(|_| false)).unwrap();
    vault
        .write::<_, VaultError>(|_| {
            let busy: Result<(), VaultError> = other.write(|_| Ok(()));
            assert!(matches!(busy, Err(VaultError::Busy)));
            Ok(())
        })
        .unwrap();
    put(&mut other, "a", "b");
}

#[test]
fn two_creations_at_once_make_one_vault() {
    let dir = tempfile::tempdir().unwrap();
    let made = std::thread::scope(|scope| {
        let create = || Vault::create(dir.path(), &ours(), cheap(), &mut noise);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let vaults: Vec<_> = made.iter().flatten().collect();
    assert_eq!(vaults.len(), 1);
    assert_eq!(open(&dir).voice(), vaults[0].voice());
    let losers = made.iter().filter(|made| matches!(made, Err(VaultError::AlreadyExists)));
    assert_eq!(losers.count(), 3);
}
