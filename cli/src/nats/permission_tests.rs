//! The roles' permissions, tried against a real server: what is allowed works, what is not is refused.

use super::Role;
use super::testing::World;

use Role::{
    AiAgent, Analytics, Auditor, ChannelIngest, Console, Consumer, Identity, LeadCapture, Operator, Routing,
};

/// Who may append what. Written by hand, not from the code under test.
const WRITERS: [(&str, &[Role]); 14] = [
    ("log.1.0.shop.thread.a", &[ChannelIngest, Identity, Routing, AiAgent, Console]),
    ("log.1.7.shop.thread.a", &[ChannelIngest, Identity, Routing, AiAgent, Console]),
    ("log.1.1.shop.customer.a", &[Identity]),
    ("log.1.1.shop.lead.a", &[LeadCapture, Identity]),
    ("log.1.1.shop.endpoint.a", &[LeadCapture]),
    ("log.1.1.shop.agent.a", &[Routing, Console, Operator]),
    ("log.1.1.shop.knowledge.a", &[Console, Operator]),
    ("log.1.1.shop.account.a", &[Console, Operator]),
    ("log.1.1.shop.tenant.a", &[Console, Operator]),
    ("log.1.1.shop.access.a", &[Console, LeadCapture]),
    ("log.1.1.shop.spend.a", &[Analytics]),
    ("inbound.0.shop.a", &[ChannelIngest]),
    ("refused.shop", &[ChannelIngest]),
    ("leads.shop.lead.created.a", &[LeadCapture]),
];

#[tokio::test]
async fn each_role_appends_to_its_own_subjects_and_to_no_others() {
    let world = World::new().await;
    for role in Role::ALL {
        let mut hand = world.connect(role).await;
        for (subject, writers) in WRITERS {
            assert_eq!(
                hand.may(subject, "{}").await,
                writers.contains(&role),
                "{} to {subject}",
                role.name()
            );
        }
        // Neither an unknown kind, nor a foreign place in the subject, nor a subject of the server's own.
        for subject in
            ["log.1.0.shop.other.a", "log.1.0.thread.a", "$JS.ACK.LOG_1_0.x", "other", "_INBOX.x.y"]
        {
            assert!(!hand.may(subject, "{}").await, "{} to {subject}", role.name());
        }
    }
    world.end().await;
}

const LOG_READERS: &[Role] =
    &[ChannelIngest, Identity, Routing, AiAgent, LeadCapture, Analytics, Console, Operator, Auditor];
/// A start compares every stream.
const EVERY_ROLE: &[Role] =
    &[ChannelIngest, Identity, Routing, AiAgent, LeadCapture, Analytics, Console, Operator];
const EVERY_ROLE_AND_CONSUMERS: &[Role] =
    &[ChannelIngest, Identity, Routing, AiAgent, LeadCapture, Analytics, Console, Operator, Consumer];
const LEADS_READERS: &[Role] = &[LeadCapture, Identity, Operator, Consumer];
const INBOUND_READERS: &[Role] = &[ChannelIngest, Identity, Operator];

/// Who may ask JetStream for what. The server answers an allowed question, be it with an error.
const ASKERS: [(&str, &[Role]); 32] = [
    ("$JS.API.INFO", &Role::ALL),
    ("$JS.API.STREAM.NAMES", &Role::ALL),
    ("$JS.API.STREAM.LIST", &[Operator]),
    ("$JS.API.CONSUMER.DURABLE.CREATE.LOG_1_0.x", &[Operator]),
    ("$JS.API.CONSUMER.DURABLE.CREATE.LEADS.x", &[Operator, Consumer]),
    ("$JS.API.CONSUMER.NAMES.LEADS", &[Operator, Consumer]),
    ("$JS.API.CONSUMER.NAMES.LOG_1_0", &[Operator]),
    ("$JS.API.STREAM.INFO.LOG_1_0", LOG_READERS),
    ("$JS.API.STREAM.MSG.GET.LOG_1_7", LOG_READERS),
    ("$JS.API.DIRECT.GET.LOG_1_0", LOG_READERS),
    ("$JS.API.CONSUMER.CREATE.LOG_1_0.x", LOG_READERS),
    ("$JS.API.CONSUMER.DELETE.LOG_1_0.x", LOG_READERS),
    ("$JS.API.STREAM.INFO.LEADS", EVERY_ROLE_AND_CONSUMERS),
    ("$JS.API.STREAM.INFO.INBOUND_7", EVERY_ROLE),
    ("$JS.API.STREAM.INFO.REFUSED", EVERY_ROLE),
    ("$JS.API.STREAM.MSG.GET.LEADS", LEADS_READERS),
    ("$JS.API.CONSUMER.CREATE.LEADS.x.leads.shop.>", LEADS_READERS),
    ("$JS.API.DIRECT.GET.LEADS.leads.shop.a.b", LEADS_READERS),
    ("$JS.API.STREAM.MSG.GET.INBOUND_3", INBOUND_READERS),
    ("$JS.API.CONSUMER.CREATE.INBOUND_0.x", INBOUND_READERS),
    ("$JS.API.STREAM.MSG.GET.REFUSED", &[ChannelIngest, Operator]),
    ("$JS.API.STREAM.MSG.DELETE.INBOUND_0", &[Identity, Operator]),
    ("$JS.API.STREAM.MSG.DELETE.LEADS", &[Identity, Operator]),
    ("$JS.API.STREAM.CREATE.LOG_2_0", &[Operator]),
    ("$JS.API.STREAM.UPDATE.LOG_1_0", &[Operator]),
    ("$JS.API.STREAM.SNAPSHOT.LOG_1_0", &[Operator]),
    ("$JS.API.STREAM.MSG.DELETE.LOG_1_0", &[]),
    ("$JS.API.STREAM.MSG.DELETE.LOG_8_7", &[]),
    ("$JS.API.STREAM.PURGE.LOG_1_0", &[]),
    ("$JS.API.STREAM.DELETE.LOG_1_0", &[]),
    ("$JS.API.STREAM.PURGE.LEADS", &[]),
    ("$JS.API.ACCOUNT.PURGE.$G", &[]),
];

#[tokio::test]
async fn each_role_reads_its_own_streams_and_only_the_operator_shapes_them() {
    let world = World::new().await;
    for role in Role::ALL {
        let mut hand = world.connect(role).await;
        for (subject, askers) in ASKERS {
            assert_eq!(hand.may(subject, "").await, askers.contains(&role), "{} to {subject}", role.name());
        }
    }
    world.end().await;
}

#[tokio::test]
async fn no_role_hears_the_replies_of_another_or_the_log_as_it_is_written() {
    let world = World::new().await;
    for role in Role::ALL {
        let mut hand = world.connect(role).await;
        let others = Role::ALL.into_iter().filter(|other| *other != role);
        let subjects = others.map(|other| format!("{}.>", other.inbox_prefix()));
        for subject in subjects.chain([">".into(), "log.>".into(), "inbound.>".into(), "$JS.>".into()]) {
            assert!(!hand.hears(&subject).await, "{} hears {subject}", role.name());
        }
    }
    world.end().await;
}
