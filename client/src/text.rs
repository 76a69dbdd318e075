//! Text for people, in Spanish and English: `locales/{es,en}/velar.ftl`.
//!
//! [`t!`] checks ids and variables at compile time against the English file; a test holds the Spanish one
//! to the same ids and variables. `t!` with no variables checks the id only: see the tests.

mod words;

use clap::ValueEnum;
use i18n_embed::LanguageLoader;
use i18n_embed::fluent::FluentLanguageLoader;
use i18n_embed::unic_langid::LanguageIdentifier;
use rust_embed::RustEmbed;

/// The text with this id: `t!(text, "panic-raised", alert = id)`. Gives a `String`.
#[macro_export]
macro_rules! t {
    ($text:expr, $id:tt $(, $name:ident = $value:expr)* $(,)?) => {
        ::i18n_embed_fl::fl!($text.loader(), $id $(, $name = ($value))*)
    };
}
pub use crate::t;

/// The domain (file name) of the texts.
const DOMAIN: &str = "velar";

#[derive(RustEmbed)]
#[folder = "locales/"]
struct Locales;

/// A language of the texts. Both are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Spanish, as spoken in Mexico.
    #[value(name = "es", aliases = ["español", "espanol", "spanish", "castellano"])]
    Spanish,
    /// English.
    #[value(name = "en", aliases = ["english", "inglés", "ingles"])]
    English,
}

/// The texts in one language.
pub struct Text {
    loader: FluentLanguageLoader,
    language: Language,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Spanish, Self::English];

    /// Its code: `es` or `en`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::English => "en",
        }
    }

    /// From what a person writes after `--lang`, or a locale: `es`, `es_MX.UTF-8`, `English`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if let Ok(language) = Self::from_str(name, true) {
            return Some(language);
        }
        let tag = name.split(['_', '-', '.', '@']).next().unwrap_or_default().to_lowercase();
        Self::ALL.into_iter().find(|language| language.code() == tag)
    }

    /// From `LC_ALL`, `LC_MESSAGES` and `LANG`, the first of them that is set, as POSIX has it. A locale
    /// in neither language, or none, means English.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(variable)
            .find(|value| !value.is_empty())
            .and_then(|locale| Self::named(&locale))
            .unwrap_or(Self::English)
    }
}

impl Text {
    /// The texts in `language`. They are part of the program: nothing is read from disk.
    #[must_use]
    pub fn new(language: Language) -> Self {
        let loader = FluentLanguageLoader::new(DOMAIN, identifier(Language::English));
        // Fails only if a file is not in the program or not UTF-8; a test loads both.
        if let Err(error) = loader.load_languages(&Locales, &[identifier(language)]) {
            tracing::error!(%error, "texts cannot be loaded");
        }
        // The marks that would isolate right-to-left text show as garbage on many terminals; names are
        // cleaned before they are shown (`terminal::clean`).
        loader.set_use_isolating(false);
        Self { loader, language }
    }

    /// Which language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// For [`t!`].
    #[must_use]
    pub fn loader(&self) -> &FluentLanguageLoader {
        &self.loader
    }

    /// The text with an id that is only known at run time (help). Prefer [`t!`].
    #[must_use]
    pub fn by_id(&self, id: &str) -> String {
        self.loader.get(id)
    }

    /// Whether there is a text with this id in this language.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.loader.has(id)
    }

    /// An attribute of a text, if it has it.
    #[must_use]
    pub fn attribute(&self, id: &str, attribute: &str) -> Option<String> {
        self.loader.has_attr(id, attribute).then(|| self.loader.get_attr(id, attribute))
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("language", &self.language).finish_non_exhaustive()
    }
}

fn identifier(language: Language) -> LanguageIdentifier {
    language.code().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests;
