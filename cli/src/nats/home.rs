//! The folder of the suite's nats-server: where its files are, its lock, and what is recorded there for others.

use super::consumers::Register;
use super::credentials::Keys;
use super::error::Error;
use super::role::Role;
use crate::private;
use spine::NatsAccess;
use spine::nats::Seed;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Another process has a second to let go of the folder before this one is refused.
const TURN_TRIES: u32 = 10;
const TURN_AGAIN: Duration = Duration::from_millis(100);

/// How a role reaches NATS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) url: String,
    /// The file with the role's nkey seed.
    pub(crate) credentials: PathBuf,
    /// The only prefix under which the role may receive replies.
    pub(crate) inbox_prefix: String,
    role: Role,
}

impl Access {
    /// What the log's connection wants: the same with the seed in hand.
    ///
    /// # Errors
    /// When the seed cannot be read.
    pub(crate) fn open(&self) -> Result<NatsAccess, Error> {
        let path = &self.credentials;
        let seed = fs::read_to_string(path).map_err(Error::file("read", path))?;
        Ok(NatsAccess {
            url: self.url.clone(),
            nkey_seed: Some(Seed(seed.trim().into())),
            inbox_prefix: Some(self.inbox_prefix.clone()),
            name: self.role.name().into(),
        })
    }

    /// The access to the server that was last started on this data folder, for a process that did not start it.
    ///
    /// # Errors
    /// When no server was ever started there.
    pub(crate) fn recorded(data: &Path, role: Role) -> Result<Self, Error> {
        let home = Home::of(data)?;
        let url = home.url().map_err(Error::file("read", &home.0.join("url")))?;
        Ok(home.access(&url, role))
    }
}

/// Where the server of a data folder answers, and where its keys are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(super) home: Home,
}

impl Place {
    /// How a role reaches this server.
    pub(crate) fn access(&self, role: Role) -> Access {
        self.home.access(&self.url, role)
    }
}

/// The folder `nats` in the data folder, as an absolute path.
#[derive(Clone, Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    pub(super) fn of(data: &Path) -> Result<Self, Error> {
        let data = std::path::absolute(data).map_err(Error::file("find", data))?;
        Ok(Self(data.join("nats")))
    }

    /// Makes the folders, closed to other users of the machine.
    pub(super) fn prepare(data: &Path) -> Result<Self, Error> {
        let home = Self::of(data)?;
        for folder in [home.store(), home.credentials()] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(Error::file("make", &folder))?;
        }
        Ok(home)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }
    pub(super) fn store(&self) -> PathBuf {
        self.0.join("store")
    }
    pub(super) fn credentials(&self) -> PathBuf {
        self.0.join("credentials")
    }
    pub(super) fn config(&self) -> PathBuf {
        self.0.join("nats-server.conf")
    }
    pub(super) fn users(&self) -> PathBuf {
        self.0.join(super::config::USERS)
    }
    /// Who may connect now: the roles and the named consumers.
    pub(super) fn users_text(&self, keys: &Keys) -> Result<String, Error> {
        Ok(super::config::users(keys, &self.consumers().all()?))
    }
    /// Writes down who may connect now, for the server to read. A start and a change of the consumers at the same moment
    /// take turns, so that the last to write knows what both know.
    pub(super) fn record_users(&self, keys: &Keys) -> Result<(), Error> {
        let lock = self.0.join("users.lock");
        let _turn = private::turn(&lock).map_err(Error::file("lock", &lock))?;
        let (path, text) = (self.users(), self.users_text(keys)?);
        private::write(&path, text.as_bytes()).map_err(Error::file("write", &path))
    }
    /// The named consumers.
    pub(super) fn consumers(&self) -> Register {
        Register::at(self.0.join("consumers"))
    }
    pub(super) fn pid(&self) -> PathBuf {
        self.0.join("nats-server.pid")
    }
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("nats-server.log")
    }
    pub(super) fn stderr(&self) -> PathBuf {
        self.0.join("nats-server.stderr")
    }

    pub(super) fn access(&self, url: &str, role: Role) -> Access {
        Access {
            url: url.into(),
            credentials: self.credentials().join(role.name()),
            inbox_prefix: role.inbox_prefix(),
            role,
        }
    }

    /// The lock of the store, or none while a server lives on it.
    ///
    /// The server inherits the open file and so holds the lock exactly as long as it lives, whoever started it.
    /// nats-server itself does not lock its store, and two of them on one store destroy it.
    pub(super) fn lock(&self) -> Result<Option<File>, Error> {
        let path = self.0.join("store.lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::file("lock", &path)(source)),
        }
    }

    /// The turn of the one process that starts, adopts and stops the server of this folder. It ends with the process,
    /// however that ends. One who is just ending has a moment to do so.
    ///
    /// # Errors
    /// [`Error::Supervised`] while another process has it.
    pub(super) async fn turn(&self) -> Result<File, Error> {
        for _ in 0..TURN_TRIES {
            match self.try_turn() {
                Err(Error::Supervised { .. }) => tokio::time::sleep(TURN_AGAIN).await,
                ended => return ended,
            }
        }
        self.try_turn()
    }

    fn try_turn(&self) -> Result<File, Error> {
        let path = self.turn_path();
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(Error::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Supervised { holder: holder(&path), folder: self.0.clone() });
            }
            Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path)(source)),
        }
        let mut write = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.write_all(std::process::id().to_string().as_bytes())
        };
        write().map_err(Error::file("write", &path))?;
        Ok(file)
    }

    fn turn_path(&self) -> PathBuf {
        self.0.join("supervisor.lock")
    }

    pub(super) fn url(&self) -> std::io::Result<String> {
        fs::read_to_string(self.0.join("url")).map(|url| url.trim().to_owned())
    }

    pub(super) fn record_url(&self, url: &str) -> Result<(), Error> {
        let path = self.0.join("url");
        // Another process may be reading it.
        private::write(&path, format!("{url}\n").as_bytes()).map_err(Error::file("write", &path))
    }

    /// The port of the last start.
    pub(super) fn recorded_port(&self) -> Option<u16> {
        self.url().ok()?.rsplit(':').next()?.parse().ok()
    }

    /// The process of the server, as it wrote it itself.
    pub(super) fn recorded_pid(&self) -> Option<i32> {
        fs::read_to_string(self.pid()).ok()?.trim().parse().ok()
    }
}

/// The process that supervises the nats-server of a data folder, in words; none when nobody does.
pub(crate) fn supervisor(data: &Path) -> Option<String> {
    let path = Home::of(data).ok()?.turn_path();
    let file = File::options().write(true).open(&path).ok()?;
    matches!(file.try_lock(), Err(TryLockError::WouldBlock)).then(|| holder(&path))
}

/// Who wrote its number into the file that it holds.
fn holder(path: &Path) -> String {
    let pid = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok());
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

pub(super) fn url_of(port: u16) -> String {
    format!("nats://127.0.0.1:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_folder_is_one_process_s_business_and_the_other_is_told_whose() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::prepare(folder.path()).unwrap();
        assert_eq!(supervisor(folder.path()), None);
        let turn = home.try_turn().unwrap();
        let refused = home.try_turn().unwrap_err();
        let own = format!("process {}", std::process::id());
        assert!(matches!(&refused, Error::Supervised { holder, .. } if *holder == own));
        assert!(refused.to_string().contains(&own), "{refused}");
        assert_eq!(supervisor(folder.path()), Some(own));
        drop(turn);
    }

    #[test]
    fn whoever_writes_the_users_at_the_same_moment_none_of_them_is_forgotten() {
        const WRITERS: usize = 8;
        let folder = tempfile::tempdir().unwrap();
        let home = Home::prepare(folder.path()).unwrap();
        let keys = Keys::ensure(&home.credentials()).unwrap();
        let _made = home.consumers().lock().unwrap();
        let write = |name: &str| {
            let added = home.consumers().add(name, None, Vec::new());
            added.and_then(|consumer| home.record_users(&keys).map(|()| consumer.key)).unwrap()
        };
        let added: Vec<String> = std::thread::scope(|scope| {
            let writers: Vec<_> =
                (0..WRITERS).map(|n| scope.spawn(move || write(&format!("reader-{n}")))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let users = fs::read_to_string(home.users()).unwrap();
        for key in added {
            assert!(users.contains(&key), "{key} in {users}");
        }
    }
}
