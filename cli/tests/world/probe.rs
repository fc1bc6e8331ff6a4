//! The probes of the suite on the folder.

use super::World;
use serde_json::Value;

impl World {
    /// What the probe of readiness answers: its status and its report.
    pub(crate) fn readyz(&self) -> (u16, Value) {
        let run: Value = serde_json::from_slice(&self.read("run.json")).expect("run.json");
        let url = format!("{}/readyz", run["admin"].as_str().expect("an address"));
        let asked = async {
            let _provider = rustls::crypto::ring::default_provider().install_default();
            let answer = reqwest::Client::new().get(url).send().await.expect("the suite answers");
            (answer.status().as_u16(), answer.json().await.unwrap_or_default())
        };
        tokio::runtime::Runtime::new().expect("a runtime").block_on(asked)
    }
}
