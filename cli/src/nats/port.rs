//! The port on which the server is to listen: the wanted one, the last one, or a free one.

use super::error::Error;
use super::home::Home;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

/// `wanted` is 0 for any that is free.
pub(super) fn choose(home: &Home, wanted: u16) -> Result<u16, Error> {
    // The listener is closed again at once; the server then binds the port itself.
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|l| l.local_addr());
    if wanted == 0 {
        // Clients that outlived the last server find the next one at the same place.
        let recorded = home.recorded_port().and_then(|port| bind(port).ok());
        let free = recorded.map_or_else(|| bind(0), Ok);
        return free.map(|at| at.port()).map_err(Error::file("find a free port for", home.folder()));
    }
    match bind(wanted) {
        Err(e) if e.kind() == ErrorKind::AddrInUse => Err(Error::PortTaken { port: wanted }),
        // Anything else the server will tell better.
        _ => Ok(wanted),
    }
}
