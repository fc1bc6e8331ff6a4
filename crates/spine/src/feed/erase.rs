//! Taking an erased person's messages out of the feed for good; the word that they were erased stays.

use super::STREAM;
use crate::erase::erase_message;
use crate::error::Error;
use crate::nats::Nats;
use async_nats::jetstream::stream::RawMessageErrorKind;

/// The type of the message that tells consumers to delete what they hold: the one that is kept.
const ERASED: &str = "erased";

/// The sequences of the lead's messages that are in the feed now, but for the word that it was erased. Looked for
/// before anything is deleted, so that a death in between does not lose the list.
///
/// # Errors
/// When the server does not answer.
pub async fn messages_of_lead(nats: &Nats, tenant: &str, lead: &str) -> Result<Vec<u64>, Error> {
    let filter = format!("leads.{tenant}.*.{lead}");
    let kept = format!("leads.{tenant}.{ERASED}.{lead}");
    let failed = |source| Error::Nats { request: format!("find {filter}"), source };
    let stream = nats.jetstream.get_stream_no_info(STREAM).await.map_err(|error| failed(error.into()))?;
    let mut sequences = Vec::new();
    let mut next = 1;
    loop {
        let found = stream.raw_message_builder().sequence(next).next_by_subject(filter.clone()).send().await;
        let message = match found {
            Ok(message) => message,
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => {
                return Ok(sequences);
            }
            Err(error) => return Err(failed(error.into())),
        };
        next = message.sequence + 1;
        if message.subject.as_str() != kept {
            sequences.push(message.sequence);
        }
    }
}

/// Deletes a message of the feed, overwriting its bytes. Again changes nothing.
///
/// # Errors
/// When the server refuses or does not answer.
pub async fn erase(nats: &Nats, sequence: u64) -> Result<(), Error> {
    erase_message(nats, STREAM, sequence).await
}
