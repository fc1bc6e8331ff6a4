//! Every parser of bytes from outside, under one name each, and what all of them promise.
//!
//! The fuzzer (feature `fuzzer`, `scripts/fuzz.sh`) and the tests of this crate call the same functions, so that what
//! the fuzzer found stays found.

#[cfg(feature = "fuzzer")]
pub mod driver;
pub mod promise;

mod llm;
mod log;
mod requests;
mod texts;
mod wechat;
mod widget;

pub use llm::llm_reply;
pub use log::log_events;
pub use requests::{http_body, webhook_headers};
pub use texts::{apply, knowledge_csv, knowledge_jsonl, knowledge_markdown, knowledge_yaml};
pub use wechat::{wechat_document, wechat_envelope, wechat_push, wechat_query};
pub use widget::widget_frames;

/// A parser under the name that its corpus in `fuzz/corpus` has.
pub struct Parser {
    pub name: &'static str,
    pub parse: fn(&[u8]),
}

macro_rules! list {
    ($($name:ident),* $(,)?) => { &[$(Parser { name: stringify!($name), parse: $name }),*] };
}

/// All of them.
pub const ALL: &[Parser] = list![
    apply,
    http_body,
    knowledge_csv,
    knowledge_jsonl,
    knowledge_markdown,
    knowledge_yaml,
    llm_reply,
    log_events,
    webhook_headers,
    wechat_document,
    wechat_envelope,
    wechat_push,
    wechat_query,
    widget_frames,
];
