//! The text of nats-server's configuration: one file for the server, one for who may connect, which alone changes while
//! it runs.

use super::Settings;
use super::consumers::Consumer;
use super::credentials::Keys;
use super::home::Home;
use super::permissions::{self, NEVER, Permissions};
use super::role::Role;
use std::fmt::Write;

/// Largest message: a raw request of 4 MB, sealed and written as JSON, with room.
const MAX_PAYLOAD: &str = "6MB";

/// The configuration of the server that listens on `port`. The same input gives the same text, so a changed text
/// tells that a running server is out of date.
pub(super) fn render(settings: &Settings, home: &Home, keys: &Keys, port: u16) -> String {
    let monitor = settings.monitor_port.map_or(String::new(), |port| format!("http: \"127.0.0.1:{port}\"\n"));
    format!(
        "# Written by tributary at each start; changes here are lost.\n\
         # GOMEMLIMIT={memory}B in its environment.\n\
         server_name: {name}\n\
         listen: \"127.0.0.1:{port}\"\n\
         {monitor}\
         max_payload: {MAX_PAYLOAD}\n\
         pid_file: {pid}\n\
         log_file: {log}\n\
         logfile_size_limit: 8MB\n\
         logfile_max_num: 4\n\
         logtime_utc: true\n\
         jetstream {{\n  \
           store_dir: {store}\n  \
           # An append is acknowledged when it is on the disk; the server's own default would lose two minutes.\n  \
           sync_interval: always\n\
         }}\n\
         {guard}\
         authorization {{\n  include {users}\n}}\n",
        memory = settings.memory_max_bytes,
        name = quoted(&keys.server_name()),
        pid = quoted(&home.pid().to_string_lossy()),
        log = quoted(&home.log().to_string_lossy()),
        store = quoted(&home.store().to_string_lossy()),
        guard = guard(),
        // Beside this file.
        users = quoted(USERS),
    )
}

/// The name of the file that says who may connect.
pub(super) const USERS: &str = "users.conf";

/// Who may connect and what each may do, and what nobody may, as blocks of the server's configuration. Public halves
/// of keys alone.
pub(super) fn authorization(keys: &Keys) -> String {
    format!("{}authorization {{\n{}}}\n", guard(), users(keys, &[]))
}

/// What the server refuses whoever asks, also when it asks itself by answering to the subject of such a request.
///
/// All requests of the API, those too, are taken over by the system's account, whose mappings are looked at then.
/// Accounts of our own would do more, but they export nothing of the account that streams without accounts are in.
pub(crate) fn guard() -> String {
    let mut text = String::from(
        "# No stream is dropped or emptied. Permissions do not say that alone: an answer is sent to any subject that\n\
         # the question names, also to one of these, and the one who answers is the server.\n\
         accounts {\n  \"$SYS\": { mappings: {\n",
    );
    for call in NEVER {
        writeln!(text, "    \"$JS.API.{call}.*\": \"refused.{call}.$1\"")
            .expect("writing to a String cannot fail");
    }
    text.push_str("  } }\n}\n");
    text
}

/// Who may connect and do what: the roles and the named consumers.
pub(super) fn users(keys: &Keys, consumers: &[Consumer]) -> String {
    let mut text = String::from("# Written by tributary; changes here are lost.\nusers: [\n");
    for role in Role::ALL {
        user(&mut text, role.name(), keys.public(role), &permissions::of(role));
    }
    for consumer in consumers {
        user(&mut text, &format!("consumer {}", consumer.name), &consumer.key, &consumer.permissions());
    }
    text.push_str("]\n");
    text
}

/// One user as it stands in a list of users.
pub(crate) fn user(text: &mut String, name: &str, public_key: &str, permissions: &Permissions) {
    let (publish, deny) = (list(&permissions.publish), list(&permissions.deny));
    let subscribe = list(&permissions.subscribe);
    write!(
        text,
        "    # {name}\n    {{ nkey: {public_key}, permissions: {{\n      \
         publish: {{ allow: {publish}, deny: {deny} }}\n      \
         subscribe: {{ allow: {subscribe} }}\n    }} }}\n"
    )
    .expect("writing to a String cannot fail");
}

fn list(subjects: &[String]) -> String {
    let quoted: Vec<String> = subjects.iter().map(|subject| quoted(subject)).collect();
    format!("[{}]", quoted.join(", "))
}

/// A string as the server's configuration reads it: in double quotes nothing is a variable or a number.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_quotes_and_backslashes_stays_one_string() {
        assert_eq!(quoted(r#"/a "b"\c"#), r#""/a \"b\"\\c""#);
    }

    #[test]
    fn every_append_is_synced_and_nobody_outside_can_connect() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::prepare(folder.path()).unwrap();
        let keys = Keys::ensure(&home.credentials()).unwrap();
        let text = render(&Settings::of(folder.path()), &home, &keys, 4222);
        assert!(text.contains("sync_interval: always"));
        assert!(text.contains("listen: \"127.0.0.1:4222\""));
        assert!(!text.contains("http:"), "monitoring asks for no password");
        let text = text + &users(&keys, &[]);
        for role in Role::ALL {
            assert!(text.contains(keys.public(role)));
            let seed = std::fs::read_to_string(home.credentials().join(role.name())).unwrap();
            assert!(!text.contains(seed.trim()), "the configuration holds no seed");
        }
    }
}
