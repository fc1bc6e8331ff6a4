//! The REST API under `/api/v1`, and its description.

mod accounts;
mod act;
mod acting;
mod agents;
mod analytics;
mod conversations;
mod customers;
pub(crate) mod extract;
mod feed;
mod feed_stream;
mod knowledge;
mod leads;
mod me;
pub(crate) mod page;
pub(crate) mod places;
mod queue;
mod queues;
mod reply;
mod rows;
pub(crate) mod time;
mod transcript;
mod written;

use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use runtime::Problem;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where the API is.
pub const BASE: &str = "/api/v1";
/// Where its description is.
pub const DOCUMENT: &str = "/api/v1/openapi.json";
/// Bytes of a request's body.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(title = "Tributary", description = "Conversations, leads and figures of one tenant."),
    components(schemas(RefusalBody, written::Written)),
    security(("token" = [])),
    modifiers(&Security)
)]
struct Api;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", token);
    }
}

/// All routes, and the document that lists them: one is made with the other.
pub(crate) fn routes() -> (Router<App>, Document) {
    let routes = OpenApiRouter::new()
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::get))
        .routes(routes!(transcript::get))
        .routes(routes!(transcript::search::find))
        .routes(routes!(act::take_over))
        .routes(routes!(act::release))
        .routes(routes!(act::transfer))
        .routes(routes!(act::close))
        .routes(routes!(reply::reply))
        .routes(routes!(queue::get))
        .routes(routes!(agents::list))
        .routes(routes!(agents::present))
        .routes(routes!(leads::list))
        .routes(routes!(feed::read))
        .routes(routes!(leads::get))
        .routes(routes!(customers::list))
        .routes(routes!(customers::get))
        .routes(routes!(analytics::summary))
        .routes(routes!(analytics::threads))
        .routes(routes!(knowledge::list))
        .routes(routes!(knowledge::ask))
        .routes(routes!(accounts::list))
        .routes(routes!(me::me))
        .routes(routes!(me::version));
    OpenApiRouter::with_openapi(Api::openapi()).nest(BASE, routes).split_for_parts()
}

/// The API, ready to serve.
pub(crate) fn router(app: App) -> Router {
    let (router, document) = routes();
    let text = document.to_json().expect("the document is made of plain values");
    router
        .route(DOCUMENT, get(async move || described(text.clone())))
        .fallback(async |_: Request| Refusal::from(Problem::not_found("address")))
        .method_not_allowed_fallback(async |request: Request| wrong_method(&request))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::map_response(async |mut response: Response| {
            // What is answered is one person's view at one moment.
            let never = HeaderValue::from_static("no-store");
            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(never);
            response
        }))
        .with_state(app)
}

fn described(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

fn wrong_method(request: &Request) -> Refusal {
    let title = "This address does not take the method";
    let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    Problem::new(status, "method", title).detail(request.method().to_string()).into()
}

/// Waits until the read model holds what the query names.
pub(crate) async fn at_least(app: &App, positions: Option<&str>) -> Result<(), Refusal> {
    Ok(role::at_least(&app.inner.reader, positions.unwrap_or("")).await?)
}

/// A listing that is not cut into pages because it is short.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct All<T: utoipa::ToSchema> {
    pub(crate) items: Vec<T>,
}

pub(crate) fn all<T: utoipa::ToSchema>(items: Vec<T>) -> Json<All<T>> {
    Json(All { items })
}

/// A word of another service's language, without its prefix and in lower case.
pub(crate) fn word(name: &str, prefix: &str) -> Option<String> {
    let word = name.strip_prefix(prefix)?.to_lowercase();
    (word != "unspecified").then_some(word)
}
