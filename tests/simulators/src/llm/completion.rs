//! The wire format of chat completions: what may be asked and how it is answered.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a request says. Anything that the published format does not know is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    model: String,
    messages: Vec<Message>,
    temperature: f64,
    max_tokens: u32,
    stream: bool,
    response_format: Format,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    role: String,
    content: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    r#type: String,
}

#[derive(Deserialize)]
struct Passage {
    passage: usize,
    answer: String,
}

type Refusal = (u16, &'static str, String);

impl Request {
    pub(super) fn checked(body: &[u8], served: &str) -> Result<Self, Refusal> {
        let request: Self = serde_json::from_slice(body)
            .map_err(|error| (400, "invalid_request_error", format!("Invalid body: {error}")))?;
        let wrong = |words: &str| Err((400, "invalid_request_error", words.to_owned()));
        if request.model != served {
            return Err((404, "model_not_found", format!("The model `{}` does not exist", request.model)));
        }
        let roles: Vec<&str> = request.messages.iter().map(|message| message.role.as_str()).collect();
        if roles.iter().any(|role| !matches!(*role, "system" | "user" | "assistant")) {
            return wrong("Invalid value for 'role'");
        }
        if roles.last() != Some(&"user") || request.messages.iter().any(|message| message.content.is_empty())
        {
            return wrong("The last message must be the user's, and none may be empty");
        }
        if !(0.0..=2.0).contains(&request.temperature) || request.max_tokens == 0 {
            return wrong("'temperature' or 'max_tokens' is out of range");
        }
        // As OpenAI does: the mode of JSON needs the word, lest the model write spaces for ever.
        let names_json =
            request.messages.iter().any(|message| message.content.to_lowercase().contains("json"));
        if request.response_format.r#type == "json_object" && !names_json {
            return wrong("'messages' must contain the word 'json' in some form");
        }
        match request.stream {
            true => wrong("This endpoint does not stream"),
            false => Ok(request),
        }
    }

    /// The first passage's answer in the form that the instructions ask for.
    pub(super) fn first_answer(&self) -> String {
        let system = self.messages.first().map_or("", |message| message.content.as_str());
        let passages = system.rsplit("Passages:\n").next().unwrap_or_default();
        let first =
            serde_json::from_str::<Vec<Passage>>(passages).ok().and_then(|all| all.into_iter().next());
        match first {
            Some(first) => json!({ "answer": first.answer, "passages": [first.passage] }).to_string(),
            None => json!({ "answer": null, "passages": [] }).to_string(),
        }
    }
}

pub(super) fn said(model: &str, content: &str, finish_reason: &str) -> Response<Body> {
    let body = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content, "refusal": null },
            "logprobs": null,
            "finish_reason": finish_reason,
        }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
    });
    answer(StatusCode::OK, &body)
}

pub(super) fn error(status: u16, code: &str, words: &str) -> Response<Body> {
    let body = json!({ "error": { "message": words, "type": "invalid_request_error", "param": null, "code": code } });
    answer(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", "application/json".parse().expect("a good header"));
    response
}
