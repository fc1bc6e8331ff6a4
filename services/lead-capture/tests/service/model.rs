//! The read model: the same from the log as live, and the same with the keys as without.

use crate::world::{World, on_each};
use ground::{Place, Server};
use sqlx::Row;

/// Everything of the tables that is not personal.
async fn unsealed(world: &World) -> Vec<String> {
    let model = world.reader().model();
    let mut found = Vec::new();
    for text in [
        "SELECT lead || '|' || tenant || '|' || thread || '|' || CAST(n AS TEXT) || '|' || account || '|' || channel
         || '|' || CAST(created_at AS TEXT) || '|' || CAST(changed_at AS TEXT) || '|' || COALESCE(joined_into, '-')
         || '|' || CAST(parted AS TEXT) || '|' || COALESCE(consent, '-') || '|' || COALESCE(CAST(score AS TEXT), '-')
         || '|' || reasons || '|' || CAST(erased AS TEXT) FROM leads ORDER BY lead",
        "SELECT lead || '|' || CAST(sequence AS TEXT) || '|' || CAST(number AS TEXT) || '|' || kind || '|' || form
         || '|' || message || '|' || CAST(conversation AS TEXT) || '|' || CAST(at AS TEXT)
         FROM details ORDER BY lead, sequence, number",
        "SELECT thread FROM erased_threads ORDER BY thread",
    ] {
        let rows = sqlx::query(text).fetch_all(model.store.reads()).await.unwrap();
        found.extend(rows.iter().map(|row| row.get::<String, _>(0)));
    }
    found
}

async fn values(world: &World) -> Vec<Option<String>> {
    let model = world.reader().model();
    let rows = sqlx::query("SELECT value FROM details").fetch_all(model.store.reads()).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The read model of the same log beside a key register that has none of its keys, and gave them up.
async fn without_keys(place: &Place, server: &Server) -> World {
    let beside = place.apart("without");
    let mut world = World::open(&beside, server).await;
    let keys = &world.spine.keys;
    for stream in spine::keys::streams() {
        let lost = keys.lost_of(world.log().nats(), &stream).await.unwrap();
        let ids: Vec<String> = lost.into_iter().map(|lost| lost.key).collect();
        keys.give_up(&ids).await.unwrap();
    }
    world.project().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn no_unsealed_column_depends_on_a_key() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut customers: Vec<_> = (0..4).map(|_| World::customer()).collect();
        for customer in &mut customers {
            customer.says(&world, "我叫王小明，可以打给我 13812345678 微信同号").await;
            customer.says(&world, "我要买").await;
        }
        customers[3].is_erased(&world, &[customers[3].lead(1)]).await;
        for customer in &customers {
            let lead = customer.lead(1);
            world.until("a lead", async |world| !world.lead(&lead).await.is_empty()).await;
        }
        world.at_rest().await;
        world.caught_up().await;
        let with = unsealed(&world).await;
        assert!(values(&world).await.iter().all(Option::is_some));
        world.verified().await;
        world.kill().await;
        let world = without_keys(&place, &server).await;
        world.caught_up().await;
        let sealed = values(&world).await;
        assert!(!sealed.is_empty() && sealed.iter().all(Option::is_none));
        assert_eq!(unsealed(&world).await, with);
        world.kill().await;
    })
    .await;
}
