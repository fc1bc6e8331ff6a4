//! A server that lets requests in through an adapter, as the suite's does, and keeps what they say.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::any;
use channels::contract::{Account, Item, ItemFault, RawRequest, Reply, Webhook};
use simulators::Clock;
use simulators::door::Door;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

pub(crate) struct Inlet {
    pub(crate) webhook: &'static dyn Webhook,
    pub(crate) account: Account,
    pub(crate) clock: Clock,
    pub(crate) read: Mutex<Vec<Result<Item, ItemFault>>>,
}

impl Inlet {
    pub(crate) async fn open(
        webhook: &'static dyn Webhook,
        account: Account,
        clock: Clock,
        shutdown: &CancellationToken,
    ) -> (Arc<Self>, Door) {
        let inlet = Arc::new(Self { webhook, account, clock, read: Mutex::default() });
        let router = Router::new()
            .route("/hook", any(take))
            .layer(axum::extract::DefaultBodyLimit::max(4 << 20))
            .with_state(Arc::clone(&inlet));
        (inlet, Door::open(std::net::Ipv4Addr::LOCALHOST.into(), router, shutdown).await.unwrap())
    }

    fn answer(&self, request: &RawRequest) -> Result<Reply, u16> {
        let at = self.clock.now();
        if request.method == "GET" {
            return self.webhook.handshake(&self.account, request, at).map_err(|refusal| refusal.status());
        }
        let verified = self.webhook.verify(&self.account, request, at).map_err(|refusal| refusal.status())?;
        self.read.lock().unwrap().extend(self.webhook.items(&self.account, verified));
        Ok(self.webhook.accepted())
    }
}

async fn take(
    State(inlet): State<Arc<Inlet>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = RawRequest {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
    };
    let (status, body) = match inlet.answer(&request) {
        Ok(reply) => (reply.status, reply.body),
        Err(status) => (status, String::new()),
    };
    (StatusCode::from_u16(status).unwrap(), body)
}
