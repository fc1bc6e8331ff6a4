//! What every command is told that opens the log, the keys and the database by itself.

use super::args::master_key_problem;
use runtime::Secret;
use spine::streams::StreamSettings;
use std::path::PathBuf;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Setup {
    /// With --nats: the folder of the roles' nkey seeds, one file a role
    #[arg(long, env = "TRIBUTARY_NATS_CREDENTIALS", value_name = "FOLDER")]
    pub(crate) nats_credentials: Option<PathBuf>,
    /// Copies of each stream: 1 on one server, 3 in a cluster
    #[arg(long, env = "TRIBUTARY_REPLICAS", value_name = "N", default_value_t = 1)]
    pub(crate) replicas: usize,
    /// The master key of personal data, 32 bytes in base64 or hex; without it one is made in the data folder
    #[arg(long, env = "TRIBUTARY_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) master_key: Option<Secret>,
}

impl Setup {
    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !matches!(self.replicas, 1 | 3 | 5) {
            problems.push(format!("--replicas {} is not 1, 3 or 5", self.replicas));
        }
        problems.extend(self.master_key.as_ref().and_then(master_key_problem));
        problems
    }

    /// The streams that there must be.
    pub(crate) fn streams(&self) -> StreamSettings {
        StreamSettings { replicas: self.replicas, ..StreamSettings::default() }
    }
}
