//! YAML from outside: how much of itself a text may repeat by its aliases.
//!
//! A few kilobytes of anchors and aliases stand for gigabytes once each alias is written out, as a reader of values
//! does. The parser's own bound on aliases grows with the square of the text, so it is no bound on memory.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use std::cell::Cell;
use std::fmt;

/// Without an alias a text weighs at most one and a half times its length.
const WEIGHT_TIMES_MAX: usize = 2;
/// On top, so that small texts may share a long answer.
const WEIGHT_FREE: usize = 64 * 1024;

/// Whether the documents of the text, with every alias written out, are out of proportion to it. Costs no memory, and as
/// much time as reading, so ask [`crate::nests_too_deeply`] first. A text that cannot be read for another reason is told
/// by whoever reads it.
pub fn repeats_too_much(text: &str) -> bool {
    if !text.contains('*') {
        return false;
    }
    let left = Cell::new(text.len().saturating_mul(WEIGHT_TIMES_MAX).saturating_add(WEIGHT_FREE));
    let weight = Weight { left: &left };
    // A broken document ends the reading, as it does for whoever reads it.
    let _ = yaml_serde::Deserializer::from_str(text).try_for_each(|document| weight.deserialize(document));
    left.get() == 0
}

/// Takes one for each value and for each byte of its text from what is left, and ends the reading at nothing.
#[derive(Clone, Copy)]
struct Weight<'l> {
    left: &'l Cell<usize>,
}

impl Weight<'_> {
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        self.left.set(self.left.get().saturating_sub(1 + bytes));
        if self.left.get() == 0 { Err(E::custom("it repeats too much of itself")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Weight<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weight<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.take(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.take(0)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.take(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take(0)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.take(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.take(0)?;
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.take(0)?;
        while fields.next_entry_seed(self, self)?.is_some() {}
        Ok(())
    }

    /// A value with a tag.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let ((), value) = tagged.variant_seed(self)?;
        value.newtype_variant_seed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of so many words, and a list that names it so many times.
    fn bomb(words: usize, names: usize) -> String {
        format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(words), "*a,".repeat(names))
    }

    #[test]
    fn a_text_that_stands_for_gigabytes_is_told_from_one_that_shares_an_answer() {
        assert!(repeats_too_much(&bomb(3000, 3000)));
        assert!(!repeats_too_much("a: &a [x]\nb: &b [*a,*a]\nc: !t {d: *b}\n---\na: &a xxxxxxxx\n"));
        assert!(!repeats_too_much(&bomb(1000, 20)));
        let answer = format!("a: &a {}\nb: [{}]\n", "您好".repeat(500), "*a,".repeat(20));
        assert!(!repeats_too_much(&answer));
    }

    #[test]
    fn nested_aliases_are_weighed_as_they_are_written_out() {
        let names =
            |level: usize| format!("a{level}: &a{level} [{}]\n", format!("*a{},", level - 1).repeat(10));
        let levels: String = (1..4).map(names).collect();
        assert!(repeats_too_much(&format!("a0: &a0 [{}]\n{levels}", "x,".repeat(300))));
        let tagged = format!("a: &a !t [{}]\nb: [{}]\n", "x,".repeat(3000), "*a,".repeat(3000));
        assert!(repeats_too_much(&tagged));
    }

    #[test]
    fn whatever_is_no_yaml_is_somebody_elses_to_refuse() {
        for text in ["*", "a: *b", "[*", "- *a\n- {", "{a: &a [*a, *a]}"] {
            assert!(!repeats_too_much(text), "{text}");
        }
    }
}
