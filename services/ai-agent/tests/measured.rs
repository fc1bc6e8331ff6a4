//! Owns the floor under the figures on the development shop: a change that makes retrieval worse is seen here.

use ai_agent::answer::THRESHOLD;
use ai_agent::evaluate::{Query, faq};
use ai_agent::knowledge::{Format, Source, import};
use jiff::tz::TimeZone;

#[test]
fn the_development_shop_is_answered_as_well_as_when_the_weights_were_fitted() {
    let source = Source { name: "shop.yaml", format: Format::Yaml, zone: &TimeZone::UTC };
    let imported = import(&source, include_bytes!("data/shop.yaml"));
    let lines = include_str!("data/shop.jsonl").lines();
    let queries: Vec<Query> = lines.map(|line| serde_json::from_str(line).expect("a query")).collect();
    let report = faq(imported.entries.clone(), queries.iter().cloned(), THRESHOLD);
    assert!(report.recall_at_1 > Some(0.80), "{report:?}");
    assert!(report.answered_right > Some(0.50), "{report:?}");
    let only = |kind: &str| {
        faq(imported.entries.clone(), queries.iter().filter(|q| q.id.starts_with(kind)).cloned(), THRESHOLD)
    };
    assert!(only("near").unanswerable_rejected > Some(0.85));
    assert!(only("unrelated").unanswerable_rejected > Some(0.98));
}
