//! The tables of the read model.
//!
//! Each column has one writer part or is a function of columns that have, so that the order in which the parts
//! are read makes no difference. A customer's id follows from its first thread's, so either may be read first.

use spine::db::{ModelSpec, Wanted};

/// What this service keeps in the database.
pub const STORES: &[Wanted] = &[Wanted::Model(SPEC), Wanted::State("identity", crate::erase::MIGRATIONS)];

/// What the service projects.
pub const SPEC: ModelSpec = ModelSpec {
    name: "identity",
    version: 2,
    schema: &[
        // `root` is the customer that `customer` goes on as, over any number of merges. The touches are those of
        // all threads of a root. `latest` orders lists: the last touch, else the beginning.
        "CREATE TABLE customers (customer TEXT PRIMARY KEY, tenant TEXT NOT NULL, appeared INTEGER NOT NULL,
         erased INTEGER NOT NULL, began_at BIGINT, absorbed_into TEXT, root TEXT NOT NULL,
         first_at BIGINT, first_thread TEXT, first_conversation BIGINT,
         last_at BIGINT, last_thread TEXT, last_conversation BIGINT, latest BIGINT NOT NULL)",
        "CREATE INDEX customers_root ON customers (root)",
        "CREATE INDEX customers_latest ON customers (tenant, latest, customer)",
        // `origin` is the customer that appeared in the thread, `customer` the one that it goes on as.
        "CREATE TABLE customer_threads (thread TEXT PRIMARY KEY, tenant TEXT NOT NULL, origin TEXT NOT NULL,
         customer TEXT NOT NULL, account TEXT NOT NULL, channel TEXT NOT NULL, began_at BIGINT,
         erased INTEGER NOT NULL)",
        "CREATE INDEX customer_threads_customer ON customer_threads (customer)",
        "CREATE INDEX customer_threads_origin ON customer_threads (origin)",
        // `asked` by the thread, `known` to the customer.
        "CREATE TABLE touches (thread TEXT NOT NULL, conversation BIGINT NOT NULL, asked INTEGER NOT NULL,
         known INTEGER NOT NULL, at BIGINT, source TEXT, medium TEXT, campaign TEXT, scene TEXT, page TEXT,
         PRIMARY KEY (thread, conversation))",
        "CREATE TABLE evidence (thread TEXT NOT NULL, kind TEXT NOT NULL, asked INTEGER NOT NULL,
         known INTEGER NOT NULL, PRIMARY KEY (thread, kind))",
        "CREATE TABLE tokens (tenant TEXT NOT NULL, kind TEXT NOT NULL, token TEXT NOT NULL,
         thread TEXT NOT NULL, PRIMARY KEY (tenant, kind, token, thread))",
        "CREATE INDEX tokens_thread ON tokens (thread)",
        // `claimed` while `customer` holds that `other` is the same person.
        "CREATE TABLE merges (customer TEXT NOT NULL, other TEXT NOT NULL, tenant TEXT NOT NULL,
         kind TEXT NOT NULL, claimed INTEGER NOT NULL, splits BIGINT NOT NULL, at BIGINT NOT NULL,
         PRIMARY KEY (customer, other))",
        "CREATE INDEX merges_other ON merges (other)",
        // What evidence would link and what only a person may decide. `other` is empty when one customer alone
        // has two different logins.
        "CREATE TABLE conflicts (customer TEXT NOT NULL, other TEXT NOT NULL, kind TEXT NOT NULL,
         tenant TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (customer, other, kind))",
        "CREATE INDEX conflicts_other ON conflicts (other)",
        // `joined_into` is the lead of the same person that goes on instead, one join far. It stays when the lead
        // is erased: what is joined with it is of the same person all the same.
        "CREATE TABLE leads_of_thread (lead TEXT PRIMARY KEY, thread TEXT NOT NULL, tenant TEXT NOT NULL,
         joined_into TEXT, erased INTEGER NOT NULL)",
        "CREATE INDEX leads_of_thread_thread ON leads_of_thread (thread)",
        "CREATE INDEX leads_of_thread_joined ON leads_of_thread (joined_into)",
        "CREATE TABLE erasures (entity TEXT PRIMARY KEY, erasure TEXT NOT NULL, tenant TEXT NOT NULL,
         part INTEGER NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL)",
        "CREATE INDEX erasures_erasure ON erasures (erasure)",
    ],
};
