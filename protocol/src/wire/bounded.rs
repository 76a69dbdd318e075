//! Lists whose length is checked before anything is reserved for them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::encoding::TOO_MANY;

/// A list of at most `MAX` elements. A longer announced length fails before any element is read and
/// before memory is reserved: otherwise a frame of a dozen bytes could cost a mebibyte.
pub(crate) fn vec<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct AtMost<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for AtMost<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let announced = seq.size_hint().unwrap_or(0);
            if announced > MAX {
                return Err(Error::custom(TOO_MANY));
            }
            let mut list = Vec::with_capacity(announced);
            while let Some(element) = seq.next_element()? {
                if list.len() == MAX {
                    return Err(Error::custom(TOO_MANY));
                }
                list.push(element);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(AtMost::<T, MAX>(PhantomData))
}
