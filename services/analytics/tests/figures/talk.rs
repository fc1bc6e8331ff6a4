//! One thread, played through the real law and the real log; times are told, never read.

use crate::suite::{Suite, TENANT};
use conversation::*;
use events::lead::{Consent, DetailKind};
use events::thread::{FailureClass, HandoverReason, OpenedBy, ReleasedTo, TransferredTo};
use events::{Content, ContentKind, LeadEvent, Micros, Sealed, ThreadEvent};
use laws::lead::{Lead, capture};
use spine::{Address, Cause, Decided, Log, Refused, new_id};
use uuid::Uuid;

pub(crate) const ANNA: Uuid = Uuid::from_u128(0xA);
pub(crate) const MS: Micros = 1_000;

#[derive(Clone)]
pub(crate) struct Talk {
    log: Log,
    pub(crate) thread: Uuid,
    pub(crate) account: Uuid,
    pub(crate) channel: String,
    /// What the platform calls the customer, and what they write.
    pub(crate) contact: Sealed,
    pub(crate) words: Sealed,
}

impl Talk {
    pub(crate) fn new(suite: &Suite, account: Uuid, channel: &str) -> Self {
        let (contact, words) = (Sealed("v1.contact".into()), Sealed("v1.words".into()));
        Self {
            log: suite.spine.log.clone(),
            thread: new_id(),
            account,
            channel: channel.into(),
            contact,
            words,
        }
    }

    pub(crate) fn address(&self) -> Address {
        Address::of(TENANT, "thread", self.thread).unwrap()
    }

    /// Decides; tells whether something was appended, and nothing when the law refused.
    pub(crate) async fn decide(&self, decide: impl Fn(&Thread) -> Decision) -> Option<bool> {
        let cause = Cause::new(new_id(), "play", "test");
        match self.log.transact(&self.address(), &cause, decide).await {
            Ok(Decided::Appended(_) | Decided::Known(_)) => Some(true),
            Ok(Decided::Nothing(_)) => Some(false),
            Err(Refused::Rejected(_)) => None,
            Err(Refused::Failed(error)) => panic!("{error}"),
        }
    }

    async fn must(&self, decide: impl Fn(&Thread) -> Decision) {
        assert_eq!(self.decide(decide).await, Some(true), "the law refuses or sees nothing to do");
    }

    pub(crate) async fn tenure(&self) -> u32 {
        self.log.read(&self.address(), |thread: &Thread| thread.tenure()).await.unwrap()
    }

    pub(crate) async fn last_message(&self) -> Option<Uuid> {
        self.log.read(&self.address(), |thread: &Thread| thread.last_message()).await.unwrap()
    }

    pub(crate) async fn number(&self) -> u32 {
        self.log.read(&self.address(), |thread: &Thread| thread.last_number()).await.unwrap()
    }

    pub(crate) fn beginning(&self) -> Beginning {
        let (account, channel, contact) = (self.account, self.channel.clone(), self.contact.clone());
        Beginning { account, channel, contact, name: None }
    }

    pub(crate) fn content(&self, kind: ContentKind) -> Content {
        Content { kind, text: Some(self.words.clone()), media: None, length: 4, language: "zh".into() }
    }

    pub(crate) fn inbound(&self, kind: ContentKind, at: Micros) -> Inbound {
        let message = new_id();
        Inbound {
            message,
            provider: message.to_string(),
            content: self.content(kind),
            sent_at: at,
            order: None,
            window: None,
            raw: None,
            touch: None,
            began: Some(self.beginning()),
        }
    }

    pub(crate) async fn writes(&self, at: Micros) {
        let inbound = self.inbound(ContentKind::Text, at);
        self.must(|t| receive(t, &inbound, at)).await;
    }

    pub(crate) async fn sends_unsupported(&self, at: Micros) {
        let inbound = self.inbound(ContentKind::Unsupported, at);
        self.must(|t| receive(t, &inbound, at)).await;
    }

    pub(crate) async fn visits(&self, by: OpenedBy, at: Micros) {
        let provider = new_id().to_string();
        let began = Some(self.beginning());
        let visit = Visit { by, provider, touch: None, window: None, sent_at: at, began };
        self.must(|t| open(t, &visit, at)).await;
    }

    /// An answer that is only decided.
    pub(crate) async fn ai_decides(&self, at: Micros) -> Uuid {
        let (message, tenure, seen) = (new_id(), self.tenure().await, self.last_message().await);
        let content = self.content(ContentKind::Text);
        let reply = AiReply {
            message,
            tenure,
            seen,
            content,
            citations: vec![],
            confidence: Some(900),
            worded_by: None,
        };
        self.must(|t| reply_by_ai(t, &reply, at)).await;
        message
    }

    pub(crate) async fn ai_answers(&self, at: Micros) {
        let message = self.ai_decides(at).await;
        self.is_sent(message, at).await;
    }

    pub(crate) async fn anna_decides(&self, at: Micros) -> Uuid {
        let (message, tenure, seen) = (new_id(), self.tenure().await, self.last_message().await);
        let content = self.content(ContentKind::Text);
        let reply = PersonReply { message, agent: ANNA, tenure, seen, content };
        self.must(|t| reply_by_person(t, &reply, at)).await;
        message
    }

    pub(crate) async fn anna_answers(&self, at: Micros) {
        let message = self.anna_decides(at).await;
        self.is_sent(message, at).await;
    }

    pub(crate) async fn is_sent(&self, message: Uuid, at: Micros) {
        self.starts(message, at).await;
        let attempt = Attempt { message, number: 1 };
        self.must(|t| sent(t, attempt, None, at)).await;
    }

    pub(crate) async fn is_refused(&self, message: Uuid, at: Micros) {
        self.starts(message, at).await;
        let attempt = Attempt { message, number: 1 };
        self.must(|t| failed(t, attempt, FailureClass::Rejected, None, at)).await;
    }

    pub(crate) async fn starts(&self, message: Uuid, at: Micros) {
        let start = StartSend { message, attempt: 1, proof: Proof::IdempotencyKey, parts: 1 };
        self.must(|t| start_send(t, &start, at)).await;
    }

    pub(crate) async fn is_sent_again(&self, of: Uuid, at: Micros) {
        let (message, by, content) =
            (new_id(), events::thread::Author::System, self.content(ContentKind::Text));
        let again = Resend { of, message, by, tenure: 0, content };
        self.must(|t| resend(t, &again, at)).await;
        self.is_sent(message, at).await;
    }

    pub(crate) async fn is_answered_outside(&self, at: Micros) {
        let message = new_id();
        let (provider, content) = (message.to_string(), self.content(ContentKind::Text));
        let echoed = Echo { ours: None, message, provider, content, sent_at: at, raw: None };
        self.must(|t| echo(t, &echoed, at)).await;
    }

    /// To the queue, with a notice that is sent at once.
    pub(crate) async fn is_handed_over(&self, reason: HandoverReason, at: Micros) {
        let notice = Notice { message: new_id(), content: self.content(ContentKind::Text) };
        let message = notice.message;
        let tenure = self.tenure().await;
        let wish = HandOver { tenure, reason, queue: "sales".into(), notice: Some(notice) };
        self.must(|t| hand_over(t, &wish, at)).await;
        self.is_sent(message, at).await;
    }

    pub(crate) async fn is_assigned(&self, at: Micros) {
        let choice = Assign { tenure: self.tenure().await, agent: ANNA, candidates: vec![] };
        self.must(|t| assign(t, &choice, at)).await;
    }

    pub(crate) async fn anna_takes_over(&self, at: Micros) {
        self.must(|t| take_over(t, &TakeOver { agent: ANNA, from: None }, at)).await;
    }

    pub(crate) async fn anna_gives_back(&self, to: ReleasedTo, at: Micros) {
        let back = Release { by: Some(ANNA), tenure: self.tenure().await, to };
        self.must(|t| release(t, &back, at)).await;
    }

    pub(crate) async fn anna_passes_on(&self, at: Micros) {
        let to = TransferredTo::Queue("vip".into());
        let on = Transfer { by: ANNA, tenure: self.tenure().await, to };
        self.must(|t| transfer(t, &on, at)).await;
    }

    pub(crate) async fn closes_idle(&self, at: Micros) {
        let n = self.number().await;
        self.must(|t| close(t, &Close::Idle { n, cutoff: at }, at)).await;
    }

    pub(crate) async fn anna_closes(&self, at: Micros) {
        let (n, seen) = (self.number().await, self.last_message().await);
        self.must(|t| close(t, &Close::ByAgent { n, agent: ANNA, seen }, at)).await;
    }

    pub(crate) async fn ai_closes(&self, at: Micros) {
        let (n, tenure, seen) = (self.number().await, self.tenure().await, self.last_message().await);
        self.must(|t| close(t, &Close::ByAi { n, tenure, seen }, at)).await;
    }

    pub(crate) async fn leaves(&self, at: Micros) {
        let gone = Gone { provider: new_id().to_string(), sent_at: at };
        self.must(|t| unreachable(t, &gone, at)).await;
    }

    /// What the lead service captures from the customer's last message.
    pub(crate) async fn tells(&self, kind: DetailKind, at: Micros) {
        let n = self.number().await;
        let id = format!("{}-{n}", self.thread);
        let address = Address::new(TENANT, "lead", &id, &self.thread.to_string()).unwrap();
        let captured = LeadEvent::Captured {
            thread: self.thread,
            conversation: n,
            message: new_id(),
            kind,
            value: Sealed("v1.value".into()),
            form: "plain".into(),
            consent: Consent::Implied,
            account: self.account,
            channel: self.channel.clone(),
            at,
        };
        let cause = Cause::new(new_id(), "capture", "test");
        let decide = |state: &Lead| capture(state, std::slice::from_ref(&captured));
        self.log.transact(&address, &cause, decide).await.unwrap();
    }

    pub(crate) async fn is_forgotten(&self, at: Micros) {
        self.must(|t| erase(t, Uuid::from_u128(9), at)).await;
        let n = self.number().await;
        let id = format!("{}-{}", self.thread, n.max(1));
        let address = Address::new(TENANT, "lead", &id, &self.thread.to_string()).unwrap();
        let cause = Cause::new(new_id(), "erase", "test");
        let decide = |state: &Lead| laws::lead::erase(state, Uuid::from_u128(9), at);
        self.log.transact(&address, &cause, decide).await.unwrap();
    }

    /// All events of the thread, as the log has them.
    pub(crate) async fn history(&self) -> Vec<ThreadEvent> {
        let records = self.log.history(&self.address(), None).await.unwrap();
        records.iter().flat_map(|record| record.events::<Thread>().unwrap().to_vec()).collect()
    }
}
