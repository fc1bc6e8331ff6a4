//! What acts on a thread share: who acts on what, the decision on their behalf, and what a refused one is told.

use super::extract::{Place, id_in_path};
use super::written::{Written, decide};
use crate::caller::Caller;
use crate::project::words;
use crate::refusal::Refusal;
use crate::state::App;
use axum::extract::{FromRequest, FromRequestParts, Request};
use conversation::{Decision, Rejection, Thread};
use events::Micros;
use spine::{Address, Entity, Error};
use sqlx::Row;
use uuid::Uuid;

/// An agent who acts on a thread, allowed to answer, with what is asked. The body is read last, so that nobody
/// learns what a route takes who may not use it.
pub(crate) struct Acting<B> {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) agent: Uuid,
    pub(super) address: Address,
    pub(super) at: Micros,
    pub(super) asked: B,
}

impl<B: FromRequest<App, Rejection = Refusal>> FromRequest<App> for Acting<B> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let agent = caller.answering()?;
        let Place(thread) = Place::<String>::from_request_parts(&mut parts, app).await?;
        let address = Address::of(&caller.tenant, Thread::KIND, id_in_path("thread", &thread)?)?;
        let asked = B::from_request(Request::from_parts(parts, body), app).await?;
        Ok(Self { app: app.clone(), caller, agent, address, at: app.now(), asked })
    }
}

impl<B> Acting<B> {
    /// Decides on the thread on behalf of the caller, and tells a refused one who has it.
    pub(super) async fn decide(
        &self,
        purpose: &'static str,
        decision: impl Fn(&Thread) -> Decision,
    ) -> Result<Written, Refusal> {
        match decide(&self.app, &self.caller, &self.address, purpose, decision).await? {
            Ok(position) => Ok(Written { tenure: Some(self.tenure().await?), ..Written::at(position) }),
            Err(rejection) => Err(self.refusal(&rejection).await?),
        }
    }

    async fn refusal(&self, rejection: &Rejection) -> Result<Refusal, Error> {
        let mut refusal = Refusal::of_law(rejection);
        if refusal.0.owner.is_some() && refusal.0.tenure.is_none() {
            refusal.0.tenure = Some(self.tenure().await?);
        }
        if let Some(agent) = &refusal.0.agent {
            refusal.0.agent_name = self.name_of(agent).await?;
        }
        let is_own = refusal.0.agent.as_deref() == Some(self.agent.to_string().as_str());
        say_who(&mut refusal, is_own);
        Ok(refusal)
    }

    async fn tenure(&self) -> Result<u32, Error> {
        self.app.log().read::<Thread, _>(&self.address, Thread::tenure).await
    }

    async fn name_of(&self, agent: &str) -> Result<Option<String>, Error> {
        let store = self.app.store();
        let row = sqlx::query("SELECT name FROM agents WHERE agent = $1 AND tenant = $2")
            .bind(agent)
            .bind(&*self.caller.tenant)
            .fetch_optional(store.reads())
            .await
            .map_err(Error::database("find an agent"))?;
        Ok(row.map(|row| row.get(0)))
    }
}

/// Who has the conversation, in words, and what can be done about it.
fn say_who(refusal: &mut Refusal, is_own: bool) {
    let Some(owner) = refusal.0.owner else { return };
    let tenure = refusal.0.tenure.unwrap_or_default();
    let who = refusal.0.agent_name.clone().or(refusal.0.agent.clone()).unwrap_or_else(|| owner.to_owned());
    let (detail, remedy) = match owner {
        words::AI => ("The AI has the conversation.".to_owned(), "Take it over first."),
        words::QUEUE => ("The conversation waits in a queue.".to_owned(), "Take it over first."),
        words::OUTSIDE => (
            "Somebody answers in the platform's own app.".to_owned(),
            "Take the conversation over first, once they are done.",
        ),
        words::DESK => (
            "The platform's own desk has the customer.".to_owned(),
            "Take the conversation over first, once they are done.",
        ),
        _ if is_own => (
            format!("You have the conversation, and its tenure is {tenure} by now."),
            "Read the conversation again and send the tenure that it shows.",
        ),
        _ => (
            format!("{who} has the conversation."),
            "Ask them to transfer it; a supervisor can take it over from them.",
        ),
    };
    (refusal.0.problem.detail, refusal.0.problem.remedy) = (Some(detail), Some(remedy.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation::Owner;

    fn said(owner: Owner, is_own: bool) -> (String, String) {
        let mut refusal = Refusal::of_law(&Rejection::StaleTenure { owner, tenure: 4 });
        say_who(&mut refusal, is_own);
        (refusal.0.problem.detail.unwrap(), refusal.0.problem.remedy.unwrap())
    }

    #[test]
    fn whoever_has_a_conversation_is_said_in_words_with_a_remedy() {
        assert_eq!(said(Owner::Ai, false).0, "The AI has the conversation.");
        assert_eq!(said(Owner::Queue, false).1, "Take it over first.");
        assert!(said(Owner::Outside, false).0.contains("platform"));
        let anna = Owner::Agent(Uuid::from_u128(7));
        assert!(said(anna, true).0.contains("tenure is 4"));
        assert!(said(anna, false).0.contains(&Uuid::from_u128(7).to_string()));
    }
}
