//! Where a key stands in the text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Line and column, from 1, of the value that the keys lead to; an element of a list is named by its number. Where the
/// value is missing, those of the last key that is there.
pub(super) fn place(text: &str, keys: &[String]) -> Option<(usize, usize)> {
    (1..=keys.len()).rev().find_map(|depth| {
        let seek = Seek(keys.get(..depth)?);
        let found = seek.deserialize(serde_yaml::Deserializer::from_str(text));
        // It is found by an error: only errors have a place.
        let place = found.err()?.location()?;
        Some((place.line(), place.column()))
    })
}

/// Stops with an error at the value that the keys lead to.
#[derive(Clone, Copy)]
struct Seek<'k>(&'k [String]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seek<'_> {
    fn scalar<E: Error>(self) -> Result<(), E> {
        match self.0.is_empty() {
            true => Err(E::custom("here")),
            false => Ok(()),
        }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((key, rest)) = self.0.split_first() else {
            return Err(A::Error::custom("here"));
        };
        while let Some(found) = map.next_key::<String>()? {
            match found == *key {
                true => map.next_value_seed(Seek(rest))?,
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((key, rest)) = self.0.split_first() else {
            return Err(A::Error::custom("here"));
        };
        let mut at = 0_usize;
        loop {
            let more = match at.to_string() == *key {
                true => list.next_element_seed(Seek(rest))?.is_some(),
                false => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_keys() {
        let text = "a: 1\nb:\n  c: [x, y]\n  d:\n    - e: true\n    - e: ~\n      f: 1.5\n";
        let at = |keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            place(text, &keys)
        };
        assert_eq!(at(&["a"]), Some((1, 4)));
        assert_eq!(at(&["b", "c", "1"]), Some((3, 10)));
        assert_eq!(at(&["b", "d", "0", "e"]), Some((5, 10)));
        assert_eq!(at(&["b", "d", "1", "f"]), Some((7, 10)));
        // The nearest that is there.
        assert_eq!(at(&["b", "d", "1", "g"]), Some((6, 7)));
        assert_eq!(at(&["z"]), None);
    }
}
