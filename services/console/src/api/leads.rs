//! Leads (线索), as lead-capture answers.

use super::extract::{Params, Place, channel, parse};
use super::page::{self, Page};
use super::time::{Time, micros};
use super::word;
use crate::access::Act;
use crate::caller::Caller;
use crate::peers::answer;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use proto::v1::{self, Consent, DetailKind, GetLeadRequest, LeadFilter, ListLeadsRequest};
use runtime::{Problem, Role};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadsQuery {
    channel: Option<String>,
    account: Option<String>,
    /// Only the leads of this thread, joined ones included.
    thread: Option<String>,
    qualified: Option<bool>,
    /// First captured at this time or later, RFC 3339.
    from: Option<String>,
    /// First captured before this time, RFC 3339.
    to: Option<String>,
    /// Details in clear instead of masked, for those who may; that they were opened is recorded.
    #[serde(default)]
    clear: bool,
    /// 1 to 200; 50 without it.
    page_size: Option<u32>,
    cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadQuery {
    /// Details in clear instead of masked, for those who may; that they were opened is recorded.
    #[serde(default)]
    clear: bool,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// What was learned about a prospect in a thread.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lead {
    pub(crate) id: String,
    pub(crate) thread: String,
    /// The conversation in which it was first captured.
    pub(crate) n: u32,
    pub(crate) account: String,
    pub(crate) channel: String,
    pub(crate) captured_at: Time,
    pub(crate) changed_at: Time,
    pub(crate) details: Vec<LeadDetail>,
    /// `implied`, `given` or `refused`: what the customer last said about being contacted.
    pub(crate) consent: Option<String>,
    pub(crate) qualification: Option<Qualification>,
    /// The earlier lead of the same person that goes on instead.
    pub(crate) joined_into: Option<String>,
    pub(crate) erased: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadDetail {
    /// `phone`, `wechat`, `email` and the like.
    pub(crate) kind: Option<String>,
    /// Masked, or in clear when that was asked for.
    pub(crate) value: String,
    /// `plain`, or the name of the disguise it was written in.
    pub(crate) form: String,
    pub(crate) message: String,
    pub(crate) n: u32,
    pub(crate) at: Time,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Qualification {
    pub(crate) score: u32,
    pub(crate) reasons: Vec<String>,
    pub(crate) at: Time,
}

fn view(lead: v1::Lead) -> Lead {
    let consent = word(lead.consent().as_str_name(), "CONSENT_");
    let detail = |detail: v1::LeadDetail| LeadDetail {
        kind: DetailKind::try_from(detail.kind)
            .ok()
            .and_then(|kind| word(kind.as_str_name(), "DETAIL_KIND_")),
        value: detail.value,
        form: detail.form,
        message: detail.message,
        n: detail.conversation,
        at: Time::of(detail.at_us),
    };
    Lead {
        id: lead.id,
        thread: lead.thread,
        n: lead.conversation,
        account: lead.account,
        channel: lead.channel,
        captured_at: Time::of(lead.captured_at_us),
        changed_at: Time::of(lead.changed_at_us),
        details: lead.details.into_iter().map(detail).collect(),
        consent: consent.filter(|_| lead.consent != Consent::Unspecified as i32),
        qualification: lead.qualification.map(|known| Qualification {
            score: known.score,
            reasons: known.reasons,
            at: Time::of(known.at_us),
        }),
        joined_into: lead.joined_into,
        erased: lead.erased,
    }
}

fn check(caller: &Caller, clear: bool) -> Result<(), Refusal> {
    caller.check(Act::ReadLeads)?;
    if clear { caller.check(Act::ReadLeadsInClear) } else { Ok(()) }
}

/// Leads, the latest captured first. Those that were joined into an earlier lead of the same person are left out,
/// unless `thread` is given: then they are listed as themselves, and `joined_into` names the lead that goes on.
#[utoipa::path(
    get, path = "/leads", operation_id = "listLeads", tag = "leads", params(LeadsQuery),
    responses((status = 200, body = Page<Lead>), RefusalBody)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<LeadsQuery>,
) -> Result<Json<Page<Lead>>, Refusal> {
    check(&caller, query.clear)?;
    for (field, id) in [("account", &query.account), ("thread", &query.thread)] {
        if let Some(id) = id {
            parse::<Uuid>(field, id, "id")?;
        }
    }
    let time = |field, text: &Option<String>| text.as_deref().map(|text| micros(field, text)).transpose();
    let filter = LeadFilter {
        from_us: time("from", &query.from)?,
        to_us: time("to", &query.to)?,
        channel: channel(query.channel)?,
        account: query.account,
        thread: query.thread,
        qualified: query.qualified,
    };
    let request = ListLeadsRequest {
        tenant: caller.tenant.to_string(),
        filter: Some(filter),
        clear: query.clear,
        actor: caller.actor(),
        page_size: page::size(query.page_size)?,
        page_token: query.cursor.unwrap_or_default(),
        at_least: query.at_least.unwrap_or_default(),
    };
    let mut leads = app.peers().leads()?;
    let found = answer(Role::LeadCapture, leads.list_leads(request)).await?;
    let items = found.leads.into_iter().map(view).collect();
    Ok(Json(Page { items, next: page::of_peer(found.next_page_token) }))
}

/// One lead.
#[utoipa::path(
    get, path = "/leads/{id}", operation_id = "getLead", tag = "leads",
    params(("id" = String, Path), LeadQuery),
    responses((status = 200, body = Lead), RefusalBody)
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Place(id): Place<String>,
    Params(query): Params<LeadQuery>,
) -> Result<Json<Lead>, Refusal> {
    check(&caller, query.clear)?;
    let request = GetLeadRequest {
        tenant: caller.tenant.to_string(),
        lead: id,
        clear: query.clear,
        actor: caller.actor(),
        at_least: query.at_least.unwrap_or_default(),
    };
    let mut leads = app.peers().leads()?;
    let found = answer(Role::LeadCapture, leads.get_lead(request)).await?;
    let lead = found.lead.ok_or_else(|| Problem::not_found("lead"))?;
    Ok(Json(view(lead)))
}
