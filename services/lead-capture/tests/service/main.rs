//! lead-capture as it runs: on real NATS, on SQLite and on Postgres when there is one.

mod capture;
mod consumer;
mod feed;
mod model;
mod publish;
mod queries;
mod stream;
mod world;
