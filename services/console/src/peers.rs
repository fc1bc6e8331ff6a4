//! The other services, asked by gRPC within a bounded time.

use crate::refusal::Refusal;
use proto::v1::analytics_service_client::AnalyticsServiceClient;
use proto::v1::identity_service_client::IdentityServiceClient;
use proto::v1::knowledge_service_client::KnowledgeServiceClient;
use proto::v1::leads_service_client::LeadsServiceClient;
use proto::v1::routing_service_client::RoutingServiceClient;
use runtime::grpc::{Client, Failure, client};
use runtime::{Host, Problem, Role};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use tonic::{Response, Status};

/// What a person waits for at most; longer than a reader may need to reach `at_least`.
const DEADLINE: Duration = Duration::from_secs(6);

const ASKED: [Role; 5] = [Role::Identity, Role::Routing, Role::AiAgent, Role::LeadCapture, Role::Analytics];

/// Channels to the services that the console asks. Each connects at its first question.
pub(crate) struct Peers {
    clients: BTreeMap<Role, Client>,
}

impl Peers {
    /// # Errors
    /// When the address of one cannot be used.
    pub(crate) fn of(host: &Host) -> Result<Self, runtime::Error> {
        let mut clients = BTreeMap::new();
        for role in ASKED {
            if let Some(address) = host.peers.get(&role) {
                clients.insert(role, client(address, &host.credential)?);
            }
        }
        Ok(Self { clients })
    }

    pub(crate) fn identity(&self) -> Result<IdentityServiceClient<Client>, Refusal> {
        Ok(IdentityServiceClient::new(self.client(Role::Identity)?))
    }

    pub(crate) fn routing(&self) -> Result<RoutingServiceClient<Client>, Refusal> {
        Ok(RoutingServiceClient::new(self.client(Role::Routing)?))
    }

    pub(crate) fn knowledge(&self) -> Result<KnowledgeServiceClient<Client>, Refusal> {
        Ok(KnowledgeServiceClient::new(self.client(Role::AiAgent)?))
    }

    pub(crate) fn leads(&self) -> Result<LeadsServiceClient<Client>, Refusal> {
        Ok(LeadsServiceClient::new(self.client(Role::LeadCapture)?))
    }

    pub(crate) fn analytics(&self) -> Result<AnalyticsServiceClient<Client>, Refusal> {
        Ok(AnalyticsServiceClient::new(self.client(Role::Analytics)?))
    }

    /// A service without an address is as good as stopped.
    fn client(&self, role: Role) -> Result<Client, Refusal> {
        let stopped = || Problem::from(Failure::Stopped { service: role.as_str() });
        Ok(self.clients.get(&role).cloned().ok_or_else(stopped)?)
    }
}

/// The answer to a question, or what to tell the person instead.
pub(crate) async fn answer<T>(
    role: Role,
    question: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Refusal> {
    let service = role.as_str();
    let failure = match tokio::time::timeout(DEADLINE, question).await {
        Ok(Ok(answer)) => return Ok(answer.into_inner()),
        Ok(Err(status)) => Failure::of(service, &status),
        Err(_) => Failure::Late { service },
    };
    if matches!(failure, Failure::Refused { .. } | Failure::Failed { .. }) {
        tracing::error!(service, error = %failure, "a service failed to answer");
    }
    Err(Problem::from(failure).into())
}
