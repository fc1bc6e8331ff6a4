//! The channels: the list of all of them, and one folder for each.
//!
//! Adding a channel is one folder and one line of [`LIST`]: the folder holds its adapter and the form of its accounts.

pub mod contract;
pub mod form;
pub mod http;
pub mod proven;
pub mod standard_webhooks;
pub mod text;
pub mod tokens;
pub mod wechat;
pub mod wechat_oa;
pub mod widget;

use contract::Channel;

/// Every channel of this build, by folder name.
pub const LIST: &[&Channel] = &[&wechat_oa::CHANNEL, &http::CHANNEL, &widget::CHANNEL];

/// The channel of that folder name.
pub fn find(name: &str) -> Option<&'static Channel> {
    LIST.iter().copied().find(|channel| channel.name == name)
}

/// The names of all channels with commas between them, for whoever wrote another one.
pub fn names() -> String {
    LIST.iter().map(|channel| channel.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_is_found_by_its_own_name() {
        for channel in LIST {
            assert_eq!(find(channel.name).map(|found| found.name), Some(channel.name));
        }
    }

    #[test]
    fn the_capability_table_is_machine_readable() {
        for channel in LIST {
            let table = serde_json::to_value(channel.capabilities).unwrap();
            assert!(table["text"]["max"].as_u64().unwrap() > 0, "{}", channel.name);
            assert!(table["proof"].is_string(), "{}", channel.name);
        }
    }
}
