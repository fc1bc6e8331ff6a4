//! The simulators refuse what the real systems refuse, and fail as they are told to.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod partner;
#[cfg(test)]
mod push;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wechat_api;
