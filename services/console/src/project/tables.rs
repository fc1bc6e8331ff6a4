//! The tables of the read model `console`.

use directory::SCHEMA as DIRECTORY;
use spine::db::{ModelSpec, Wanted};

/// What this service keeps in the database.
pub const STORES: &[Wanted] = &[Wanted::Model(SPEC), Wanted::State("console", &crate::tokens::MIGRATIONS)];

/// What the console reads. Names and texts are opened values and NULL once their key is gone; all else is
/// unsealed.
pub(crate) const SPEC: ModelSpec = ModelSpec { name: "console", version: 1, schema: &SCHEMA };

const SCHEMA: [&str; 12] = [
    DIRECTORY[0],
    DIRECTORY[1],
    // `n` is the number of the last conversation, 0 before the first.
    "CREATE TABLE threads (thread TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL,
     channel TEXT NOT NULL, name TEXT, began_at BIGINT NOT NULL, n INTEGER NOT NULL, erased_at BIGINT)",
    // `tail` holds the customer's messages since the last answer, `handed` how many of them were handed to
    // people; `seen_last` is the customer's last message.
    "CREATE TABLE conversation_list (thread TEXT NOT NULL, n INTEGER NOT NULL, tenant TEXT NOT NULL,
     account TEXT NOT NULL, channel TEXT NOT NULL, is_open INTEGER NOT NULL, opened_by TEXT NOT NULL,
     opened_at BIGINT NOT NULL, owner TEXT NOT NULL, agent TEXT, queue TEXT, owner_since BIGINT NOT NULL,
     tenure INTEGER NOT NULL, active_at BIGINT NOT NULL, last_message TEXT, last_message_at BIGINT,
     last_author TEXT, last_kind TEXT, preview TEXT, seen_last TEXT, tail TEXT NOT NULL,
     handed INTEGER NOT NULL, awaiting INTEGER NOT NULL, messages INTEGER NOT NULL,
     has_written INTEGER NOT NULL, closed_at BIGINT, closed_by TEXT, handover_reason TEXT, touch TEXT,
     PRIMARY KEY (thread, n))",
    "CREATE INDEX conversation_by_time ON conversation_list (tenant, is_open, active_at)",
    "CREATE INDEX conversation_by_owner ON conversation_list (tenant, is_open, owner, agent)",
    // The key is the order in which a transcript is read: platform time, platform order, log sequence.
    "CREATE TABLE transcript (thread TEXT NOT NULL, sort_at BIGINT NOT NULL, order_key BIGINT NOT NULL,
     sequence BIGINT NOT NULL, place INTEGER NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, message TEXT,
     author TEXT, agent TEXT, text TEXT, media TEXT, content_kind TEXT, length INTEGER, at BIGINT NOT NULL,
     provider TEXT, seen TEXT, tenure INTEGER, citations TEXT, confidence INTEGER, resends TEXT, what TEXT,
     detail TEXT, PRIMARY KEY (thread, sort_at, order_key, sequence, place))",
    // `receipt` is 0 for none, 1 for delivered, 2 for read.
    "CREATE TABLE sends (thread TEXT NOT NULL, message TEXT NOT NULL, state TEXT, attempt INTEGER NOT NULL,
     class TEXT, retry_at BIGINT, provider TEXT, receipt INTEGER NOT NULL, at BIGINT NOT NULL,
     PRIMARY KEY (thread, message))",
    "CREATE TABLE amendments (thread TEXT NOT NULL, message TEXT NOT NULL, text TEXT, content_kind TEXT,
     edited_at BIGINT, recalled_at BIGINT, PRIMARY KEY (thread, message))",
    "CREATE TABLE agents (agent TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,
     profile TEXT NOT NULL, presence TEXT NOT NULL, has_left INTEGER NOT NULL)",
    "CREATE TABLE entries (entry TEXT PRIMARY KEY, tenant TEXT NOT NULL, slug TEXT NOT NULL,
     removed INTEGER NOT NULL)",
    "CREATE INDEX entries_by_tenant ON entries (tenant, removed)",
];
