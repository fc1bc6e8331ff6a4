//! The gRPC queries, and what a failure is to the one who asked.

use crate::cursor::Cursor;
use crate::definition;
use crate::question::{Filter, Refusal, page_size};
use crate::summary::summarise;
use crate::threads::{List, list};
use proto::v1::analytics_service_server::AnalyticsService;
use proto::v1::{
    GroupBy, HandoverReason, Metric, SummaryRequest, SummaryResponse, ThreadsRequest, ThreadsResponse,
};
use spine::{Error, Reader};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, async_trait};

/// Summaries computed at a time, which with [`crate::DURATIONS_MAX`] bounds their memory; others wait.
const SUMMARIES_MAX: usize = 2;

pub(crate) struct Api {
    reader: Reader,
    summaries: Semaphore,
}

impl Api {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader, summaries: Semaphore::new(SUMMARIES_MAX) }
    }

    async fn answer_summary(&self, request: SummaryRequest) -> Result<SummaryResponse, Refusal> {
        let filter = Filter::parse(request.filter)?;
        let unknown = |_| Refusal::Invalid("group_by is none of the known ones".into());
        let group = GroupBy::try_from(request.group_by).map_err(unknown)?;
        role::at_least(&self.reader, &request.at_least).await?;
        let model = self.reader.model();
        filter.check_account(&model.store).await?;
        let _turn = self.summaries.acquire().await.expect("the semaphore is never closed");
        let rows = summarise(&model.store, &filter, group).await?;
        Ok(SummaryResponse { rows, definitions: definition::told() })
    }

    async fn answer_threads(&self, request: ThreadsRequest) -> Result<ThreadsResponse, Refusal> {
        let asked = List {
            definition: Metric::try_from(request.metric)
                .ok()
                .and_then(definition::of)
                .ok_or_else(|| Refusal::Invalid("metric is missing or none of the known ones".into()))?,
            reason: HandoverReason::try_from(request.reason)
                .map_err(|_| Refusal::Invalid("reason is none of the known ones".into()))?,
            after: Cursor::parse(&request.page_token)?,
            page_size: page_size(request.page_size)?,
        };
        if asked.reason != HandoverReason::Unspecified && asked.definition.metric != Metric::Handovers {
            return Err(Refusal::Invalid("only handovers have a reason".into()));
        }
        let filter = Filter::parse(request.filter)?;
        role::at_least(&self.reader, &request.at_least).await?;
        let model = self.reader.model();
        filter.check_account(&model.store).await?;
        list(&model.store, &filter, &asked).await
    }
}

#[async_trait]
impl AnalyticsService for Api {
    async fn summary(&self, request: Request<SummaryRequest>) -> Result<Response<SummaryResponse>, Status> {
        self.answer_summary(request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn threads(&self, request: Request<ThreadsRequest>) -> Result<Response<ThreadsResponse>, Status> {
        self.answer_threads(request.into_inner()).await.map(Response::new).map_err(status)
    }
}

fn status(refusal: Refusal) -> Status {
    match &refusal {
        Refusal::Invalid(_) => Status::invalid_argument(refusal.to_string()),
        Refusal::NoSuchAccount => Status::not_found(refusal.to_string()),
        Refusal::TooMuch { .. } => Status::resource_exhausted(refusal.to_string()),
        Refusal::Failed(Error::Name { field: "at_least", .. }) => {
            Status::invalid_argument("at_least holds no positions")
        }
        Refusal::Failed(error @ Error::Name { .. }) => Status::invalid_argument(error.to_string()),
        Refusal::Failed(error @ Error::Timeout { .. }) => Status::deadline_exceeded(error.to_string()),
        Refusal::Failed(error) => {
            tracing::error!(error = error as &dyn std::error::Error, "a query failed");
            if error.is_passing() {
                return Status::unavailable("the read model cannot be read now");
            }
            Status::internal("the read model cannot be read")
        }
    }
}
