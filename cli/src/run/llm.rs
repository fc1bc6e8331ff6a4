//! What `tributary run` is told of a language model.

use llm::{Settings, WAIT_MAX, WAIT_MIN};
use runtime::Secret;
use std::time::Duration;

/// How long a reply may take unless it is said: longer than most take, shorter than customers wait for a person.
const WAIT_MS: u64 = 10_000;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LlmArgs {
    /// A language model that words answers from the knowledge where that is not sure: the address of an
    /// OpenAI-compatible endpoint, below which /chat/completions is (https://api.deepseek.com/v1)
    ///
    /// Without it, what the knowledge is not sure of goes to people. Customers' words go there; numbers of
    /// seven digits and more, e-mail addresses and names behind words such as 微信 are blacked out, people's names and
    /// addresses of houses are not. docs/operating/llm.md says more, and what is checked of what comes back.
    #[arg(long, env = "TRIBUTARY_LLM_URL", value_name = "URL")]
    pub(crate) llm_url: Option<String>,
    /// The model's name at that endpoint (deepseek-chat)
    #[arg(long, env = "TRIBUTARY_LLM_MODEL", value_name = "NAME")]
    pub(crate) llm_model: Option<String>,
    /// The endpoint's key, where it wants one; better in the environment, where other users do not see it
    #[arg(long, env = "TRIBUTARY_LLM_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) llm_key: Option<Secret>,
    /// How long a reply may take, in ms; then the knowledge alone decides
    #[arg(long, env = "TRIBUTARY_LLM_WAIT_MS", value_name = "MS", default_value_t = WAIT_MS)]
    pub(crate) llm_wait_ms: u64,
}

impl LlmArgs {
    /// Where the model is, if there is one.
    ///
    /// # Errors
    /// What is wrong, naming the option; the key is never told.
    pub(crate) fn settings(&self) -> Result<Option<Settings>, String> {
        let (url, model) = match (said(&self.llm_url), said(&self.llm_model)) {
            (None, None) => return Ok(None),
            (Some(url), Some(model)) => (url, model),
            (Some(_), None) => {
                return Err(
                    "--llm-url (TRIBUTARY_LLM_URL) needs --llm-model (TRIBUTARY_LLM_MODEL), the model's name"
                        .into(),
                );
            }
            (None, Some(_)) => {
                return Err(
                    "--llm-model (TRIBUTARY_LLM_MODEL) needs --llm-url (TRIBUTARY_LLM_URL), the endpoint"
                        .into(),
                );
            }
        };
        let key = self.llm_key.as_ref().map(|key| key.expose().trim()).filter(|key| !key.is_empty());
        let wait = Duration::from_millis(self.llm_wait_ms);
        Settings::new(url, model, key, wait).map(Some).map_err(|mistake| {
            use llm::endpoint::Mistake;
            match mistake {
                Mistake::Url => format!("--llm-url (TRIBUTARY_LLM_URL): {mistake}"),
                Mistake::Model => format!("--llm-model (TRIBUTARY_LLM_MODEL): {mistake}"),
                Mistake::Key => format!("--llm-key (TRIBUTARY_LLM_KEY): {mistake}"),
                Mistake::Wait => format!(
                    "--llm-wait-ms (TRIBUTARY_LLM_WAIT_MS) {} is not {} to {}",
                    self.llm_wait_ms,
                    WAIT_MIN.as_millis(),
                    WAIT_MAX.as_millis()
                ),
            }
        })
    }
}

/// A variable that is set to nothing says nothing.
fn said(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Run {
        #[command(flatten)]
        args: LlmArgs,
    }

    fn settings(args: &[&str]) -> Result<Option<String>, String> {
        let args = ["run"].iter().chain(args).copied();
        let args = <Run as clap::Parser>::try_parse_from(args).unwrap().args;
        args.settings().map(|settings| settings.map(|settings| settings.model().to_owned()))
    }

    #[test]
    fn a_model_needs_an_address_and_a_name_and_mistakes_name_their_option() {
        assert_eq!(settings(&[]), Ok(None));
        assert_eq!(settings(&["--llm-url", "", "--llm-model", " "]), Ok(None));
        let both = ["--llm-url", "http://127.0.0.1:8000/v1", "--llm-model", "qwen3"];
        assert_eq!(settings(&both), Ok(Some("qwen3".into())));
        for (args, option) in [
            (vec!["--llm-url", "http://a"], "--llm-model"),
            (vec!["--llm-model", "m"], "--llm-url"),
            (vec!["--llm-url", "a", "--llm-model", "m"], "--llm-url"),
            ([&both[..], &["--llm-wait-ms", "60000"]].concat(), "--llm-wait-ms"),
            ([&both[..], &["--llm-key", "sk-\u{7}secret"]].concat(), "--llm-key"),
        ] {
            let mistake = settings(&args).unwrap_err();
            assert!(mistake.contains(option) && !mistake.contains("secret"), "{mistake}");
        }
    }
}
