//! What a restore has written so far, and so what is to be emptied when it breaks off.

use anyhow::Context;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// A refusal leaves everything as it was.
    Nothing,
    /// The log beside it was not lost, and nothing else has it.
    Database,
    /// All of it is the restore's own, since nothing was there.
    Streams,
}

impl Touched {
    /// Puts the remedy before why it is not done.
    ///
    /// # Errors
    /// When it is not done.
    pub(super) fn explain(self, done: anyhow::Result<()>) -> anyhow::Result<()> {
        match self.remedy() {
            Some(remedy) => done.context(remedy),
            None => done,
        }
    }

    fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Database => Some(
                "the restore is not done: empty the new database alone (with SQLite the files *.db* in the data folder's \
                 keys and state), leave NATS and its folder as they are, and begin anew",
            ),
            Self::Streams => Some(
                "the restore is not done: empty the data folder (but for keys/master.key), the database and NATS, and \
                 begin anew",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn nobody_is_told_to_empty_what_was_not_touched() {
        let told = |touched: Touched| {
            touched.explain(Ok(())).unwrap();
            format!("{:#}", touched.explain(Err(anyhow!("the reason"))).unwrap_err())
        };
        assert_eq!(told(Touched::Nothing), "the reason");
        let database = told(Touched::Database);
        assert!(database.contains("database alone") && database.contains("leave NATS"), "{database}");
        let streams = told(Touched::Streams);
        assert!(streams.contains("and NATS, and begin anew") && streams.ends_with("the reason"), "{streams}");
    }
}
