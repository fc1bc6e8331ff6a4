//! Replies of language models.

use llm::Passage;
use std::hint::black_box;

const PASSAGES: [Passage<'_>; 2] = [
    Passage { question: "多久发货", answer: "付款后 48 小时内发货，满 1,299.50 元包邮。" },
    Passage { question: "怎么联系", answer: "写信到 help@example.com 或看 https://example.com/a" },
];

/// The body of a chat completion: the whole input, and once more as what the model said in a good one, so that what is
/// behind the envelope is reached too.
pub fn llm_reply(input: &[u8]) {
    let _ = black_box(llm::read(input, &PASSAGES));
    let Ok(said) = std::str::from_utf8(input) else { return };
    let body =
        serde_json::json!({ "choices": [{ "message": { "content": said }, "finish_reason": "stop" }] });
    let _ = black_box(llm::read(body.to_string().as_bytes(), &PASSAGES));
    let _ = black_box(llm::mask(said));
}
