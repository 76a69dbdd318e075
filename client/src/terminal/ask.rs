//! Questions, at the terminal even when standard input and output are pipes.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};

use crate::text::{Text, t};

/// How often a question is put again before no answer counts as *no*.
const ATTEMPTS: usize = 3;

/// Asks a person.
pub struct Asker<R, W> {
    input: R,
    output: W,
}

/// An answer to a yes-or-no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Yes.
    Yes,
    /// No.
    No,
    /// None that was understood: the input ended, or neither word was typed.
    Unclear,
}

/// At the controlling terminal.
///
/// # Errors
/// There is none (a service, a pipeline without terminal): the command needs its answers as options.
pub fn asker() -> io::Result<Asker<BufReader<File>, File>> {
    let open = || OpenOptions::new().read(true).write(true).open("/dev/tty");
    Ok(Asker::new(BufReader::new(open()?), open()?))
}

impl<R: BufRead, W: Write> Asker<R, W> {
    /// Over any input and output.
    pub fn new(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// A line of text, trimmed. `None` if the input ended or the line is empty.
    ///
    /// # Errors
    /// Those of input and output.
    pub fn line(&mut self, prompt: &str) -> io::Result<Option<String>> {
        write!(self.output, "{prompt} ")?;
        self.output.flush()?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            writeln!(self.output)?;
            return Ok(None);
        }
        let line = line.trim();
        Ok((!line.is_empty()).then(|| line.to_owned()))
    }

    /// Yes or no, in either language. There is no default: what is asked here matters.
    ///
    /// # Errors
    /// Those of input and output.
    pub fn yes_or_no(&mut self, question: &str, text: &Text) -> io::Result<Reply> {
        let (yes, no) = (t!(text, "answer-yes"), t!(text, "answer-no"));
        let shown = |words: &str| words.split(' ').next().unwrap_or_default().to_owned();
        let prompt = format!("{question} [{}/{}]", shown(&yes), shown(&no));
        for _ in 0..ATTEMPTS {
            let Some(answer) = self.line(&prompt)? else { continue };
            let answer = answer.to_lowercase();
            if yes.split(' ').any(|word| word == answer) {
                return Ok(Reply::Yes);
            }
            if no.split(' ').any(|word| word == answer) {
                return Ok(Reply::No);
            }
        }
        Ok(Reply::Unclear)
    }

    /// Shows a line before a question.
    ///
    /// # Errors
    /// Those of the output.
    pub fn show(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.output, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    fn ask(typed: &str, language: Language) -> (Reply, String) {
        let mut shown = Vec::new();
        let mut asker = Asker::new(typed.as_bytes(), &mut shown);
        let reply = asker.yes_or_no("¿?", &Text::new(language)).unwrap();
        (reply, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn yes_and_no_are_understood_in_both_languages() {
        for language in Language::ALL {
            for word in ["y", "Y", "yes", "s", "si", "sí", "SÍ", " si "] {
                assert_eq!(ask(&format!("{word}\n"), language).0, Reply::Yes, "{word}");
            }
            for word in ["n", "no", "NO"] {
                assert_eq!(ask(&format!("{word}\n"), language).0, Reply::No, "{word}");
            }
        }
        assert!(ask("n\n", Language::Spanish).1.contains("[sí/no]"));
        assert!(ask("n\n", Language::English).1.contains("[yes/no]"));
    }

    #[test]
    fn nothing_typed_is_never_a_yes() {
        for typed in ["", "\n\n\n", "maybe\nmaybe\nmaybe\n", "\n\n\ny\n"] {
            assert_eq!(ask(typed, Language::English).0, Reply::Unclear, "{typed:?}");
        }
        assert_eq!(ask("what?\nsi\n", Language::English).0, Reply::Yes);
    }

    #[test]
    fn a_line_is_trimmed_and_may_be_missing() {
        let mut asker = Asker::new("  uno dos \n\n".as_bytes(), Vec::new());
        assert_eq!(asker.line(":").unwrap().as_deref(), Some("uno dos"));
        assert_eq!(asker.line(":").unwrap(), None);
        assert_eq!(asker.line(":").unwrap(), None);
    }
}
