//! What each command asks of the law, in terms of the world as it is.

use crate::command::Command;
use crate::world::{DAY, MINUTE, World};
use conversation::*;
use events::customer::EvidenceKind;
use events::thread::{Author, FailureClass, HandoverReason, OpenedBy, Touch, TransferredTo, Window};
use events::{Content, ContentKind, Micros, Sealed};
use uuid::Uuid;

/// A decision with everything but the state filled in.
pub(crate) type Ask = Box<dyn Fn(&Thread) -> Decision>;

impl World {
    pub(crate) fn ask(&mut self, command: &Command) -> Ask {
        let at = self.now;
        match self.ask_customer(command, at) {
            Some(ask) => ask,
            None => match self.ask_writer(command, at) {
                Some(ask) => ask,
                None => self.ask_owner(command, at).unwrap_or_else(|| self.ask_sender(command, at)),
            },
        }
    }

    fn ask_customer(&mut self, command: &Command, at: Micros) -> Option<Ask> {
        let touch = Touch { source: Some("ad".into()), ..Touch::default() };
        Some(match *command {
            Command::Receive { i, touch: told, left, supported } => {
                let window = Some(Window { until: at + 2 * DAY, left });
                let kind = if supported { ContentKind::Text } else { ContentKind::Unsupported };
                let inbound = Inbound {
                    message: customer_message(i),
                    provider: provider(i),
                    content: Content { kind, ..text() },
                    sent_at: self.happened(i),
                    order: None,
                    window,
                    raw: None,
                    touch: told.then_some(touch),
                    began: Some(beginning()),
                };
                Box::new(move |t| receive(t, &inbound, at))
            }
            Command::Visit { i, touch: told } => {
                let visit = Visit {
                    by: OpenedBy::Scan,
                    provider: provider(i),
                    touch: told.then_some(touch),
                    window: None,
                    sent_at: self.happened(i),
                    began: Some(beginning()),
                };
                Box::new(move |t| open(t, &visit, at))
            }
            Command::Menu { i } => {
                let (provider, sent_at) = (provider(i), self.happened(i));
                let menu = TouchOpen { provider, touch, window: None, sent_at };
                Box::new(move |t| conversation::touch(t, &menu, at))
            }
            Command::Edit { i, of } => {
                let (message, provider) = (self.seen(of).unwrap_or_default(), provider(i));
                let change = Edit { message, provider, content: text(), sent_at: self.happened(i) };
                Box::new(move |t| edit(t, &change, at))
            }
            Command::Recall { i, of } => {
                let (message, provider) = (self.seen(of).unwrap_or_default(), provider(i));
                let recalled = Recall { message, provider, sent_at: self.happened(i) };
                Box::new(move |t| recall(t, &recalled, at))
            }
            Command::Gone { i } => {
                let gone = Gone { provider: provider(i), sent_at: self.happened(i) };
                Box::new(move |t| unreachable(t, &gone, at))
            }
            Command::Identify { i } => {
                let (provider, sent_at) = (provider(i), self.happened(i));
                let (kind, value) = (EvidenceKind::Unionid, Sealed("v1.a256gcm.k.n.c".into()));
                let proved = Identify { kind, value, provider, sent_at };
                Box::new(move |t| identify(t, &proved, at))
            }
            Command::Echo { i, ours, is_ours } => {
                let echoed = Echo {
                    ours: is_ours.then(|| self.which(ours)),
                    message: Uuid::from_u128(0x3000 + u128::from(i)),
                    provider: format!("o{i}"),
                    content: text(),
                    sent_at: self.happened(1000 + i),
                    raw: None,
                };
                Box::new(move |t| echo(t, &echoed, at))
            }
            _ => return None,
        })
    }

    fn ask_writer(&mut self, command: &Command, at: Micros) -> Option<Ask> {
        Some(match *command {
            Command::Desk { i, took } => {
                let (provider, sent_at) = (format!("d{i}"), self.happened(2000 + i));
                let word = DeskWord { took, provider, sent_at, began: Some(beginning()) };
                Box::new(move |t| desk(t, &word, at))
            }
            Command::AiReply { stale, seen, all, again } => {
                let reply = AiReply {
                    message: self.reply_id(again),
                    tenure: self.tenure(stale),
                    seen: self.seen(seen),
                    content: text(),
                    citations: vec![],
                    confidence: None,
                    worded_by: None,
                };
                let decide = if all { reply_by_ai_to_all } else { reply_by_ai };
                Box::new(move |t| decide(t, &reply, at))
            }
            Command::PersonReply { agent, stale, seen, again } => {
                let reply = PersonReply {
                    message: self.reply_id(again),
                    agent: id_of(agent),
                    tenure: self.tenure(stale),
                    seen: self.seen(seen),
                    content: text(),
                };
                Box::new(move |t| reply_by_person(t, &reply, at))
            }
            Command::Notify => {
                let notice = self.notice();
                Box::new(move |t| notify(t, &notice, at))
            }
            Command::Resend { of, by } => {
                let (of, message, tenure) = (self.which(of), self.reply_id(false), self.thread.tenure());
                let by = match by {
                    0 => Author::Ai,
                    1 => Author::System,
                    agent => Author::Agent(id_of(agent - 2)),
                };
                let again = Resend { of, message, by, tenure, content: text() };
                Box::new(move |t| resend(t, &again, at))
            }
            _ => return None,
        })
    }

    fn ask_owner(&mut self, command: &Command, at: Micros) -> Option<Ask> {
        if let Some(ask) = self.ask_close(command, at) {
            return Some(ask);
        }
        Some(match *command {
            Command::HandOver { stale, notice } => {
                let notice = notice.then(|| self.notice());
                let (tenure, reason) = (self.tenure(stale), HandoverReason::WantsPerson);
                let wish = HandOver { tenure, reason, queue: "sales".into(), notice };
                Box::new(move |t| hand_over(t, &wish, at))
            }
            Command::Expire { message } => {
                let message = self.seen(message).unwrap_or_default();
                let notice = Some(self.notice());
                let expire = ExpireAnswer { message, deadline_us: MINUTE, queue: "sales".into(), notice };
                Box::new(move |t| expire_answer(t, &expire, at))
            }
            Command::Assign { agent, stale } => {
                let choice = Assign { tenure: self.tenure(stale), agent: id_of(agent), candidates: vec![] };
                Box::new(move |t| assign(t, &choice, at))
            }
            Command::TakeOver { agent, from } => {
                let wish = TakeOver { agent: id_of(agent), from: from.map(id_of) };
                Box::new(move |t| take_over(t, &wish, at))
            }
            Command::OpenByAgent { agent } => Box::new(move |t| open_by_agent(t, id_of(agent), at)),
            Command::Release { by, stale, to } => {
                let back = Release { by: by.map(id_of), tenure: self.tenure(stale), to };
                Box::new(move |t| release(t, &back, at))
            }
            Command::TransferToAgent { by, stale, to } => {
                let (by, tenure, to) = (id_of(by), self.tenure(stale), TransferredTo::Agent(id_of(to)));
                Box::new(move |t| transfer(t, &Transfer { by, tenure, to: to.clone() }, at))
            }
            Command::TransferToQueue { by, stale } => {
                let (by, tenure, to) = (id_of(by), self.tenure(stale), TransferredTo::Queue("vip".into()));
                Box::new(move |t| transfer(t, &Transfer { by, tenure, to: to.clone() }, at))
            }
            _ => return None,
        })
    }

    fn ask_close(&self, command: &Command, at: Micros) -> Option<Ask> {
        let n = self.thread.last_number();
        let end = match *command {
            Command::CloseByAgent { agent, seen, earlier } => {
                let (agent, seen) = (id_of(agent), self.seen(seen));
                Close::ByAgent { n: n.saturating_sub(u32::from(earlier)), agent, seen }
            }
            Command::CloseByAi { stale, seen } => {
                Close::ByAi { n, tenure: self.tenure(stale), seen: self.seen(seen) }
            }
            Command::CloseIdle { age } => Close::Idle { n, cutoff: at - age },
            Command::CloseUnreachable => Close::Unreachable { n },
            _ => return None,
        };
        Some(Box::new(move |t| close(t, &end, at)))
    }

    fn ask_sender(&self, command: &Command, at: Micros) -> Ask {
        match *command {
            Command::Start { which, skip, proof } => {
                let message = self.which(which);
                let attempt = self.last_attempt(message) + 1 + skip;
                Box::new(move |t| {
                    start_send(t, &StartSend { message, attempt, proof, parts: 1 + attempt % 3 }, at)
                })
            }
            Command::Sent { which, back } => {
                let attempt = self.attempt(which, back);
                let provider = format!("s{}", attempt.message);
                Box::new(move |t| sent(t, attempt, Some(&provider), at))
            }
            Command::Failed { which, back, retry, class } => {
                let (attempt, retry_at) = (self.attempt(which, back), retry.then_some(at + MINUTE));
                let class = if class == 0 { FailureClass::Unreachable } else { FailureClass::Retryable };
                Box::new(move |t| failed(t, attempt, class, retry_at, at))
            }
            Command::Lost { which, back } => {
                let attempt = self.attempt(which, back);
                Box::new(move |t| unknown(t, attempt, at))
            }
            Command::GiveUp { which } => {
                let attempt = self.attempt(which, 0);
                Box::new(move |t| give_up(t, attempt, MINUTE, at))
            }
            Command::Cancel { which } => {
                let message = self.which(which);
                Box::new(move |t| cancel(t, message, at))
            }
            Command::Receipt { which, state } => {
                let message = self.which(which);
                Box::new(move |t| receipt(t, message, state, None, at))
            }
            _ => Box::new(move |t| erase(t, Uuid::from_u128(9), at)),
        }
    }
}

fn id_of(agent: u8) -> Uuid {
    Uuid::from_u128(0xA0 + u128::from(agent))
}

fn customer_message(i: u32) -> Uuid {
    Uuid::from_u128(0x1000 + u128::from(i))
}

fn provider(i: u32) -> String {
    format!("p{i}")
}

pub(crate) fn text() -> Content {
    let text = Some(Sealed("v1.aes256gcm.k.n.c".into()));
    Content { kind: ContentKind::Text, text, media: None, length: 2, language: "zh".into() }
}

fn beginning() -> Beginning {
    let (channel, contact) = ("widget".into(), Sealed("v1.contact".into()));
    Beginning { account: Uuid::from_u128(1), channel, contact, name: None }
}
