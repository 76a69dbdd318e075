//! Room to grow: tagged fields at the end of a check-in, an alarm, a card and a roster, for what later versions of
//! this program have to say there.
//!
//! Whoever does not know a tag skips it and loses nothing else of what it stands in. It is kept all the same where what
//! it stands in is signed, hashed or passed on: in between there may be somebody who knows it.

use serde::{Deserialize, Serialize};

use super::limits::{MAX_EXTENSIONS, MAX_EXTENSIONS_LEN};
use crate::wire::bounded;

/// One field: its meaning is that of its tag in the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Extension {
    /// Which field it is. Never used again for another one.
    pub tag: u32,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// Fields in ascending order of their tags, each tag once: at most [`MAX_EXTENSIONS`], with at most
/// [`MAX_EXTENSIONS_LEN`] bytes in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Extensions(Vec<Extension>);

/// The fields break a bound, or are not in ascending order of their tags, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tagged fields are too many, too long, or not in order")]
pub struct ExtensionsError;

impl Extensions {
    /// None: what this version says.
    pub const NONE: Self = Self(Vec::new());

    /// These fields.
    ///
    /// # Errors
    /// [`ExtensionsError`].
    pub fn new(fields: Vec<Extension>) -> Result<Self, ExtensionsError> {
        let bytes: usize = fields.iter().map(|field| field.bytes.len()).sum();
        let in_order =
            fields.iter().zip(fields.iter().skip(1)).all(|(one, next)| one.tag < next.tag);
        let holds = fields.len() <= MAX_EXTENSIONS && bytes <= MAX_EXTENSIONS_LEN && in_order;
        if holds { Ok(Self(fields)) } else { Err(ExtensionsError) }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Extension> {
        self.0.iter()
    }
}

#[derive(Deserialize)]
struct Unchecked(
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_EXTENSIONS>")] Vec<Extension>,
);

impl TryFrom<Unchecked> for Extensions {
    type Error = ExtensionsError;
    fn try_from(Unchecked(fields): Unchecked) -> Result<Self, ExtensionsError> {
        Self::new(fields)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::encoding;

    fn field(tag: u32, len: usize) -> Extension {
        Extension { tag, bytes: vec![0xe5; len] }
    }

    /// Any within the bounds.
    pub(in crate::circle) fn extensions() -> impl Strategy<Value = Extensions> {
        let fields = btree_map(any::<u32>(), vec(any::<u8>(), 0..64), 0..=MAX_EXTENSIONS);
        prop_oneof![
            2 => Just(Extensions::NONE),
            1 => fields.prop_map(|fields| {
                let fields = fields.into_iter().map(|(tag, bytes)| Extension { tag, bytes });
                Extensions::new(fields.collect()).unwrap()
            }),
        ]
    }

    #[test]
    fn what_is_too_much_or_out_of_order_is_neither_made_nor_read() {
        let count = MAX_EXTENSIONS as u32;
        let cases = [
            (vec![], true),
            (vec![field(0, 0)], true),
            (vec![field(u32::MAX, 0)], true),
            ((0..count).map(|tag| field(tag, 1)).collect(), true),
            ((0..=count).map(|tag| field(tag, 1)).collect(), false),
            (vec![field(1, MAX_EXTENSIONS_LEN)], true),
            (vec![field(1, MAX_EXTENSIONS_LEN + 1)], false),
            (vec![field(1, MAX_EXTENSIONS_LEN), field(2, 1)], false),
            (vec![field(2, 0), field(1, 0)], false),
            (vec![field(1, 0), field(1, 0)], false),
        ];
        for (fields, holds) in cases {
            let bytes = encoding::to_bytes(&fields).unwrap();
            assert_eq!(encoding::from_bytes::<Extensions>(&bytes).is_ok(), holds, "{fields:?}");
            assert_eq!(Extensions::new(fields).is_ok(), holds);
        }
    }

    #[test]
    fn a_number_of_fields_that_is_announced_and_over_the_bound_fails_at_once() {
        for announced in [&[9][..], &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0x10]] {
            assert_eq!(
                encoding::from_bytes::<Extensions>(announced),
                Err(encoding::Fault::TooMany)
            );
        }
    }

    #[test]
    fn their_bytes_are_those_of_the_specification() {
        let some = Extensions::new(vec![field(7, 2), field(300, 0)]).unwrap();
        let bytes = [2, 7, 2, 0xe5, 0xe5, 0xfb, 0x2c, 0x01, 0];
        assert_eq!(encoding::to_bytes(&some).unwrap(), bytes);
        assert_eq!(encoding::to_bytes(&Extensions::NONE).unwrap(), [0]);
    }

    proptest! {
        #[test]
        fn they_survive_their_encoding(some in extensions()) {
            let bytes = encoding::to_bytes(&some).unwrap();
            prop_assert_eq!(encoding::from_bytes(&bytes), Ok(some));
        }
    }
}
