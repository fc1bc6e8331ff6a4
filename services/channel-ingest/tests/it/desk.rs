//! The platform's own desk takes a customer and lets them go: signed pushes, through the adapter and the law.

use crate::service::Replica;
use channels::wechat::signature::sign;
use conversation::{AiReply, Decision, Owner, Rejection, Thread, reply_by_ai};
use events::{Content, ContentKind, Sealed, ThreadEvent};
use ground::{Place, Server, eventually, on_each};
use laws::account::Account;
use spine::{Address, Cause, Entity, Refused, new_id};

const TOKEN: &str = "deskOaToken2026";
const USER: &str = "oDesk_1";

/// Pushes as the platform makes them in plain mode.
struct Pushes {
    url: String,
    client: reqwest::Client,
    /// Now, in seconds.
    now_s: i64,
}

impl Pushes {
    /// A push of `after_s` seconds after the first; said again it is the same push.
    async fn push(&self, after_s: i64, fields: &str) {
        let (at, nonce) = (self.now_s.to_string(), new_id().simple().to_string());
        let signature = sign(&[TOKEN, &at, &nonce]);
        let url = format!("{}?signature={signature}&timestamp={at}&nonce={nonce}", self.url);
        let sent_at = self.now_s - 60 + after_s;
        let body = format!(
            "<xml><ToUserName>gh_1</ToUserName><FromUserName>{USER}</FromUserName>\
             <CreateTime>{sent_at}</CreateTime>{fields}</xml>"
        );
        let answer = self.client.post(url).body(body).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "success"));
    }

    async fn text(&self, after_s: i64, id: u32) {
        let fields = format!("<MsgType>text</MsgType><Content>在吗</Content><MsgId>{id}</MsgId>");
        self.push(after_s, &fields).await;
    }

    async fn desk(&self, after_s: i64, event: &str, names: &str) {
        self.push(after_s, &format!("<MsgType>event</MsgType><Event>{event}</Event>{names}")).await;
    }

    async fn create(&self) {
        self.desk(2, "kf_create_session", "<KfAccount>li@gh_1</KfAccount>").await;
    }

    async fn switch(&self) {
        let names = "<FromKfAccount>li@gh_1</FromKfAccount><ToKfAccount>wu@gh_1</ToKfAccount>";
        self.desk(4, "kf_switch_session", names).await;
    }

    async fn close(&self) {
        self.desk(6, "kf_close_session", "<KfAccount>wu@gh_1</KfAccount>").await;
    }
}

fn answer(thread: &Thread) -> Decision {
    let content = Content {
        kind: ContentKind::Text,
        text: Some(Sealed("v1.a256gcm.k.n.c".into())),
        media: None,
        length: 2,
        language: "zh".into(),
    };
    let (tenure, seen) = (thread.tenure(), thread.last_message());
    let reply = AiReply {
        message: new_id(),
        tenure,
        seen,
        content,
        citations: vec![],
        confidence: None,
        worded_by: None,
    };
    reply_by_ai(thread, &reply, 1)
}

async fn until(replica: &Replica, address: &Address, owner: Owner, messages: usize) {
    eventually(&format!("{messages} messages and the conversation with {owner}"), async || {
        let received = |event: &&ThreadEvent| matches!(event, ThreadEvent::Received { .. });
        let came = replica.history(address).await.iter().filter(received).count();
        (came == messages && replica.says(address, Thread::owner).await == Some(owner)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_platforms_desk_has_a_customer_the_ai_is_refused_and_afterwards_it_answers() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let replica = Replica::start(&place, server.log().await).await;
        let id = new_id();
        let account = Address::of(crate::service::TENANT, Account::KIND, id).unwrap();
        // Nobody is there: what the AI may say in the end does not arrive, and need not.
        let settings = [("mode", "plain"), ("app_id", "wx1"), ("api_base", "http://127.0.0.1:9")];
        let secrets = [("token", TOKEN), ("app_secret", "s")];
        let setup = replica.setup(("wechat_oa", "oa"), &account, &settings, &secrets).await;
        replica.configure(&account, &setup).await;
        let now_s = replica.spine.log.clock().now() / 1_000_000;
        let url = format!("{}/channels/wechat_oa/oa", replica.url);
        let pushes = Pushes { url, client: channels::http::client().unwrap(), now_s };

        pushes.text(0, 1).await;
        let thread = replica.thread_of(id, USER).await;
        until(&replica, &thread, Owner::Ai, 1).await;
        pushes.create().await;
        until(&replica, &thread, Owner::Desk, 1).await;
        pushes.switch().await;
        pushes.text(5, 2).await;
        until(&replica, &thread, Owner::Desk, 2).await;
        let cause = || Cause::new(new_id(), "answer", "test");
        let refused = replica.spine.log.transact(&thread, &cause(), answer).await;
        let owned = Rejection::OwnedBy { owner: Owner::Desk };
        assert!(matches!(refused, Err(Refused::Rejected(rejection)) if rejection == owned));

        pushes.close().await;
        until(&replica, &thread, Owner::Ai, 2).await;
        assert!(replica.says(&thread, Thread::awaiting).await.is_empty(), "the desk dealt with it");
        // Everything comes once more, the beginning after the end.
        pushes.close().await;
        pushes.create().await;
        pushes.switch().await;
        pushes.text(8, 3).await;
        until(&replica, &thread, Owner::Ai, 3).await;
        replica.spine.log.transact(&thread, &cause(), answer).await.unwrap();
        let history = replica.history(&thread).await;
        let count = |wanted: fn(&ThreadEvent) -> bool| history.iter().filter(|event| wanted(event)).count();
        assert_eq!(count(|event| matches!(event, ThreadEvent::DeskTook { .. })), 2, "created and switched");
        assert_eq!(count(|event| matches!(event, ThreadEvent::DeskTook { moved: true, .. })), 1);
        assert_eq!(count(|event| matches!(event, ThreadEvent::DeskLetGo { .. })), 1);
        assert_eq!(count(|event| matches!(event, ThreadEvent::Replied { .. })), 1);
        replica.stop().await;
    })
    .await;
}
