//! One trace from the webhook to the platform's call, over services and across NATS, received by a collector.

use crate::load;
use integration::{Place, Split, eventually, on_each};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use simulators::Ledger;
use simulators::http::Item;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

const TEXT: &str = "我要找人工客服，电话13812345678";

/// A collector that keeps what it is told.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

struct Span {
    trace: Vec<u8>,
    service: String,
    name: String,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let request = request.into_inner();
        self.bytes.lock().unwrap().extend(request.encode_to_vec());
        let mut spans = self.spans.lock().unwrap();
        for told in request.resource_spans {
            let attributes = told.resource.unwrap_or_default().attributes;
            let named = attributes.into_iter().find(|attribute| attribute.key == "service.name");
            let service = match named.and_then(|attribute| attribute.value?.value) {
                Some(Value::StringValue(name)) => name,
                _ => String::new(),
            };
            for span in told.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push(Span { trace: span.trace_id, service: service.clone(), name: span.name });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// By trace, which services tell of it and what.
    fn traces(&self) -> BTreeMap<Vec<u8>, BTreeSet<(String, String)>> {
        let mut traces: BTreeMap<Vec<u8>, BTreeSet<(String, String)>> = BTreeMap::new();
        for span in self.spans.lock().unwrap().iter() {
            traces.entry(span.trace.clone()).or_default().insert((span.service.clone(), span.name.clone()));
        }
        traces
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_webhook_over_five_services_to_the_platform_and_holds_no_text() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let (collector, mut serving) = (Collector::default(), JoinSet::new());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let service = TraceServiceServer::new(collector.clone());
        serving.spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        let environment =
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", address), ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned())];
        let split = Split::start_in(&place, environment).await;
        let (ledger, stop) = (Ledger::default(), CancellationToken::new());
        let partner = load::partner(&ledger, &stop, &split.site).await;
        split.site.apply(&load::documents(&partner)).await;
        split
            .site
            .apply("kind: Agent\ntenant: shop\nname: an\ntitle: 安\ncapacity: 8\npresence: online\n")
            .await;
        let item = Item { id: "m-1".into(), user: "u-1".into(), text: TEXT.into() };
        assert!(partner.post(&[item]).await.accepted);
        let wanted = [
            ("channel-ingest", "webhook"),
            ("channel-ingest", "receive"),
            ("ai-agent", "answer"),
            ("channel-ingest", "send"),
            ("identity", "customer"),
            ("lead-capture", "capture"),
            ("routing", "assign"),
        ];
        let wanted: BTreeSet<(String, String)> =
            wanted.iter().map(|(service, name)| ((*service).to_owned(), (*name).to_owned())).collect();
        eventually("one trace with a span of each service", async || {
            collector.traces().values().any(|trace| trace.is_superset(&wanted)).then_some(())
        })
        .await;
        let bytes = collector.bytes.lock().unwrap();
        for text in [TEXT, "人工", "13812345678"] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{text} is in a span");
        }
        drop(bytes);
        drop(split);
        stop.cancel();
    })
    .await;
}
