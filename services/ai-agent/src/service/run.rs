//! ai-agent put together.

use super::api::Api;
use super::assisted::Assisted;
use super::project::{ANSWER, Agent, UNDELIVERED};
use super::recent::Recent;
use super::shelf::Shelf;
use super::work::Answering;
use crate::answer::{Answerer, Embedded};
use directory::Directory;
use proto::v1::knowledge_service_server::KnowledgeServiceServer;
use role::Frame;
use runtime::Host;
use runtime::grpc::Services;
use runtime::metrics::Label;
use spine::Spine;
use spine::read::WorkLimits;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Answers that are computed at once, and of one tenant.
pub(super) const ANSWERS: WorkLimits = WorkLimits { in_flight_max: 128, per_lane_max: 128, confirms: false };

/// A service that is ready to run.
pub struct Service {
    frame: Frame,
}

impl Service {
    /// Runs until shutdown.
    ///
    /// # Errors
    /// The first task that crashed.
    pub async fn run(self) -> anyhow::Result<()> {
        self.frame.run().await
    }
}

/// Puts the service together; queries are answered on `listener`. With `model`, what the knowledge is not sure of is
/// worded by that language model; without, it goes to people.
///
/// # Errors
/// When the database cannot be opened, or TLS has no roots.
pub async fn start(
    spine: Spine,
    host: Host,
    listener: TcpListener,
    model: Option<llm::Settings>,
) -> anyhow::Result<Service> {
    let (directory, embedded, recent) =
        (Directory::default(), Arc::<Embedded>::default(), Arc::<Recent>::default());
    let shelf = Arc::new(Shelf::new(directory.clone(), embedded.clone()));
    let projector = Agent { shelf: shelf.clone(), keys: spine.keys.clone(), recent: recent.clone() };
    let mut frame = Frame::open(spine.clone(), host.clone(), Arc::new(projector)).await?;
    shelf.load(&frame.reader.model().store).await?;
    {
        let (shelf, reader, shutdown) = (shelf.clone(), frame.reader.clone(), host.shutdown.clone());
        frame.spawn("shelf", async move {
            shelf.keep_fresh(&reader, &shutdown).await;
            Ok(())
        });
    }
    let metrics = host.metrics.scope("agent");
    let answerer: Arc<dyn Answerer> = match model {
        Some(settings) => Arc::new(Assisted::new(embedded.clone(), settings, &metrics)?),
        None => embedded.clone(),
    };
    let outcomes = &["answered", "unknown", "wants_person", "anger", "deadline", "failure"];
    let answering = Answering {
        log: spine.log.clone(),
        keys: spine.keys.clone(),
        reader: frame.reader.clone(),
        directory,
        answerer,
        recent,
        answers: metrics.counter(
            "answers",
            "Turns by what became of them.",
            vec![Label::of("outcome", outcomes)],
        ),
        seconds: metrics.seconds("answer_seconds", "Time to compute an answer.", vec![]),
    };
    let replacing = answering.clone();
    frame.work(ANSWER, ANSWERS, move |work| answering.clone().handle(work));
    frame.work(UNDELIVERED, ANSWERS, move |work| replacing.clone().replace(work));
    let api = Api { reader: frame.reader.clone(), shelf, embedded, clock: spine.log.clock().clone() };
    let services = Services::new(host.credential.clone(), proto::FILE_DESCRIPTOR_SET)
        .with(KnowledgeServiceServer::new(api));
    frame.serve(listener, services);
    Ok(Service { frame })
}
