//! The read model `routing`: its tables, and what each of them is for.

pub(crate) mod agents;
pub(crate) mod fold;
pub(crate) mod history;
pub(crate) mod project;
pub(crate) mod row;
pub(crate) mod table;

use spine::db::ModelSpec;

/// What this service keeps in the database.
pub const STORES: &[spine::db::Wanted] = &[spine::db::Wanted::Model(SPEC)];

pub(crate) const SPEC: ModelSpec = ModelSpec {
    name: "routing",
    version: 2,
    schema: &[
        directory::SCHEMA[0],
        directory::SCHEMA[1],
        THREADS,
        // What an assigner reads: the oldest of those that the same agents can serve.
        "CREATE INDEX threads_waiting ON threads (tenant, queue, channel, language, since, thread)
         WHERE owner = 'queue'",
        // What a queue shows: everybody in it, in order.
        "CREATE INDEX threads_queue ON threads (tenant, queue, since, thread) WHERE owner = 'queue'",
        "CREATE INDEX threads_held ON threads (tenant, agent) WHERE owner = 'agent'",
        "CREATE INDEX threads_answer ON threads (part, tenant, answer_at) WHERE answer_at IS NOT NULL",
        "CREATE INDEX threads_idle ON threads (part, tenant, idle_at) WHERE idle_at IS NOT NULL",
        AGENTS,
        "CREATE INDEX agents_tenant ON agents (tenant, agent)",
        TURNS,
        HISTORY,
    ],
};

/// One row for each thread, for life: the channel is told once, and who comes back is given to whom they know.
/// Who waits, who owns what and which timers run are rows of this table, so that they change together. Whoever reads
/// the thread's part of the log asks for its timers.
const THREADS: &str = "CREATE TABLE threads (
    thread TEXT PRIMARY KEY, part BIGINT NOT NULL, tenant TEXT NOT NULL, account TEXT NOT NULL, channel TEXT NOT NULL,
    n BIGINT NOT NULL, owner TEXT NOT NULL, agent TEXT, tenure BIGINT NOT NULL, since BIGINT NOT NULL,
    queue TEXT NOT NULL, reason TEXT, language TEXT NOT NULL, last_agent TEXT, gave_back TEXT,
    active_at BIGINT NOT NULL, awaiting TEXT NOT NULL, answer_message TEXT, answer_at BIGINT, idle_at BIGINT)";

const AGENTS: &str = "CREATE TABLE agents (
    agent TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, capacity BIGINT NOT NULL,
    skills TEXT NOT NULL, channels TEXT NOT NULL, queues TEXT NOT NULL,
    presence TEXT NOT NULL, since BIGINT NOT NULL, gone INTEGER NOT NULL)";

/// When an agent last got a conversation. Threads of all parts write here, so it is a maximum.
const TURNS: &str = "CREATE TABLE turns (agent TEXT PRIMARY KEY, last_at BIGINT NOT NULL)";

/// For how long agents held conversations of a queue, by the hour in which they let go. Sums only.
const HISTORY: &str = "CREATE TABLE history (tenant TEXT NOT NULL, queue TEXT NOT NULL, hour BIGINT NOT NULL,
    freed BIGINT NOT NULL, held_us BIGINT NOT NULL, PRIMARY KEY (tenant, queue, hour))";
