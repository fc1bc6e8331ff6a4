//! Who somebody is, proven by a shop's sign-in, a partner or a platform: threads of one person become one customer.

use crate::shop;
use events::ThreadEvent;
use events::customer::EvidenceKind;
use integration::{Place, World, account, count, eventually, on_each};
use runtime::Role;
use serde_json::json;
use simulators::wechat::Push;
use simulators::widget::{Shop, Site, Visitor};
use simulators::{Clock, Error, Fault, Ledger};
use uuid::Uuid;

const IDENTITY_SECRET: &str = "the-shop-and-the-suite-share-this";

async fn site(world: &World) -> (Site, Shop) {
    let secrets =
        [("widget_secret", "a-secret-of-the-widget-0123456789abcdef"), ("identity_secret", IDENTITY_SECRET)];
    account(&world.spine, "widget", "site", &[], &secrets).await;
    world.settle().await;
    let site = Site {
        socket: format!("{}/channels/widget/site/socket", world.http.replace("http://", "ws://")),
        account: "site".into(),
        page: "https://shop.example/".into(),
        patience_ms: 15_000,
        clock: Clock::world(),
        ledger: Ledger::default(),
    };
    (site, Shop { account: "site".into(), secret: IDENTITY_SECRET.into() })
}

fn thread(visitor: &Visitor) -> Uuid {
    visitor.thread().expect("the welcome names it").parse().unwrap()
}

fn kinds(events: &[ThreadEvent]) -> Vec<EvidenceKind> {
    let kind = |event: &ThreadEvent| match event {
        ThreadEvent::Identified { kind, .. } => Some(*kind),
        _ => None,
    };
    events.iter().filter_map(kind).collect()
}

/// The customer to whom the thread belongs now.
async fn customer(world: &World, thread: Uuid) -> Option<String> {
    let reader =
        world.spine.readers.all().into_iter().find(|reader| reader.name().starts_with("identity"))?;
    let row =
        sqlx::query_as("SELECT customer FROM customer_threads WHERE thread = $1").bind(thread.to_string());
    let found: Option<(String,)> = row.fetch_optional(reader.model().store.reads()).await.ok()?;
    found.map(|(customer,)| customer)
}

async fn one_customer(world: &World, threads: &[Uuid]) {
    eventually("one customer", async || {
        let first = customer(world, threads[0]).await?;
        for thread in threads {
            if customer(world, *thread).await? != first {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_in_the_widget_and_on_the_partners_channel_is_one_customer() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let (site, shop) = site(&world).await;
        let ends_s = outside.clock.now_s() + 600;
        let mut visitor = Visitor::new(&site, "anna");
        visitor.open().await.unwrap();
        visitor.write("退货运费谁承担？").await.unwrap();
        // What does not prove it changes nothing, and says why.
        for (proof, code) in [
            (shop.proof("user-7", ends_s - 3_600, &json!({})), "identity_expired"),
            (Shop { account: "other".into(), ..shop.clone() }.proof("user-7", ends_s, &json!({})), "identity_other_account"),
            (Shop { secret: "not-the-shop's".into(), ..shop.clone() }.proof("user-7", ends_s, &json!({})), "identity_invalid"),
        ] {
            let refused = visitor.sign_in(proof).await;
            assert!(matches!(&refused, Err(Error::Refused(said)) if said == code), "{refused:?}");
        }
        let anonymous = thread(&visitor);
        assert!(kinds(&world.history(anonymous).await).is_empty());
        let phone = json!({ "phone_number": "+8613800138000", "phone_number_verified": true });
        visitor.sign_in(shop.proof("user-7", ends_s, &phone)).await.unwrap();
        let proven = [EvidenceKind::Login, EvidenceKind::VerifiedPhone];
        assert_eq!(kinds(&world.history(anonymous).await), proven);
        // The same evidence again, on the open page and on the next one, is nothing new.
        visitor.sign_in(shop.proof("user-7", ends_s + 1, &phone)).await.unwrap();
        visitor.drop_socket();
        visitor.open().await.unwrap();
        assert_eq!(thread(&visitor), anonymous);
        assert_eq!(kinds(&world.history(anonymous).await), proven);
        for n in 0..2 {
            let sent_at = outside.clock.now() / 1_000;
            let item = json!({ "id": format!("i-{n}"), "user": "p-anna", "text": "多久能发货？", "sent_at": sent_at,
                "identity": { "login": "user-7", "email": "anna@example.com" } });
            assert_eq!(outside.partner.post_raw(&item.to_string()).await, Some(202));
        }
        let item = json!({ "id": "b-1", "user": "p-bob", "text": "多久能发货？",
            "sent_at": outside.clock.now() / 1_000, "identity": { "login": "user-8" } });
        assert_eq!(outside.partner.post_raw(&item.to_string()).await, Some(202));
        let partner = world.thread_of(outside.shop, "p-anna").await;
        world
            .until("both messages", partner, |events| {
                (count(events, |event| matches!(event, ThreadEvent::Received { .. })) == 2).then_some(())
            })
            .await;
        assert_eq!(kinds(&world.history(partner).await), [EvidenceKind::Login, EvidenceKind::VerifiedEmail]);
        one_customer(&world, &[anonymous, partner]).await;
        let other = world.thread_of(outside.shop, "p-bob").await;
        let bob = eventually("the other customer", async || customer(&world, other).await).await;
        assert_ne!(Some(bob), customer(&world, partner).await);
        for thread in [anonymous, partner, other] {
            world.quiet(thread).await;
        }
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_logins_at_one_browser_stay_two_customers_whatever_token_it_kept() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        let (site, shop) = site(&world).await;
        let ends_s = outside.clock.now_s() + 600;
        let proof = |login: &str| shop.proof(login, ends_s, &json!({}));
        for (user, login) in [("p-anna", "user-7"), ("p-bob", "user-8")] {
            let item = json!({ "id": format!("i-{user}"), "user": user, "text": "多久能发货？",
                "sent_at": outside.clock.now() / 1_000, "identity": { "login": login } });
            assert_eq!(outside.partner.post_raw(&item.to_string()).await, Some(202));
        }
        let mut anna = Visitor::new(&site, "anna");
        anna.open().await.unwrap();
        anna.write("退货运费谁承担？").await.unwrap();
        let (hers, kept) = (thread(&anna), anna.token().unwrap().to_owned());
        let mut tab = Visitor::new(&site, "tab");
        tab.keeps(&kept);
        tab.open().await.unwrap();
        assert_eq!(thread(&tab), hers, "nobody has signed in yet");
        anna.sign_in(proof("user-7")).await.unwrap();

        let refused = tab.sign_in(proof("user-8")).await;
        assert!(matches!(&refused, Err(Error::Refused(said)) if said == "identity_changed"), "{refused:?}");
        tab.open().await.unwrap();
        let mut bob = Visitor::new(&site, "bob");
        bob.keeps(&kept);
        bob.signed_in(Some(proof("user-8")));
        bob.open().await.unwrap();
        assert_eq!(bob.reply(500).await.unwrap(), None, "nothing of hers is shown");
        bob.write("退货运费谁承担？").await.unwrap();
        let mut nobody = Visitor::new(&site, "nobody");
        nobody.keeps(&kept);
        nobody.open().await.unwrap();
        let mut again = Visitor::new(&site, "anna-again");
        again.keeps(&kept);
        again.signed_in(Some(proof("user-7")));
        again.open().await.unwrap();
        assert_eq!(thread(&again), hers, "she comes back with the old token");
        let threads = [hers, thread(&tab), thread(&bob), thread(&nobody)];
        for (place, one) in threads.iter().enumerate() {
            assert!(!threads[place + 1..].contains(one), "{threads:?}");
            assert!(kinds(&world.history(*one).await).len() <= 1, "one login in a thread at most");
        }

        let partner = |user| world.thread_of(outside.shop, user);
        one_customer(&world, &[hers, partner("p-anna").await]).await;
        one_customer(&world, &[thread(&bob), thread(&tab), partner("p-bob").await]).await;
        assert_ne!(customer(&world, hers).await, customer(&world, thread(&bob)).await);
        for thread in threads {
            world.quiet(thread).await;
        }
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_asked_about_once_and_known_by_the_union_id_also_after_faults() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        let outside = world.furnish(&shop()).await;
        for (openid, unionid) in [("w-anna", "union-1"), ("w-fault", "union-2")] {
            outside.wechat.bind(openid, unionid);
        }
        outside.wechat.info_faults().user("w-fault", Fault::Code(-1), 1);
        outside.wechat.info_faults().user("w-fault", Fault::status(502), 1);
        let follow = Push::Follow { openid: "w-anna".into(), scene: None };
        assert!(outside.wechat.push(follow).await.acknowledged);
        for openid in ["w-anna", "w-fault", "w-nobody"] {
            assert!(outside.wechat.push(Push::text(openid, "退货运费谁承担？")).await.acknowledged);
        }
        let mut threads = Vec::new();
        for openid in ["w-anna", "w-fault"] {
            let thread = world.thread_of(outside.oa, openid).await;
            world
                .until("the union id", thread, |events| {
                    (kinds(events) == [EvidenceKind::Unionid]).then_some(())
                })
                .await;
            threads.push(thread);
        }
        let nobody = world.thread_of(outside.oa, "w-nobody").await;
        world.quiet(nobody).await;
        eventually("five questions", async || (outside.wechat.infos() == 5).then_some(())).await;
        // Nobody is asked about again: not for a message, not after a restart.
        let world = world.again(&Role::ALL).await;
        world.is_reached_by(&outside);
        for openid in ["w-anna", "w-fault", "w-nobody"] {
            assert!(outside.wechat.push(Push::text(openid, "多久能发货？")).await.acknowledged);
            world.quiet(world.thread_of(outside.oa, openid).await).await;
        }
        world.journal_is_read(&outside).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        assert_eq!(outside.wechat.infos(), 5);
        assert!(kinds(&world.history(nobody).await).is_empty());
        world.every_model_equals_the_log().await;
        world.stop().await;
    })
    .await;
}
