//! What `velar` says on the command line, letter by letter: `cmd/*.en.txt` and `cmd/*.es.txt`, each in its
//! language. A line with `$` is a command, `>` what it prints, `!` what it says on standard error, `?` how it
//! ends. With `VELAR_GOLDEN=write` the files are written anew: read the difference.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use velar_tests::person::program;

/// What the command says, run in `folder` as if in a terminal of this language.
fn run(folder: &Path, language: &str, command: &str) -> String {
    let velar = program("velar").unwrap();
    let (name, args) = command.split_once(' ').unwrap_or((command, ""));
    assert_eq!(name, "velar", "{command}");
    let done = Command::new(velar)
        .args(args.split_whitespace())
        .current_dir(folder)
        .env_clear()
        .env("LANG", language)
        .env("VELAR_VAULT", "vault")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut said = format!("$ {command}\n");
    for (mark, output) in [('>', done.stdout), ('!', done.stderr)] {
        for line in String::from_utf8(output).unwrap().lines() {
            writeln!(said, "{}", format!("{mark} {line}").trim_end()).unwrap();
        }
    }
    writeln!(said, "? {}", done.status.code().unwrap()).unwrap();
    said
}

#[test]
fn the_command_line_says_what_it_said_before() {
    let scratch = tempfile::tempdir().unwrap();
    for (name, passphrase) in [("passphrase", "camino sal luna piedra"), ("short", "sal")] {
        let file = scratch.path().join(name);
        fs::write(&file, passphrase).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cmd");
    let mut commands = 0;
    for case in fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let name = case.file_name().unwrap().to_str().unwrap();
        let language = if name.ends_with(".es.txt") { "es_MX.UTF-8" } else { "en_GB.UTF-8" };
        let expected = fs::read_to_string(&case).unwrap();
        let said: Vec<_> = expected
            .lines()
            .filter_map(|line| line.strip_prefix("$ "))
            .map(|command| run(scratch.path(), language, command))
            .collect();
        commands += said.len();
        let said = said.join("\n");
        if std::env::var_os("VELAR_GOLDEN").is_some_and(|value| value == "write") {
            fs::write(&case, said).unwrap();
        } else {
            assert_eq!(said, expected, "{name}");
        }
    }
    assert!(commands > 0, "no cases");
}
