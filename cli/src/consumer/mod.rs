//! `tributary consumer`: other systems that read a part of the lead feed with a NATS key of their own.

mod durable;
mod told;
mod whose;

#[cfg(test)]
pub(crate) use {durable::ensure as ensure_durable, whose::is_known};

use crate::nats::{self, CONSUMERS_MAX, Consumer, Register, TYPES, Users};
use crate::output::{self, Form};
use crate::run;
use anyhow::bail;
use events::feed::LeadFeedType;
use runtime::Common;
use serde_json::json;
use spine::NatsAccess;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a NATS user that reads these types of the lead feed and nothing else; again prints the same
    ///
    /// It fetches from a durable consumer of its name on the stream LEADS. lead.erased is always among its types,
    /// since who holds a lead must hear of its erasure. The suite's own nats-server lets it in at once, and loses no
    /// connection. With --nats the block to add to that server's configuration is printed, and the durable consumer is
    /// made with the operator's seed in --nats-credentials. Exit code 1 when the name reads something else. Examples:
    ///   tributary consumer add crm --types lead.created,lead.updated --tenant shop
    ///   tributary consumer add warehouse --types lead.qualified --json
    #[command(verbatim_doc_comment)]
    Add(Add),
    /// List the named consumers and what each reads, without their seeds
    ///
    /// Example:
    ///   tributary consumer list
    #[command(verbatim_doc_comment)]
    List(Form),
    /// Shut a named consumer out, also while it is connected, and forget it; again changes nothing
    ///
    /// Example:
    ///   tributary consumer remove crm
    #[command(verbatim_doc_comment)]
    Remove(Remove),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    named: Named,
    /// What it reads: lead.created, lead.updated, lead.joined, lead.parted, lead.qualified, lead.erased
    #[arg(long, value_name = "TYPES", required = true, value_delimiter = ',', value_parser = kind)]
    types: Vec<LeadFeedType>,
    /// Of this tenant alone; without it of all
    #[arg(long, value_name = "TENANT", value_parser = tenant)]
    tenant: Option<String>,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// Its name: lower-case letters, digits and dashes
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// With --nats: the folder of the roles' nkey seeds, of which the operator's is used
    #[arg(long, env = "TRIBUTARY_NATS_CREDENTIALS", value_name = "FOLDER")]
    nats_credentials: Option<PathBuf>,
}

fn name(text: &str) -> Result<String, String> {
    match nats::is_name(text) {
        true => Ok(text.into()),
        false => Err("1 to 40 lower-case letters, digits and dashes, the first no dash".into()),
    }
}

fn tenant(text: &str) -> Result<String, String> {
    spine::address::check_tenant(text).map(|()| text.into()).map_err(|error| error.to_string())
}

fn kind(text: &str) -> Result<LeadFeedType, String> {
    TYPES.into_iter().find(|kind| word(*kind) == text).ok_or_else(|| {
        let known: Vec<String> = TYPES.into_iter().map(word).collect();
        format!("the feed has {}", known.join(", "))
    })
}

/// A type as it stands in an event.
fn word(kind: LeadFeedType) -> String {
    format!("lead.{}", kind.token())
}

/// The wanted types once each, with the erasure.
fn complete(wanted: &[LeadFeedType]) -> Vec<LeadFeedType> {
    TYPES.into_iter().filter(|kind| *kind == LeadFeedType::Erased || wanted.contains(kind)).collect()
}

/// Carries the command out.
///
/// # Errors
/// Why it cannot be done.
pub(crate) async fn run(common: Common, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(args) if common.nats.is_some() => add_outside(&common, args).await?,
        Command::Add(args) => add(&common, args).await?,
        Command::List(form) => list(&common, form)?,
        Command::Remove(args) => remove(&common, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// To the nats-server of the data folder.
async fn add(common: &Common, args: Add) -> anyhow::Result<()> {
    let operator = operator(common, &args.named)?;
    let users = Users::of(&common.data)?;
    let (name, types) = (args.named.name, complete(&args.types));
    refuse_another(users.register(), &name, (&args.tenant, &types))?;
    whose::warn_of_unknown(&operator, args.tenant.as_deref()).await?;
    let consumer = users.add(&name, args.tenant, types).await?;
    durable::ensure(&operator, &consumer).await?;
    let seed_file = users.register().seed_file(&name);
    told::of(&consumer, &operator.url, seed_file, None)?.print(args.form)
}

/// To a NATS that is not ours: its operator adds the user.
async fn add_outside(common: &Common, args: Add) -> anyhow::Result<()> {
    let register = outside(common);
    let (name, types) = (args.named.name.clone(), complete(&args.types));
    let _changing = register.lock()?;
    refuse_another(&register, &name, (&args.tenant, &types))?;
    let operator = operator(common, &args.named)?;
    if operator.nkey_seed.is_some() {
        whose::warn_of_unknown(&operator, args.tenant.as_deref()).await?;
    }
    let consumer = register.add(&name, args.tenant, types)?;
    if operator.nkey_seed.is_some() {
        durable::ensure(&operator, &consumer).await?;
    } else {
        eprintln!("without the operator's seed (--nats-credentials) make its durable consumer by hand:");
        eprintln!("  {}", durable::by_hand(&consumer));
    }
    let mut block = String::new();
    nats::user(&mut block, &format!("consumer {name}"), &consumer.key, &consumer.permissions());
    let url = spine::nats::without_login(&operator.url);
    told::of(&consumer, &url, register.seed_file(&name), Some(block))?.print(args.form)
}

fn refuse_another(
    register: &Register,
    name: &str,
    (tenant, types): (&Option<String>, &Vec<LeadFeedType>),
) -> anyhow::Result<()> {
    let Some(known) = register.find(name)? else {
        if register.all()?.len() >= CONSUMERS_MAX {
            bail!("there are {CONSUMERS_MAX} named consumers, the most there can be: remove one first");
        }
        return Ok(());
    };
    if (&known.tenant, &known.types) != (tenant, types) {
        bail!("{name} reads {}: remove it first, or choose another name", told::what(&known));
    }
    Ok(())
}

fn operator(common: &Common, named: &Named) -> anyhow::Result<NatsAccess> {
    if common.nats.is_none() && !common.data.join("nats/url").exists() {
        return Err(nats::Error::NotRunning { folder: common.data.clone() }.into());
    }
    // A folder for the roles of one machine may lack the operator's.
    let folder = named.nats_credentials.as_deref();
    let folder = folder.filter(|folder| folder.join(nats::Role::Operator.name()).exists());
    run::access(common, folder, nats::Role::Operator)
}

/// Where the consumers of a NATS that is not ours are kept.
fn outside(common: &Common) -> Register {
    Register::at(common.data.join("consumers"))
}

fn list(common: &Common, form: Form) -> anyhow::Result<()> {
    let register = match common.nats {
        Some(_) => outside(common),
        None => Register::at(common.data.join("nats/consumers")),
    };
    let found = register.all()?;
    if form.json {
        return output::json(&found.iter().map(told::public).collect());
    }
    if found.is_empty() {
        return output::line("there are no named consumers");
    }
    found.iter().try_for_each(|known| output::line(format_args!("{:<20}  {}", known.name, told::what(known))))
}

async fn remove(common: &Common, args: Remove) -> anyhow::Result<()> {
    let name = args.named.name.as_str();
    let operator = operator(common, &args.named)?;
    let known = match common.nats {
        Some(_) => {
            let register = outside(common);
            let _changing = register.lock()?;
            let known = register.find(name)?;
            if known.is_some() && operator.nkey_seed.is_some() {
                durable::delete(&operator, name).await?;
            }
            register.remove(name)?;
            known
        }
        None => {
            let users = Users::of(&common.data)?;
            let known = users.register().find(name)?;
            if known.is_some() {
                durable::delete(&operator, name).await?;
                users.remove(name).await?;
            }
            known
        }
    };
    if args.form.json {
        return output::json(&json!({ "name": name, "removed": known.is_some() }));
    }
    match (known, common.nats.is_some()) {
        (None, _) => output::line(format_args!("there is no consumer {name}")),
        (Some(_), false) => output::line(format_args!("consumer {name} is shut out")),
        (Some(Consumer { key, .. }), true) => output::line(format_args!(
            "consumer {name} is forgotten: take the user {key} out of the NATS server's configuration"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_hears_of_leads_hears_of_erasures() {
        use LeadFeedType::{Created, Erased, Updated};
        assert_eq!(complete(&[Updated, Created, Updated]), [Created, Updated, Erased]);
        assert_eq!(complete(&[Erased]), [Erased]);
        assert_eq!(kind("lead.created"), Ok(Created));
        assert!(kind("created").unwrap_err().contains("lead.qualified"));
        assert!(name("a.b").is_err() && tenant("a.b").is_err());
    }
}
