//! Opening the file: is it ours, is it whole, is it ours to read, and bringing it forward.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

use super::error::{DAMAGED, Sql};
use super::{OPEN, uses};

/// Says in the header of the file whose it is: "emam".
const APPLICATION_ID: i32 = 0x656d_616d;

/// Each brings a file from the version of its place to the next. Add at the end, change nothing.
const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_shared_work.sql"),
    include_str!("migrations/0003_uses.sql"),
];

/// How long a write waits for that of another process.
const BUSY: Duration = Duration::from_secs(30);

/// The page cache of one connection, in KiB. The few connections together stay well below what a
/// process that embeds the library can spare.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;

/// Opens the file for writing, made or brought forward where needed. Gives the secret that cursors
/// are checked with.
pub(super) fn open(path: &Path, clock: &dyn Clock) -> Result<(Connection, u128)> {
    check_path(path)?;
    let run = || -> Sql<(Connection, u128)> {
        let mut conn = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        // Before anything is written: a file that is refused stays as it is.
        // In one transaction, because another process may be making it just now.
        let tx = conn.transaction()?;
        let (version, is_wal) = (check_owner(&tx, path)?, is_wal(&tx)?);
        tx.commit()?;
        if !is_wal {
            drop(conn);
            found(path, clock)?;
            conn = connect(path, OpenFlags::empty())?;
        } else if version < MIGRATIONS.len() {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            migrate(&tx, path, clock)?;
            tx.commit()?;
        }
        settings(&conn, WRITER_CACHE_KIB)?;
        conn.pragma_update(None, "synchronous", "full")?;
        // Bulk loads write the same pages again and again: fewer checkpoints write them less often.
        conn.pragma_update(None, "wal_autocheckpoint", 4000)?;
        conn.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        let secret: [u8; 16] =
            conn.query_row("SELECT value FROM meta WHERE key = 'secret'", [], |row| row.get(0))?;
        Ok((conn, u128::from_be_bytes(secret)))
    };
    run().map_err(|fault| fault.into_error(OPEN, path))
}

fn connect(path: &Path, more: OpenFlags) -> Sql<Connection> {
    // Not read-only even for readers: one may have to recover the log a killed process has left.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags | more)?;
    conn.busy_timeout(BUSY)?;
    Ok(conn)
}

fn is_wal(conn: &Connection) -> Sql<bool> {
    let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    Ok(mode == "wal")
}

/// Makes the file what it is to be: our schema, with a write-ahead log. Of processes that open a
/// new file at once, one does the work and the others find it done.
fn found(path: &Path, clock: &dyn Clock) -> Sql<()> {
    let mut conn = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    // Counts only before the first table. Records are larger than most databases' rows.
    conn.pragma_update(None, "page_size", 8192)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    if is_wal(&tx)? {
        return Ok(());
    }
    migrate(&tx, path, clock)?;
    // SQLite does not wait for others when it changes to a write-ahead log, it fails. So the lock
    // is kept from the commit until that is done: until this connection is closed.
    tx.pragma_update(None, "locking_mode", "exclusive")?;
    tx.commit()?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    Ok(())
}

/// Opens one more connection for reading.
pub(super) fn open_reader(path: &Path) -> Sql<Connection> {
    let conn = connect(path, OpenFlags::empty())?;
    settings(&conn, READER_CACHE_KIB)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

fn settings(conn: &Connection, cache_kib: i64) -> Sql<()> {
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "cache_size", -cache_kib)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// Refuses what SQLite would take for an empty database and write over, and names what is wrong
/// with a path better than SQLite does.
///
/// Without opening the file: to close it again would take away the locks that other connections
/// of this process hold on it (<https://www.sqlite.org/howtocorrupt.html> section 2.2).
fn check_path(path: &Path) -> Result<()> {
    let refused = |kind, message: &'static str| {
        Err(Error::new(kind, OPEN, message).with("path", path.display()))
    };
    match std::fs::metadata(path) {
        Ok(file) if !file.is_file() => {
            refused(ErrorKind::InvalidInput, "the catalog is to be a file, and this is none")
        }
        // The smallest page; SQLite writes whole ones.
        Ok(file) if file.len() % 512 != 0 => refused(ErrorKind::Integrity, DAMAGED),
        Ok(_) => match access(path, Access::READ_OK | Access::WRITE_OK) {
            Err(Errno::ACCESS | Errno::ROFS | Errno::PERM) => {
                refused(ErrorKind::PermissionDenied, "you may not read and write the catalog file")
            }
            _ => Ok(()),
        },
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => refused(
                ErrorKind::NotFound,
                "the folder of the catalog does not exist; make it first",
            ),
            _ => Ok(()),
        },
        // SQLite meets it again and says what it is.
        Err(_) => Ok(()),
    }
}

/// The version of the file's schema; 0 for a new file.
fn check_owner(conn: &Connection, path: &Path) -> Sql<usize> {
    let number = |name| conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    let (owner, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if owner == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if owner != APPLICATION_ID {
        let message = "this is the database of another program; name another file";
        return Err(Error::invalid(OPEN, message).with("path", path.display()).into());
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => {
            let message = "a newer version of emam has written this library; \
                           open it with that version, or restore a backup made before";
            Err(Error::new(ErrorKind::Unsupported, OPEN, message)
                .with("path", path.display())
                .with("schema", version)
                .with("newest_known", MIGRATIONS.len())
                .into())
        }
    }
}

/// Brings the schema forward, from whatever version it has now that this transaction has begun.
fn migrate(tx: &Transaction<'_>, path: &Path, clock: &dyn Clock) -> Sql<()> {
    let from = check_owner(tx, path)?;
    for (version, script) in MIGRATIONS.iter().enumerate().skip(from) {
        tx.execute_batch(script)?;
        if version == 0 {
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            // No password hangs on it: cursors must only be hard to make up by accident.
            let secret = (clock.new_uuid().as_u128() << 64) ^ clock.new_uuid().as_u128();
            tx.execute(
                "INSERT INTO meta (key, value) VALUES ('secret', ?1)",
                [secret.to_be_bytes()],
            )?;
        }
        if version == 2 {
            uses::fill(tx, OPEN)?;
        }
        tx.pragma_update(None, "user_version", i32::try_from(version + 1).unwrap_or(i32::MAX))?;
    }
    Ok(())
}
