//! The streams at a start: made by who has the operator's key, compared by all others.

use super::args::RunArgs;
use super::assemble::NatsSource;
use super::{reach, roles};
use crate::nats::Role;
use anyhow::bail;
use runtime::Common;
use spine::{Error, streams};
use std::time::Duration;

/// A refusal that is older than this is of another question.
const ASKED_JUST_NOW: Duration = Duration::from_secs(120);

/// Makes the streams, or compares them with what they must be where this process may not make any.
///
/// # Errors
/// When one is missing or differs, when it cannot be made, or when no server answers.
pub(super) async fn ensure(source: &NatsSource, args: &RunArgs, common: &Common) -> anyhow::Result<()> {
    let settings = args.setup.streams();
    if source.may_provision() {
        let operator = source.connect(Role::Operator).await?;
        let made = streams::provision(&operator, &settings).await;
        return made.map_err(|error| reach::streams(error, common));
    }
    let role = args.chosen().first().copied().map_or(Role::Console, roles::nats_role);
    let nats = source.connect(role).await?;
    match streams::differences(&nats, &settings).await {
        Ok(found) if found.is_empty() => Ok(()),
        Ok(found) => bail!(
            "{}; run `tributary provision` with the operator's key for what is missing, and change back by hand what \
             differs",
            told(&found)
        ),
        Err(error) if nats.denied(ASKED_JUST_NOW).is_some() => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the streams are taken as they are: {} may not ask what they are set to",
                role.name()
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The first few, and how many more.
pub(crate) fn told(found: &[Error]) -> String {
    const SHOWN: usize = 3;
    let mut words: Vec<String> = found.iter().take(SHOWN).map(ToString::to_string).collect();
    if found.len() > SHOWN {
        words.push(format!("and {} more", found.len() - SHOWN));
    }
    words.join("; ")
}
