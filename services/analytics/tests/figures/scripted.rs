//! Every figure and every list over scripted conversations.

use crate::ask::{self, span};
use crate::model::assert_all;
use crate::script::{ACCOUNTS, CONVERSATIONS, START, play_all};
use crate::suite::Suite;
use ground::{Server, on_each};
use proto::v1::{AnalyticsFilter, GroupBy};

const HOUR: i64 = 3_600_000_000;

#[tokio::test]
async fn figures_and_lists_are_those_worked_out_by_hand() {
    on_each(async |place| {
        let server = Server::start().await;
        let suite = Suite::start(&server, &place).await;
        let all = play_all(&suite).await;
        assert_eq!(all.len(), CONVERSATIONS);
        let everything = span(0, i64::MAX);
        let metrics = ask::summary(&suite, &span(START, START + 1_000 * HOUR), GroupBy::Unspecified).await;
        let metrics = metrics.rows[0].metrics.clone().unwrap();
        // Fourteen scenes in four rounds, worked out by hand; the model below does the rest.
        assert_eq!((metrics.conversations, metrics.opened, metrics.leads), (60, 52, 7));
        assert_eq!((metrics.resolved_by_ai, metrics.leads_rate), (24, Some(7.0 / 52.0)));
        assert_eq!(metrics.handovers.iter().map(|h| h.count).sum::<i64>(), 16);
        for filter in [
            span(START, START + 1_000 * HOUR),
            span(START - HOUR / 2, START + 9 * HOUR + HOUR / 2),
            // A span begins with its first moment and ends before its last.
            span(START, START),
            span(START, START + 1),
            span(START + 1, START + 4 * HOUR),
            AnalyticsFilter { channel: Some("widget".into()), ..span(START, START + 100 * HOUR) },
            AnalyticsFilter { account: Some(ACCOUNTS[1].0.to_string()), ..span(START, START + 100 * HOUR) },
            AnalyticsFilter { channel: Some("nowhere".into()), ..span(START, START + 100 * HOUR) },
        ] {
            assert_all(&suite, &filter, &all).await;
        }
        let whole = ask::summary(&suite, &everything, GroupBy::Account).await;
        assert_eq!(whole.rows.len(), ACCOUNTS.len());
        suite.stop().await;
    })
    .await;
}
