//! Frames of the website widget's socket.

use crate::wechat::{AT, account};
use channels::widget::{Action, Session, identity, token};
use std::hint::black_box;
use std::sync::Arc;
use uuid::Uuid;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NEWCOMER: Uuid = Uuid::from_u128(8);
/// Between two frames, so that a long input does not end as a flood.
const BETWEEN: i64 = 300_000;

/// Frames of one socket, one a line; the server does what each asks for.
pub fn widget_frames(input: &[u8]) {
    let secrets = [("widget_secret", SECRET), ("identity_secret", SECRET)];
    let mut session = Session::new(Arc::new(account(&[], &secrets)), NEWCOMER);
    let text = String::from_utf8_lossy(input);
    // Also on their own: behind a wrong hello nothing of them is read.
    let _ = black_box(token::verify(SECRET, NEWCOMER, &text, AT));
    let _ = black_box(identity::verify(SECRET, "desk", &text, AT));
    let mut at = AT;
    for frame in text.lines() {
        at += BETWEEN;
        for action in black_box(session.on_frame(frame, at)) {
            answer(&mut session, action, at);
        }
    }
}

fn answer(session: &mut Session, action: Action, at: i64) {
    match action {
        Action::Open(_) => drop(black_box(session.welcome(NEWCOMER, 0, at))),
        Action::Identify(proven) => drop(black_box(session.identified(&proven, at))),
        _ => {}
    }
}
