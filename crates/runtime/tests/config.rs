//! The command line and the environment, as an operator gets them wrong.

use clap::Parser;
use runtime::config::{Common, Network, Refusal, Role, try_parse_from};

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        network: Network,
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        region: String,
    },
}

fn parsed(args: &[&str]) -> Result<(Common, Network), Refusal> {
    let args = ["tributary", "run"].iter().chain(args);
    let check = |cli: &Cli| {
        let Command::Run { common, network, .. } = &cli.command;
        [common.problems(), network.problems()].concat()
    };
    let cli: Cli = try_parse_from(args, check)?;
    let Command::Run { common, network, .. } = cli.command;
    Ok((common, network))
}

fn wrong(args: &[&str]) -> Vec<String> {
    match parsed(args) {
        Err(Refusal::Values(wrong)) => wrong,
        other => panic!("{other:?}"),
    }
}

const NEEDED: [&str; 4] = ["--tenant", "a", "--region", "cn"];

fn with_needed<'a>(args: &[&'a str]) -> Vec<&'a str> {
    NEEDED.iter().chain(args).copied().collect()
}

#[derive(Debug, Parser)]
struct Replay {
    #[arg(value_name = "NUMBER")]
    number: u32,
    #[arg(value_name = "TO")]
    to: Option<u32>,
    #[arg(long)]
    rate: Option<u32>,
}

#[test]
fn wrong_positionals_before_and_after_others_are_named() {
    for (args, count) in
        [(&["x"][..], 1), (&["x", "7"], 1), (&["7", "y"], 1), (&["x", "y", "--rate", "z"], 3)]
    {
        let parsed = try_parse_from::<Replay>(["replay"].iter().chain(args), |_| Vec::new());
        let Err(Refusal::Values(wrong)) = parsed else { panic!("{parsed:?}") };
        assert_eq!(wrong.len(), count, "{wrong:?}");
    }
    let parsed = try_parse_from::<Replay>(["replay", "7", "8", "--rate", "9"], |_| Vec::new()).unwrap();
    assert_eq!((parsed.number, parsed.to, parsed.rate), (7, Some(8), Some(9)));
}

#[test]
fn all_wrong_and_missing_values_are_named_at_once() {
    let wrong =
        wrong(&["--listen-http", "nowhere", "--log-format", "xml", "--peer", "routing", "--log", "debgu"]);
    let all = wrong.join("\n");
    for setting in ["--listen-http", "--log-format", "--peer", "--log ", "--tenant", "--region"] {
        assert!(all.contains(setting), "{setting} is missing in:\n{all}");
    }
    assert_eq!(wrong.len(), 5, "{all}");
}

#[test]
fn what_fits_alone_but_not_together_is_named_too() {
    let wrong = wrong(&with_needed(&[
        "--listen-http",
        "127.0.0.1:9090",
        "--database-url",
        "mysql://user:geheim@db",
        "--nats",
        "localhost",
    ]));
    let all = wrong.join("\n");
    assert_eq!(wrong.len(), 3, "{all}");
    assert!(all.contains("--listen-http and --listen-admin are both 127.0.0.1:9090"), "{all}");
    assert!(!all.contains("geheim"), "{all}");
}

#[test]
fn secrets_do_not_appear_when_the_configuration_is_printed() {
    let (common, _) = parsed(&with_needed(&[
        "--database-url",
        "postgres://user:geheim@db/tributary",
        "--nats",
        "nats://user:geheim@nats",
        "--service-credential",
        "geheim-geheim-geheim-geheim-geheim",
    ]))
    .unwrap();
    let printed = format!("{common:?}");
    assert!(!printed.contains("geheim") && printed.contains("[redacted]"), "{printed}");
}

#[test]
fn a_laptop_needs_no_setting_of_the_network() {
    let (_, network) = parsed(&NEEDED).unwrap();
    assert_eq!(network.listen_http.port(), 8080);
    assert_eq!(network.listen_api.port(), 8081);
    assert_eq!(network.listen_admin.port(), 9090);
    assert_eq!(network.grpc_address(Role::Routing, false).port(), 20053);
    assert_eq!(network.grpc_address(Role::Routing, true).port(), 20051);
    assert_eq!(network.peer(Role::Routing), "http://127.0.0.1:20053");
}

#[test]
fn peers_are_named_one_by_one_or_in_a_list() {
    let args = ["--peer", "identity=http://identity:50051,routing=http://routing:50051"];
    let (_, network) = parsed(&with_needed(&args)).unwrap();
    assert_eq!(network.peer(Role::Identity), "http://identity:50051");
    assert_eq!(network.peer(Role::Routing), "http://routing:50051");
}

#[test]
fn a_role_on_a_port_that_was_free_is_asked_there_unless_it_is_named() {
    let (_, network) =
        parsed(&with_needed(&["--listen-grpc", "0.0.0.0:0", "--peer", "identity=http://id:1"])).unwrap();
    let bound = "0.0.0.0:40123".parse().unwrap();
    assert_eq!(network.peer_at(Role::Routing, bound), "http://127.0.0.1:40123");
    assert_eq!(network.peer_at(Role::Identity, bound), "http://id:1");
}

#[test]
fn roles_are_named_as_in_commands() {
    for role in Role::ALL {
        let value = clap::ValueEnum::to_possible_value(&role).unwrap();
        assert_eq!(value.get_name(), role.as_str());
    }
}
