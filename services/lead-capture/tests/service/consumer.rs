//! The example consumer, run as somebody else's system would be: killed twice, and it misses and doubles nothing.
