//! Deleting one message of a stream so that its bytes are overwritten.

use crate::error::Error;
use crate::nats::Nats;

/// Deletes one message of a stream so that its bytes are overwritten. One that is gone counts as deleted.
///
/// # Errors
/// When the server refuses or does not answer.
pub(crate) async fn erase_message(nats: &Nats, stream: &str, sequence: u64) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Answer {
        error: Option<Refusal>,
    }
    #[derive(serde::Deserialize)]
    struct Refusal {
        err_code: u64,
        description: String,
    }
    /// No message of that sequence, or already deleted.
    const GONE: [u64; 2] = [10_037, 10_043];
    /// The deletion failed, also because the message is gone and was the first or is beyond the last.
    const FAILED: u64 = 10_057;
    let request = format!("delete message {sequence} of {stream}");
    let failed = |source| Error::Nats { request: request.clone(), source };
    let body = serde_json::json!({ "seq": sequence, "no_erase": false });
    let subject = format!("$JS.API.STREAM.MSG.DELETE.{stream}");
    let reply =
        nats.client.request(subject, body.to_string().into()).await.map_err(|error| failed(error.into()))?;
    let answer: Answer = serde_json::from_slice(&reply.payload).map_err(|error| failed(error.into()))?;
    match answer.error {
        None => Ok(()),
        Some(refusal) if GONE.contains(&refusal.err_code) => Ok(()),
        Some(refusal) if refusal.err_code == FAILED && is_gone(nats, stream, sequence).await? => Ok(()),
        Some(refusal) => {
            Err(Error::Refused { request, code: refusal.err_code, description: refusal.description })
        }
    }
}

/// Whether the leader has no message of that sequence.
async fn is_gone(nats: &Nats, stream: &str, sequence: u64) -> Result<bool, Error> {
    use async_nats::jetstream::stream::RawMessageErrorKind;
    let failed = |source| Error::Nats { request: format!("look for message {sequence} of {stream}"), source };
    let found = nats.jetstream.get_stream_no_info(stream).await.map_err(|error| failed(error.into()))?;
    match found.get_raw_message(sequence).await {
        Ok(_) => Ok(false),
        Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(true),
        Err(error) => Err(failed(error.into())),
    }
}
