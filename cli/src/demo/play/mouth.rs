//! How a customer writes and reads on each channel, and how deliveries go wrong on their way in.

use super::super::cast::{Channel, Player};
use super::super::stage::Stage;
use rand::Rng;
use rand::rngs::StdRng;
use simulators::http::Item;
use simulators::ledger::Received;
use simulators::wechat::Push;
use simulators::widget::Visitor;
use simulators::{Error, Plan};
use std::time::Duration;
use tokio::sync::mpsc;

/// Of a thousand deliveries, so many come twice.
const DUPLICATED_PERMILLE: u32 = 150;
/// Of a hundred messages in the widget, after so many the socket breaks before the visitor saw that they arrived.
const BROKEN_PERCENT: u32 = 10;
/// How often a browser tries to get a message through: for half a minute, in which a killed suite is back.
const TRIES_MAX: usize = 60;
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// A customer's side of the channel.
pub(super) enum Mouth {
    Wechat { openid: String, arrivals: mpsc::Receiver<Received> },
    Http { user: String, arrivals: mpsc::Receiver<Received> },
    Widget(Box<Visitor>),
}

impl Mouth {
    pub(super) async fn open(stage: &Stage, player: &Player) -> Result<Self, Error> {
        let name = player.name.clone();
        Ok(match player.channel {
            Channel::Wechat => Self::Wechat { arrivals: stage.ledger.follow(&name), openid: name },
            Channel::Http => Self::Http { arrivals: stage.ledger.follow(&name), user: name },
            Channel::Widget => {
                let mut visitor = Visitor::new(&stage.site, &name);
                open(&mut visitor).await?;
                Self::Widget(Box::new(visitor))
            }
        })
    }

    /// Writes texts in one go; whether the suite took them all.
    pub(super) async fn say(&mut self, stage: &Stage, texts: &[&str], rng: &mut StdRng) -> bool {
        let plan = Plan {
            seed: rng.random(),
            duplicated_permille: DUPLICATED_PERMILLE,
            reordered_within: texts.len() * 2,
            in_flight_max: texts.len() * 2,
        };
        match self {
            Self::Wechat { openid, .. } => {
                let pushes: Vec<Push> = texts.iter().map(|text| Push::text(openid, text)).collect();
                // What the platform gives up was never accepted; the customer does not notice and writes on.
                stage.platform.storm(&pushes, plan).await;
                true
            }
            Self::Http { user, .. } => {
                let item = |text: &&str| Item {
                    id: stage.next_item(),
                    user: user.clone(),
                    text: (*text).to_owned(),
                };
                let items: Vec<Item> = texts.iter().map(item).collect();
                if rng.random() {
                    stage.partner.storm(&items, plan).await.iter().all(|posted| posted.accepted)
                } else {
                    stage.partner.post(&items).await.accepted
                }
            }
            Self::Widget(visitor) => {
                for text in texts {
                    if !write(visitor, text, rng.random_range(0..100) < BROKEN_PERCENT).await {
                        return false;
                    }
                }
                true
            }
        }
    }

    /// The next message that reaches the customer within `ms`.
    pub(super) async fn hear(&mut self, ms: u64) -> Option<String> {
        match self {
            Self::Wechat { arrivals, .. } | Self::Http { arrivals, .. } => {
                tokio::time::timeout(Duration::from_millis(ms), arrivals.recv())
                    .await
                    .ok()?
                    .map(|seen| seen.text)
            }
            Self::Widget(visitor) => match visitor.reply(ms).await {
                Ok(seen) => seen.map(|seen| seen.text),
                Err(_) => {
                    open(visitor).await.ok()?;
                    visitor.reply(ms).await.ok()?.map(|seen| seen.text)
                }
            },
        }
    }

    pub(super) fn into_visitor(self) -> Option<Visitor> {
        match self {
            Self::Widget(visitor) => Some(*visitor),
            _ => None,
        }
    }
}

async fn open(visitor: &mut Visitor) -> Result<(), Error> {
    let mut tries = 1;
    loop {
        match visitor.open().await {
            Err(_) if tries < TRIES_MAX => tokio::time::sleep(TRY_AGAIN).await,
            other => return other,
        }
        tries += 1;
    }
}

/// Writes, and again under the same id until the suite has it. With `broken` the socket breaks once on the way.
async fn write(visitor: &mut Visitor, text: &str, broken: bool) -> bool {
    let mut taken = visitor.write(text).await.is_ok();
    if broken {
        visitor.drop_socket();
        taken = open(visitor).await.is_ok() && visitor.rewrite(text).await.is_ok();
    }
    for _ in 1..TRIES_MAX {
        if taken {
            break;
        }
        tokio::time::sleep(TRY_AGAIN).await;
        taken = open(visitor).await.is_ok() && visitor.rewrite(text).await.is_ok();
    }
    taken
}
