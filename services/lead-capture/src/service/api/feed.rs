//! The lead feed for those who have no NATS: read from the stream itself, with the bodies of erased leads closed.

use super::{Api, check_actor, range, rows, status};
use events::feed::LeadFeedType;
use proto::v1::{FeedBreak, FeedEvent, ReadFeedRequest, ReadFeedResponse};
use spine::feed::page::{self, Asked, MESSAGES_MAX, Message};
use spine::feed::{Break, Place};
use std::collections::BTreeSet;
use std::time::Duration;
use tonic::Status;

const LIMIT: usize = 100;
/// The longest wait of one question, well within the deadline of questions between services.
const WAIT_MAX: Duration = Duration::from_secs(5);

impl Api {
    pub(super) async fn feed(&self, request: ReadFeedRequest) -> Result<ReadFeedResponse, Status> {
        let ReadFeedRequest { tenant, after, limit, wait_ms, actor } = request;
        check_actor(true, &actor)?;
        spine::address::check_tenant(&tenant).map_err(status)?;
        let max = match usize::try_from(limit).unwrap_or(usize::MAX) {
            0 => LIMIT,
            limit @ 1..=MESSAGES_MAX => limit,
            _ => return Err(Status::invalid_argument(format!("limit is 1 to {MESSAGES_MAX}"))),
        };
        let after = (!after.is_empty()).then(|| place(&tenant, &after)).transpose()?;
        let wait = Duration::from_millis(wait_ms.into()).min(WAIT_MAX);
        let now = self.log.clock().now();
        let asked = Asked { tenant: &tenant, after: after.as_ref(), max, wait, now };
        let page = match page::read(self.log.nats(), &asked).await.map_err(status)? {
            Ok(page) => page,
            Err(reason) => return Ok(broken(reason)),
        };
        let told = self.open_ones(&tenant, page.messages).await?;
        let shown: BTreeSet<&str> =
            told.iter().filter(|message| holds_details(message)).map(lead_of).collect();
        if !shown.is_empty() {
            let what = range(&tenant, &shown.into_iter().collect::<Vec<_>>());
            self.record(&tenant, (&actor, "read_feed"), what).await?;
        }
        let event =
            |message: Message| FeedEvent { cursor: message.place.to_string(), event: message.payload.into() };
        Ok(ReadFeedResponse {
            events: told.into_iter().map(event).collect(),
            next: page.next.to_string(),
            more: page.more,
            broken: FeedBreak::Unspecified.into(),
        })
    }

    /// Without what was said of leads before they were erased: an erasure that is under way may not have deleted it
    /// from the stream yet.
    async fn open_ones(&self, tenant: &str, messages: Vec<Message>) -> Result<Vec<Message>, Status> {
        let leads: BTreeSet<String> =
            messages.iter().filter(|message| !is_erasure(message)).map(|m| lead_of(m).into()).collect();
        let leads: Vec<String> = leads.into_iter().collect();
        let model = self.reader.model();
        let mut closed = rows::erased(&model.store, tenant, &leads).await.map_err(status)?;
        // The word of it may be read here before it is in the tables.
        closed.extend(messages.iter().filter(|message| is_erasure(message)).map(|m| lead_of(m).into()));
        let open = |message: &Message| is_erasure(message) || !closed.contains(lead_of(message));
        Ok(messages.into_iter().filter(open).collect())
    }
}

fn place(tenant: &str, cursor: &str) -> Result<Place, Status> {
    let place = cursor.parse::<Place>().ok().filter(|place| place.tenant == tenant);
    place.ok_or_else(|| {
        Status::invalid_argument("after is no cursor of this feed; leave it out to begin at the start")
    })
}

fn broken(reason: Break) -> ReadFeedResponse {
    let broken = match reason {
        Break::MadeAnew => FeedBreak::MadeAnew,
        Break::Expired => FeedBreak::Expired,
    };
    ReadFeedResponse { broken: broken.into(), ..ReadFeedResponse::default() }
}

/// The last token of `leads.<tenant>.<token>.<lead>`.
fn lead_of(message: &Message) -> &str {
    message.subject.rsplit('.').next().unwrap_or_default()
}

fn is(message: &Message, kind: LeadFeedType) -> bool {
    message.subject.split('.').nth(2) == Some(kind.token())
}

fn is_erasure(message: &Message) -> bool {
    is(message, LeadFeedType::Erased)
}

fn holds_details(message: &Message) -> bool {
    is(message, LeadFeedType::Created) || is(message, LeadFeedType::Updated)
}
