//! Questions that get no answer, and why.

use crate::ask::span;
use crate::script::{ACCOUNTS, START, play};
use crate::suite::Suite;
use crate::talk::Talk;
use ground::{Server, on_each};
use proto::v1::{AnalyticsFilter, GroupBy, HandoverReason, Metric, SummaryRequest, ThreadsRequest};
use tonic::Code;

fn summary(filter: Option<AnalyticsFilter>) -> SummaryRequest {
    SummaryRequest { filter, group_by: GroupBy::Unspecified.into(), at_least: String::new() }
}

fn threads() -> ThreadsRequest {
    ThreadsRequest {
        metric: Metric::Conversations.into(),
        filter: Some(span(0, 1)),
        ..ThreadsRequest::default()
    }
}

#[tokio::test]
async fn a_wrong_question_is_told_so() {
    on_each(async |place| {
        let server = Server::start().await;
        let suite = Suite::start(&server, &place).await;
        suite.configure(ACCOUNTS[0].0, ACCOUNTS[0].1).await;
        let mut client = suite.client();
        let hours = SummaryRequest {
            group_by: GroupBy::Hour.into(),
            ..summary(Some(span(0, 10_001 * 3_600_000_000)))
        };
        let of = |account: &str| AnalyticsFilter { account: Some(account.into()), ..span(0, 1) };
        let foreign = AnalyticsFilter { tenant: "other".into(), ..of(&ACCOUNTS[0].0.to_string()) };
        for (code, request) in [
            (Code::InvalidArgument, summary(None)),
            (
                Code::InvalidArgument,
                summary(Some(AnalyticsFilter { tenant: "No.Name".into(), ..span(0, 1) })),
            ),
            (Code::InvalidArgument, summary(Some(span(2, 1)))),
            (Code::InvalidArgument, summary(Some(span(-1, 1)))),
            (Code::InvalidArgument, SummaryRequest { group_by: 9, ..summary(Some(span(0, 1))) }),
            (Code::InvalidArgument, SummaryRequest { at_least: "1.3".into(), ..summary(Some(span(0, 1))) }),
            (Code::ResourceExhausted, hours),
            (Code::NotFound, summary(Some(of("nobody")))),
            (Code::NotFound, summary(Some(foreign))),
        ] {
            let refused = client
                .summary(SummaryRequest { at_least: at_least(&suite, &request).await, ..request.clone() })
                .await;
            assert_eq!(refused.unwrap_err().code(), code, "{request:?}");
        }
        for request in [
            ThreadsRequest { metric: 0, ..threads() },
            ThreadsRequest { metric: 99, ..threads() },
            ThreadsRequest { page_size: 201, ..threads() },
            ThreadsRequest { page_token: "x".into(), ..threads() },
            ThreadsRequest { reason: HandoverReason::Anger.into(), ..threads() },
            ThreadsRequest { metric: Metric::Handovers.into(), reason: 77, ..threads() },
        ] {
            assert_eq!(
                client.threads(request.clone()).await.unwrap_err().code(),
                Code::InvalidArgument,
                "{request:?}"
            );
        }
        suite.stop().await;
    })
    .await;
}

/// What the request itself says, else the log's end.
async fn at_least(suite: &Suite, request: &SummaryRequest) -> String {
    if request.at_least.is_empty() { suite.end().await } else { request.at_least.clone() }
}

#[tokio::test]
async fn another_tenant_sees_nothing_and_a_position_that_never_comes_is_late() {
    on_each(async |place| {
        let server = Server::start().await;
        let suite = Suite::start(&server, &place).await;
        let talk = Talk::new(&suite, ACCOUNTS[0].0, ACCOUNTS[0].1);
        play(&talk, 0, START, 0).await;
        let mut client = suite.client();
        let other = AnalyticsFilter { tenant: "other".into(), ..span(0, START * 2) };
        let request = SummaryRequest { at_least: suite.end().await, ..summary(Some(other)) };
        let answer = client.summary(request).await.unwrap().into_inner();
        let metrics = answer.rows[0].metrics.clone().unwrap();
        assert_eq!((answer.rows.len(), metrics.conversations, metrics.leads_rate), (1, 0, None));
        let late = SummaryRequest { at_least: "1.0:999999".into(), ..summary(Some(span(0, 1))) };
        assert_eq!(client.summary(late).await.unwrap_err().code(), Code::DeadlineExceeded);
        suite.stop().await;
    })
    .await;
}
