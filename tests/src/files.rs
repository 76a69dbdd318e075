//! Folders, as tests set them aside and bring them back.

use std::fs;
use std::path::Path;

use crate::load::Outcome;

/// Copies a folder with all in it, but for sockets, and the permissions it has.
///
/// # Errors
/// Of the disk.
pub fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().ok_or("no name")?);
        if path.is_dir() {
            copy(&path, &target)?;
        } else if path.is_file() {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
