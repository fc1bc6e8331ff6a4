//! The bounds of what a thread's state holds and of what is asked of it.

use events::Micros;

const HOUR_US: Micros = 3_600_000_000;

/// Days for which a platform's ids are remembered. A redelivery of something older is refused, since it
/// cannot be told from something new. The longest retry of a platform that is known to us is seven days.
pub const REDELIVERY_DAYS_MAX: i64 = 8;

/// [`REDELIVERY_DAYS_MAX`] in microseconds.
pub const REDELIVERY_US_MAX: Micros = REDELIVERY_DAYS_MAX * 24 * HOUR_US;

/// How far a platform's clock may run ahead of ours, in microseconds: ids are kept for so much longer than a
/// redelivery is accepted, so none is forgotten while it could still be taken as new.
pub const CLOCK_SKEW_US_MAX: Micros = HOUR_US;

/// Ids of one thread remembered at a time. More from one customer within the days above is a flood: further
/// messages are refused until older ids lapse.
pub const IDS_MAX: usize = 20_000;

/// Bytes of a platform's id. A Message-ID of e-mail has at most 998 (RFC 5322, section 2.1.1).
pub const ID_BYTES_MAX: usize = 1024;

/// Customer's messages whose order is remembered. Of a longer burst without an answer only the newest are
/// told as awaiting; an answer to them answers all.
pub const RECENT_MAX: usize = 256;

/// Answers that wait to be sent in one thread; further ones are refused.
pub const PENDING_MAX: usize = 256;

/// Sent or given up messages whose outcome is remembered, for late outcomes and receipts.
pub const SETTLED_MAX: usize = 1_000;

/// Within so long after a conversation that was opened without a word, another follow, scan or visit opens
/// none unless somebody wrote in between: otherwise reloading a page would make conversations.
pub const LONE_OPEN_US_MIN: Micros = 24 * HOUR_US;

/// How long the platform's own desk is taken to hold a customer after it said so, when its word that it let them go is
/// lost: as long as platforms let a business answer a message.
pub const DESK_US_MAX: Micros = 48 * HOUR_US;

/// Pieces of evidence of one thread remembered for life; of what is beyond, a repetition is told for as long as ids of
/// messages are.
pub const PROVEN_MAX: usize = 256;
