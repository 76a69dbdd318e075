//! An exported log as a document for people. Pure.

use crate::log::{Export, What};
use crate::terminal::{Clock, clean, clean_block};
use crate::text::{Text, t};

use super::tell::Teller;

/// The document. `with_json`: the same export is there as JSON too.
pub(super) fn document(export: &Export, with_json: bool, text: &Text, clock: &Clock) -> String {
    let teller = Teller::new(text, clock);
    let alert = clean(&export.alert);
    let mut lines = vec![format!("# {}", t!(text, "log-md-title", alert = alert)), String::new()];
    let head = format!("{}:{}", export.head.n, export.head.hash);
    let mut facts = vec![
        t!(text, "log-md-exported", time = clock.full(export.exported_s)),
        t!(text, "log-md-clock"),
    ];
    if export.people_left_out > 0 {
        facts.push(t!(text, "log-md-left-out", count = export.people_left_out));
    }
    lines.extend(facts.iter().map(|fact| format!("* {}", escaped(fact))));
    lines.push(format!("* {} `{head}`", escaped(&t!(text, "log-md-head"))));
    if with_json {
        lines.push(format!("* {} `{}`", escaped(&t!(text, "log-md-digest")), export.digest));
    }
    if let Some(last) = export.entries.last().filter(|entry| entry.what() == Some(What::Export)) {
        lines.extend([String::new(), format!("## {}", t!(text, "log-md-consent")), String::new()]);
        lines.extend(teller.texts(last).iter().map(|said| quoted(said)));
    }
    lines.extend([String::new(), format!("## {}", t!(text, "log-md-events"))]);
    let mut left_out = 0_usize;
    for entry in &export.entries {
        if entry.pieces.is_none() {
            left_out += 1;
            continue;
        }
        let heading = format!("{}. {} · {}", entry.n, teller.time(entry), teller.sentence(entry));
        lines.extend([String::new(), format!("### {}", escaped(&heading))]);
        for said in &teller.texts(entry) {
            lines.extend([String::new(), quoted(said)]);
        }
        let arrived = teller.arrived(entry).map(|time| t!(text, "log-md-arrived", time = time));
        let passed = teller.passed_on(entry).map(|by| t!(text, "log-md-passed-on", by = by));
        let remarks: Vec<String> = arrived.into_iter().chain(passed).collect();
        if !remarks.is_empty() {
            lines.extend([String::new(), escaped(&remarks.join(" "))]);
        }
    }
    if left_out > 0 {
        lines.extend([String::new(), escaped(&t!(text, "log-md-others", count = left_out))]);
    }
    lines.extend([String::new(), format!("## {}", t!(text, "log-md-notes")), String::new()]);
    lines.extend(export.notes.iter().map(|note| format!("* {}", escaped(&clean(note)))));
    lines.push(String::new());
    lines.join("\n")
}

/// What somebody wrote, set apart from what Velar writes: no line of it can pass for one of the document's own.
fn quoted(said: &str) -> String {
    let block = clean_block(said, "");
    let lines: Vec<String> =
        block.lines().map(|line| format!("> {}", escaped(line)).trim_end().to_owned()).collect();
    lines.join("\n>\n")
}

/// Nothing in it is markup: no heading, list, link, image, table or tag.
fn escaped(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let line = line.trim_start();
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    for (place, c) in line.chars().enumerate() {
        let opens_list = place == 0 && matches!(c, '-' | '+' | '=')
            || digits > 0 && place == digits && matches!(c, '.' | ')');
        if opens_list || "\\`*_{}[]<>#|~&!$".contains(c) {
            shown.push('\\');
        }
        shown.push(c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::log::{Details, Entry, Field, Head, People, Piece, Redaction, Wanted};
    use crate::text::Language;

    fn sample(wanted: &Wanted) -> Export {
        let piece = Piece::new;
        let raised = vec![
            piece(Field::What, "raised"),
            piece(Field::Alert, "3f2a9c01"),
            piece(Field::SaidS, "1800000000"),
            piece(Field::HeardS, "1800000003"),
            piece(Field::Author, "aa"),
            piece(Field::AuthorName, "Ana López"),
            piece(Field::Subject, "aa"),
            piece(Field::SubjectName, "Ana López"),
            piece(Field::Reason, "panic"),
        ];
        let text = "soy Ana López\n# calm\n<b>[x](http://y)</b>";
        let raised = raised.into_iter().chain(Piece::text(Field::Text, text)).collect();
        let consent = vec![
            piece(Field::What, "export"),
            piece(Field::Alert, "3f2a9c01"),
            piece(Field::HeardS, "1800000100"),
            piece(Field::Author, "bb"),
        ];
        let agreed = Piece::text(Field::Consent, "Ana aceptó hoy");
        let consent = consent.into_iter().chain(agreed).collect();
        let first = Entry::after(&Head::NONE, [1; 32], raised);
        let second = Entry::after(&first.head(), [2; 32], consent);
        let entries = [first, second];
        let mine: Vec<&Entry> = entries.iter().collect();
        let redaction = Redaction::of(wanted, &People::new(), &mine).unwrap();
        let details = Details {
            alert: "3f2a9c01".to_owned(),
            exported_s: 1_800_000_100,
            language: "es".to_owned(),
            notes: vec!["una nota".to_owned()],
        };
        Export::of(&entries, &redaction, details)
    }

    fn shown(wanted: &Wanted, language: Language) -> String {
        let clock = Clock::in_zone(TimeZone::fixed(jiff::tz::offset(-6)));
        document(&sample(wanted), true, &Text::new(language), &clock)
    }

    #[test]
    fn the_document_tells_what_happened_in_both_languages() {
        let [spanish, english] = Language::ALL.map(|language| shown(&Wanted::Nobody, language));
        assert_ne!(spanish, english);
        for document in [&spanish, &english] {
            assert!(document.contains("Ana López"), "{document}");
            assert!(document.contains("> soy Ana López"), "{document}");
            assert!(document.contains("> Ana aceptó hoy"), "{document}");
            assert!(document.contains("2027-01-15 02:00:00 -06:00"), "{document}");
            assert!(document.contains(&sample(&Wanted::Nobody).digest.to_string()));
        }
        let alone = document(
            &sample(&Wanted::Nobody),
            false,
            &Text::new(Language::English),
            &Clock::in_zone(TimeZone::UTC),
        );
        let digest = sample(&Wanted::Nobody).digest.to_string();
        assert!(!alone.contains(&digest), "there is no file to check it by");
        assert!(english.contains("Ana López raised the alarm"), "{english}");
        assert!(spanish.contains("Ana López dio la alarma"), "{spanish}");
    }

    #[test]
    fn what_is_left_out_is_shown_as_left_out() {
        let document = shown(&Wanted::These(vec!["Ana".to_owned()]), Language::English);
        assert!(!document.contains("Ana") && !document.contains("López"), "{document}");
        assert!(document.contains("> soy \\[Person 1\\]"), "one person, once: {document}");
        assert!(document.contains("\\[Person 1\\] raised the alarm"), "{document}");
    }

    #[test]
    fn nothing_that_somebody_wrote_is_markup() {
        let document = shown(&Wanted::Nobody, Language::English);
        assert!(document.contains("> \\# calm"), "{document}");
        assert!(document.contains("\\<b\\>\\[x\\](http://y)\\</b\\>"), "{document}");
        let own = |line: &&str| line.starts_with('#');
        assert_eq!(document.lines().filter(own).count(), 6, "{document}");
        assert_eq!(escaped("- x"), "\\- x");
        assert_eq!(escaped("12. x"), "12\\. x");
        assert_eq!(escaped("   | a *b* |"), "\\| a \\*b\\* \\|");
    }
}
