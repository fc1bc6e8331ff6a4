//! The key register as these tests use it: one tenant, one subject, one class.

use crate::notes::open;
use ground::Place;
use spine::Clock;
use spine::db::Database;
use spine::keys::{Contact, KeySettings, Keys, Opened, Owner, Period, SealKey};

pub(crate) const SUBJECT: &str = "log.1.0.demo.thread.x";

pub(crate) async fn register(database: &Database, clock: &Clock) -> Keys {
    Keys::open(database, KeySettings::default(), clock.clone()).await.unwrap()
}

pub(crate) async fn start(place: &Place) -> Keys {
    register(&open(place).await, &Clock::system()).await
}

pub(crate) fn key(owner: &Owner, period: &str) -> SealKey {
    let at = format!("{period}-15T00:00:00Z").parse::<jiff::Timestamp>().unwrap().as_microsecond();
    SealKey {
        tenant: "demo".into(),
        owner: owner.clone(),
        class: "messages".into(),
        period: Period::quarter(at),
    }
}

pub(crate) fn contact<'a>(account: &'a str, user: &'a str, period: &'a Period) -> Contact<'a> {
    Contact { tenant: "demo", account, external_user: user, class: "messages", period, journalled: None }
}

pub(crate) async fn seal(keys: &Keys, owner: &Owner, text: &str) -> String {
    keys.seal(&key(owner, "2026-11"), SUBJECT, "text", text).await.unwrap()
}

pub(crate) async fn read(keys: &Keys, sealed: &str) -> Opened {
    keys.open_text(sealed, SUBJECT, "text").await.unwrap()
}
