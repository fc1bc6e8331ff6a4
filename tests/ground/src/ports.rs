//! Ports for a server that is killed and started again at the same place.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which Linux gives outgoing connections their ports (32 768 by default): while the server is
/// down, no connection of another test can take its place.
const PORTS: Range<u16> = 12_000..32_000;

/// The first of `count` free ports in a row, given to nobody else in this process.
///
/// # Panics
/// When none are free.
pub fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let size = PORTS.end - PORTS.start;
    // Test processes that run beside this one begin elsewhere.
    let begin = u16::try_from(u64::from(std::process::id()) * 97 % u64::from(size)).unwrap_or(0);
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    for _ in 0..size / count {
        let taken = NEXT.fetch_add(count, Ordering::Relaxed) % size;
        let base = PORTS.start + (begin + taken) % size;
        if base <= PORTS.end - count && (base..base + count).all(free) {
            return base;
        }
    }
    panic!("no {count} ports in a row are free");
}
