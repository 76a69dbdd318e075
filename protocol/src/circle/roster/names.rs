//! Names: sealed beside the roster, never signed.

use super::Roster;
use crate::circle::limits::MAX_NAME_LEN;
use crate::seal::MemberId;

/// Names of members: sealed with the roster, never signed.
pub type Names = Vec<(MemberId, String)>;

/// Names held, after those that `sender` sent: the lead's words count for every member of the roster;
/// anybody else's only for members that have no name yet. Otherwise one member could exchange the names
/// of two others on somebody's screen.
#[must_use]
pub fn merge_names(held: &Names, sent: &Names, sender: MemberId, roster: &Roster) -> Names {
    let name_in = |names: &Names, member: MemberId| {
        names.iter().find(|(id, name)| *id == member && is_name(name)).map(|(_, name)| name.clone())
    };
    let [first, second] = if sender == roster.lead() { [sent, held] } else { [held, sent] };
    let members = roster.members().iter().map(|member| member.member());
    members
        .filter_map(|id| name_in(first, id).or_else(|| name_in(second, id)).map(|name| (id, name)))
        .collect()
}

/// Whether a name may be used: 1 to [`MAX_NAME_LEN`] bytes, not only spaces, and no character that
/// controls a terminal or turns, hides or breaks the line it stands in.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty()
        && name.len() <= MAX_NAME_LEN
        && !name.chars().any(|c| c.is_control() || is_invisible(c))
}

/// Line and paragraph separators, marks and overrides of writing direction, and characters of no width.
/// Joiners (U+200C, U+200D) stay: several scripts need them.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}
