use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::access::made;

fn folder_with(names: &[&str]) -> (tempfile::TempDir, Vec<AccessToken>) {
    let folder = tempfile::tempdir().unwrap();
    let file = AccessFile::lock(folder.path()).unwrap();
    let mut tokens = file.read().unwrap();
    let add = |name: &&str| made(&mut tokens, name, None, |_| false).unwrap().text;
    let texts = names.iter().map(add).collect();
    file.write(&tokens).unwrap();
    (folder, texts)
}

fn path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join(NAME)
}

#[test]
fn what_is_written_is_read_again_and_private() {
    let (folder, texts) = folder_with(&["norte", "sur"]);
    let file = AccessFile::lock(folder.path()).unwrap();
    let mut tokens = file.read().unwrap();
    let seen: Vec<_> = tokens.all().iter().map(|it| (it.name.as_str(), it.key.to_text())).collect();
    assert_eq!(seen, [("norte", texts[0].clone()), ("sur", texts[1].clone())]);
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().mode() & 0o777;
    assert_eq!((mode(NAME), mode(LOCK)), (0o600, 0o600));
    tokens.revoke("norte").unwrap();
    made(&mut tokens, "este", Some(5), |_| false).unwrap();
    let written: Vec<_> = tokens.all().iter().map(|it| (it.index, it.mailboxes)).collect();
    file.write(&tokens).unwrap();
    let again = file.read().unwrap();
    assert_eq!(again.all().iter().map(|it| (it.index, it.mailboxes)).collect::<Vec<_>>(), written);
    for name in ["este", "sur"] {
        tokens.revoke(name).unwrap();
    }
    file.write(&tokens).unwrap();
    let none = file.read().unwrap();
    assert!(none.all().is_empty() && none.is_required(), "nobody, not anybody");
    assert_eq!(none.next(), tokens.next());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
}

#[test]
fn the_file_is_one_commands_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = AccessFile::lock(folder.path()).unwrap();
    assert!(matches!(AccessFile::lock(folder.path()), Err(AccessError::Busy(_))));
    drop(first);
    AccessFile::lock(folder.path()).unwrap();
}

#[test]
fn a_file_that_is_not_as_it_was_written_is_refused_and_shows_no_secret() {
    let (folder, texts) = folder_with(&["norte", "sur"]);
    let whole = fs::read_to_string(path(&folder)).unwrap();
    let secret = texts[0].expose();
    let many: String = (1..=65)
        .map(|at| format!("[[token]]\nname = 'n{at}'\nindex = {at}\ntoken = '{secret}'\n"))
        .collect();
    let bad = [
        String::new(),
        whole.replace("next", "nexxt"),
        whole.replace(secret, &secret[1..]),
        whole.replace(secret, "aurora"),
        whole.replace("\"norte\"", "\"sur\""),
        whole.replace("\"norte\"", "\"a b\""),
        whole.replacen("index = ", &format!("index = \"{secret}\" # "), 1),
        whole.replacen("index = ", "index = 0 # ", 1),
        whole.replacen("index = ", "index = 65536 # ", 1),
        whole.replacen("next = ", "next = 1 # ", 1),
        whole.replacen("[[token]]", &format!("[[token]]\n{secret}"), 1),
        format!("{whole}# {}", "x".repeat(ACCESS_FILE_LEN)),
        format!("next = 100\n{many}"),
        whole[..whole.len() - 30].to_owned(),
    ];
    for text in bad {
        assert_ne!(text, whole);
        fs::write(path(&folder), &text).unwrap();
        let Err(error) = peek(folder.path()) else { panic!("{text}") };
        assert!(matches!(error, AccessError::Form { .. }), "{error}");
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        assert!(shown.contains("access.toml") && shown.contains("backup"), "{shown}");
        for words in [shown, debug] {
            assert!(!words.contains(&secret[20..]), "{words}");
        }
    }
    fs::write(path(&folder), whole.replacen("token = ", "tokken = ", 1)).unwrap();
    let shown = peek(folder.path()).err().unwrap().to_string();
    assert!(shown.contains("line "), "{shown}");
    fs::write(path(&folder), b"next = 1 # \xff").unwrap();
    assert!(matches!(peek(folder.path()), Err(AccessError::Form { .. })));
    fs::write(path(&folder), &whole).unwrap();
    peek(folder.path()).unwrap();
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let (folder, _) = folder_with(&["norte"]);
    fs::set_permissions(path(&folder), Permissions::from_mode(0o640)).unwrap();
    let error = peek(folder.path()).err().unwrap();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn what_cannot_be_read_is_an_error_and_not_an_open_relay() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(path(&folder)).unwrap();
    fs::set_permissions(path(&folder), Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(peek(folder.path()), Err(AccessError::Read { .. })));
}

#[test]
fn what_cannot_be_written_leaves_what_there_was() {
    let (folder, texts) = folder_with(&["norte"]);
    let file = AccessFile::lock(folder.path()).unwrap();
    let mut tokens = file.read().unwrap();
    made(&mut tokens, "sur", None, |_| false).unwrap();
    // As a full disk: the new one cannot be made.
    fs::create_dir(folder.path().join(NEW)).unwrap();
    assert!(matches!(file.write(&tokens), Err(AccessError::Write { .. })));
    let there = file.read().unwrap();
    assert_eq!(there.all().iter().map(|it| it.key.to_text()).collect::<Vec<_>>(), texts);
}

#[test]
fn the_longest_file_fits() {
    let folder = tempfile::tempdir().unwrap();
    let file = AccessFile::lock(folder.path()).unwrap();
    let mut tokens = file.read().unwrap();
    for number in 0..crate::limits::ACCESS_TOKENS {
        let name = format!("{number:0>width$}", width = crate::limits::ACCESS_NAME_LEN);
        made(&mut tokens, &name, Some(u32::MAX), |_| false).unwrap();
    }
    file.write(&tokens).unwrap();
    let len = fs::metadata(path(&folder)).unwrap().len();
    assert!(len * 3 < ACCESS_FILE_LEN as u64, "{len}");
    assert_eq!(file.read().unwrap().all().len(), crate::limits::ACCESS_TOKENS);
}
