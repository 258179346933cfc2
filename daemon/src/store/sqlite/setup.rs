//! Opening the file: its mode, SQLite's settings, the schema and the checks before the first use.
//!
//! No rows are read or written here.

use std::{
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig};

use crate::error::{Error, ErrorCode, Result};

/// 3.51.3 repaired the WAL reset that could corrupt a file with two writers (sqlite.org/wal.html#walresetbug).
const OLDEST_SQLITE: i32 = 3_051_003;

/// The layout below. A daemon refuses every other number: guessing at rows of keys is worse than not starting.
const SCHEMA_VERSION: i64 = 1;

/// How long a statement waits for somebody else's lock, such as an operator's `sqlite3` on the live file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Ordinary rowid tables: WITHOUT ROWID would put every value on an overflow page (ADR 0003).
const SCHEMA: &str = "
    CREATE TABLE meta (
        id        INTEGER PRIMARY KEY CHECK (id = 1),
        schema    INTEGER NOT NULL,
        revision  INTEGER NOT NULL,
        compacted INTEGER NOT NULL
    );
    CREATE TABLE rows (
        id       INTEGER PRIMARY KEY,
        key      TEXT NOT NULL UNIQUE,
        value    BLOB NOT NULL,
        revision INTEGER NOT NULL
    );
    CREATE TABLE changes (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        revision INTEGER NOT NULL,
        key      TEXT NOT NULL,
        deleted  INTEGER NOT NULL
    );
    CREATE INDEX changes_by_revision ON changes (revision);
";

/// The one connection that writes; makes the file and the schema if they are missing, and checks the file if not.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    check_version(rusqlite::version_number())?;
    let failed = |source: std::io::Error| {
        Error::new(ErrorCode::StoreFailed, format!("cannot open the store '{}'", path.display())).because(source)
    };
    // Made by us, because SQLite would use the umask; its -wal and -shm files take over the mode of this one.
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|source| unreadable(path, source))?;
    prepare_writer(&connection, path)?;
    Ok(connection)
}

/// A connection that cannot write. The writer's must be open before.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .and_then(|connection| common_settings(&connection).map(|()| connection))
        .map_err(|source| unreadable(path, source))
}

/// Copies the log into the file and cuts it to nothing. Waits for readers, who are never long.
pub(super) fn empty_log(path: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let blocked: i64 = Connection::open_with_flags(path, flags)
        .and_then(|connection| {
            common_settings(&connection)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        })
        .map_err(|source| unreadable(path, source))?;
    if blocked == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorCode::Unavailable, "the store's log is in use and could not be emptied"))
}

fn prepare_writer(connection: &Connection, path: &Path) -> Result<()> {
    let unreadable = |source| unreadable(path, source);
    common_settings(connection).map_err(unreadable)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(unreadable)?;
    if mode != "wal" {
        let detail = format!("the store '{}' is on a file system without WAL support (mode '{mode}')", path.display());
        return Err(Error::new(ErrorCode::StoreFailed, detail));
    }
    connection.pragma_update(None, "wal_autocheckpoint", 1000).map_err(unreadable)?;
    // What is removed is overwritten: a purged vault's key-encryption key must not linger in a free page.
    let secure = connection.pragma_update_and_check(None, "secure_delete", true, |row| row.get::<_, i64>(0));
    if secure.map_err(unreadable)? != 1 {
        return Err(Error::new(ErrorCode::StoreFailed, "this SQLite cannot overwrite what is deleted"));
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(unreadable)?;
    if found != "ok" {
        let detail = format!("the store '{}' is damaged; restore it from a backup", path.display());
        return Err(Error::new(ErrorCode::StoreFailed, detail).because(found));
    }
    match schema_version(connection).map_err(unreadable)? {
        Some(SCHEMA_VERSION) => Ok(()),
        Some(other) => {
            let detail =
                format!("the store '{}' has schema {other}; this daemon knows {SCHEMA_VERSION} only", path.display());
            Err(Error::new(ErrorCode::StoreFailed, detail))
        }
        None => create_schema(connection, path),
    }
}

/// The settings of every connection; the last one keeps a hand-edited file from running code of its own.
fn common_settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(())).or_else(no_row_is_fine)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(())
}

/// A SQLite built without mmap answers the pragma with no row.
fn no_row_is_fine(error: rusqlite::Error) -> rusqlite::Result<()> {
    if error == rusqlite::Error::QueryReturnedNoRows { Ok(()) } else { Err(error) }
}

/// The schema's number; none in an empty file, 0 in a SQLite file of somebody else.
fn schema_version(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(None);
    }
    let ours = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'", [], |_| Ok(()))
        .optional()?;
    if ours.is_none() {
        return Ok(Some(0));
    }
    let version = connection.query_row("SELECT schema FROM meta WHERE id = 1", [], |row| row.get(0)).optional()?;
    Ok(Some(version.unwrap_or(0)))
}

fn create_schema(connection: &Connection, path: &Path) -> Result<()> {
    let first = format!(
        "BEGIN IMMEDIATE; {SCHEMA}
         INSERT INTO meta (id, schema, revision, compacted) VALUES (1, {SCHEMA_VERSION}, 0, 0); COMMIT;"
    );
    connection.execute_batch(&first).map_err(|source| unreadable(path, source))?;
    // SQLite syncs the file, not the name it was made under.
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| {
        Error::new(ErrorCode::StoreFailed, format!("cannot sync the directory '{}'", dir.display())).because(source)
    })
}

fn check_version(version: i32) -> Result<()> {
    if version < OLDEST_SQLITE {
        let detail = format!("SQLite {version} can corrupt a store; {OLDEST_SQLITE} or newer is needed");
        return Err(Error::new(ErrorCode::StoreFailed, detail));
    }
    Ok(())
}

/// What SQLite said about the file, in words for the operator.
fn unreadable(path: &Path, source: rusqlite::Error) -> Error {
    let detail = match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => format!("'{}' is not a store of Softkeep", path.display()),
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
            format!("the store '{}' is damaged; restore it from a backup", path.display())
        }
        Some(rusqlite::ErrorCode::DatabaseBusy) => {
            format!("the store '{}' is locked by another program", path.display())
        }
        _ => format!("cannot open the store '{}'", path.display()),
    };
    Error::new(ErrorCode::StoreFailed, detail).because(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_sqlite_is_refused() {
        assert_eq!(check_version(3_051_002).unwrap_err().code, ErrorCode::StoreFailed);
        check_version(OLDEST_SQLITE).unwrap();
        check_version(rusqlite::version_number()).unwrap();
    }

    #[test]
    fn every_setting_is_in_force() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let writer = open_writer(&path).unwrap();
        let reader = open_reader(&path).unwrap();
        let check = |connection: &Connection, name: &str, expect: &str| {
            let sql = format!("PRAGMA {name}");
            let value: rusqlite::types::Value = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
            let value = match value {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => panic!("{name} is {other:?}"),
            };
            assert_eq!(value, expect, "{name}");
        };
        for connection in [&writer, &reader] {
            check(connection, "journal_mode", "wal");
            check(connection, "synchronous", "2");
            check(connection, "foreign_keys", "1");
            check(connection, "cell_size_check", "1");
            check(connection, "trusted_schema", "0");
            check(connection, "mmap_size", "0");
            check(connection, "busy_timeout", "5000");
            assert!(connection.db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE).unwrap());
        }
        check(&writer, "wal_autocheckpoint", "1000");
        check(&writer, "secure_delete", "1");
        for name in ["store.db", "store.db-wal", "store.db-shm"] {
            let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert!(reader.execute("DELETE FROM rows", []).is_err());
    }
}
