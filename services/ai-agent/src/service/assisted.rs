//! Owns the answerer that has a language model beside it: what the knowledge is sure of it says itself; the rest is
//! worded by the model from its entries, or left as the knowledge would leave it.

use super::run::ANSWERS;
use super::work::ANSWER_TIMEOUT;
use crate::answer::{Answer, Answerer, Citation, Embedded, Reason, Speaker, Turn};
use crate::detect::only_leaves_contact;
use crate::retrieve::Hit;
use llm::endpoint::{OUTCOMES, outcome};
use llm::{Before, Endpoint, Passage, Problem, Question, Reply};
use runtime::metrics::{Counter, Histogram, Label, Scope};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

// A reply that came in time is said, and half of the places for answers are never a model's.
const _: () = assert!(llm::WAIT_MAX.as_millis() < ANSWER_TIMEOUT.as_millis());
const _: () = assert!(2 * llm::endpoint::CALLS_MAX <= ANSWERS.in_flight_max);

/// The knowledge, and a model for what it is not sure of.
pub(crate) struct Assisted {
    embedded: Arc<Embedded>,
    endpoint: Endpoint,
    calls: Counter,
    seconds: Histogram,
}

impl Assisted {
    pub(crate) fn new(
        embedded: Arc<Embedded>,
        settings: llm::Settings,
        metrics: &Scope,
    ) -> anyhow::Result<Self> {
        tracing::info!(
            llm.model = settings.model(),
            "a language model words what the knowledge is not sure of"
        );
        Ok(Self {
            embedded,
            endpoint: Endpoint::new(settings)?,
            calls: metrics.counter(
                "llm_calls",
                "Questions to the language model by what became of them.",
                vec![Label::of("outcome", &OUTCOMES)],
            ),
            seconds: metrics.seconds(
                "llm_seconds",
                "Time until the language model's reply was read.",
                vec![],
            ),
        })
    }

    async fn worded(&self, turn: &Turn) -> Option<Answer> {
        let hits = self.embedded.passages(turn);
        let passages: Vec<Passage<'_>> = hits
            .iter()
            .map(|hit| Passage { question: &hit.entry.question, answer: &hit.entry.answer })
            .collect();
        let before: Vec<Before<'_>> = turn
            .history
            .iter()
            .map(|said| Before { by_customer: said.by == Speaker::Customer, text: &said.text })
            .collect();
        let question = Question { asked: &turn.texts, before: &before, passages: &passages };
        let started = Instant::now();
        let reply = self.endpoint.ask(&question).await;
        self.tell(&reply, started);
        match reply.ok()? {
            Reply::Answer { text, passages } => Some(answer(text, &passages, &hits, self.endpoint.model())),
            Reply::NotThere => None,
        }
    }

    fn tell(&self, reply: &Result<Reply, Problem>, started: Instant) {
        let outcome = outcome(reply);
        self.calls.add(1, &[outcome]);
        if matches!(reply, Err(Problem::Unasked | Problem::Busy | Problem::Resting)) {
            return;
        }
        self.seconds.record(started.elapsed().as_secs_f64(), &[]);
        match reply {
            // What a question brought about, as often as somebody writes such a one; the figures show it. Of the rest there
            // are few before the endpoint is left alone.
            Ok(_) | Err(Problem::Unusable(_) | Problem::Refused(_)) => {}
            Err(problem) => tracing::warn!(
                llm.outcome = outcome,
                error = %problem,
                "the language model gave no answer; the knowledge alone decides"
            ),
        }
    }
}

impl Answerer for Assisted {
    fn answer<'a>(&'a self, turn: &'a Turn) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move {
            let own = self.embedded.decide(turn);
            let is_open = own == Answer::HandOver { reason: Reason::Unknown };
            if !is_open || only_leaves_contact(&turn.texts) {
                return own;
            }
            let span =
                tracing::info_span!("llm", otel.name = "chat completion", llm.model = self.endpoint.model());
            self.worded(turn).instrument(span).await.unwrap_or(own)
        })
    }
}

fn answer(text: String, passages: &[usize], hits: &[Hit], model: &str) -> Answer {
    let cited = || passages.iter().filter_map(|place| hits.get(*place));
    let citations =
        cited().map(|hit| Citation { entry: hit.entry.id.clone(), version: hit.entry.version }).collect();
    let confidence = cited().map(|hit| hit.confidence).fold(1.0, f32::min);
    Answer::Reply { text, citations, confidence, worded_by: Some(model.to_owned()) }
}
