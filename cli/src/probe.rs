//! `tributary probe`: whether addresses answer, for images that have no shell and no other client.

use crate::output;
use anyhow::bail;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// How often an address is asked that does not answer yet.
const AGAIN: Duration = Duration::from_millis(500);
/// One question takes no longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Addresses that must answer with 200, such as `http://console:9090/readyz`
    #[arg(value_name = "URL", required = true, value_parser = url)]
    urls: Vec<String>,
    /// How long to wait for all of them
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

fn url(text: &str) -> Result<String, String> {
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.into()),
        Ok(_) => Err("it does not begin with http:// or https://".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Asks each address until it answers with 200.
///
/// # Errors
/// Names the address that did not within the time, and what it said last.
pub(crate) async fn run(Args { urls, timeout }: Args) -> anyhow::Result<ExitCode> {
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
    let deadline = Instant::now() + Duration::from_secs(timeout);
    for url in urls {
        loop {
            let said = match client.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => answer.status().to_string(),
                Err(error) => spine::error::chain(&error.without_url()),
            };
            if Instant::now() >= deadline {
                bail!("{url} does not answer with 200 within {timeout} s: {said}");
            }
            tokio::time::sleep(AGAIN).await;
        }
        output::line(format_args!("{url} answers"))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    #[tokio::test]
    async fn it_waits_for_every_address_and_names_the_one_that_is_not_ready() {
        // As the program does it; a second time it is there.
        let _present = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/readyz", get(async || StatusCode::OK))
            .route("/not", get(async || StatusCode::SERVICE_UNAVAILABLE));
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move { axum::serve(listener, routes).await });
        let ask = |path: &str| run(Args { urls: vec![format!("{base}{path}")], timeout: 1 });
        assert!(ask("/readyz").await.is_ok());
        let error = ask("/not").await.unwrap_err().to_string();
        assert!(error.contains("/not does not answer with 200 within 1 s: 503"), "{error}");
    }
}
