//! The journalled form of a raw request: a line of JSON for what came around the body, then the body as it is.

use bytes::Bytes;
use channels::contract::RawRequest;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Head {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

/// The bytes to journal: method, path, query, the headers in `kept` (never credentials) and the body.
pub(crate) fn encode(request: &RawRequest, kept: &[&str]) -> Vec<u8> {
    let headers = request.headers.iter().filter(|(name, _)| kept.contains(&name.as_str())).cloned().collect();
    let head = Head {
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        headers,
    };
    let mut bytes = serde_json::to_vec(&head).expect("strings are always JSON");
    bytes.push(b'\n');
    bytes.extend_from_slice(&request.body);
    bytes
}

/// Reads a journalled request back; none when it is not one.
pub(crate) fn decode(bytes: &[u8]) -> Option<RawRequest> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let Head { method, path, query, headers } = head;
    Some(RawRequest { method, path, query, headers, body: Bytes::copy_from_slice(&bytes[end + 1..]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back_without_the_headers_that_are_not_kept() {
        let request = RawRequest {
            method: "POST".into(),
            path: "/channels/http/shop/messages".into(),
            query: "a=1".into(),
            headers: vec![("authorization".into(), "Bearer x".into()), ("webhook-id".into(), "m".into())],
            body: Bytes::from_static(b"{\n\"x\":1}\n"),
        };
        let back = decode(&encode(&request, &["webhook-id"])).unwrap();
        assert_eq!(back.headers, [("webhook-id".to_owned(), "m".to_owned())]);
        assert_eq!((back.body, back.path), (request.body, request.path));
        assert!(decode(b"no request").is_none());
    }
}
