//! Ids as people type them.

/// Bytes of an id that are shown: enough to tell the members of a circle apart.
const SHOWN: usize = 3;

/// The beginning of an id, in hexadecimal: what tables show and commands take.
#[must_use]
pub fn short_id(id: &[u8]) -> String {
    id.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_by_its_beginning() {
        assert_eq!(short_id(&[0x3f, 0x2a, 0, 9, 9]), "3f2a00");
        assert_eq!(short_id(&[]), "");
    }
}
