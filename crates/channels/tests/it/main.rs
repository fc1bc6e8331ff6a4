//! The channels' protocols, through the adapter contract and against the simulated outside.

#[cfg(test)]
mod account;
mod forms;
#[cfg(test)]
mod http_inbound;
#[cfg(test)]
mod http_send;
#[cfg(test)]
mod inlet;
#[cfg(test)]
mod oa_inbound;
#[cfg(test)]
mod oa_push;
#[cfg(test)]
mod oa_refused;
#[cfg(test)]
mod oa_send;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod widget;
#[cfg(test)]
mod widget_socket;
#[cfg(test)]
mod wire;
