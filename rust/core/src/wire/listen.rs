//! The socket of a process: for its own user alone, and never in the place of one that somebody listens on.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::error::Error;
use crate::limits::RISK_WAITING;

/// Nobody but the owner may read or write.
const OWN: u32 = 0o600;

/// What its errors are called.
#[derive(Debug)]
pub(crate) struct Names {
    /// Nobody can listen there.
    pub socket: &'static str,
    /// Somebody does.
    pub in_use: &'static str,
}

/// A socket that is listened on; it is removed at the end.
#[derive(Debug)]
pub(crate) struct Listening {
    pub listener: UnixListener,
    path: PathBuf,
    /// Held as long as the process lives, so that two that begin at once do not take each other's place.
    _lock: File,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Where somebody removed it before, nothing is left to do.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn error(code: &'static str, path: &Path, why: &str) -> Error {
    Error::config(code, format!("{}: {why}", path.display()))
}

/// Begins to listen.
pub(crate) async fn listen(path: &Path, names: &Names) -> Result<Listening, Error> {
    let lock = lock(path, names)?;
    remove_stale(path, names).await?;
    let cannot = |why: std::io::Error| {
        let why = format!("nobody can listen there: {why}; name a short path in a folder of yours");
        error(names.socket, path, &why)
    };
    // It gets its mode under another name, so that it is never open to others under its own.
    let mut other = path.as_os_str().to_owned();
    other.push(".new");
    let other = PathBuf::from(other);
    // What a process left there that died in between is nobody's: the lock is held.
    if is_socket(&other, names)? {
        std::fs::remove_file(&other)
            .map_err(|why| error(names.socket, &other, &why.to_string()))?;
    }
    let socket = tokio::net::UnixSocket::new_stream().map_err(cannot)?;
    socket.bind(&other).map_err(cannot)?;
    std::fs::set_permissions(&other, Permissions::from_mode(OWN)).map_err(cannot)?;
    let listener = socket.listen(RISK_WAITING).map_err(cannot)?;
    std::fs::rename(&other, path).map_err(cannot)?;
    Ok(Listening {
        listener,
        path: path.to_owned(),
        _lock: lock,
    })
}

fn lock(path: &Path, names: &Names) -> Result<File, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut how = OpenOptions::new();
    how.create(true).truncate(false).write(true).mode(OWN);
    let file = how.open(&name).map_err(|why| {
        let why = format!("nobody can listen there: {why}; name a path in a folder of yours");
        error(names.socket, path, &why)
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(in_use(path, names)),
        Err(TryLockError::Error(why)) => {
            let why = format!("it cannot be locked: {why}; name a path in a folder of yours");
            Err(error(names.socket, Path::new(&name), &why))
        }
    }
}

fn in_use(path: &Path, names: &Names) -> Error {
    error(
        names.in_use,
        path,
        "another process listens there; end that one, or name another socket",
    )
}

/// Whether a socket stands there, which may be removed. Something else is never touched.
fn is_socket(path: &Path, names: &Names) -> Result<bool, Error> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => {
            let why = "there is something else than a socket; name another path, or move it away";
            Err(error(names.socket, path, why))
        }
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(false),
        Err(why) => Err(error(names.socket, path, &why.to_string())),
    }
}

/// Removes what a process left that has died.
async fn remove_stale(path: &Path, names: &Names) -> Result<(), Error> {
    if !is_socket(path, names)? {
        return Ok(());
    }
    match UnixStream::connect(path).await {
        Err(why) if why.kind() == ErrorKind::ConnectionRefused => {
            let removed = std::fs::remove_file(path);
            removed.map_err(|why| error(names.socket, path, &why.to_string()))
        }
        _ => Err(in_use(path, names)),
    }
}
