//! The addresses that the suite listens on: free, or its own.

use super::Finding;
use crate::suite::Suite;
use runtime::Role;
use runtime::config::Network;
use std::net::{SocketAddr, TcpListener};

const CHECK: &str = "ports";

pub(super) fn check(network: &Network, running: Option<&Suite>, findings: &mut Vec<Finding>) {
    if let Some(suite) = running {
        let found =
            format!("the suite listens on {}, {}, {}", suite.file.http, suite.file.api, suite.file.admin);
        findings.push(Finding::ok(CHECK, found));
        return;
    }
    let mut wanted: Vec<(&str, SocketAddr)> = vec![
        ("--listen-http", network.listen_http),
        ("--listen-api", network.listen_api),
        ("--listen-admin", network.listen_admin),
    ];
    let inner = Role::ALL.into_iter().filter(|role| !matches!(role, Role::ChannelIngest | Role::Console));
    wanted.extend(inner.map(|role| ("--listen-grpc", network.grpc_address(role, false))));
    let refused: Vec<Finding> = wanted.iter().filter_map(|(name, address)| refused(name, *address)).collect();
    if refused.is_empty() {
        findings.push(Finding::ok(CHECK, format!("{} addresses are free", wanted.len())));
    }
    findings.extend(refused);
}

fn refused(name: &str, address: SocketAddr) -> Option<Finding> {
    let error = TcpListener::bind(address).err()?;
    let found = match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("{address} is in use by another program"),
        _ => format!("{address} cannot be listened on: {error}"),
    };
    Some(Finding::fail(CHECK, found, format!("end that program, or choose another address with {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_its_setting() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = refused("--listen-api", taken.local_addr().unwrap()).unwrap();
        assert!(found.found.contains("in use"));
        assert!(found.remedy.unwrap().contains("--listen-api"));
        assert_eq!(refused("--listen-api", "127.0.0.1:0".parse().unwrap()), None);
    }
}
