//! `tributary secrets`: the secrets of an installation on Kubernetes, new each time, printed and kept nowhere.

use crate::nats;
use crate::output;
use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::TryRngCore;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Bytes of the master key and of the service credential.
const BYTES: usize = 32;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Print Secret manifests: master key, service credential and, for medium, the roles' NATS keys
    ///
    /// For medium also who may do what in NATS, by public keys, as a block for nats-server's configuration. Each run
    /// makes new ones. Keep the master key in a safe place before it is
    /// used: without it nothing personal can be read, and no backup holds it. Example:
    ///   tributary secrets new --profile medium --namespace chat | kubectl apply -f -
    #[command(verbatim_doc_comment)]
    New(Args),
    /// Print who may do what in NATS for seeds that were made before: the block for nats-server's configuration
    ///
    /// A release may allow its roles more or less than the last. Example:
    ///   tributary secrets nats-auth --nats-credentials /etc/tributary/nats > auth.conf
    #[command(verbatim_doc_comment)]
    NatsAuth {
        /// The folder of the roles' nkey seeds, one file a role
        #[arg(long, env = "TRIBUTARY_NATS_CREDENTIALS", value_name = "FOLDER")]
        nats_credentials: PathBuf,
    },
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// small: one pod with a nats-server of its own. medium: NATS is external
    #[arg(long, value_enum, default_value_t = Profile::Medium)]
    profile: Profile,
    /// The namespace in the manifests; without it they go where they are applied
    #[arg(long, value_name = "NAMESPACE", value_parser = label)]
    namespace: Option<String>,
    /// What the names of the Secrets begin with
    #[arg(long, value_name = "NAME", default_value = "tributary", value_parser = label)]
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Profile {
    Small,
    Medium,
}

/// A DNS label (RFC 1123) with room for what is added to it.
fn label(text: &str) -> Result<String, String> {
    const LENGTH_MAX: usize = 40;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = text.len() <= LENGTH_MAX && text.starts_with(plain) && text.ends_with(plain);
    match fits && text.chars().all(|c| plain(c) || c == '-') {
        true => Ok(text.to_owned()),
        false => Err(format!("at most {LENGTH_MAX} lower case letters, digits and inner hyphens")),
    }
}

/// Carries the command out.
///
/// # Errors
/// When the machine has no random numbers, or the answer cannot be written.
pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let args = match command {
        Command::New(args) => args,
        Command::NatsAuth { nats_credentials } => {
            output::line(nats::authorization(nats_credentials)?.trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    output::line(manifests(args)?)?;
    eprintln!(
        "these secrets are kept nowhere else: store them, the master key above all, before you apply them. Without it \
         nothing personal can be read, and no backup holds it"
    );
    Ok(ExitCode::SUCCESS)
}

/// All documents, in YAML.
fn manifests(args: &Args) -> anyhow::Result<String> {
    let own = json!({ "master-key": STANDARD.encode(random()?), "service-credential": hex(random()?) });
    let mut documents = vec![secret(args, "secrets", own)];
    if args.profile == Profile::Medium {
        let fresh = nats::fresh();
        let seeds = fresh.seeds.iter().map(|(role, seed)| (role.name().to_owned(), json!(seed)));
        documents.push(secret(args, "nats-credentials", Value::Object(seeds.collect())));
        documents.push(secret(args, "nats-auth", json!({ "auth.conf": fresh.block })));
    }
    let texts: Result<Vec<String>, _> = documents.iter().map(yaml).collect();
    Ok(texts?.join("---\n").trim_end().to_owned())
}

fn secret(args: &Args, suffix: &str, content: Value) -> Value {
    let mut metadata = json!({ "name": format!("{}-{suffix}", args.name) });
    if let Some(namespace) = &args.namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": content })
}

fn yaml(value: &Value) -> anyhow::Result<String> {
    yaml_serde::to_string(value).context("write YAML")
}

fn random() -> anyhow::Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
    Ok(bytes)
}

fn hex(bytes: [u8; BYTES]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::Role;

    fn new(profile: Profile) -> Vec<Value> {
        let args = Args { profile, namespace: Some("chat".into()), name: "shop".into() };
        let text = manifests(&args).unwrap();
        text.split("\n---\n").map(|document| yaml_serde::from_str(document).unwrap()).collect()
    }

    #[test]
    fn small_needs_a_master_key_and_a_service_credential_and_each_run_makes_others() {
        let (one, other) = (new(Profile::Small), new(Profile::Small));
        assert_eq!(one.len(), 1);
        assert_eq!(one[0]["metadata"], json!({ "name": "shop-secrets", "namespace": "chat" }));
        let text =
            |documents: &[Value], key: &str| documents[0]["stringData"][key].as_str().unwrap().to_owned();
        assert_eq!(STANDARD.decode(text(&one, "master-key")).unwrap().len(), 32);
        assert_eq!(text(&one, "service-credential").len(), 64);
        for key in ["master-key", "service-credential"] {
            assert_ne!(text(&one, key), text(&other, key));
        }
    }

    #[test]
    fn medium_has_a_seed_for_every_role_that_fits_its_public_key_in_the_block() {
        let documents = new(Profile::Medium);
        let [_, seeds, auth] = documents.as_slice() else { panic!("{documents:?}") };
        let block = auth["stringData"]["auth.conf"].as_str().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for role in Role::ALL {
            let seed = seeds["stringData"][role.name()].as_str().unwrap();
            let public = nkeys::KeyPair::from_seed(seed).unwrap().public_key();
            assert!(block.contains(&public) && !block.contains(seed), "{}", role.name());
            std::fs::write(folder.path().join(role.name()), seed).unwrap();
        }
        assert!(block.contains(&nats::guard()), "what the server refuses to everybody is part of it");
        assert_eq!(nats::authorization(folder.path()).unwrap().trim_end(), block.trim_end());
        std::fs::remove_file(folder.path().join("console")).unwrap();
        assert!(nats::authorization(folder.path()).is_err(), "a role without a key is told");
    }

    #[test]
    fn a_name_that_kubernetes_would_refuse_is_refused_here() {
        assert_eq!(label("tributary-2"), Ok("tributary-2".into()));
        for wrong in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(41)] {
            assert!(label(wrong).is_err(), "{wrong}");
        }
    }
}
