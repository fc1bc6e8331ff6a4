//! Two processes of one role on Postgres: each knows what the other's parts brought.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use directory::Directory;
use directory::fresh::Watch;
use events::AccountEvent;
use events::account::Setup;
use events::tenant::Settings;
use futures::future::{BoxFuture, join_all};
use ground::{Place, Server, on_each};
use laws::account::Account;
use laws::tenant::Tenant;
use spine::db::ModelSpec;
use spine::keys::KeySettings;
use spine::{Address, Cause, Entity, Error, Log, Projector, Reader, Recorded, Spine, new_id};
use sqlx::AnyConnection;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TENANT: &str = "shop";
/// What is promised, and no more.
const KNOWN_WITHIN: Duration = Duration::from_secs(2);
const ACCOUNTS: usize = 16;
const STRANGERS: u32 = 50;
const SHORT: Duration = Duration::from_millis(200);

/// A role that only keeps the directory.
struct Keeps(Directory);

impl Projector for Keeps {
    fn spec(&self) -> ModelSpec {
        ModelSpec { name: "keeps", version: 1, schema: &directory::SCHEMA }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &directory::KINDS
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            for record in batch {
                directory::apply(tx, record).await?;
            }
            Ok(())
        })
    }

    fn committed(&self, batch: &[Arc<Recorded>]) {
        self.0.committed(batch);
    }
}

struct Replica {
    spine: Spine,
    directory: Directory,
    reader: Reader,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Replica {
    async fn start(place: &Place, log: Log) -> Self {
        let spine = place.spine(log, KeySettings::default()).await;
        let (directory, stop, mut running) = (Directory::default(), CancellationToken::new(), JoinSet::new());
        let reader = spine.reader(Arc::new(Keeps(directory.clone()))).await.unwrap();
        directory.load(&reader.model().store).await.unwrap();
        {
            let (spine, stop) = (spine.clone(), stop.clone());
            running.spawn(async move { spine.tail.run(&spine.log, &stop).await.unwrap() });
        }
        {
            let (reader, stop) = (reader.clone(), stop.clone());
            running.spawn(async move { reader.run(&stop).await.unwrap() });
        }
        {
            let (directory, reader, stop) = (directory.clone(), reader.clone(), stop.clone());
            running.spawn(async move { directory.keep_fresh(&reader, &stop).await });
        }
        Self { spine, directory, reader, stop, running }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while self.running.join_next().await.is_some() {}
        self.reader.let_go().await.unwrap();
        self.spine.database.close().await;
    }
}

async fn configure(spine: &Spine, id: Uuid, slug: &str) {
    let address = Address::of(TENANT, Account::KIND, id).unwrap();
    let setup = Setup {
        channel: "http".into(),
        slug: slug.into(),
        name: slug.into(),
        settings: Default::default(),
        secrets: Default::default(),
    };
    let events = vec![AccountEvent::Configured { setup, at: spine.log.clock().now() }];
    let cause = Cause::new(new_id(), "configure", "test");
    let decide = |_: &Account| Ok::<_, Infallible>(events.clone());
    spine.log.transact(&address, &cause, decide).await.unwrap();
}

async fn known_to(directory: &Directory, what: &str, look: impl Fn(&Directory) -> bool, since: Instant) {
    ground::eventually(what, async || look(directory).then_some(())).await;
    assert!(since.elapsed() < KNOWN_WITHIN, "{what}: {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_commits_the_other_knows_within_two_seconds() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let server = Server::start().await;
        let one = Replica::start(&place, server.log().await).await;
        ground::eventually("all parts with the first", async || {
            (one.reader.live_parts().len() == usize::from(spine::PARTS)).then_some(())
        })
        .await;
        let two = Replica::start(&place, server.log().await).await;
        let ids: Vec<Uuid> = (0..ACCOUNTS).map(|_| new_id()).collect();
        for (n, id) in ids.iter().enumerate() {
            configure(&one.spine, *id, &format!("desk-{n}")).await;
        }
        let address = Address::new(TENANT, Tenant::KIND, TENANT, TENANT).unwrap();
        let settings = Settings { greeting: "欢迎光临".into(), ..Settings::default() };
        let (at, cause) = (one.spine.log.clock().now(), Cause::new(new_id(), "configure", "test"));
        let decide = |state: &Tenant| laws::tenant::configure(state, "铺", &settings, at);
        one.spine.log.transact(&address, &cause, decide).await.unwrap();
        ground::caught_up(&one.spine).await;
        let since = Instant::now();
        assert_eq!(two.reader.live_parts(), Vec::<u8>::new(), "the second reads no part itself");
        for directory in [&one.directory, &two.directory] {
            known_to(directory, "all accounts", |known| known.accounts(TENANT).len() == ACCOUNTS, since)
                .await;
            known_to(directory, "the greeting", |known| *known.settings(TENANT) == settings, since).await;
        }
        let before = two.directory.account(ids[0]).unwrap();
        configure(&one.spine, ids[1], "renamed").await;
        ground::caught_up(&one.spine).await;
        let since = Instant::now();
        known_to(&two.directory, "a new name", |known| known.account_by_slug("renamed").is_some(), since)
            .await;
        assert!(two.directory.account_by_slug("desk-1").is_none());
        let after = two.directory.account(ids[0]).unwrap();
        assert!(Arc::ptr_eq(&before, &after), "what did not change is the same value");
        for n in 0..5 {
            let slug = format!("late-{n}");
            configure(&one.spine, new_id(), &slug).await;
            ground::caught_up(&one.spine).await;
            two.directory.look_again(&two.reader).await.unwrap();
            assert!(two.directory.account_by_slug(&slug).is_some(), "{slug} is looked for and not found");
        }
        two.stop().await;
        one.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_make_names_up_cause_ten_looks_a_second_at_most() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let server = Server::start().await;
        let one = Replica::start(&place, server.log().await).await;
        let watch = Watch::of(&["accounts"]);
        let (began, end) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let stranger = async || {
            let (mut asked, mut looks) = (0, 0);
            while Instant::now() < end {
                if let Some(turn) = watch.turn_now(&one.reader).await.unwrap() {
                    turn.look(&one.reader, async { Ok(true) }).await.unwrap();
                    looks += 1;
                }
                asked += 1;
            }
            (asked, looks)
        };
        let all = join_all((0..STRANGERS).map(|_| stranger())).await;
        let asked: u32 = all.iter().map(|(asked, _)| asked).sum();
        let looks: u32 = all.iter().map(|(_, looks)| looks).sum();
        let may = began.elapsed().as_millis() / 100 + 1;
        assert!(looks >= 1 && u128::from(looks) <= may, "{looks} looks in {:?}", began.elapsed());
        assert!(asked > looks, "{asked} questions share {looks} looks");
        one.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_failed_is_shared_and_one_that_was_broken_off_is_made_anew() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let server = Server::start().await;
        let one = Replica::start(&place, server.log().await).await;
        let watch = Watch::of(&["accounts"]);
        let held = watch.turn().await;
        let broken_off = async {
            tokio::time::timeout(SHORT, held.look(&one.reader, std::future::pending())).await.is_err()
        };
        let (waited, is_broken_off) = tokio::join!(watch.turn_now(&one.reader), broken_off);
        assert!(is_broken_off && waited.unwrap().is_some(), "whoever waited looks for themselves");
        let held = watch.turn().await;
        let failing = held.look(&one.reader, async { Err(Error::Other("the tables are away".into())) });
        let (waited, failed) = tokio::join!(watch.turn_now(&one.reader), failing);
        assert!(failed.is_err() && waited.is_err(), "nobody waits in a queue for tables that are away");
        one.stop().await;
    })
    .await;
}
