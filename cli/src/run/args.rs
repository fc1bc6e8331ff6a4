//! What `tributary run` takes.

use runtime::Role;
use runtime::config::Network;
use std::path::PathBuf;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The roles to run; all seven without a name
    #[arg(value_enum, value_name = "ROLE")]
    pub(crate) roles: Vec<Role>,
    /// Leave a role out
    #[arg(long, value_enum, value_name = "ROLE", conflicts_with = "roles")]
    pub(crate) without: Vec<Role>,
    /// Apply the demo tenant (a Chinese retail shop) and say what to try
    #[arg(long)]
    pub(crate) demo: bool,
    /// With --nats: the folder of the roles' nkey seeds, one file a role
    #[arg(long, env = "TRIBUTARY_NATS_CREDENTIALS", value_name = "FOLDER")]
    pub(crate) nats_credentials: Option<PathBuf>,
    /// Copies of each stream: 1 on one server, 3 in a cluster
    #[arg(long, env = "TRIBUTARY_REPLICAS", value_name = "N", default_value_t = 1)]
    pub(crate) replicas: usize,
    /// The master key of personal data, 32 bytes in base64 or hex; without it one is made in the data folder
    #[arg(long, env = "TRIBUTARY_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) master_key: Option<runtime::Secret>,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Started for one command: nobody is greeted.
    #[arg(skip)]
    pub(crate) quiet: bool,
}

impl RunArgs {
    /// The roles that this process runs.
    pub(crate) fn chosen(&self) -> Vec<Role> {
        let named = |role: &Role| self.roles.is_empty() || self.roles.contains(role);
        Role::ALL.into_iter().filter(named).filter(|role| !self.without.contains(role)).collect()
    }

    /// What is wrong beyond what the parser sees.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.network.problems();
        if self.chosen().is_empty() {
            problems.push("--without leaves no role to run".into());
        }
        if self.demo && !self.chosen().contains(&Role::Console) {
            problems.push("--demo needs the role console, which applies it".into());
        }
        if !matches!(self.replicas, 1 | 3 | 5) {
            problems.push(format!("--replicas {} is not 1, 3 or 5", self.replicas));
        }
        problems
    }
}
