//! The committed corpus, once through every parser, and inputs that are long and monotonous.

use fuzz::ALL;
use fuzz::promise::keep;
use std::path::PathBuf;
use std::sync::Mutex;

/// How much slower than a release build that of the tests may be.
const SLOWER: u32 = 20;
const GROWN_BYTES: usize = 16 * 1024;
/// Seeds of a parser between whose halves something is repeated.
const CONTEXTS: usize = 3;
/// What is repeated: whatever opens, escapes, parts or refers in one of the languages.
const PIECES: &[&str] = &[
    "a",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\"",
    "\\",
    "'",
    ",",
    "|",
    ":",
    ";",
    "&",
    "%",
    "=",
    "-",
    "[",
    "]",
    "{",
    "[]",
    "{}",
    "- ",
    "\n- ",
    "? ",
    "&a ",
    "*a, ",
    "<a>",
    "</a>",
    "<a/>",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#1;",
    "\"a\":1,",
    "\\ud83d",
    "{\"a\":",
    "[1],",
    "\n## a\n",
    "\n```\n",
    "\n---\n",
    "<Encrypt>",
    "\"Encrypt\":\"",
    "a=b&",
    "v1,AAAA ",
    "你",
    "\u{301}",
    "\u{1f468}\u{200d}",
    "\u{0}",
];

/// Memory is counted for the whole process, so the tests of this file take turns.
static ALONE: Mutex<()> = Mutex::new(());

fn seeds(parser: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(parser);
    let mut seeds: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of the corpus").path())
        .map(|path| (path.clone(), std::fs::read(path).expect("a file of the corpus")))
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{parser} has no corpus");
    seeds
}

#[test]
fn the_committed_corpus_keeps_the_promise_of_every_parser() {
    let _alone = ALONE.lock().expect("no test before it failed");
    for parser in ALL {
        for (path, input) in seeds(parser.name) {
            if let Err(broken) = keep(parser.parse, &input, SLOWER) {
                panic!("{}: {broken}", path.display());
            }
        }
    }
}

#[test]
fn no_parser_takes_more_than_its_share_for_long_and_monotonous_input() {
    let _alone = ALONE.lock().expect("no test before it failed");
    let mut broken = Vec::new();
    for parser in ALL {
        let seeds = seeds(parser.name);
        for (path, seed) in seeds.iter().step_by(seeds.len().div_ceil(CONTEXTS)) {
            for piece in PIECES {
                let (before, after) = seed.split_at(seed.len() / 2);
                let grown = [before, piece.repeat(GROWN_BYTES / piece.len()).as_bytes(), after].concat();
                if let Err(words) = keep(parser.parse, &grown, SLOWER) {
                    broken.push(format!("{} with {piece:?} in its middle: {words}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
