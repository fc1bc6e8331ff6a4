//! Asking a platform who somebody is.

use super::{Account, Evidence, SendOutcome, Tools};
use events::thread::FailureClass;
use futures::future::BoxFuture;

/// Asks the platform for what it proves about a person. Asking again is harmless.
pub trait Profile: Send + Sync {
    /// What the platform proves about the contact; empty when it tells nothing.
    fn evidence<'a>(
        &'a self,
        account: &'a Account,
        contact: &'a str,
        tools: &'a Tools,
    ) -> BoxFuture<'a, Result<Vec<Evidence>, ProfileFault>>;
}

/// Why the platform did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileFault {
    #[error("the platform does not say now")]
    Later { after_ms: Option<u64> },
    #[error("the platform does not say")]
    Never,
}

impl ProfileFault {
    /// What the outcome of a call means for the next one. An account that is set up wrongly is mended some time.
    pub fn of(outcome: &SendOutcome) -> Self {
        match outcome {
            SendOutcome::Failed {
                class:
                    FailureClass::Retryable
                    | FailureClass::RateLimited
                    | FailureClass::TokenStale
                    | FailureClass::Configuration,
                retry_after_ms,
                ..
            } => Self::Later { after_ms: *retry_after_ms },
            SendOutcome::Failed { .. } => Self::Never,
            SendOutcome::Sent { .. } | SendOutcome::Unknown => Self::Later { after_ms: None },
        }
    }
}
