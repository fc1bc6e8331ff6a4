//! Pushes to the suite's webhook: signed, encrypted, redelivered until they are acknowledged.

use super::crypto::signature;
use super::platform::{Desk, Mode, Platform};
use super::users::{AFTER_MESSAGE, AFTER_TAP, Allowance};
use crate::ledger::{Entry, Sent};
use crate::{Micros, Plan};
use futures::{StreamExt, stream};
use rand::Rng;
use serde_json::{Map, Value};
use std::time::Duration;

/// Something that a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    Text {
        openid: String,
        text: String,
    },
    /// A kind that no documentation names.
    Strange {
        openid: String,
    },
    Follow {
        openid: String,
        scene: Option<String>,
    },
    Unfollow {
        openid: String,
    },
    Scan {
        openid: String,
        scene: String,
    },
    Click {
        openid: String,
        key: String,
    },
    /// The person closed their account, or took back what they had allowed; the platform says which.
    Privacy {
        openid: String,
        event: String,
    },
}

impl Push {
    /// A text message.
    pub fn text(openid: &str, text: &str) -> Self {
        Self::Text { openid: openid.to_owned(), text: text.to_owned() }
    }

    fn openid(&self) -> &str {
        match self {
            Self::Text { openid, .. }
            | Self::Strange { openid }
            | Self::Follow { openid, .. }
            | Self::Unfollow { openid }
            | Self::Scan { openid, .. }
            | Self::Click { openid, .. }
            | Self::Privacy { openid, .. } => openid,
        }
    }

    fn allowance(&self) -> Option<Allowance> {
        match self {
            Self::Text { .. } | Self::Strange { .. } => Some(AFTER_MESSAGE),
            Self::Follow { .. } | Self::Scan { .. } | Self::Click { .. } => Some(AFTER_TAP),
            Self::Unfollow { .. } | Self::Privacy { .. } => None,
        }
    }

    /// The fields of the kind, without the common ones.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let event = |name: &str| vec![("MsgType", "event".to_owned()), ("Event", name.to_owned())];
        let with = |mut fields: Vec<(&'static str, String)>, more: &[(&'static str, String)]| {
            fields.extend_from_slice(more);
            fields
        };
        match self {
            Self::Text { text, .. } => vec![("MsgType", "text".into()), ("Content", text.clone())],
            Self::Strange { .. } => vec![("MsgType", "hologram".into()), ("Hue", "7".into())],
            Self::Follow { scene: None, .. } => with(event("subscribe"), &[("EventKey", String::new())]),
            Self::Follow { scene: Some(scene), .. } => with(
                event("subscribe"),
                &[("EventKey", format!("qrscene_{scene}")), ("Ticket", "SIMULATED".into())],
            ),
            Self::Unfollow { .. } => with(event("unsubscribe"), &[("EventKey", String::new())]),
            Self::Scan { scene, .. } => {
                with(event("SCAN"), &[("EventKey", scene.clone()), ("Ticket", "SIMULATED".into())])
            }
            Self::Click { key, .. } => with(event("CLICK"), &[("EventKey", key.clone())]),
            Self::Privacy { openid, event: name } => {
                with(event(name), &[("OpenID", openid.clone()), ("RevokeInfo", "205,206".into())])
            }
        }
    }
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The message's id; for events what the documentation calls their identity.
    pub provider: String,
    pub deliveries: u32,
    pub acknowledged: bool,
}

/// A push whose content is fixed: each delivery repeats it.
struct Prepared {
    openid: String,
    provider: String,
    fields: Vec<(&'static str, String)>,
    entry: Entry,
}

impl Platform {
    /// A person does something: it is delivered until it is acknowledged or given up.
    pub async fn push(&self, push: Push) -> Pushed {
        let prepared = prepare(&self.desk, &push);
        deliver(&self.desk, &prepared).await
    }

    /// Many do something at once, on their way as the plan says. The results stand in the order of the plan's
    /// deliveries.
    pub async fn storm(&self, pushes: &[Push], plan: Plan) -> Vec<Pushed> {
        let prepared: Vec<Prepared> = pushes.iter().map(|push| prepare(&self.desk, push)).collect();
        let deliveries =
            plan.deliveries(prepared.len()).into_iter().map(|index| deliver(&self.desk, &prepared[index]));
        stream::iter(deliveries).buffered(plan.in_flight_max.max(1)).collect().await
    }
}

fn prepare(desk: &Desk, push: &Push) -> Prepared {
    let at = desk.clock.now();
    let openid = push.openid().to_owned();
    let mut fields = vec![
        ("ToUserName", desk.config.original_id.clone()),
        ("FromUserName", openid.clone()),
        ("CreateTime", desk.clock.now_s().to_string()),
    ];
    fields.extend(push.fields());
    let mut state = desk.state();
    let provider = match push {
        Push::Text { .. } | Push::Strange { .. } => {
            state.messages += 1;
            let id = (desk.config.first_message + state.messages).to_string();
            fields.push(("MsgId", id.clone()));
            id
        }
        event => {
            let parts: Vec<String> = event.fields().into_iter().map(|(_, value)| value).collect();
            format!("{openid}/{}/{}", desk.clock.now_s(), parts.join("/"))
        }
    };
    match push {
        Push::Unfollow { .. } => state.users.left(&openid),
        Push::Privacy { .. } => {}
        push => state.users.acted(&openid, push.allowance(), at),
    }
    let text =
        fields.iter().find(|(name, _)| *name == "Content").map_or_else(String::new, |(_, text)| text.clone());
    let entry = desk.ledger.sent(Sent {
        channel: "wechat_oa",
        account: desk.config.account.clone(),
        user: openid.clone(),
        provider: provider.clone(),
        text,
        at,
        deliveries: 0,
        refused: 0,
        acknowledged: None,
    });
    Prepared { openid, provider, fields, entry }
}

async fn deliver(desk: &Desk, prepared: &Prepared) -> Pushed {
    desk.ledger.departs(prepared.entry, desk.clock.now());
    let message = if desk.config.json { json(&prepared.fields) } else { xml(&prepared.fields) };
    let mut deliveries = 0;
    loop {
        deliveries += 1;
        let acknowledged = once(desk, &prepared.openid, &message).await;
        desk.ledger.delivered(prepared.entry, acknowledged);
        let last = deliveries >= desk.config.deliveries_max;
        if acknowledged.is_some() || last {
            let provider = prepared.provider.clone();
            return Pushed { provider, deliveries, acknowledged: acknowledged.is_some() };
        }
        let pause = desk.state().pause_ms;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// One delivery, with a time stamp, nonce and random of its own; when it was acknowledged, if it was.
async fn once(desk: &Desk, openid: &str, message: &str) -> Option<Micros> {
    let (url, body) = request(desk, openid, message);
    let kind = if desk.config.json { "application/json" } else { "text/xml" };
    let response = desk.client.post(url).header("content-type", kind).body(body).send().await.ok()?;
    let taken = response.status() == 200;
    let answer = response.bytes().await.ok()?;
    // Anything else makes the platform tell the user that the account is out of order.
    let understood = &answer[..] == b"success" || answer.is_empty();
    (taken && understood).then(|| desk.clock.now())
}

fn request(desk: &Desk, openid: &str, message: &str) -> (String, String) {
    let (nonce, random, webhook) = {
        let mut state = desk.state();
        (state.rng.random_range(1..2_000_000_000u32).to_string(), state.rng.random(), state.webhook.clone())
    };
    let stamp = desk.clock.now_s().to_string();
    let plain = signature(vec![&desk.config.token, &stamp, &nonce]);
    let query = format!("signature={plain}&timestamp={stamp}&nonce={nonce}&openid={openid}");
    if desk.config.mode == Mode::Plain {
        return (format!("{webhook}?{query}"), message.to_owned());
    }
    let sealed = desk.sealer.seal(random, message);
    let signed = signature(vec![&desk.config.token, &stamp, &nonce, &sealed]);
    let body = wrap(desk, message, &sealed);
    (format!("{webhook}?{query}&encrypt_type=aes&msg_signature={signed}"), body)
}

/// The outer body; in compat mode the clear fields stand beside the envelope.
fn wrap(desk: &Desk, message: &str, sealed: &str) -> String {
    let to = &desk.config.original_id;
    match (desk.config.mode, desk.config.json) {
        (Mode::Compat, true) => {
            let clear = message.strip_suffix('}').unwrap_or(message);
            format!("{clear},\"Encrypt\":\"{sealed}\"}}")
        }
        (Mode::Compat, false) => {
            let clear = message.strip_suffix("</xml>").unwrap_or(message);
            format!("{clear}<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>")
        }
        (_, true) => format!("{{\"ToUserName\":\"{to}\",\"Encrypt\":\"{sealed}\"}}"),
        (_, false) => format!(
            "<xml><ToUserName><![CDATA[{to}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        ),
    }
}

fn xml(fields: &[(&'static str, String)]) -> String {
    let field = |(name, value): &(&'static str, String)| match *name {
        "CreateTime" | "MsgId" => format!("<{name}>{value}</{name}>"),
        name => format!("<{name}><![CDATA[{}]]></{name}>", value.replace("]]>", "]]]]><![CDATA[>")),
    };
    format!("<xml>{}</xml>", fields.iter().map(field).collect::<String>())
}

fn json(fields: &[(&'static str, String)]) -> String {
    let field = |(name, value): &(&'static str, String)| {
        let number = matches!(*name, "CreateTime" | "MsgId").then(|| value.parse::<u64>().ok()).flatten();
        ((*name).to_owned(), number.map_or_else(|| Value::from(value.as_str()), Value::from))
    };
    Value::Object(fields.iter().map(field).collect::<Map<_, _>>()).to_string()
}

pub(super) async fn handshake(desk: &Desk) -> bool {
    let (echo, nonce, webhook) = {
        let mut state = desk.state();
        (state.rng.random::<u64>().to_string(), state.rng.random::<u32>().to_string(), state.webhook.clone())
    };
    let stamp = desk.clock.now_s().to_string();
    let signed = signature(vec![&desk.config.token, &stamp, &nonce]);
    let url = format!("{webhook}?signature={signed}&echostr={echo}&timestamp={stamp}&nonce={nonce}");
    let Ok(response) = desk.client.get(url).send().await else { return false };
    let taken = response.status() == 200;
    taken && response.bytes().await.is_ok_and(|body| &body[..] == echo.as_bytes())
}
