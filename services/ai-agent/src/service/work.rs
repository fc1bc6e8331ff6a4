//! The worker: computes the answer to what awaits one and asks the law to take it.

use super::project::{ANSWER, UNDELIVERED};
use super::recent::Recent;
use crate::answer::{Answer, Answerer, Reason, Turn};
use crate::detect::only_leaves_contact;
use conversation::{AiReply, HandOver, Notice, Owner, Rejection, Thread, Undelivered, content};
use directory::Directory;
use events::thread::{Citation, HandoverReason};
use events::{Content, Micros, ThreadEvent};
use runtime::metrics::{Counter, Histogram};
use spine::keys::{Keys, Opened, SealKey};
use spine::read::{Done, Work};
use spine::{Address, Cause, Decided, Error, Log, Reader, Refused};
use sqlx::Row;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// An answer that takes longer is given up; routing's deadline hands the conversation over.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How soon a turn is looked at again that the customer added to meanwhile.
const AGAIN_MS: u64 = 5;

/// What answering needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Answering {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) reader: Reader,
    pub(crate) directory: Directory,
    pub(crate) answerer: Arc<dyn Answerer>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) answers: Counter,
    pub(crate) seconds: Histogram,
}

struct Standing {
    is_ours: bool,
    tenure: u32,
    account: Option<Uuid>,
    awaiting: Vec<Uuid>,
    last: Option<Uuid>,
}

/// What is to be said and where.
struct Turned<'a> {
    address: &'a Address,
    tenure: u32,
    account: Option<Uuid>,
    seen: Uuid,
    at: Micros,
}

impl Answering {
    /// One thread that awaits an answer.
    pub(crate) async fn handle(self, work: Work) -> Result<Done, Error> {
        let address = Address::parse(&work.entity)?;
        let standing = self
            .log
            .read_after::<Thread, _>(&address, work.sequence, |thread| Standing {
                is_ours: thread.owner() == Some(Owner::Ai),
                tenure: thread.tenure(),
                account: thread.account(),
                awaiting: thread.awaiting(),
                last: thread.last_message(),
            })
            .await?;
        // What came behind the last that awaits an answer, such as a sticker, is seen, too: it makes no answer anew.
        let (true, Some(seen)) = (standing.is_ours && !standing.awaiting.is_empty(), standing.last) else {
            return Ok(Done::Nothing);
        };
        let Some(texts) = self.texts(&address, &work, &standing.awaiting).await? else {
            return Ok(Done::Nothing);
        };
        let thread = address.uuid().unwrap_or_default();
        let turn = Turn {
            tenant: address.tenant.to_string(),
            history: self.recent.of(thread),
            language: None,
            at: self.log.clock().now(),
            texts,
        };
        let started = Instant::now();
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.answerer.answer(&turn)).await;
        self.seconds.record(started.elapsed().as_secs_f64(), &[]);
        let Standing { tenure, account, .. } = standing;
        // Anew: a model may have taken seconds.
        let turned = Turned { address: &address, tenure, account, seen, at: self.log.clock().now() };
        let Ok(answer) = answer else { return self.hand_over(&turned, HandoverReason::Failure).await };
        self.settle(&turned, &turn, answer).await
    }

    /// An answer that will never leave.
    pub(crate) async fn replace(self, work: Work) -> Result<Done, Error> {
        let address = Address::parse(&work.entity)?;
        let Ok(message) = work.key.parse::<Uuid>() else { return Ok(Done::Nothing) };
        let account = self.log.read_after::<Thread, _>(&address, work.sequence, Thread::account).await?;
        let (undelivered, at) = (Undelivered { message, queue: self.queue(account) }, self.log.clock().now());
        let cause = Cause::new(message, UNDELIVERED, "ai-agent");
        let decide = |state: &Thread| conversation::hand_over_undelivered(state, &undelivered, at);
        match self.log.transact(&address, &cause, decide).await {
            // The law's last word on this message, and nothing follows it whose projection would take the row away.
            Ok(Decided::Nothing(_)) => Ok(Done::Nothing),
            decided => {
                let done = outcome(decided)?;
                if matches!(done, Done::At(_)) {
                    self.answers.add(1, &[HandoverReason::Failure.as_ref()]);
                }
                Ok(done)
            }
        }
    }

    fn queue(&self, account: Option<Uuid>) -> String {
        let account = account.and_then(|account| self.directory.account(account));
        directory::queue_of(account.as_ref().map(|account| &account.setup)).to_owned()
    }

    async fn settle(&self, turned: &Turned<'_>, turn: &Turn, answer: Answer) -> Result<Done, Error> {
        let thread = turned.address.uuid().unwrap_or_default();
        let (text, citations, confidence, worded_by) = match answer {
            // What the matcher thinks of an entry says nothing of how a model worded it.
            Answer::Reply { text, citations, confidence, worded_by } => {
                (text, citations, worded_by.is_none().then_some(confidence), worded_by)
            }
            Answer::Smalltalk { text, .. } => (text, Vec::new(), None, None),
            Answer::HandOver { reason: Reason::Unknown } if only_leaves_contact(&turn.texts) => {
                (self.directory.settings(&turn.tenant).contact_thanks.clone(), Vec::new(), None, None)
            }
            Answer::HandOver { reason } => {
                let done = self.hand_over(turned, reason_of(reason)).await?;
                // Only what was decided: a call may have lasted until the person was erased, or wrote more.
                if matches!(done, Done::At(_)) {
                    self.recent.remember(thread, &turn.texts, None);
                }
                return Ok(done);
            }
            // A picture or a voice message: a person looks.
            Answer::Nothing => return self.hand_over(turned, HandoverReason::Unknown).await,
        };
        let citations =
            citations.into_iter().map(|c| Citation { entry: c.entry, version: c.version }).collect();
        let reply = AiReply {
            message: Uuid::new_v5(&turned.seen, ANSWER.as_bytes()),
            tenure: turned.tenure,
            seen: Some(turned.seen),
            content: self.content(turned, &text).await?,
            citations,
            confidence: confidence.map(|confidence| (confidence.clamp(0.0, 1.0) * 1_000.0) as u32),
            worded_by,
        };
        let decide = |state: &Thread| conversation::reply_by_ai_to_all(state, &reply, turned.at);
        let done = self.decide(turned, decide).await?;
        if matches!(done, Done::At(_)) {
            self.answers.add(1, &["answered"]);
            self.recent.remember(thread, &turn.texts, Some(&text));
        }
        Ok(done)
    }

    async fn hand_over(&self, turned: &Turned<'_>, reason: HandoverReason) -> Result<Done, Error> {
        let notice = self.directory.settings(&turned.address.tenant).handover_notice.clone();
        let notice = Notice {
            message: Uuid::new_v5(&turned.seen, b"handover_notice"),
            content: self.content(turned, &notice).await?,
        };
        let queue = self.queue(turned.account);
        let hand_over = HandOver { tenure: turned.tenure, reason, queue, notice: Some(notice) };
        let decide = |state: &Thread| {
            // The customer may have taken the wish back, or asked something else, in the meantime.
            match conversation::newer_than(state, Some(turned.seen)).last() {
                Some(last) => Err(Rejection::Newer { last: *last }),
                None => conversation::hand_over(state, &hand_over, turned.at),
            }
        };
        let done = self.decide(turned, decide).await?;
        if matches!(done, Done::At(_)) {
            self.answers.add(1, &[reason.as_ref()]);
        }
        Ok(done)
    }

    /// Answer and handover are one purpose of one cause, so two workers cannot do both.
    async fn decide(
        &self,
        turned: &Turned<'_>,
        decide: impl Fn(&Thread) -> Result<Vec<ThreadEvent>, Rejection>,
    ) -> Result<Done, Error> {
        let cause = Cause { correlation: turned.seen, ..Cause::new(turned.seen, ANSWER, "ai-agent") };
        outcome(self.log.transact(turned.address, &cause, decide).await)
    }

    async fn content(&self, turned: &Turned<'_>, text: &str) -> Result<Content, Error> {
        let key = SealKey::of_thread(turned.address, content::CLASS, turned.at);
        let sealed = self.keys.seal(&key, &turned.address.subject(), content::TEXT, text).await?;
        Ok(content::text_content(sealed, text))
    }

    /// The texts of the awaiting messages, in order: from the due rows, else from the log. None when a key is
    /// destroyed.
    async fn texts(
        &self,
        address: &Address,
        work: &Work,
        awaiting: &[Uuid],
    ) -> Result<Option<Vec<String>>, Error> {
        let subject = address.subject();
        let mut sealed: HashMap<Uuid, String> = HashMap::new();
        if awaiting == [work.key.parse::<Uuid>().unwrap_or_default()] {
            sealed.insert(awaiting[0], work.body.clone());
        } else {
            sealed.extend(self.rows(&work.entity).await?);
            if awaiting.iter().any(|message| !sealed.contains_key(message)) {
                sealed.extend(self.read_log(address).await?);
            }
        }
        let mut texts = Vec::new();
        for message in awaiting {
            let Some(sealed) = sealed.get(message).filter(|sealed| !sealed.is_empty()) else { continue };
            match self.keys.open_text(sealed, &subject, content::TEXT).await? {
                Opened::Text(text) => texts.push(text),
                Opened::Gone => return Ok(None),
            }
        }
        Ok(Some(texts))
    }

    async fn rows(&self, entity: &str) -> Result<Vec<(Uuid, String)>, Error> {
        let rows = sqlx::query("SELECT key, body FROM due WHERE kind = $1 AND entity = $2")
            .bind(ANSWER)
            .bind(entity)
            .fetch_all(self.reader.model().store.reads())
            .await
            .map_err(Error::database("read what awaits an answer"))?;
        Ok(rows.iter().filter_map(|row| Some((row.get::<String, _>(0).parse().ok()?, row.get(1)))).collect())
    }

    async fn read_log(&self, address: &Address) -> Result<Vec<(Uuid, String)>, Error> {
        let mut found = Vec::new();
        for record in self.log.history(address, None).await? {
            for event in record.events::<Thread>()? {
                if let ThreadEvent::Received { message, content, .. }
                | ThreadEvent::Edited { message, content, .. } = event
                {
                    let text =
                        content.text.as_ref().map_or_else(String::new, |text| text.as_str().to_owned());
                    found.push((*message, text));
                }
            }
        }
        Ok(found)
    }
}

/// What a decision of the AI's means for the work that asked for it.
fn outcome(decided: Result<Decided, Refused<Rejection>>) -> Result<Done, Error> {
    match decided {
        Ok(decided) => Ok(Done::At(decided.position())),
        Err(Refused::Rejected(Rejection::Newer { .. })) => Ok(Done::Again { after_ms: AGAIN_MS }),
        // The conversation left the AI or cannot be written to: the law's state says so for certain.
        Err(Refused::Rejected(rejection)) => {
            tracing::debug!(%rejection, "an answer is moot");
            Ok(Done::Nothing)
        }
        // The key is destroyed: the person is being erased, and nothing is written back.
        Err(Refused::Failed(Error::Gone { .. })) => Ok(Done::Nothing),
        Err(Refused::Failed(error)) => Err(error),
    }
}

fn reason_of(reason: Reason) -> HandoverReason {
    match reason {
        Reason::Unknown => HandoverReason::Unknown,
        Reason::WantsPerson => HandoverReason::WantsPerson,
        Reason::Anger => HandoverReason::Anger,
    }
}
