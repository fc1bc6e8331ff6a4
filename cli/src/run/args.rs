//! What `tributary run` takes.

use super::llm::LlmArgs;
use super::setup::Setup;
use crate::replay::Moment;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use runtime::config::Network;
use runtime::{Role, Secret};
use spine::read::start::Since;

const PROCESS: &str = "tributary";

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
    #[command(flatten)]
    pub(crate) setup: Setup,
    /// Where a kind of effect begins: KIND=start, KIND=TIME, or KIND=POSITION and more positions behind commas
    ///
    /// A kind that a release adds begins at the log's end. Messages before its beginning make nothing due. What is
    /// said here is kept; of a kind that is older, `tributary rebuild` makes due what was before.
    #[arg(long, value_name = "KIND=WHERE", value_parser = since)]
    pub(crate) from: Vec<(String, Since)>,
    #[command(flatten)]
    pub(crate) llm: LlmArgs,
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

    /// What the process calls itself in traces and metrics: its role, or the suite's name when it has several.
    pub(crate) fn name(&self) -> String {
        match self.chosen().as_slice() {
            [role] => role.to_string(),
            _ => PROCESS.into(),
        }
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
        problems.extend(self.setup.problems());
        problems.extend(self.llm.settings().err());
        let kinds: Vec<&str> = self.chosen().into_iter().flat_map(effects).copied().collect();
        problems.extend(self.from.iter().filter(|(kind, _)| !kinds.contains(&kind.as_str())).map(
            |(kind, _)| {
                format!(
                    "--from names {kind}, which is no kind of effect of the roles here: there are {}",
                    kinds.join(", ")
                )
            },
        ));
        problems
    }
}

/// What is wrong with a master key that is given; the key itself is not told.
pub(crate) fn master_key_problem(key: &Secret) -> Option<String> {
    let text = key.expose().trim();
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let decoded = [STANDARD.decode(text), STANDARD_NO_PAD.decode(text), URL_SAFE_NO_PAD.decode(text)];
    (!hex && !decoded.into_iter().flatten().any(|bytes| bytes.len() == 32)).then(|| {
        "--master-key (TRIBUTARY_MASTER_KEY) is not 32 bytes in base64 or hex: make one with `openssl rand -base64 32`"
            .into()
    })
}

/// The kinds of effects of a role.
fn effects(role: Role) -> &'static [&'static str] {
    match role {
        Role::ChannelIngest => channel_ingest::EFFECTS,
        Role::Identity => identity::EFFECTS,
        Role::AiAgent => ai_agent::service::EFFECTS,
        Role::LeadCapture => lead_capture::service::EFFECTS,
        Role::Routing | Role::Analytics | Role::Console => &[],
    }
}

/// `send=start`, `send=2026-11-26T10:00:00Z`, `send=1.0:4711,1.1:4690`.
fn since(text: &str) -> Result<(String, Since), String> {
    let (kind, place) = text.split_once('=').ok_or("write it as KIND=start, KIND=TIME or KIND=POSITION")?;
    if place == "start" {
        return Ok((kind.into(), Since::Start));
    }
    let mut positions = Vec::new();
    for moment in place.split(',') {
        match moment.parse::<Moment>()? {
            Moment::Position(position) => positions.push(position),
            // Stored at or before it is before the beginning.
            Moment::TimeUs(time) if moment == place => return Ok((kind.into(), Since::After(time - 1))),
            Moment::TimeUs(_) => return Err("a time stands alone".into()),
        }
    }
    Ok((kind.into(), Since::Positions(positions)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Run {
        #[command(flatten)]
        args: RunArgs,
    }

    #[test]
    fn a_key_of_a_wrong_form_and_an_unknown_kind_are_told_without_the_key() {
        let problems = |args: &[&str]| {
            let args = ["run"].iter().chain(args).copied();
            <Run as clap::Parser>::try_parse_from(args).unwrap().args.problems()
        };
        let wrong = problems(&["--master-key", "abc-secret", "--from", "foo=start"]);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("openssl rand") && !wrong[0].contains("abc-secret"), "{wrong:?}");
        assert!(wrong[1].contains("foo") && wrong[1].contains("send"), "{wrong:?}");
        let (hex, base64) = ("ab".repeat(32), STANDARD.encode([7; 32]));
        for key in [hex, base64] {
            assert_eq!(problems(&["--master-key", &key, "--from", "send=start"]), Vec::<String>::new());
        }
        assert_eq!(problems(&["routing", "--from", "send=start"]).len(), 1, "routing sends nothing");
    }

    #[test]
    fn where_a_kind_begins_is_the_start_a_time_or_positions() {
        assert_eq!(since("send=start"), Ok(("send".into(), Since::Start)));
        assert_eq!(since("send=1970-01-01T00:00:01Z").unwrap().1, Since::After(999_999));
        let Since::Positions(positions) = since("send=1.0:7,1.3:9").unwrap().1 else { panic!("positions") };
        assert_eq!(positions.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.0:7", "1.3:9"]);
        for wrong in ["send", "send=", "send=yesterday", "send=1.0:7,1970-01-01T00:00:01Z"] {
            since(wrong).unwrap_err();
        }
    }
}
