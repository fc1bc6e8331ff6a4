//! `tributary token`: tokens for people and systems that use the API.

use crate::output::{self, Form, text};
use crate::suite::Suite;
use anyhow::bail;
use runtime::Common;
use serde_json::{Value, json};
use spine::Clock;
use spine::log::codec::{micros, rfc3339};
use std::process::ExitCode;

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a token; its text is shown this once
    ///
    /// Roles: admin (everything in the tenant), supervisor (sees all conversations in clear), agent (answers
    /// customers, needs --agent), auditor (sees that things happened, everything personal masked), integration
    /// (reads leads and nothing else). Examples:
    ///   tributary token create --role supervisor --name lihua --days 90
    ///   tributary token create --tenant shop --role agent --agent xiaowang
    #[command(verbatim_doc_comment)]
    Create(Create),
    /// List a tenant's tokens, without their texts
    ///
    /// Example:
    ///   tributary token list --tenant shop
    #[command(verbatim_doc_comment)]
    List(Tenant),
    /// End a token at once; again changes nothing
    ///
    /// Exit code 1 when there is none with this id. Example:
    ///   tributary token revoke 0190b3c2-…
    #[command(verbatim_doc_comment)]
    Revoke {
        /// The id that `token list` shows
        id: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Tenant {
    /// The tenant
    #[arg(long, env = "TRIBUTARY_TENANT", value_name = "TENANT", default_value = "demo")]
    tenant: String,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// What the token is for
    #[arg(long, value_parser = ["admin", "supervisor", "agent", "auditor", "integration"])]
    role: String,
    /// The agent who answers with it: its name in the applied documents, or its id
    #[arg(long, value_name = "AGENT", required_if_eq("role", "agent"))]
    agent: Option<String>,
    /// A word by which people know it
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    /// Days until it ends; without it the token does not end
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
    #[command(flatten)]
    tenant: Tenant,
}

/// Carries the command out.
///
/// # Errors
/// The suite's refusal, or why it cannot be asked.
pub(crate) async fn run(common: Common, command: Command) -> anyhow::Result<ExitCode> {
    let suite = Suite::of(&common).await?;
    match command {
        Command::Create(args) => create(&suite, args).await?,
        Command::List(args) => list(&suite, &args).await?,
        Command::Revoke { id } => revoke(&suite, &id).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(suite: &Suite, args: Create) -> anyhow::Result<()> {
    let Create { role, agent, name, days, tenant } = args;
    spine::address::check_tenant(&tenant.tenant)?;
    let expires_at = days.map(|days| rfc3339(Clock::system().now() + DAY_US * i64::from(days)));
    let asked = json!({
        "role": role, "tenant": tenant.tenant, "agent": agent, "name": name, "expires_at": expires_at,
    });
    let made = suite.post("/admin/tokens", &asked).await?;
    if tenant.form.json {
        return output::json(&made);
    }
    // The text alone stands on standard output, so that it can be piped into a file or a variable.
    let until = match text(&made, "expires_at") {
        "" => "it does not end".to_owned(),
        time => format!("it ends {time}"),
    };
    eprintln!("{} token {} of {}; {until}. It is shown this once:", role, text(&made, "id"), tenant.tenant);
    output::line(text(&made, "token"))
}

async fn list(suite: &Suite, args: &Tenant) -> anyhow::Result<()> {
    spine::address::check_tenant(&args.tenant)?;
    let tokens = suite.get(&format!("/admin/tokens?tenant={}", args.tenant)).await?;
    if args.form.json {
        return output::json(&tokens);
    }
    let tokens = tokens.as_array().map_or(&[][..], Vec::as_slice);
    if tokens.is_empty() {
        return output::line(format_args!("{} has no tokens", args.tenant));
    }
    let now = Clock::system().now();
    for token in tokens {
        let name = match text(token, "name") {
            "" => "-",
            name => name,
        };
        output::line(format_args!(
            "{}  {:<11}  {:<20}  {}",
            text(token, "id"),
            text(token, "role"),
            name,
            state(token, now)
        ))?;
    }
    Ok(())
}

fn state(token: &Value, now: i64) -> String {
    match (text(token, "revoked_at"), text(token, "expires_at")) {
        ("", "") => "does not end".into(),
        ("", end) if micros(end).is_some_and(|end| end <= now) => format!("ended {end}"),
        ("", end) => format!("ends {end}"),
        (revoked, _) => format!("revoked {revoked}"),
    }
}

async fn revoke(suite: &Suite, id: &str) -> anyhow::Result<()> {
    if uuid::Uuid::try_parse(id).is_err() {
        bail!("`{id}` is no id of a token: `tributary token list` shows them");
    }
    match suite.delete(&format!("/admin/tokens/{id}")).await? {
        true => output::line(format_args!("token {id} is revoked")),
        false => bail!("there is no token {id}: `tributary token list --tenant TENANT` shows them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whether_it_still_opens_anything() {
        let now = 1_795_000_000_000_000;
        let token = |revoked: Value, end: Value| json!({ "revoked_at": revoked, "expires_at": end });
        assert_eq!(state(&token(Value::Null, Value::Null), now), "does not end");
        assert!(state(&token(Value::Null, "2020-01-01T00:00:00Z".into()), now).starts_with("ended"));
        assert!(state(&token(Value::Null, "2040-01-01T00:00:00Z".into()), now).starts_with("ends"));
        assert!(state(&token("2026-01-01T00:00:00Z".into(), Value::Null), now).starts_with("revoked"));
    }
}
