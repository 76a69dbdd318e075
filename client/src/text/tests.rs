//! Both languages say everything, with the same variables.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{
    CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement,
};
use fluent_syntax::parser::parse;

use super::*;

const SPANISH: &str = include_str!("../../locales/es/velar.ftl");
const ENGLISH: &str = include_str!("../../locales/en/velar.ftl");

impl Text {
    /// All ids of one language.
    pub(crate) fn ids(language: Language) -> Vec<String> {
        let source = if language == Language::Spanish { SPANISH } else { ENGLISH };
        texts(source).into_keys().filter(|key| !key.contains('.')).collect()
    }
}

/// Each text and attribute (`id.attribute`) with its variables.
fn texts(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let resource = parse(source).expect("the file has no syntax error");
    let mut all = BTreeMap::new();
    for entry in resource.body {
        let Entry::Message(message) = entry else { continue };
        let id = message.id.name.to_owned();
        let value = message.value.expect("every text has a value");
        let doubled = all.insert(id.clone(), variables(&value));
        assert!(doubled.is_none(), "{id} is there twice");
        for attribute in message.attributes {
            all.insert(format!("{id}.{}", attribute.id.name), variables(&attribute.value));
        }
    }
    all
}

fn variables(pattern: &Pattern<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            in_expression(expression, &mut found);
        }
    }
    found
}

fn in_expression(expression: &Expression<&str>, found: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => in_inline(inline, found),
        Expression::Select { selector, variants } => {
            in_inline(selector, found);
            variants.iter().for_each(|variant| found.extend(variables(&variant.value)));
        }
    }
}

fn in_inline(inline: &InlineExpression<&str>, found: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            found.insert(id.name.to_owned());
        }
        InlineExpression::Placeable { expression } => in_expression(expression, found),
        InlineExpression::FunctionReference { arguments, .. } => {
            let CallArguments { positional, .. } = arguments;
            positional.iter().for_each(|argument| in_inline(argument, found));
        }
        _ => {}
    }
}

/// Advice under a command's help may exist in one language only (it names that language's aliases).
fn may_differ(key: &str) -> bool {
    key.starts_with("help-cmd") && key.ends_with(".more")
}

#[test]
fn spanish_and_english_have_the_same_texts_and_variables() {
    let (spanish, english) = (texts(SPANISH), texts(ENGLISH));
    for (key, variables) in &english {
        assert_eq!(spanish.get(key), Some(variables), "{key} in Spanish");
    }
    for key in spanish.keys().filter(|key| !may_differ(key)) {
        assert!(english.contains_key(key), "{key} in English");
    }
}

#[test]
fn every_error_says_what_to_do_next_with_variables_that_it_is_given() {
    let english = texts(ENGLISH);
    for (id, variables) in &english {
        if !id.starts_with("error-") || id.contains('.') {
            continue;
        }
        let next = english.get(&format!("{id}.next"));
        assert!(next.is_some_and(|next| next.is_subset(variables)), "{id}.next");
    }
}

#[test]
fn no_text_holds_control_or_bidirectional_characters() {
    for source in [SPANISH, ENGLISH] {
        let odd = |c: &char| (c.is_control() && *c != '\n') || crate::terminal::is_hidden(*c);
        assert_eq!(source.chars().find(odd), None);
    }
}

/// Words that stood for something that is called otherwise everywhere else, by beginning: in Spanish a relay is a
/// *servidor*. (*Relevo* is who takes over a shift.)
const OTHERWISE_CALLED: [&str; 1] = ["relevo"];

#[test]
fn one_thing_has_one_name() {
    let lines = SPANISH.lines().enumerate().map(|(at, line)| (at + 1, line.to_lowercase()));
    let wrong: Vec<_> =
        lines.filter(|(_, line)| OTHERWISE_CALLED.iter().any(|word| line.contains(word))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `t!` without variables checks the id only: this reads the sources for texts whose variables were left out.
#[test]
fn texts_are_used_with_their_variables() {
    let english = texts(ENGLISH);
    let mut wrong = Vec::new();
    for (file, source) in sources() {
        for (at, _) in source.match_indices("t!(").chain(source.match_indices("failure!(")) {
            let call = &source[at..];
            let Some((head, rest)) = call.split_once('"') else { continue };
            let Some((id, after)) = rest.split_once('"') else { continue };
            let variables = english.get(id);
            let ends = after.trim_start().trim_start_matches(',').trim_start().starts_with(')');
            if !head.contains([';', '}']) && ends && variables.is_some_and(|v| !v.is_empty()) {
                wrong.push(format!("{file}: {id}"));
            }
        }
    }
    assert!(wrong.is_empty(), "variables left out: {wrong:#?}");
}

/// What ids that are put together at run time begin with. All others stand in the sources as they are.
/// `cli::localise` puts these together, and holds each to a command or argument.
const COMPOSED: [&str; 2] = ["help-cmd", "help-arg"];

#[test]
fn every_text_is_used() {
    let is_test = |file: &str| {
        let (_, within) = file.rsplit_once("/src/").unwrap_or_default();
        within.split('/').any(|part| part == "tests" || part == "tests.rs")
    };
    let sources: String = sources()
        .into_iter()
        .filter_map(|(file, source)| (!is_test(&file)).then_some(source))
        .collect();
    let unused: Vec<_> = Text::ids(Language::English)
        .into_iter()
        .filter(|id| !COMPOSED.iter().any(|prefix| id.starts_with(prefix)))
        .filter(|id| !sources.contains(&format!("\"{id}\"")))
        .collect();
    assert!(unused.is_empty(), "used nowhere: {unused:#?}");
}

fn sources() -> Vec<(String, String)> {
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn texts_carry_their_variables_without_isolating_marks() {
    for language in Language::ALL {
        let text = Text::new(language);
        let shown = t!(text, "panic-received", name = "Ana");
        assert!(
            shown.contains("Ana") && shown.is_ascii() || language == Language::Spanish,
            "{shown}"
        );
        assert!(!shown.contains(['\u{2068}', '\u{2069}']), "{shown}");
        assert_eq!(text.language(), language);
    }
    let spanish = Text::new(Language::Spanish);
    assert_eq!(
        t!(spanish, "panic-summary", count = 1, total = 3),
        "La ha recibido 1 terminal de 3."
    );
    assert_eq!(
        t!(spanish, "panic-summary", count = 0, total = 3),
        "NINGUNA terminal la ha recibido todavía."
    );
    assert_eq!(t!(spanish, "circle-members", count = 1_200), "1200 integrantes");
}

#[test]
fn the_locale_decides_the_language() {
    let of = |variables: &[(&str, &str)]| {
        Language::of_environment(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert_eq!(of(&[("LANG", "es_MX.UTF-8")]), Language::Spanish);
    assert_eq!(of(&[("LANG", "es")]), Language::Spanish);
    assert_eq!(of(&[("LANG", "en_GB.UTF-8")]), Language::English);
    assert_eq!(of(&[("LANG", "es_MX"), ("LC_MESSAGES", "en_US")]), Language::English);
    assert_eq!(
        of(&[("LANG", "en_US"), ("LC_MESSAGES", "es_ES"), ("LC_ALL", "")]),
        Language::Spanish
    );
    assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "es_MX")]), Language::English);
    assert_eq!(of(&[("LANG", "est_EE")]), Language::English);
    assert_eq!(of(&[]), Language::English);
    assert_eq!(Language::named("Español"), Some(Language::Spanish));
    assert_eq!(Language::named("klingon"), None);
}
