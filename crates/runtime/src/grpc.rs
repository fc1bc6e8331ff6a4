//! gRPC between services: who may ask, how long it may take, and what a failure is called.

mod client;
mod failure;
mod server;

pub use client::{Client, client};
pub use failure::Failure;
pub use server::{Services, serve};

use crate::trace::TRACEPARENT;
use crate::{Secret, TraceContext, credential};
use std::time::Duration;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Request, Status};

/// No query takes longer; both sides hold to it.
pub const DEADLINE_MAX: Duration = Duration::from_secs(10);

/// No message is larger; generated servers and clients have the same limit for what they read.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Refuses a caller who does not show the service credential.
#[derive(Clone)]
pub(crate) struct Check(Secret);

impl tonic::service::Interceptor for Check {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let headers = metadata.into_headers();
        if !credential::presented(&headers, &self.0) {
            return Err(Status::unauthenticated("the service credential is missing or wrong"));
        }
        Ok(Request::from_parts(MetadataMap::from_headers(headers), extensions, message))
    }
}

/// Shows the service credential and carries the trace on.
#[derive(Clone)]
pub struct Bearer(AsciiMetadataValue);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        if let Some(context) = TraceContext::current()
            && let Ok(value) = context.to_string().parse()
        {
            request.metadata_mut().insert(TRACEPARENT, value);
        }
        Ok(request)
    }
}
