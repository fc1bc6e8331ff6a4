//! What every parser promises for every input, and how that is measured.

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// For each begun KB of input, in a release build.
pub const TIME_PER_KB_MAX: Duration = Duration::from_millis(1);
/// On top, whatever the size: the first call of a process fills tables.
pub const TIME_FREE: Duration = Duration::from_millis(2);
/// Bytes that a parser holds at its peak, the input left out.
pub const MEMORY_MAX_BYTES: usize = 64 << 20;

/// What takes too long is measured again, so that a fault of the machine (a cold cache, a clock that changed its
/// speed) is none of the parser's. What is really slow is slow each time.
const TRIES: usize = 5;

/// Counts what is allocated, in whatever links this crate.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What one input cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Of this thread on a processor: others on the machine do not count.
    pub time: Duration,
    pub memory_bytes: usize,
}

/// Parses, and says what it cost.
///
/// # Errors
/// What of the promise was broken, in words. `slower` is how much slower than a release build this one may be.
///
/// # Panics
/// When the parser does.
pub fn keep(parse: fn(&[u8]), input: &[u8], slower: u32) -> Result<Cost, String> {
    let time_max = (TIME_PER_KB_MAX * kilobytes(input) + TIME_FREE) * slower;
    let mut cost = measure(parse, input);
    for _ in 1..TRIES {
        if cost.time <= time_max {
            break;
        }
        cost.time = cost.time.min(measure(parse, input).time);
    }
    if cost.memory_bytes > MEMORY_MAX_BYTES {
        return Err(format!(
            "{} bytes need {} bytes of memory, at most {MEMORY_MAX_BYTES} are allowed",
            input.len(),
            cost.memory_bytes
        ));
    }
    if cost.time > time_max {
        return Err(format!("{} bytes take {:?}, at most {time_max:?} is allowed", input.len(), cost.time));
    }
    Ok(cost)
}

/// Begun kilobytes, at least one.
pub fn kilobytes(input: &[u8]) -> u32 {
    u32::try_from(input.len().div_ceil(1024)).unwrap_or(u32::MAX).max(1)
}

fn measure(parse: fn(&[u8]), input: &[u8]) -> Cost {
    MEMORY.reset_peak_usage();
    let (held, began) = (MEMORY.current_usage(), on_processor());
    parse(std::hint::black_box(input));
    let time = on_processor().saturating_sub(began);
    Cost { time, memory_bytes: MEMORY.peak_usage().saturating_sub(held) }
}

/// How long this thread was on a processor.
fn on_processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
