//! Deciding what a message tells of its lead: details, consent, score.

use super::super::address::{address_of, lead_id};
use super::super::{ACTOR, VALUE};
use super::history::{self, Earlier};
use super::recent::Recent;
use super::told::Told;
use crate::qualify::{self, Facts, Found, Intent};
use conversation::Thread;
use events::lead::{Consent, DetailKind};
use events::{LeadEvent, Micros, Sealed};
use laws::lead::{self, Lead, Rejection};
use runtime::metrics::Counter;
use spine::keys::{Keys, Owner, Period, SealKey};
use spine::{Address, Cause, Decided, Error, Log, Refused};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What deciding works with.
pub(super) struct Decider<'a> {
    pub(super) log: &'a Log,
    pub(super) keys: &'a Keys,
    pub(super) recent: &'a Recent,
    pub(super) captured: &'a Counter,
}

/// A lead as far as deciding needs it.
enum Known {
    Unknown,
    Open {
        kinds: BTreeSet<DetailKind>,
        consent: Option<Consent>,
        qualified: Option<u32>,
        into: Option<String>,
    },
    Erased,
}

/// A detail on its way to the lead.
struct Fresh {
    message: Uuid,
    at: Micros,
    found: Found,
}

impl Decider<'_> {
    /// The messages of one thread in order.
    pub(super) async fn thread(&self, told: Vec<Told>) -> Result<(), Error> {
        for told in told {
            let trace = told.record.meta.traceparent.as_deref();
            match role::traced("capture", trace, Box::pin(self.message(&told))).await {
                // The person was erased meanwhile.
                Err(Error::Gone { .. }) => self.recent.forget(told.thread),
                Err(error) if error.is_passing() => return Err(error),
                Err(error @ (Error::UnknownEvent { .. } | Error::LogLost { .. })) => return Err(error),
                // What is wrong with one thread stops no other.
                Err(error) => {
                    tracing::error!(
                        entity.subject = told.record.address.subject(),
                        log.position = %told.record.position,
                        error = &error as &dyn std::error::Error,
                        "a message cannot be captured"
                    );
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    async fn message(&self, told: &Told) -> Result<(), Error> {
        let conversation = history::conversation_of(self.log, told).await?;
        let Some(conversation) = conversation else { return Ok(()) };
        let known = self.known(&self.address(told, conversation)?).await?;
        let (n, begins) = match (known, told.reading.reaches(), self.recent.number(told.thread)) {
            (Known::Erased, ..) => return Ok(()),
            (Known::Open { .. }, ..) => (conversation, false),
            (Known::Unknown, true, _) => (conversation, true),
            (Known::Unknown, false, Some(last)) => (last, false),
            (Known::Unknown, false, None) => return Ok(()),
        };
        let before = self.recent.intents(told.thread, n);
        let looks_back = begins || before.is_none();
        let earlier =
            if looks_back { history::earlier(self.log, self.keys, told, n).await? } else { Vec::new() };
        let mut intents = before.clone().unwrap_or_default();
        intents.extend(&told.reading.intents);
        intents.extend(earlier.iter().flat_map(|earlier| &earlier.reading.intents));
        let nothing_new = told.reading.details.is_empty() && told.reading.consent.is_none();
        if nothing_new && before.as_ref() == Some(&intents) {
            return Ok(());
        }
        let lead = self.address(told, n)?;
        let consent = last_consent(told, if begins { &earlier } else { &[] });
        let fresh = self.fresh(&lead, told, begins.then_some(earlier.as_slice())).await?;
        self.capture(&lead, told, (conversation, consent), fresh).await?;
        if let Some(consent) = told.reading.consent {
            self.consent(&lead, told, consent).await?;
        }
        self.qualify(&lead, told, &intents).await?;
        self.recent.counted(told.thread, n, intents);
        Ok(())
    }

    fn address(&self, told: &Told, n: u32) -> Result<Address, Error> {
        address_of(&told.record.address.tenant, &lead_id(told.thread, n))
    }

    async fn known(&self, lead: &Address) -> Result<Known, Error> {
        let open = |open: &lead::Open, into: Option<&String>| Known::Open {
            kinds: open.details.iter().map(|(kind, _)| *kind).collect(),
            consent: open.consent,
            qualified: open.qualified,
            into: into.cloned(),
        };
        let look = |state: &Lead| match state {
            Lead::Unknown => Known::Unknown,
            Lead::Open(state) => open(state, None),
            Lead::Joined(state, into) => open(state, Some(into)),
            Lead::Erased => Known::Erased,
        };
        self.log.read::<Lead, _>(lead, look).await
    }

    /// The details that the lead does not hold yet: this message's first, so that the lead begins with what
    /// reaches the person, then what the conversation told before the lead began.
    async fn fresh(
        &self,
        lead: &Address,
        told: &Told,
        earlier: Option<&[Earlier]>,
    ) -> Result<Vec<Fresh>, Error> {
        let of = |message: Uuid, at: Micros, details: &[Found]| -> Vec<Fresh> {
            details.iter().cloned().map(|found| Fresh { message, at, found }).collect()
        };
        let mut fresh = of(told.message, told.at, &told.reading.details);
        for earlier in earlier.unwrap_or_default() {
            fresh.extend(of(earlier.message, earlier.at, &earlier.reading.details));
        }
        let mut held = match (fresh.is_empty(), earlier) {
            (true, _) | (_, Some(_)) => std::collections::HashSet::new(),
            (false, None) => history::held(self.log, self.keys, lead).await?,
        };
        fresh.retain(|fresh| held.insert((fresh.found.kind, fresh.found.value.clone())));
        fresh.truncate(lead::DETAILS_MAX);
        Ok(fresh)
    }

    async fn capture(
        &self,
        lead: &Address,
        told: &Told,
        (conversation, consent): (u32, Consent),
        fresh: Vec<Fresh>,
    ) -> Result<(), Error> {
        if fresh.is_empty() {
            return Ok(());
        }
        let whose = |state: &Thread| Some((state.account()?, state.channel()?.to_owned()));
        // Erased, or not begun: nothing is known of anybody.
        let Some((account, channel)) = self.log.read::<Thread, _>(&told.record.address, whose).await? else {
            return Ok(());
        };
        let mut events = Vec::with_capacity(fresh.len());
        for Fresh { message, at, found } in fresh {
            let key = SealKey {
                tenant: lead.tenant.clone(),
                owner: Owner::thread(told.thread),
                class: "lead".into(),
                period: Period::quarter(at),
            };
            let value = self.keys.seal(&key, &lead.subject(), VALUE, &found.value).await?;
            let (thread, channel) = (told.thread, channel.clone());
            events.push(LeadEvent::Captured {
                thread,
                conversation,
                message,
                kind: found.kind,
                value: Sealed(value),
                form: found.form,
                consent,
                account,
                channel,
                at,
            });
        }
        let decided = self
            .log
            .transact::<Lead, _>(lead, &cause(told, "capture"), |state| lead::capture(state, &events))
            .await;
        if settle(lead, decided)? {
            for event in &events {
                if let LeadEvent::Captured { kind, .. } = event {
                    self.captured.add(1, &[kind.as_ref()]);
                }
            }
        }
        Ok(())
    }

    /// What the customer says about being contacted is said of the person, so it also holds for the lead that
    /// goes on in this one's place.
    async fn consent(&self, lead: &Address, told: &Told, consent: Consent) -> Result<(), Error> {
        let into = match self.known(lead).await? {
            Known::Open { into, .. } => into,
            Known::Unknown | Known::Erased => return Ok(()),
        };
        let mut leads = vec![lead.clone()];
        leads.extend(into.map(|into| address_of(&lead.tenant, &into)).transpose()?);
        for lead in &leads {
            let decide = |state: &Lead| lead::consent(state, told.message, consent, told.at);
            let decided = self.log.transact::<Lead, _>(lead, &cause(told, "consent"), decide).await;
            settle(lead, decided)?;
        }
        Ok(())
    }

    /// Scores the lead: once it is good enough to be handed on, and with each change after that.
    async fn qualify(&self, lead: &Address, told: &Told, intents: &BTreeSet<Intent>) -> Result<(), Error> {
        let Known::Open { kinds, consent, qualified, .. } = self.known(lead).await? else { return Ok(()) };
        let score = qualify::score(&Facts { kinds, consent, intents: intents.clone() });
        if qualified == Some(score.points) || (qualified.is_none() && !score.is_qualified()) {
            return Ok(());
        }
        let at = self.log.clock().now();
        let decide = |state: &Lead| lead::qualify(state, score.points, &score.reasons, at);
        let decided = self.log.transact::<Lead, _>(lead, &cause(told, "qualify"), decide).await;
        settle(lead, decided).map(|_| ())
    }
}

/// What the customer last said about being contacted; giving the detail says something by itself.
fn last_consent(told: &Told, earlier: &[Earlier]) -> Consent {
    let said = earlier.iter().filter_map(|earlier| earlier.reading.consent).next_back();
    told.reading.consent.or(said).unwrap_or(Consent::Implied)
}

/// One cause for each form of a message: an edit decides anew, a second look at the same form does not.
fn cause(told: &Told, purpose: &'static str) -> Cause {
    let id = Uuid::new_v5(&told.record.meta.id, told.message.as_bytes());
    Cause { id, ..Cause::after(&told.record, purpose, ACTOR) }
}

/// Whether something was appended. A refusal is the law's last word on this message.
fn settle(lead: &Address, decided: Result<Decided, Refused<Rejection>>) -> Result<bool, Error> {
    match decided {
        Ok(decided) => Ok(!matches!(decided, Decided::Nothing(_))),
        Err(Refused::Failed(error)) => Err(error),
        Err(Refused::Rejected(Rejection::Erased)) => Ok(false),
        Err(Refused::Rejected(
            rejection @ (Rejection::Full | Rejection::Unknown | Rejection::Joined { .. } | Rejection::Same),
        )) => {
            tracing::info!(entity.subject = lead.subject(), rejection = %rejection, "a message adds nothing to a lead");
            Ok(false)
        }
    }
}
