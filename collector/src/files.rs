//! Files only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Makes `folder` if it is missing, for its owner alone.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Refuses a folder of another user, who could put another store and other tokens there. Root may use any: in
/// a container, folders of the host belong to others.
#[cfg(unix)]
pub(crate) fn own_folder(folder: &Path) -> io::Result<()> {
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder)?);
    let user = rustix::process::geteuid();
    if user.is_root() || user.as_raw() == owner {
        return Ok(());
    }
    let why = format!(
        "it belongs to user {owner}, this process runs as user {}",
        user.as_raw()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Elsewhere the home folder's own rules hold.
#[cfg(not(unix))]
pub(crate) fn own_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Files that are read back and trusted.
#[cfg(unix)]
const TRUSTED: [&str; 4] = ["auth.json", "collector.json", "events.db", "index.db"];

/// Takes from others the right to write in `folder`, and into what is trusted there; returns what was changed, one
/// sentence each. Refuses a folder that users share, whose mode is not ours to change.
///
/// # Errors
/// The folder is shared, or a mode cannot be changed.
#[cfg(unix)]
pub(crate) fn close_to_others(folder: &Path) -> io::Result<Vec<String>> {
    use std::os::unix::fs::PermissionsExt as _;
    const STICKY: u32 = 0o1000;
    const OTHERS_WRITE: u32 = 0o022;
    let mode = fs::metadata(folder)?.permissions().mode();
    if mode & OTHERS_WRITE != 0 && mode & STICKY != 0 {
        let why = "users share it; choose a folder of this user alone";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    let mut changed = Vec::new();
    let trusted = TRUSTED
        .iter()
        .map(|name| folder.join(name))
        .filter(|path| path.exists());
    for path in std::iter::once(folder.to_owned()).chain(trusted) {
        let mode = fs::metadata(&path)?.permissions().mode();
        if mode & OTHERS_WRITE == 0 {
            continue;
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o7777 & !OTHERS_WRITE))?;
        changed.push(format!(
            "others could write to {} (mode {:o}): its mode is {:o} now",
            path.display(),
            mode & 0o7777,
            mode & 0o7777 & !OTHERS_WRITE
        ));
    }
    Ok(changed)
}

/// Elsewhere the home folder's own rules hold.
#[cfg(not(unix))]
pub(crate) fn close_to_others(_: &Path) -> io::Result<Vec<String>> {
    Ok(Vec::new())
}

/// Opens `path` for reading and writing; makes it for its owner alone if it is missing.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    options().create(true).truncate(false).open(path)
}

/// Replaces `path` by `contents` in one step, readable by its owner alone.
pub(crate) fn replace_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options().create_new(true).open(&temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
