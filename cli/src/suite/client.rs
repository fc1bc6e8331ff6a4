//! Asking the running suite's admin port.

use super::file::RunFile;
use super::words::refusal;
use crate::output::{list, text};
use anyhow::{Context, bail};
use runtime::{Common, Secret};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A process of the running suite: the one with the console, where there is one. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Suite {
    pub(crate) file: RunFile,
    pub(super) http: reqwest::Client,
    pub(super) credential: Secret,
    /// The read models in it, by which its roles are known.
    models: Vec<String>,
    /// The other processes on the folder, where roles run apart.
    others: Vec<Self>,
    /// Roles that were started alone on the folder and do not answer.
    silent: Vec<String>,
}

impl Suite {
    /// The suite of a command: on its data folder, with the credential that it was given or that is in the folder.
    ///
    /// # Errors
    /// When none runs there, with what to do.
    pub(crate) async fn of(common: &Common) -> anyhow::Result<Self> {
        Self::running(common).await?.with_context(|| none(&common.data))
    }

    /// As [`Suite::of`]; none when no suite answers there.
    ///
    /// # Errors
    /// When what it left in the folder cannot be read, or another one answers at its address.
    pub(crate) async fn running(common: &Common) -> anyhow::Result<Option<Self>> {
        Self::search(&common.data, common.service_credential.clone()).await
    }

    async fn search(data: &Path, given: Option<Secret>) -> anyhow::Result<Option<Self>> {
        let (mut found, mut silent): (Vec<Self>, Vec<String>) = (Vec::new(), Vec::new());
        for file in RunFile::all(data)? {
            let roles = file.roles.clone();
            // A file that a stopped process left may name an address that another one has now.
            let process = match found.iter().all(|known| known.file.admin != file.admin) {
                true => Self::at(file, given.clone()).await?,
                false => None,
            };
            match process {
                Some(process) => found.push(process),
                None => silent.extend(roles),
            }
        }
        if found.is_empty() {
            return Ok(None);
        }
        silent.retain(|role| found.iter().all(|process| !process.file.roles.contains(role)));
        let mut first = found.remove(0);
        (first.others, first.silent) = (found, silent);
        Ok(Some(first))
    }

    /// The process that left `file`, if it answers.
    async fn at(file: RunFile, given: Option<Secret>) -> anyhow::Result<Option<Self>> {
        let path = &file.credential_file;
        let credential = match given {
            Some(given) => given,
            None => {
                let text = std::fs::read_to_string(path).with_context(|| {
                    format!("read {}, or give --service-credential as `run` was given it", path.display())
                })?;
                Secret::new(text.trim())
            }
        };
        let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).no_proxy().build()?;
        let (models, others, silent) = (Vec::new(), Vec::new(), Vec::new());
        let mut suite = Self { file, http, credential, models, others, silent };
        let probe = suite.http.get(format!("{}/admin/models", suite.file.admin));
        let Ok(answer) = probe.bearer_auth(suite.credential.expose()).send().await else { return Ok(None) };
        if answer.status() != reqwest::StatusCode::UNAUTHORIZED {
            let models: Value = answer.json().await.unwrap_or_default();
            suite.models = list(&models, "models").iter().map(|model| text(model, "model").into()).collect();
            return Ok(Some(suite));
        }
        // A suite of another folder may have taken the address of one that has stopped.
        match suite.file.process_lives() {
            false => Ok(None),
            true => bail!(
                "{} does not take the credential in {}: give the one of that suite with --service-credential",
                suite.file.admin,
                suite.file.credential_file.display()
            ),
        }
    }

    /// All processes on the folder, this one first.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// What is to be said of roles that were started on this folder and do not answer; none when all do.
    pub(crate) fn silence(&self) -> Option<String> {
        let roles = self.silent.join(", ");
        (!roles.is_empty()).then(|| {
            format!(
                "{roles} ran on this folder and does not answer: start it, or delete its run-ROLE.json if it runs \
                 here no more"
            )
        })
    }

    /// The read models of all processes, each once.
    pub(crate) fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = Vec::new();
        for model in self.processes().flat_map(|process| &process.models) {
            if !models.contains(&model.as_str()) {
                models.push(model);
            }
        }
        models
    }

    /// The process that has the read model.
    ///
    /// # Errors
    /// When none on this folder has it, with those that there are.
    pub(crate) fn with_model(&self, model: &str) -> anyhow::Result<&Self> {
        let found = self.processes().find(|process| process.models.iter().any(|known| known == model));
        found.with_context(|| {
            let known = self.models().join(", ");
            format!("no process on this folder has the model {model}; there are {known}. Start its role, or ask where it runs")
        })
    }

    /// As [`Suite::get`] of every process, with the lists of that name joined.
    ///
    /// # Errors
    /// The first refusal.
    pub(crate) async fn get_all(&self, path: &str, name: &str) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        for process in self.processes() {
            all.extend(list(&process.get(path).await?, name).iter().cloned());
        }
        Ok(all)
    }

    /// Asks a route of the admin port and reads the JSON answer.
    ///
    /// # Errors
    /// The refusal in the suite's words.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}{path}", self.file.admin));
        self.answer(request).await
    }

    /// What the process says of its own readiness, ready or not.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn readiness(&self) -> anyhow::Result<Value> {
        let answer = self.http.get(format!("{}/readyz", self.file.admin)).send().await;
        Ok(answer.context("the suite does not answer")?.json().await?)
    }

    /// Posts to a route of the admin port and reads the JSON answer.
    ///
    /// # Errors
    /// The refusal in the suite's words.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.file.admin)).json(body);
        self.answer(request).await
    }

    /// Posts a text and reads the JSON answer, or the whole JSON body of a refusal.
    ///
    /// # Errors
    /// When the suite cannot be asked.
    pub(crate) async fn post_text(&self, path: &str, text: String) -> anyhow::Result<Result<Value, Value>> {
        self.either(self.http.post(format!("{}{path}", self.file.admin)).body(text)).await
    }

    /// As [`Suite::post_text`] with a JSON body.
    ///
    /// # Errors
    /// As [`Suite::post_text`].
    pub(crate) async fn try_post(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<Result<Value, Value>> {
        self.either(self.http.post(format!("{}{path}", self.file.admin)).json(body)).await
    }

    async fn either(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Result<Value, Value>> {
        let response = request
            .bearer_auth(self.credential.expose())
            .send()
            .await
            .context("the suite does not answer")?;
        let (status, bytes) = (response.status(), response.bytes().await?);
        if status.is_success() {
            return Ok(Ok(serde_json::from_slice(&bytes)?));
        }
        match serde_json::from_slice(&bytes) {
            Ok(problem) => Ok(Err(problem)),
            Err(_) => bail!(refusal(status, &bytes)),
        }
    }

    /// Deletes what a route of the admin port stands for; false when there is no such thing.
    ///
    /// # Errors
    /// The refusal in the suite's words.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<bool> {
        let request = self.http.delete(format!("{}{path}", self.file.admin));
        let response = request
            .bearer_auth(self.credential.expose())
            .send()
            .await
            .context("the suite does not answer")?;
        let status = response.status();
        if status.is_success() {
            return Ok(true);
        }
        let bytes = response.bytes().await?;
        // A route that is not there has no problem document.
        if status == reqwest::StatusCode::NOT_FOUND && !bytes.is_empty() {
            return Ok(false);
        }
        bail!(refusal(status, &bytes))
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let response = request
            .bearer_auth(self.credential.expose())
            .send()
            .await
            .context("the suite does not answer")?;
        let (status, bytes) = (response.status(), response.bytes().await?);
        if !status.is_success() {
            bail!(refusal(status, &bytes));
        }
        Ok(if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? })
    }
}

fn none(data: &Path) -> String {
    format!("no suite runs on {}; start it with `tributary run`", data.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_whose_suite_has_stopped_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Suite::search(folder.path(), None).await.unwrap().is_none());
        assert!(none(folder.path()).contains("tributary run"));
    }
}
