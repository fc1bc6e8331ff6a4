//! Who may open a socket, and how much it may bring at once.

use super::{Sockets, Visitor};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use channels::widget;
use channels::widget::frames::FRAME_MAX_BYTES;

/// What a socket takes at once. Twice the bound of a frame, so that what is a little above is told so.
const BYTES_MAX: usize = FRAME_MAX_BYTES * 2;
/// What is read from a socket at once, and what each of them holds for it.
const READ_BUFFER_BYTES: usize = 4 * 1024;

fn refused(why: &str, status: StatusCode) -> Response {
    crate::refused::problem(why, status).into_response()
}

/// `GET /channels/widget/<account>/socket`.
pub(crate) async fn upgrade(
    State(sockets): State<Sockets>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ready = match sockets.accounts.by_slug("widget", &slug).await {
        Ok(Some(ready)) => ready,
        Ok(None) => {
            let (why, status) = sockets.accounts.absent("widget", &slug);
            return refused(why, status);
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "an account cannot be opened");
            return refused("away", StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if !widget::origin_allowed(&ready.account, origin) {
        return refused("origin", StatusCode::FORBIDDEN);
    }
    let Ok(permit) = sockets.room.clone().try_acquire_owned() else {
        return refused("full", StatusCode::SERVICE_UNAVAILABLE);
    };
    // The size of a frame is held to its bound by its header, before anything of it is kept.
    let upgrade =
        upgrade.max_frame_size(BYTES_MAX).max_message_size(BYTES_MAX).read_buffer_size(READ_BUFFER_BYTES);
    upgrade.on_upgrade(move |socket| async move {
        let _permit = permit;
        Visitor::new(sockets, ready, socket).serve().await;
    })
}
