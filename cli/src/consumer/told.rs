//! What is told of a named consumer: what it reads, its credentials, and how to begin.

use super::{Consumer, word};
use crate::nats;
use crate::output::{self, Form};
use anyhow::Context;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Everything that its system needs.
pub(super) struct Told<'a> {
    consumer: &'a Consumer,
    url: &'a str,
    seed_file: PathBuf,
    seed: String,
    /// What the operator of a NATS that is not ours adds to its users.
    block: Option<String>,
}

/// # Errors
/// When the seed cannot be read.
pub(super) fn of<'a>(
    consumer: &'a Consumer,
    url: &'a str,
    seed_file: PathBuf,
    block: Option<String>,
) -> anyhow::Result<Told<'a>> {
    let seed_file = std::path::absolute(seed_file)?;
    let seed =
        std::fs::read_to_string(&seed_file).with_context(|| format!("read {}", seed_file.display()))?;
    Ok(Told { consumer, url, seed_file, seed: seed.trim().into(), block })
}

/// What it reads, in words.
pub(super) fn what(consumer: &Consumer) -> String {
    let types: Vec<String> = consumer.types.iter().map(|kind| word(*kind)).collect();
    match &consumer.tenant {
        Some(tenant) => format!("{} of {tenant}", types.join(", ")),
        None => format!("{} of all tenants", types.join(", ")),
    }
}

/// What may be shown of it to anybody.
pub(super) fn public(consumer: &Consumer) -> Value {
    json!({
        "name": consumer.name,
        "tenant": consumer.tenant,
        "types": consumer.types,
        "subjects": consumer.subjects(),
        "public_key": consumer.key,
        "stream": "LEADS",
        "durable": consumer.name,
        "inbox_prefix": consumer.inbox_prefix(),
    })
}

impl Told<'_> {
    pub(super) fn print(&self, form: Form) -> anyhow::Result<()> {
        if form.json {
            let mut all = public(self.consumer);
            all["url"] = self.url.into();
            all["seed"] = self.seed.as_str().into();
            all["seed_file"] = self.seed_file.to_string_lossy().into();
            if let Some(block) = &self.block {
                all["authorization"] = block.as_str().into();
                all["accounts"] = nats::guard().into();
            }
            return output::json(&all);
        }
        output::line(self.text())
    }

    fn text(&self) -> String {
        let Self { consumer, url, seed, .. } = self;
        let (name, prefix, file) = (&consumer.name, consumer.inbox_prefix(), self.seed_file.display());
        let block = self.block.as_ref().map_or(String::new(), |block| {
            format!(
                "\nAdd this to the users of the account that has the stream LEADS, and reload the server:\n\n{block}\n\
                 The server must have this as well, once; without it whoever holds a key can delete every stream:\n\n{guard}",
                guard = nats::guard(),
            )
        });
        format!(
            "consumer {name} reads {what}\n  \
               server        {url}\n  \
               nkey seed     {seed}\n  \
               also in       {file}\n  \
               stream        LEADS, durable consumer {name}\n  \
               inbox prefix  {prefix}\n{block}\n\
             With the nats CLI:\n\n  \
               nats --server {url} --nkey {file} --inbox-prefix {prefix} consumer next LEADS {name} --count 10\n\n\
             With Python and nats-py:\n\n{python}",
            what = what(consumer),
            python = self.python(),
        )
    }

    fn python(&self) -> String {
        let (url, prefix, name) = (self.url, self.consumer.inbox_prefix(), &self.consumer.name);
        let file = self.seed_file.display();
        format!(
            "  import asyncio, nats\n\n  \
             async def main():\n      \
                 nc = await nats.connect({url:?}, nkeys_seed=\"{file}\", inbox_prefix=b\"{prefix}\")\n      \
                 leads = await nc.jetstream().pull_subscribe_bind({name:?}, stream=\"LEADS\", inbox_prefix=b\"{prefix}.\")\n      \
                 while True:\n          \
                     try:\n              \
                         for message in await leads.fetch(100, timeout=30):\n                  \
                             print(message.data.decode())  # store it first, then:\n                  \
                             await message.ack()\n          \
                     except nats.errors.TimeoutError:\n              \
                         pass  # nothing new\n\n  \
             asyncio.run(main())"
        )
    }
}
