//! Opening the file: is it ours, is it whole, is it ours to read, and bringing it forward.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

use super::OPEN;
use super::error::{DAMAGED, Sql};

/// Says in the header of the file whose it is: "emam".
const APPLICATION_ID: i32 = 0x656d_616d;

/// Each brings a file from the version of its place to the next. Add at the end, change nothing.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_init.sql")];

/// How long a write waits for that of another process.
const BUSY: Duration = Duration::from_secs(30);

/// The page cache of one connection, in KiB. The few connections together stay well below what a
/// process that embeds the library can spare.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;

/// Opens the file for writing, made or brought forward where needed. Gives the secret that cursors
/// are checked with.
pub(super) fn open(path: &Path, clock: &dyn Clock) -> Result<(Connection, u128)> {
    check_header(path)?;
    let run = || -> Sql<(Connection, u128)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY)?;
        // Before anything is written: a file that is refused stays as it is.
        let version = check_owner(&conn, path)?;
        if version < MIGRATIONS.len() {
            migrate(&mut conn, path, clock)?;
        }
        settings(&conn, WRITER_CACHE_KIB)?;
        conn.pragma_update(None, "journal_mode", "wal")?;
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

/// Opens one more connection for reading.
pub(super) fn open_reader(path: &Path) -> Sql<Connection> {
    // Not read-only: a reader may have to recover the log a killed process has left.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
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

/// Refuses what cannot be a catalog before SQLite touches it: SQLite takes a cut header for an
/// empty file and would write over it, and would notice a cut end at the first missing page only,
/// which may be days later.
fn check_header(path: &Path) -> Result<()> {
    // Twice, because another process may be writing its first pages just now.
    for _ in 0..2 {
        if looks_whole(path)? || has_log(path) {
            return Ok(());
        }
    }
    Err(Error::new(ErrorKind::Integrity, OPEN, DAMAGED).with("path", path.display()))
}

/// Whether there is a journal beside the file: then SQLite knows better than the file alone.
fn has_log(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut log = path.as_os_str().to_owned();
        log.push(suffix);
        std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
    })
}

fn looks_whole(path: &Path) -> Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
                    let message = "the folder of the catalog does not exist; make it first";
                    Err(Error::new(ErrorKind::NotFound, OPEN, message)
                        .with("path", path.display())
                        .caused_by(cause))
                }
                _ => Ok(true),
            };
        }
        Err(cause) => return Err(unreadable(path, cause)),
    };
    let mut header = Vec::with_capacity(100);
    file.by_ref().take(100).read_to_end(&mut header).map_err(|cause| unreadable(path, cause))?;
    if header.is_empty() {
        return Ok(true);
    }
    // https://www.sqlite.org/fileformat.html section 1.3
    let Ok(header) = <[u8; 100]>::try_from(header) else { return Ok(false) };
    let word = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    // The number of pages holds only if it was written with the last change.
    let pages = if word(24) == word(92) { u64::from(word(28)) } else { 0 };
    let length = file.metadata().map_err(|cause| unreadable(path, cause))?.len();
    Ok(header.starts_with(b"SQLite format 3\0") && length >= page * pages)
}

fn unreadable(path: &Path, cause: io::Error) -> Error {
    let kind = match cause.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::IsADirectory => ErrorKind::InvalidInput,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, OPEN, "the catalog file cannot be read; check that it is a file of yours")
        .with("path", path.display())
        .caused_by(cause)
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

/// Brings the file forward. Of processes that open it at once, one does the work and the others
/// find it done.
fn migrate(conn: &mut Connection, path: &Path, clock: &dyn Clock) -> Sql<()> {
    loop {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version = check_owner(&tx, path)?;
        let Some(script) = MIGRATIONS.get(version) else { return Ok(()) };
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
        tx.pragma_update(None, "user_version", i32::try_from(version + 1).unwrap_or(i32::MAX))?;
        tx.commit()?;
    }
}
