//! Fuzzes the parser of that name.
#![no_main]

fuzz::target!(llm_reply);
