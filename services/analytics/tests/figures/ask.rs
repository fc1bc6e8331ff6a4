//! Questions over gRPC, as the console asks them.

use crate::suite::{Suite, TENANT};
use proto::v1::{
    AnalyticsFilter, CountedConversation, GroupBy, HandoverReason, Metric, SummaryRequest, SummaryResponse,
    ThreadsRequest,
};

pub(crate) fn span(from_us: i64, to_us: i64) -> AnalyticsFilter {
    AnalyticsFilter { tenant: TENANT.into(), from_us, to_us, channel: None, account: None }
}

/// The figures, once everything that is in the log is counted.
pub(crate) async fn summary(suite: &Suite, filter: &AnalyticsFilter, group: GroupBy) -> SummaryResponse {
    let request =
        SummaryRequest { filter: Some(filter.clone()), group_by: group.into(), at_least: suite.end().await };
    suite.client().summary(request).await.unwrap().into_inner()
}

/// All pages of a list.
pub(crate) async fn threads(
    suite: &Suite,
    filter: &AnalyticsFilter,
    (metric, reason): (Metric, HandoverReason),
    page_size: u32,
) -> Vec<CountedConversation> {
    let mut client = suite.client();
    let mut request = ThreadsRequest {
        metric: metric.into(),
        filter: Some(filter.clone()),
        reason: reason.into(),
        page_size,
        page_token: String::new(),
        at_least: suite.end().await,
    };
    let mut all = Vec::new();
    loop {
        let page = client.threads(request.clone()).await.unwrap().into_inner();
        assert!(page.conversations.len() <= page_size as usize);
        all.extend(page.conversations);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}
