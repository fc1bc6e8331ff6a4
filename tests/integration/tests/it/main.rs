//! Journeys through real NATS and a real database, each on SQLite and on Postgres.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that fails says where, and prints its seed"
)]

mod answer;
mod clocks;
mod database;
mod disabled;
mod disk;
mod erasing;
mod frozen;
mod full;
mod held;
mod identified;
mod killed;
mod leads_feed;
mod llm;
mod load;
mod model;
mod nats;
mod owners;
mod partial;
mod picky;
mod platforms;
mod rebuild;
mod receipts;
mod redelivery;
mod replicas;
mod requests;
mod traced;
mod unreadable;
mod upgrade;
mod widget;

use events::knowledge::Entry;
use integration::knowledge;

/// A small shop's knowledge.
fn shop() -> Vec<Entry> {
    vec![
        knowledge("return-freight", "退货运费谁承担", "质量问题退货，运费由我们承担；其他原因由买家承担。"),
        knowledge("delivery-time", "多久能发货", "付款后 24 小时内发货，一般三天送达。"),
        knowledge("invoice", "可以开发票吗", "可以，下单时填写抬头和税号即可开电子发票。"),
    ]
}
