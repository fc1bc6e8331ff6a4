//! YAML from outside: how deep its brackets may nest.
//!
//! For each token the parser looks at every bracket that is open, so its time grows with the square of the depth. It
//! refuses what nests deeper than 128, but only once all of it was taken apart.

/// Twice what can be read at all: brackets of texts count, too.
const OPEN_MAX: usize = 256;

/// Whether more brackets are open at some place than can be read. Brackets are counted wherever they stand: quotation marks
/// are not understood, so a text made on purpose can hide some. A new item of a list or a new document begins anew.
pub fn nests_too_deeply(text: &str) -> bool {
    let mut open = 0usize;
    for line in text.lines() {
        let bare = line.trim_start();
        // Neither can stand inside of brackets.
        if bare.starts_with("- ") || line.starts_with("---") {
            open = 0;
        }
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            if open > OPEN_MAX {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_that_costs_the_square_of_its_depth_is_refused() {
        for piece in ["[", "{a: ", "[ !x {a: ", "\n [ "] {
            assert!(nests_too_deeply(&format!("a: {}", piece.repeat(300))), "{piece}");
        }
    }

    #[test]
    fn long_lists_and_sad_faces_of_many_entries_are_not_deep() {
        assert!(!nests_too_deeply(&"{\"a\": [1, [2]]}\n".repeat(2000)));
        assert!(!nests_too_deeply(&"- answer: oh no :-[\n".repeat(2000)));
        assert!(!nests_too_deeply(&"a: :-[\n---\n".repeat(2000)));
    }
}
