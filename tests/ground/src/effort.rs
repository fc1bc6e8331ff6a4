//! How long a fault is kept up: shortly with every change, for long where `FAULTS=long` says so.

/// The first number, or the second in the long form.
pub fn effort((short, long): (usize, usize)) -> usize {
    let is_long = std::env::vars().any(|(name, value)| name == "FAULTS" && value == "long");
    if is_long { long } else { short }
}
