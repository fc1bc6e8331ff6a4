//! Random histories: the figures by SQL are those of the naive model.

use crate::ask::span;
use crate::chance::{play, steps};
use crate::count::count;
use crate::model::assert_all;
use crate::script::{ACCOUNTS, START};
use crate::suite::{Suite, assert_same};
use crate::talk::Talk;
use futures::{StreamExt, stream};
use ground::{Server, on_each};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use proto::v1::AnalyticsFilter;

const HOUR: i64 = 3_600_000_000;
const THREADS: u64 = 240;
/// Threads that are played at a time, so that parts and batches mix.
const AT_A_TIME: usize = 16;

#[tokio::test]
async fn figures_of_random_histories_are_those_of_the_naive_model() {
    on_each(async |place| {
        let server = Server::start().await;
        let suite = Suite::start(&server, &place).await;
        for (account, channel) in ACCOUNTS {
            suite.configure(account, channel).await;
        }
        let seed = RngSeed::Fixed(u64::from(place.folder.ends_with("postgres")) + 1);
        let mut runner = TestRunner::new(Config { rng_seed: seed, ..Config::default() });
        let histories: Vec<_> =
            (0..THREADS).map(|i| (i, steps().new_tree(&mut runner).unwrap().current())).collect();
        let suite = &suite;
        let all: Vec<_> = stream::iter(histories)
            .map(|(i, steps)| async move {
                let (account, channel) = ACCOUNTS[i as usize % 3];
                let talk = Talk::new(suite, account, channel);
                let start = START + i64::try_from(i).unwrap() * HOUR / 7;
                let leads = play(&talk, &steps, start).await;
                count(&talk, &talk.history().await, &leads)
            })
            .buffer_unordered(AT_A_TIME)
            .concat()
            .await;
        // What the comparison below would be worth nothing without.
        assert!(all.iter().filter(|c| c.response_ms.is_some()).count() > 20);
        assert!(all.iter().filter(|c| c.waiting_ms.is_some()).count() > 10);
        assert!(all.iter().filter(|c| c.resolved).count() > 3);
        assert!(all.iter().filter(|c| c.n > 1).count() > 10);
        assert!(all.iter().filter(|c| c.lead).count() > 10);
        let whole = span(START, START + 1_000 * HOUR);
        for filter in [
            whole.clone(),
            span(START + 3 * HOUR, START + 11 * HOUR + 12_345),
            AnalyticsFilter { account: Some(ACCOUNTS[2].0.to_string()), ..whole.clone() },
            AnalyticsFilter { channel: Some("wechat_oa".into()), ..whole },
        ] {
            assert_all(suite, &filter, &all).await;
        }
        let reader = suite.reader().await;
        let live = reader.model();
        reader.rebuild(|_, _| {}).await.unwrap();
        suite.caught_up().await;
        assert_same(&live, &reader.model(), all.len() as u64).await;
    })
    .await;
}
