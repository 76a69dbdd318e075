//! What a chain and its exports withstand.

use proptest::prelude::*;

use super::*;

const ANA: &str = "aaaaaaaaaaaaaaaa";
const LUZ: &str = "bbbbbbbbbbbbbbbb";
const ALERT: &str = "3f2a9c01";

fn pieces(what: What, alert: &str, author: (&str, &str), text: &str) -> Vec<Piece> {
    let mut pieces = vec![
        Piece::new(Field::What, what.name()),
        Piece::new(Field::Alert, alert),
        Piece::new(Field::AlertId, format!("{alert}00")),
        Piece::new(Field::HeardS, "1800000000"),
        Piece::new(Field::Author, author.0),
        Piece::new(Field::AuthorName, author.1),
    ];
    let field = if what == What::Export { Field::Consent } else { Field::Text };
    pieces.extend(Piece::text(field, text));
    pieces
}

fn append(entries: &mut Vec<Entry>, pieces: Vec<Piece>) {
    let head = entries.last().map_or(Head::NONE, Entry::head);
    let seed = [u8::try_from(entries.len()).unwrap(); 32];
    entries.push(Entry::after(&head, seed, pieces));
}

/// Two alerts, mixed, and a consent at the end.
fn chain(texts: &[&str]) -> Vec<Entry> {
    let mut entries = Vec::new();
    append(&mut entries, pieces(What::Raised, "00000000", (LUZ, "Luz"), "otra"));
    append(&mut entries, pieces(What::Raised, ALERT, (ANA, "Ana López"), "me siguen"));
    append(&mut entries, pieces(What::Claimed, ALERT, (LUZ, "Luz"), ""));
    append(&mut entries, pieces(What::Note, "00000000", (LUZ, "Luz"), "de la otra"));
    for text in texts {
        append(&mut entries, pieces(What::Note, ALERT, (LUZ, "Luz"), text));
    }
    let consent = "Ana aceptó el 3 de mayo, para el mecanismo";
    append(&mut entries, pieces(What::Export, ALERT, (LUZ, "Luz"), consent));
    entries
}

fn details() -> Details {
    Details {
        alert: ALERT.to_owned(),
        exported_s: 1_800_000_100,
        language: "es".to_owned(),
        notes: vec!["«nota»\n\t\u{7f}".to_owned()],
    }
}

fn redaction(wanted: &Wanted, entries: &[Entry]) -> Redaction {
    let mine: Vec<&Entry> =
        entries.iter().filter(|entry| entry.value(Field::Alert) == Some(ALERT)).collect();
    Redaction::of(wanted, &People::new(), &mine).unwrap()
}

fn export(entries: &[Entry], wanted: &Wanted) -> Export {
    Export::of(entries, &redaction(wanted, entries), details())
}

fn known(n: u64, entries: &[Entry]) -> Known {
    let entry = entries.iter().find(|entry| entry.n == n).unwrap();
    format!("{n}:{}", Hex(entry.hash)).parse().unwrap()
}

#[test]
fn a_chain_of_a_vault_is_whole_until_something_is_changed() {
    let entries = chain(&["uno", "dos"]);
    let head = entries.last().unwrap().head();
    assert_eq!(check_chain(&entries, head), Ok(()));
    assert_eq!(check_chain(&[], Head::NONE), Ok(()));

    let mut changed = entries.clone();
    changed[4].pieces.last_mut().unwrap().value = "tres".to_owned();
    assert_eq!(check_chain(&changed, head), Err(Fault::Changed(5)));
    let mut renamed = entries.clone();
    renamed[1].pieces[5].field = Field::SubjectName;
    assert_eq!(check_chain(&renamed, head), Err(Fault::Changed(2)));
    let mut swapped = entries.clone();
    swapped.swap(4, 5);
    assert_eq!(check_chain(&swapped, head), Err(Fault::OutOfPlace(6)));
    let mut shorter = entries.clone();
    shorter.remove(2);
    assert_eq!(check_chain(&shorter, head), Err(Fault::OutOfPlace(4)));
    assert_eq!(check_chain(&entries[..3], head), Err(Fault::CutOff(3)));
    assert_eq!(check_chain(&entries, entries[2].head()), Err(Fault::Another));
    assert_eq!(check_chain(&entries[1..], head), Err(Fault::OutOfPlace(2)));
}

#[test]
fn an_entry_rewritten_with_all_hashes_after_it_is_found_by_a_head_that_was_noted() {
    let noted = known(7, &chain(&["uno", "dos"]));
    let rewritten = export(&chain(&["otro", "dos"]), &Wanted::Nobody).to_json();
    assert!(check(&rewritten, None).is_ok(), "in itself it is whole");
    assert_eq!(check(&rewritten, Some(&noted)).unwrap_err(), Fault::Another);
}

#[test]
fn an_end_that_was_cut_off_is_found_by_a_head_that_was_noted() {
    let whole = chain(&["uno", "dos"]);
    let noted = known(7, &whole);
    let same = check(&export(&whole, &Wanted::Nobody).to_json(), Some(&noted)).unwrap();
    assert_eq!(same.compared, Compared::Same);
    let mut cut: Vec<Entry> = whole.iter().take(4).cloned().collect();
    append(&mut cut, pieces(What::Export, ALERT, (LUZ, "Luz"), "de acuerdo"));
    let cut = export(&cut, &Wanted::Nobody).to_json();
    assert_eq!(check(&cut, Some(&noted)).unwrap_err(), Fault::CutOff(5));
    // Before the first entry of the file nothing can be said, right before it everything.
    let file = export(&whole, &Wanted::Nobody).to_json();
    assert_eq!(check(&file, Some(&known(1, &whole))).unwrap().compared, Compared::Same);
    let other: Known = format!("1:{}", "0".repeat(16)).parse().unwrap();
    assert_eq!(check(&file, Some(&other)).unwrap_err(), Fault::Another);
    let later = chain(&["uno"]);
    let mut later: Vec<Entry> = later.into_iter().take(3).collect();
    append(&mut later, pieces(What::Raised, "11111111", (ANA, "Ana"), ""));
    append(&mut later, pieces(What::Export, "11111111", (ANA, "Ana"), "sí, acepta"));
    let details = Details { alert: "11111111".to_owned(), ..details() };
    let file = Export::of(&later, &Redaction::default(), details).to_json();
    assert_eq!(check(&file, Some(&known(2, &later))).unwrap().compared, Compared::Before);
}

#[test]
fn a_noted_head_is_read_as_people_write_it_down() {
    let hash = "0123456789abcdef";
    assert!(format!("12:{hash}").parse::<Known>().is_ok());
    assert!(" 12: 01234567 89ABCDEF ".parse::<Known>().is_ok());
    for bad in ["", "12", "12:", "12:0123", "0:0123456789abcdef", "x:0123456789abcdef"] {
        assert!(bad.parse::<Known>().is_err(), "{bad}");
    }
    assert!(format!("1:{}", "g".repeat(16)).parse::<Known>().is_err());
}

#[test]
fn entries_cannot_be_dropped_moved_or_put_in() {
    let whole = export(&chain(&["uno", "dos", "tres"]), &Wanted::Nobody);
    let with = |change: fn(&mut Vec<Shown>)| {
        let mut changed = whole.clone();
        change(&mut changed.entries);
        changed.digest = changed.digest();
        check(&changed.to_json(), None).unwrap_err()
    };
    assert_eq!(with(|entries| drop(entries.remove(3))), Fault::OutOfPlace(6));
    assert_eq!(with(|entries| entries.swap(2, 3)), Fault::OutOfPlace(5));
    assert_eq!(with(|entries| entries.insert(2, entries[1].clone())), Fault::OutOfPlace(3));
    assert_eq!(with(|entries| drop(entries.pop())), Fault::CutOff(7));
    assert_eq!(with(Vec::clear), Fault::Contradiction);
    assert_eq!(with(|entries| entries[0].content = Some(Hex([0; 32]))), Fault::Changed(2));
}

#[test]
fn a_file_that_contradicts_its_entries_is_found_also_with_a_digest_that_fits() {
    let whole = export(&chain(&["uno"]), &Wanted::Nobody);
    let mut other = whole.clone();
    other.alert = "00000000".to_owned();
    let mut no_consent = whole.clone();
    no_consent.consent = 3;
    let mut silent = whole.clone();
    let last = silent.entries.last_mut().unwrap();
    last.content = Some(Hex(last.content().unwrap()));
    last.pieces = None;
    for mut changed in [other, no_consent, silent] {
        changed.digest = changed.digest();
        assert_eq!(check(&changed.to_json(), None).unwrap_err(), Fault::Contradiction);
    }
    let mut notes = whole;
    notes.notes.clear();
    assert_eq!(check(&notes.to_json(), None).unwrap_err(), Fault::Digest);
}

#[test]
fn what_is_no_export_is_told_from_one_that_was_changed() {
    let mut newer = export(&chain(&[]), &Wanted::Nobody);
    newer.format = "velar-log/2".to_owned();
    for text in ["", "{}", "[]", "hola", &newer.to_json()] {
        assert_eq!(check(text, None).unwrap_err(), Fault::NotALog, "{text}");
    }
}

#[test]
fn names_are_left_out_everywhere_and_the_rest_still_verifies() {
    let texts =
        ["hablé con ANA, está bien", "LOPEZ llega; ana-lopez@x", "lo dijo aaaaaa", "Mariana no"];
    let entries = chain(&texts);
    let export = export(&entries, &Wanted::These(vec!["ana lopez".to_owned()]));
    let file = export.to_json();
    let checked = check(&file, None).unwrap();
    assert_eq!(export.people_left_out, 1);
    assert_eq!(checked.left_out, 1, "the other alert's entry");
    let shown: Vec<&str> = export
        .entries
        .iter()
        .flat_map(|entry| entry.pieces.iter().flatten())
        .filter_map(|piece| piece.value.as_deref())
        .collect();
    for value in &shown {
        assert!(!["ana", "lopez", "aaaaaa", ANA].contains(&fold(value).as_str()), "{value}");
    }
    assert!(shown.contains(&"Mariana") && shown.contains(&"Luz") && shown.contains(&"hablé"));
    let hidden = |field| {
        export
            .entries
            .iter()
            .flat_map(move |entry| entry.of(field))
            .all(|piece| piece.hidden.is_some())
    };
    assert!(hidden(Field::AlertId), "it can be checked against a member's id");
    let numbers: Vec<Option<u32>> =
        export.entries[0].of(Field::AuthorName).map(|piece| piece.person).collect();
    assert_eq!(numbers, [Some(1)]);
    // Of the consent too: it is a text like the others.
    let consent = export.entries.last().unwrap();
    assert!(consent.of(Field::Consent).next().unwrap().hidden.is_some());
}

#[test]
fn everybody_can_be_left_out_and_people_keep_apart_by_number() {
    let entries = chain(&["Luz habló con Ana López"]);
    let export = export(&entries, &Wanted::Everybody);
    assert!(check(&export.to_json(), None).is_ok());
    let note = &export.entries[3];
    let numbers: Vec<_> =
        note.of(Field::Text).filter(|p| p.hidden.is_some()).map(|p| p.person).collect();
    assert_eq!(numbers, [Some(2), Some(1), Some(1)], "in the order of their appearance");
    assert!(!fold(&export.to_json()).contains("luz"));
}

#[test]
fn a_name_that_occurs_nowhere_is_an_error_and_a_word_of_a_text_is_none() {
    let entries = chain(&["la licenciada Marta Ruiz viene"]);
    let mine: Vec<&Entry> = entries.iter().collect();
    let of =
        |name: &str| Redaction::of(&Wanted::These(vec![name.to_owned()]), &People::new(), &mine);
    assert_eq!(of("Anna").unwrap_err(), Unknown("Anna".to_owned()));
    assert_eq!(of("…").unwrap_err(), Unknown("…".to_owned()));
    let words = of("marta ruiz").unwrap();
    let shown = Export::of(&entries, &words, details()).to_json();
    assert!(!shown.contains("Marta") && !shown.contains("Ruiz") && shown.contains("licenciada"));
    let part = Export::of(&entries, &of("López").unwrap(), details());
    assert_eq!(part.people_left_out, 1, "a part of a name means the person");
    // Who is known only from the circle is left out of texts too.
    let known = People::from([("cc".repeat(8), ["Licenciada".to_owned()].into())]);
    let everybody = Redaction::of(&Wanted::Everybody, &known, &mine).unwrap();
    let export = Export::of(&entries, &everybody, details());
    assert!(!export.to_json().contains("licenciada"));
    let absent = People::from([("dd".repeat(8), ["Rosa".to_owned()].into())]);
    let everybody = Redaction::of(&Wanted::Everybody, &absent, &mine).unwrap();
    let without = Export::of(&entries, &everybody, details()).people_left_out;
    assert_eq!(without + 1, export.people_left_out, "who does not appear is not counted");
}

#[test]
fn a_word_of_two_peoples_names_is_left_out_without_saying_whose() {
    let mut entries = chain(&[]);
    append(&mut entries, pieces(What::Note, ALERT, (LUZ, "Ana Ruiz"), "Ana y Ruiz"));
    append(&mut entries, pieces(What::Export, ALERT, (LUZ, "Luz"), "Ana está de acuerdo"));
    let export = export(&entries, &Wanted::Everybody);
    let note = &export.entries[export.entries.len() - 2];
    let hidden: Vec<_> =
        note.of(Field::Text).filter(|p| p.hidden.is_some()).map(|p| p.person).collect();
    assert_eq!(hidden, [None, Some(2)]);
}

#[test]
fn earlier_consents_are_not_told_to_later_readers() {
    let mut entries = chain(&["uno"]);
    append(&mut entries, pieces(What::Export, ALERT, (LUZ, "Luz"), "Ana, para la embajada"));
    let export = export(&entries, &Wanted::Nobody);
    assert!(check(&export.to_json(), None).is_ok());
    assert!(!export.to_json().contains("mecanismo") && export.to_json().contains("embajada"));
}

#[test]
fn nothing_in_the_file_steers_a_terminal_and_the_text_is_still_what_it_was() {
    let text = "\u{1b}[2J \u{9b}31m \u{202e}oculto\u{e0041} \u{2028}fin";
    let export = export(&chain(&[text]), &Wanted::Nobody);
    let file = export.to_json();
    let steers = |c: char| c != '\n' && (c.is_control() || crate::terminal::is_hidden(c));
    assert_eq!(file.chars().find(|c| steers(*c)), None);
    assert_eq!(check(&file, None).unwrap().export, export);
    assert!(serde_json::from_str::<Export>(&file).unwrap() == export);
}

/// Computed by the program in `LOG.md`, which shares nothing with this one.
#[test]
fn an_export_is_what_the_specification_says_byte_by_byte() {
    let export = export(&chain(&["uno"]), &Wanted::These(vec!["Ana López".to_owned()]));
    assert_eq!(export.head.hash.to_string(), GOLDEN_HEAD);
    assert_eq!(export.digest.to_string(), GOLDEN_DIGEST);
    let golden = include_str!("tests/golden.json");
    assert_eq!(export.to_json(), golden);
    assert!(check(golden, None).is_ok());
}

const GOLDEN_HEAD: &str = "6d0c971754bf4fabb52a3070556344cfa9a5fecad938cc36d4f074eea7e23900";
const GOLDEN_DIGEST: &str = "dac29b94468c2b408780f38644e4dd9a10bc64f129805f1ef97119405e81c3a3";

proptest! {
    #[test]
    fn any_change_of_a_file_is_found(place in any::<prop::sample::Index>(), to in "[ -~ñ]") {
        let entries = chain(&["hablé con Ana", "otra nota"]);
        let whole = export(&entries, &Wanted::These(vec!["Ana López".to_owned()]));
        let file = whole.to_json();
        let places: Vec<usize> = file.char_indices().map(|(at, _)| at).collect();
        let at = *place.get(&places);
        let len = file[at..].chars().next().unwrap().len_utf8();
        let changed = format!("{}{to}{}", &file[..at], &file[at + len..]);
        if let Ok(checked) = check(&changed, None) {
            prop_assert_eq!(checked.export, whole, "only spaces between values may differ");
        }
    }

    #[test]
    fn a_removed_piece_of_a_file_is_found(
        from in any::<prop::sample::Index>(),
        len in 1..200usize,
    ) {
        let whole = export(&chain(&["hablé con Ana"]), &Wanted::Nobody);
        let file = whole.to_json();
        let chars: Vec<char> = file.chars().collect();
        let from = from.index(chars.len());
        let cut: String = chars.iter().take(from).chain(chars.iter().skip(from + len)).collect();
        if let Ok(checked) = check(&cut, None) {
            prop_assert_eq!(checked.export, whole);
        }
    }

    #[test]
    fn any_pieces_can_be_left_out_and_the_rest_verifies(
        hidden in prop::collection::vec(any::<bool>(), 60),
        closed in prop::collection::vec(any::<bool>(), 8),
    ) {
        let whole = export(&chain(&["uno dos", "tres"]), &Wanted::Nobody);
        let mut redacted = whole.clone();
        let last = redacted.entries.len() - 1;
        let mut hidden = hidden.into_iter().cycle();
        for (entry, close) in redacted.entries.iter_mut().zip(closed).take(last) {
            if close {
                entry.content = entry.content().map(Hex);
                entry.pieces = None;
            }
            for piece in entry.pieces.iter_mut().flatten().filter(|p| p.field != "alert") {
                if hidden.next() == Some(true) {
                    piece.hidden = piece.hash().map(Hex);
                    (piece.salt, piece.value) = (None, None);
                }
            }
        }
        redacted.digest = redacted.digest();
        let checked = check(&redacted.to_json(), None).unwrap();
        prop_assert_eq!(checked.export.head, whole.head);
    }

    #[test]
    fn no_word_of_a_name_is_left_in_any_text(
        name in "[A-Za-zñÁéü]{3,8}( [A-Za-zóÑ]{3,8})?",
        before in "[ -~ñ¿]{0,20}",
        after in "[ -~ñ¿]{0,20}",
        upper in any::<bool>(),
    ) {
        let called = if upper { name.to_uppercase() } else { name.to_lowercase() };
        let text = format!("{before} {called}, {after}");
        let mut entries = Vec::new();
        append(&mut entries, pieces(What::Raised, ALERT, (ANA, &name), &text));
        append(&mut entries, pieces(What::Export, ALERT, (LUZ, "Luz"), &text));
        let export = export(&entries, &Wanted::Everybody);
        prop_assert!(check(&export.to_json(), None).is_ok());
        let words: Vec<String> = name.split(' ').map(fold).collect();
        for piece in export.entries.iter().flat_map(|entry| entry.pieces.iter().flatten()) {
            if piece.field == "text" || piece.field == "consent" || piece.field.ends_with("name") {
                let shown = piece.value.as_deref().map(fold).unwrap_or_default();
                let particle = shown.len() == 3 && name.contains(' ');
                prop_assert!(particle || !words.contains(&shown), "{shown}");
            }
        }
    }

    #[test]
    fn a_text_in_pieces_is_the_text(text in any::<String>()) {
        prop_assert_eq!(split(&text).concat(), text);
    }
}
