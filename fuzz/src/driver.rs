//! How the fuzzer calls a parser: its promise is kept or the process ends, and what cost most is written down.

use crate::promise::{self, Cost};
use std::cell::RefCell;
use std::io::Write;

/// A target that calls the parser of that name.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        use libfuzzer_sys::fuzzer_mutate;
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::driver::run($crate::$name, input));
        libfuzzer_sys::fuzz_mutator!(|input: &mut [u8], size: usize, max_size: usize, seed: u32| {
            if $crate::driver::grow(input, size, max_size, seed) {
                max_size
            } else {
                fuzzer_mutate(input, size, max_size)
            }
        });
    };
}

/// How much slower than a release build the fuzzer's may be: it checks sums and assumptions and counts what it runs through.
const SLOWER: u32 = 3;
/// Of so many mutations one makes a long input out of a short piece.
const GROWN_ONE_OF: u32 = 512;

/// The dearest inputs so far.
#[derive(Default)]
struct Dearest {
    nanos_per_kb: u128,
    memory_bytes: usize,
}

thread_local! {
    static DEAREST: RefCell<Dearest> = RefCell::default();
}

/// Parses one input.
///
/// # Panics
/// When the parser does or breaks its promise: the fuzzer then keeps the input.
pub fn run(parse: fn(&[u8]), input: &[u8]) {
    let cost = kept(parse, input);
    if !is_dearest(input, cost) {
        return;
    }
    // A machine that is busy with others makes now and then any input dear: the cheapest of three times counts.
    let cheapest = [cost, kept(parse, input), kept(parse, input)].into_iter().min_by_key(|cost| cost.time);
    note(input, cheapest.unwrap_or(cost));
}

fn kept(parse: fn(&[u8]), input: &[u8]) -> Cost {
    match promise::keep(parse, input, SLOWER) {
        Ok(cost) => cost,
        Err(broken) => panic!("{broken}"),
    }
}

fn per_kb(input: &[u8], cost: Cost) -> u128 {
    cost.time.as_nanos() / u128::from(promise::kilobytes(input))
}

fn is_dearest(input: &[u8], cost: Cost) -> bool {
    DEAREST.with_borrow(|dearest| {
        per_kb(input, cost) > dearest.nanos_per_kb || cost.memory_bytes > dearest.memory_bytes
    })
}

fn note(input: &[u8], cost: Cost) {
    let nanos_per_kb = per_kb(input, cost);
    DEAREST.with_borrow_mut(|dearest| {
        if nanos_per_kb > dearest.nanos_per_kb || cost.memory_bytes > dearest.memory_bytes {
            dearest.nanos_per_kb = dearest.nanos_per_kb.max(nanos_per_kb);
            dearest.memory_bytes = dearest.memory_bytes.max(cost.memory_bytes);
            tell(dearest);
        }
    });
}

/// Writes the figures to the file that the environment names: the fuzzer ends its process without a last word.
fn tell(dearest: &Dearest) {
    if let Some(path) = std::env::var_os("FUZZ_FIGURES") {
        let line = format!("{} {}\n", dearest.nanos_per_kb, dearest.memory_bytes);
        let written = std::fs::File::create(path).and_then(|mut file| file.write_all(line.as_bytes()));
        written.expect("the folder of the figures is there");
    }
}

/// Now and then fills the whole room by repeating a piece of the input: what is quadratic shows itself in long and
/// monotonous inputs, which small changes seldom reach. False when it is not the time for it.
pub fn grow(input: &mut [u8], size: usize, max_size: usize, seed: u32) -> bool {
    if size == 0 || size >= max_size || !seed.is_multiple_of(GROWN_ONE_OF) {
        return false;
    }
    let random = (seed / GROWN_ONE_OF) as usize;
    let from = random % size;
    let to = size.min(from + 1 + (random / size) % 24);
    // The end stays, shifted: brackets and quotation marks find their partners.
    let (piece, tail) = (input[from..to].to_vec(), input[to..size].to_vec());
    let room = max_size.saturating_sub(tail.len());
    for at in from..room {
        input[at] = piece[(at - from) % piece.len()];
    }
    input[room..max_size].copy_from_slice(&tail);
    true
}
