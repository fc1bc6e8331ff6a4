//! Messages to the simulated partner: what each outcome of a call means.

use crate::account::{account, tools};
use channels::contract::{Account, Outbound, SendOutcome, Sender, Tools};
use channels::http::Http;
use events::thread::FailureClass;
use simulators::http::{Config, Partner};
use simulators::{Clock, Fault, Ledger};
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

struct World {
    partner: Partner,
    ledger: Ledger,
    account: Account,
    tools: Tools,
    _shutdown: DropGuard,
}

async fn world() -> World {
    let shutdown = CancellationToken::new();
    let (clock, ledger) = (Clock::world(), Ledger::default());
    let config = Config::new("crm");
    let partner = Partner::start(config.clone(), clock.clone(), ledger.clone(), &shutdown).await.unwrap();
    let url = partner.callback_url();
    let settings = [("callback_url", url.as_str()), ("timeout_ms", "500")];
    let account = account(&settings, &[("webhook_secret", config.secret.as_str())]);
    let tools = Tools { now: Arc::new(move || clock.now()), ..tools(0) };
    World { partner, ledger, account, tools, _shutdown: shutdown.drop_guard() }
}

fn outbound() -> Outbound {
    Outbound {
        contact: "u1".into(),
        text: "您好，\"价格\"\n😀".into(),
        message_id: Uuid::from_u128(1),
        part: 0,
        attempt: 1,
        by_ai: true,
        by_system: false,
        persona: Some("小汇".into()),
    }
}

impl World {
    async fn send(&self, outbound: &Outbound) -> SendOutcome {
        Http.send(&self.account, outbound, &self.tools).await
    }

    /// The outcome of a message that fails once so.
    async fn under(&self, fault: Fault) -> SendOutcome {
        self.partner.faults().next(fault, 1);
        self.send(&outbound()).await
    }
}

fn failed(class: FailureClass, status: i64) -> SendOutcome {
    SendOutcome::Failed { class, retry_after_ms: None, code: Some(status) }
}

#[tokio::test]
async fn a_message_arrives_signed_and_its_parts_are_messages_of_their_own() {
    let world = world().await;
    let id = outbound().message_id.to_string();
    assert_eq!(world.send(&outbound()).await, SendOutcome::Sent { provider: Some(format!("p-{id}")) });
    let second = Outbound { part: 1, by_ai: false, persona: None, ..outbound() };
    assert_eq!(world.send(&second).await, SendOutcome::Sent { provider: Some(format!("p-{id}-1")) });
    let received = world.ledger.all_received();
    assert_eq!((received[0].text.as_str(), received[0].by_ai), (outbound().text.as_str(), true));
    assert_eq!((received[1].by_ai, received[1].repeated), (false, false));
    let notice = Outbound { by_ai: false, by_system: true, part: 2, ..outbound() };
    assert!(matches!(world.send(&notice).await, SendOutcome::Sent { .. }));
    assert!(world.partner.refused().is_empty(), "{:?}", world.partner.refused());
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_sent_again_and_kept_once() {
    let world = world().await;
    for fault in [Fault::TakenThenCut, Fault::Late { ms: 2000 }] {
        assert_eq!(world.under(fault).await, SendOutcome::Unknown, "{fault:?}");
    }
    let again = Outbound { attempt: 3, ..outbound() };
    assert!(matches!(world.send(&again).await, SendOutcome::Sent { .. }));
    let kept = world.ledger.all_received().iter().filter(|received| !received.repeated).count();
    assert_eq!((world.ledger.counts().1, kept), (3, 1));
}

#[tokio::test]
async fn each_answer_has_its_meaning() {
    let world = world().await;
    for (status, class) in [
        (302, FailureClass::Configuration),
        (400, FailureClass::Permanent),
        (404, FailureClass::Permanent),
        (408, FailureClass::Retryable),
        (410, FailureClass::Unreachable),
        (500, FailureClass::Retryable),
        (503, FailureClass::Retryable),
    ] {
        assert_eq!(world.under(Fault::status(status)).await, failed(class, i64::from(status)), "{status}");
    }
    let limited =
        SendOutcome::Failed { class: FailureClass::RateLimited, retry_after_ms: Some(7000), code: Some(429) };
    assert_eq!(world.under(Fault::Status { status: 429, retry_after_s: Some(7) }).await, limited);
    for fault in [Fault::Hang, Fault::Cut] {
        assert_eq!(world.under(fault).await, SendOutcome::Unknown, "{fault:?}");
    }
    world.partner.lose("u1");
    assert_eq!(world.send(&outbound()).await, failed(FailureClass::Unreachable, 410));
    assert_eq!(world.ledger.counts().1, 0);
}

#[tokio::test]
async fn a_partner_that_is_away_may_be_tried_again() {
    let world = world().await;
    world.partner.door().shut().await;
    assert_eq!(world.send(&outbound()).await, SendOutcome::failed(FailureClass::Retryable));
    world.partner.door().reopen().await.unwrap();
    assert!(matches!(world.send(&outbound()).await, SendOutcome::Sent { .. }));
}

#[tokio::test]
async fn an_account_without_an_address_is_a_matter_of_configuration() {
    let mut world = world().await;
    for address in ["", "ftp://a.b/c", "callback"] {
        world.account.settings.insert("callback_url".into(), address.into());
        assert_eq!(
            world.send(&outbound()).await,
            SendOutcome::failed(FailureClass::Configuration),
            "{address}"
        );
    }
}

#[tokio::test]
async fn while_a_secret_is_being_changed_the_partner_may_check_either() {
    let mut world = world().await;
    let current = world.account.secrets["webhook_secret"].clone();
    world.account.secrets.insert("webhook_secret_previous".into(), current);
    world.account.secrets.insert("webhook_secret".into(), crate::account::WEBHOOK_SECRET.into());
    assert!(matches!(world.send(&outbound()).await, SendOutcome::Sent { .. }));
}
