//! Text from other people, made harmless to look at.
//!
//! A name or message may carry anything. Escape sequences could clear the screen, rename the window or
//! answer for the keyboard; bidirectional marks and invisible letters could make one name look like
//! another; a line break could forge a line of Velar's own.

/// Stands for a character that is not shown.
const PLACEHOLDER: char = '\u{fffd}';
/// Stands for a line break in text that must stay on one line.
const LINE_BREAK: &str = " ⏎ ";
/// Accents allowed on one letter. Any language needs fewer; stacks of hundreds cover other lines.
const MAX_MARKS: usize = 4;

/// On one line: line breaks are shown as ⏎, control characters as �, invisible ones are left out.
#[must_use]
pub fn clean(text: &str) -> String {
    lines(text).collect::<Vec<_>>().join(LINE_BREAK)
}

/// On several lines, each with `indent` before it, so that none can pass for a line of Velar's own.
#[must_use]
pub fn clean_block(text: &str, indent: &str) -> String {
    lines(text).map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}

/// Whether a character shows nothing itself but changes or hides how others are shown.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}'                        // soft hyphen
        | '\u{34f}'                     // grapheme joiner
        | '\u{61c}'                     // Arabic letter mark
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'       // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'       // Mongolian separators
        | '\u{200b}'..='\u{200f}'       // zero width, directional marks
        | '\u{202a}'..='\u{202e}'       // directional embedding and override
        | '\u{2060}'..='\u{206f}'       // joiners, isolates, deprecated
        | '\u{fe00}'..='\u{fe0e}'       // variation selectors (the emoji one is harmless)
        | '\u{feff}'                    // byte order mark
        | '\u{fff0}'..='\u{fffb}'       // annotations
        | '\u{1d173}'..='\u{1d17a}'     // musical formatting
        | '\u{e0000}'..='\u{e0fff}'     // tags, variation selectors
    )
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    let line_break = ['\n', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    // "\r\n" is one break; a lone "\r" would overwrite the line.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept = text.trim_end_matches(line_break).to_owned();
    kept.split(line_break).map(line).collect::<Vec<_>>().into_iter()
}

fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        if is_mark(c) {
            marks += 1;
            if marks > MAX_MARKS {
                continue;
            }
        } else {
            marks = 0;
        }
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() => shown.push(PLACEHOLDER),
            c if is_hidden(c) => {}
            c => shown.push(c),
        }
    }
    shown
}

/// Marks that stack on the letter before them (the common blocks).
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}' | '\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_reaches_the_terminal_that_could_steer_it() {
        let bad = |c: char| c.is_control() || is_hidden(c) || matches!(c, '\u{2028}' | '\u{2029}');
        let every: Vec<char> = ('\0'..=char::MAX).collect();
        for several in every.chunks(4_096) {
            let text = several.iter().flat_map(|c| ['a', *c]).collect::<String>();
            let (one, block) = (clean(&text), clean_block(&text, "  "));
            assert_eq!(one.chars().find(|c| bad(*c)), None);
            assert_eq!(block.chars().find(|c| *c != '\n' && bad(*c)), None);
            assert!(block.lines().all(|line| line.starts_with("  ")));
        }
    }

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(clean("\x1b[2J\x1b]0;x\x07Ana"), "�[2J�]0;x�Ana");
        assert_eq!(clean("\u{9b}31mAna"), "�31mAna");
        assert_eq!(clean("Ana\rEva"), "Ana ⏎ Eva");
        assert_eq!(clean("Ana\x08\x08\x08Eva\x7f"), "Ana���Eva�");
    }

    #[test]
    fn one_name_cannot_look_like_another_through_invisible_letters() {
        assert_eq!(clean("A\u{200b}n\u{ad}a"), "Ana");
        assert_eq!(clean("\u{202e}anA\u{202c}"), "anA");
        assert_eq!(clean("\u{2066}Ana\u{2069}\u{3164}\u{e0041}"), "Ana");
    }

    #[test]
    fn a_message_cannot_forge_a_line() {
        assert_eq!(clean("hola\n14:03 *** ALERTA"), "hola ⏎ 14:03 *** ALERTA");
        assert_eq!(clean_block("hola\r\n14:03\u{2028}x\n\n", "  | "), "  | hola\n  | 14:03\n  | x");
    }

    #[test]
    fn ordinary_text_of_any_language_stays() {
        for text in
            ["Ñandú, ¿qué tal? «bien»", "ye\u{301}s", "你好", "שלום", "👩🏽 ❤\u{fe0f}", "K'iche'"]
        {
            assert_eq!(clean(text), text);
        }
        let heap: String =
            std::iter::once('a').chain(std::iter::repeat_n('\u{301}', 300)).collect();
        assert_eq!(clean(&heap).chars().count(), 1 + MAX_MARKS);
    }
}
