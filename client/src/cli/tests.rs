//! The command line as people type it.

use std::time::Duration;

use super::arguments::{minutes, seconds};
use super::*;

fn args(line: &str) -> Vec<OsString> {
    std::iter::once("velar").chain(line.split_whitespace()).map(OsString::from).collect()
}

fn understood(line: &str) -> Cli {
    match parse(&args(line), &Text::new(Language::English)) {
        Ok(cli) => cli,
        Err(stop) => panic!("{line}: {stop:?}"),
    }
}

fn refused(line: &str, language: Language) -> String {
    match parse(&args(line), &Text::new(language)) {
        Err(Stop::Usage(failure)) => {
            assert_eq!(failure.exit(), crate::failure::Exit::Usage);
            failure.to_string()
        }
        other => panic!("{line}: {other:?}"),
    }
}

fn alarm(line: &str) -> (Cli, String) {
    let cli = understood(line);
    let Command::Panic(panic) = &cli.command else { panic!("{line}: {cli:?}") };
    let text = panic.text.join(" ");
    (cli, text)
}

#[test]
fn the_alarm_is_raised_however_it_is_typed() {
    for line in [
        "panic", "PANIC", "Panic", "pánico", "PÁNICO", "panico", "sos", "SOS", "auxilio", "alarm",
        "pnaic", "panc", "panci", "panik", "ppanic", "pamico",
    ] {
        assert_eq!(alarm(line).1, "", "{line}");
    }
    assert_eq!(alarm("panic me siguen dos").1, "me siguen dos");
    assert_eq!(alarm("panic ayuda").1, "ayuda");
    assert_eq!(alarm("panic me siguen --wait 30").1, "me siguen");
}

#[test]
fn a_mistyped_option_does_not_stop_the_alarm() {
    assert_eq!(alarm("panic --wiat 30").1, "--wiat 30");
    assert_eq!(alarm("panic -ayuda me siguen").1, "-ayuda me siguen");
    assert_eq!(alarm("panic -help me").1, "-help me");
    assert_eq!(alarm("panic -Vamos ya").1, "-Vamos ya");
    for asked in ["panic --help", "panic -h", "help panic", "panic -V", "checkin -hV"] {
        let shown = parse(&args(asked), &Text::new(Language::English));
        assert!(matches!(shown, Err(Stop::Show(_))), "{asked}: {shown:?}");
    }
    let (cli, text) = alarm("--vault /v panic --wait soon --json dos hombres");
    assert_eq!(text, "dos hombres");
    assert_eq!(cli.global.vault, Some("/v".into()));
    assert!(cli.global.json);
    let (cli, text) = alarm("panic --bogus --vault=/v --wait 5");
    assert_eq!(text, "--bogus");
    assert_eq!(cli.global.vault, Some("/v".into()));
    let Command::Panic(panic) = cli.command else { panic!() };
    assert_eq!(panic.wait, Some(Duration::from_secs(5)));
    assert_eq!(alarm("panic --bogus -- --wait 5").1, "--bogus --wait 5");
    assert_eq!(alarm("--bogus value panic me siguen").1, "--bogus value me siguen");
    assert_eq!(alarm("-- panic").1, "");
}

#[test]
fn an_option_that_does_not_fit_is_left_out_of_the_alarm_alone() {
    let file = PassphraseSource::File("pw.eva".into());
    for line in [
        "--passphrase-file pw.eva panic --wait abc prueba",
        "panic --passphrase-file pw.eva --lang es --wait 10seg prueba",
        "panic prueba --passphrase-file=pw.eva --wait=10seg --json",
        "panic --wait --passphrase-file pw.eva prueba",
        "panic --passphrase-file pw.eva --passphrase-fd 3 prueba",
        "panic --passphrase-file pw.eva --passphrase-file other prueba",
        "panic --passphrase-file pw.eva --lang fr --vault= prueba",
        "panic --passphrase-file pw.eva --json=1 prueba --vault",
        "panic --passphrase-file pw.eva prueba --log",
    ] {
        let (cli, text) = alarm(line);
        assert_eq!(text, "prueba", "{line}");
        assert_eq!(cli.global.passphrase(), file, "{line}");
    }
    let (cli, text) = alarm("--log debug --passphrase-fd 3 panic --wait x --vault /v a");
    assert_eq!(text, "a");
    assert_eq!(cli.global.passphrase(), PassphraseSource::Descriptor(3));
    assert_eq!((cli.global.log.as_deref(), cli.global.vault), (Some("debug"), Some("/v".into())));
}

#[test]
fn letters_that_cannot_be_read_do_not_stop_the_alarm() {
    use std::os::unix::ffi::OsStringExt;
    let typed = [&b"velar"[..], b"panic", b"me siguen \xff"];
    let typed: Vec<_> = typed.iter().map(|word| OsString::from_vec(word.to_vec())).collect();
    let Ok(cli) = parse(&typed, &Text::new(Language::English)) else { panic!() };
    let Command::Panic(panic) = cli.command else { panic!() };
    assert_eq!(panic.text, ["me siguen \u{fffd}"]);
}

#[test]
fn asking_for_help_raises_no_alarm() {
    for line in ["panic --help", "panic -h", "help panic", "ayuda panic", "help", "AYUDA", "--help"]
    {
        let stop = parse(&args(line), &Text::new(Language::Spanish)).unwrap_err();
        let Stop::Show(error) = stop else { panic!("{line}: {stop:?}") };
        assert!(error.to_string().contains("Uso:"), "{line}");
    }
    let stop = parse(&args("--version"), &Text::new(Language::Spanish)).unwrap_err();
    assert!(matches!(stop, Stop::Show(_)));
    let stop = parse(&args(""), &Text::new(Language::Spanish)).unwrap_err();
    assert!(matches!(stop, Stop::NoCommand(_)));
}

#[test]
fn words_near_other_commands_raise_no_alarm() {
    for line in ["plam", "pan", "paniced", "manic2", "clam", "statsu"] {
        refused(line, Language::English);
    }
}

#[test]
fn commands_have_spanish_names() {
    for line in [
        "iniciar",
        "circulo ver",
        "círculo ver",
        "invitar",
        "unirme",
        "aprobar",
        "integrantes",
        "miembros",
        "verificar",
        "reporte",
        "ok",
        "alertas",
        "tomar",
        "soltar",
        "nota hola",
        "a-salvo",
        "cerrar",
        "decir hola",
        "mensajes",
        "vigilar --plain",
        "guardia",
        "estado",
        "plan",
        "plan ver",
        "plan acordar --cada 90m --hasta 20:00 --gracia 0 --margen 10 --zona Europe/Madrid",
        "plan acordar --a-las 9:00,14:00 --itinerario casa",
        "plan silencio --hasta 18:00 --note duermo",
        "plan terminar",
        "invitar --role acompañante --role Coordinadora",
        "checkin --mood CANSADA",
    ] {
        understood(line);
    }
}

#[test]
fn a_wrong_command_line_says_what_to_type_in_both_languages() {
    let cases = [
        ("clam", "claim"),
        ("xyzzy", "--help"),
        ("checkin --nxet 5", "--next"),
        ("checkin --mood grumpy", "tired"),
        ("checkin --next soon", "--next"),
        ("checkin --next", "--next"),
        ("circle new --name x", "--me"),
        ("circle new --name x --me y --relay http://x", "velar://host:port#pin"),
        ("circle --json", "--help"),
        ("verify --mark", "MEMBER"),
        ("approve --reject --name x", "--name"),
        ("status --vault a --vault b", "--vault"),
        ("status --passphrase-file a --passphrase-fd 3", "--passphrase-fd"),
        ("status extra", "extra"),
        ("plan set --at 25:00", "--at"),
        ("plan set --every 0", "--every"),
        ("plan set --every 60 --at 9:00", "--at"),
        ("plan set --until 18", "--until"),
        ("plan silence", "--until"),
        ("plan silence --over --until 18:00", "--until"),
    ];
    for (line, hint) in cases {
        let [spanish, english] = Language::ALL.map(|language| refused(line, language));
        assert!(english.contains(hint), "{line}: {english}");
        assert_ne!(spanish, english, "{line}");
        assert!(spanish.lines().count() >= 2 && english.lines().count() >= 2, "{line}");
    }
}

#[test]
fn times_are_read_as_people_write_them() {
    let next = |text: &str| minutes(text).ok().map(|next| next.as_secs());
    assert_eq!(next("90"), Some(5_400));
    assert_eq!(next("90m"), Some(5_400));
    assert_eq!(next("1h30"), Some(5_400));
    assert_eq!(next("1H30m"), Some(5_400));
    assert_eq!(next("2h"), Some(7_200));
    assert_eq!(seconds("30").ok(), Some(Duration::from_secs(30)));
    assert_eq!(seconds("2m").ok(), Some(Duration::from_secs(120)));
    for bad in ["", "h", "soon", "-5", "1x", "99999999999999999999", "400d", "1h m"] {
        assert_eq!(next(bad), None, "{bad}");
    }
}

#[test]
fn the_first_word_may_name_the_alert() {
    let Command::Note(what) = understood("note 3f2a va en camino").command else { panic!() };
    assert_eq!(
        alert_and_text(&what, |word| word == "3f2a"),
        (Some("3f2a".into()), "va en camino".into())
    );
    assert_eq!(alert_and_text(&what, |_| false), (None, "3f2a va en camino".into()));
    let Command::Note(what) = understood("note --alert 77aa 3f2a va").command else { panic!() };
    assert_eq!(alert_and_text(&what, |_| true), (Some("77aa".into()), "3f2a va".into()));
}

#[test]
fn the_four_words_may_be_separated_by_anything() {
    for line in [
        "--words Uno dos TRES cuatro",
        "--words uno,dos,tres,cuatro",
        "--words uno-dos tres.cuatro",
    ] {
        let Command::Join(join) = understood(&format!("join {line}")).command else { panic!() };
        assert_eq!(spoken(&join.words).as_deref(), Some("uno dos tres cuatro"), "{line}");
    }
    assert_eq!(spoken(&[]), None);
    assert_eq!(spoken(&[" , ".to_owned()]), None);
}

#[test]
fn the_vault_is_where_the_person_or_xdg_says() {
    let none = |_: &str| None;
    let env = |pairs: &'static [(&'static str, &'static str)]| {
        move |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v))
    };
    let global = understood("--vault /x status").global;
    assert_eq!(global.vault_dir(none), Some("/x".into()));
    let global = Global { vault: None, ..global };
    assert_eq!(global.vault_dir(none), None);
    let xdg = env(&[("XDG_DATA_HOME", "/data"), ("HOME", "/home/a")]);
    assert_eq!(global.vault_dir(xdg), Some("/data/velar".into()));
    let named = env(&[("VELAR_VAULT", "/named"), ("XDG_DATA_HOME", "/data")]);
    assert_eq!(global.vault_dir(named), Some("/named".into()));
    let empty = env(&[("VELAR_VAULT", ""), ("XDG_DATA_HOME", "/data")]);
    assert_eq!(global.vault_dir(empty), Some("/data/velar".into()));
    let relative = env(&[("XDG_DATA_HOME", "data"), ("HOME", "/home/a")]);
    assert_eq!(global.vault_dir(relative), Some("/home/a/.local/share/velar".into()));
}

#[test]
fn a_bad_log_filter_leaves_the_default_and_is_said() {
    let shown = |line: &str, environment: Option<&str>| {
        let environment = environment.map(OsString::from);
        let log = understood(line).global.log_filter(|_| environment.clone());
        (log.filter.to_string(), log.bad, log.typed)
    };
    let error = || "error".to_owned();
    assert_eq!(shown("status", None), (error(), None, false));
    assert_eq!(shown("status", Some("")), (error(), None, false));
    assert_eq!(shown("status", Some("info")), ("info".to_owned(), None, false));
    assert_eq!(shown("status", Some("a=b=c")), (error(), Some("a=b=c".to_owned()), false));
    assert_eq!(shown("panic --log a=b=c", None), (error(), Some("a=b=c".to_owned()), true));
    assert_eq!(shown("panic --log warn", Some("a=b=c")), ("warn".to_owned(), None, true));
}

#[test]
fn language_and_json_are_known_before_anything_is_refused() {
    let spanish = |_: &str| Some("es_MX.UTF-8".to_owned());
    let early = |line| early(&args(line), spanish);
    assert_eq!(early("status"), Early { language: Language::Spanish, json: false });
    assert_eq!(early("xyzzy --lang en --json"), Early { language: Language::English, json: true });
    assert_eq!(early("--lang=English x").language, Language::English);
    assert_eq!(early("--lang").language, Language::Spanish);
    assert_eq!(early("--lang fr").language, Language::Spanish);
    assert!(!early("say -- --json").json);
}

#[test]
fn an_invitation_link_is_not_shown_when_debugging() {
    let cli = understood("join velar-secret --me Ana");
    assert!(!format!("{cli:?}").contains("secret"));
    let Command::Join(join) = cli.command else { panic!() };
    assert_eq!(join.link.unwrap().reveal(), "velar-secret");
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in <clap_complete::Shell as clap::ValueEnum>::value_variants() {
        let mut out = Vec::new();
        completions(*shell, &Text::new(Language::Spanish), &mut out);
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("stand-down") && out.contains("panic"), "{shell}");
    }
}

#[test]
fn the_passphrase_comes_from_one_place() {
    let source = |line| understood(line).global.passphrase();
    assert_eq!(source("status"), PassphraseSource::Prompt);
    assert_eq!(source("status --passphrase-fd 3"), PassphraseSource::Descriptor(3));
    assert_eq!(source("--passphrase-file /p status"), PassphraseSource::File("/p".into()));
    refused("status --passphrase-fd -1", Language::English);
}

/// The command lines that a document shows: lines in fenced shell blocks, and indented lines of help.
fn shown_commands(document: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in document.lines() {
        if line.starts_with("```") {
            fenced = line == "```sh";
        }
        let indented = line.starts_with("          velar ");
        if (fenced || indented) && line.trim_start().starts_with("velar ") {
            let command = line.split(" # ").next().unwrap_or_default();
            found.push(command.trim().to_owned());
        }
    }
    found
}

/// As a shell splits them: quotes group, and vanish.
fn shell_words(line: &str) -> Vec<OsString> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).map(OsString::from).collect()
}

#[test]
fn every_command_line_that_is_shown_to_people_is_understood() {
    let documents = [
        include_str!("../../../README.md"),
        include_str!("../../../README.es.md"),
        include_str!("../../locales/es/velar.ftl"),
        include_str!("../../locales/en/velar.ftl"),
    ];
    for document in documents {
        let commands = shown_commands(document);
        assert!(commands.len() >= 8, "{commands:?}");
        for line in commands {
            let pin = format!("#{}", "A".repeat(43));
            let words = shell_words(&line.replace("#…", &pin));
            let understood = parse(&words, &Text::new(Language::English));
            assert!(understood.is_ok(), "{line}: {understood:?}");
        }
    }
}
