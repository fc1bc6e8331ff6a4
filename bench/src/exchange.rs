//! A customer's messages and their answers as the services append them, without the services.

use conversation::{AiReply, Attempt, Beginning, Decision, Inbound, Proof, StartSend, Thread};
use events::{Content, ContentKind, Sealed};
use spine::keys::{Keys, Owner, Period, SealKey};
use spine::{Address, Cause, Log};
use uuid::Uuid;

pub(crate) const QUESTION: &str = "你好，请问这款锅适合电磁炉吗？多久能发货？";
pub(crate) const ANSWER: &str = "适合的，电磁炉、燃气灶都可以用。今天下单，明天发货，一般两到三天送到。";

/// One thread that is written to.
pub(crate) struct Customer<'a> {
    pub(crate) log: &'a Log,
    pub(crate) keys: &'a Keys,
    pub(crate) address: &'a Address,
    pub(crate) thread: Uuid,
}

impl Customer<'_> {
    /// Appends a message of the customer, the first one with the thread's beginning; returns the message's id.
    pub(crate) async fn writes(&self, is_first: bool) -> anyhow::Result<Uuid> {
        let at = self.log.clock().now();
        let content = self.content(QUESTION).await?;
        let began = match (is_first, &content.text) {
            (true, Some(contact)) => {
                let (account, contact) = (Uuid::nil(), contact.clone());
                Some(Beginning { account, channel: "http".into(), contact, name: None })
            }
            _ => None,
        };
        let message = spine::new_id();
        let inbound = Inbound {
            message,
            provider: format!("msg:{message}"),
            content,
            sent_at: at,
            order: None,
            window: None,
            raw: Some("INBOUND_3:42".into()),
            touch: None,
            began,
        };
        self.append(message, "receive", |state| conversation::receive(state, &inbound, at)).await?;
        Ok(message)
    }

    /// Appends the answer to a message and its delivery, each in its own decision.
    pub(crate) async fn is_answered(&self, seen: Uuid) -> anyhow::Result<()> {
        let at = self.log.clock().now();
        let message = spine::new_id();
        let reply = AiReply {
            message,
            tenure: 0,
            seen: Some(seen),
            content: self.content(ANSWER).await?,
            citations: Vec::new(),
            confidence: Some(900),
            worded_by: None,
        };
        self.append(seen, "answer", |state| {
            let reply = AiReply { tenure: state.tenure(), ..reply.clone() };
            conversation::reply_by_ai(state, &reply, at)
        })
        .await?;
        let start = StartSend { message, attempt: 1, proof: Proof::IdempotencyKey, parts: 1 };
        self.append(message, "start", |state| conversation::start_send(state, &start, at)).await?;
        let attempt = Attempt { message, number: 1 };
        self.append(message, "sent", |state| conversation::sent(state, attempt, Some("p"), at)).await
    }

    async fn content(&self, text: &str) -> anyhow::Result<Content> {
        let key = SealKey {
            tenant: self.address.tenant.clone(),
            owner: Owner::thread(self.thread),
            class: "message".into(),
            period: Period::quarter(self.log.clock().now()),
        };
        let sealed = self.keys.seal(&key, &self.address.subject(), "content.text", text).await?;
        let length = u32::try_from(text.chars().count())?;
        Ok(Content {
            kind: ContentKind::Text,
            text: Some(Sealed(sealed)),
            media: None,
            length,
            language: "zh".into(),
        })
    }

    async fn append(
        &self,
        cause: Uuid,
        purpose: &'static str,
        decide: impl Fn(&Thread) -> Decision,
    ) -> anyhow::Result<()> {
        let cause = Cause::new(cause, purpose, "bench");
        let decided = self.log.transact(self.address, &cause, decide).await;
        decided.map(|_| ()).map_err(|error| anyhow::anyhow!("{purpose}: {error}"))
    }
}
