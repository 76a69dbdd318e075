//! Destroying a vault: first what opens it, then everything else. Needs no passphrase and no intact file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::files::{FOLDER, Files, UNFINISHED};
use super::{Entropy, VaultError, slots};

/// The panic kit, beside the vault: its tokens are not sealed, so it is overwritten too.
const KIT: &str = "kit";

/// Most of a file beside the vault that is overwritten: a kit is far smaller.
const MAX_KIT: u64 = 1 << 20;

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiped {
    /// There was a slot file, and it was overwritten, on disk.
    pub keys: bool,
    /// There was a panic kit.
    pub kit: bool,
    /// What could not be overwritten or removed, and should have been.
    pub failed: Vec<PathBuf>,
    /// Other files in the folder, which were left alone.
    pub others: Vec<PathBuf>,
}

/// Whether there is anything to wipe in `dir`: a vault, whole or not, the rest of one, or a panic kit.
#[must_use]
pub fn is_anything(dir: &Path) -> bool {
    is_vault(&dir.join(FOLDER)) || beside(dir).is_ok_and(|found| !found.is_empty())
}

/// Destroys the vault in `dir` and what belongs to it there. The slots are overwritten in place and on disk before anything
/// else: whatever interrupts the rest, no passphrase opens the vault again. Waits for no other process; a process
/// that has the vault open fails at its next look. Goes on past whatever fails, and names it.
///
/// # Errors
/// [`VaultError::NotFound`]: there is nothing of Velar's, and nothing was touched.
pub fn wipe(dir: &Path, entropy: &mut dyn FnMut(&mut [u8])) -> Result<Wiped, VaultError> {
    if !is_anything(dir) {
        return Err(VaultError::NotFound);
    }
    let mut wiped = Wiped::default();
    let folder = dir.join(FOLDER);
    let vault = is_vault(&folder);
    let besides = beside(dir).unwrap_or_default();

    // What opens it.
    if vault {
        wiped.destroy_slots(&folder, entropy);
    }
    for path in &besides {
        if path.is_dir() {
            wiped.destroy_slots(path, entropy);
        } else {
            wiped.kit = true;
            wiped.note(path, overwrite(path, entropy));
        }
    }
    // Everything else.
    for path in besides {
        wiped.remove(&path);
    }
    if vault {
        wiped.remove(&folder);
    }
    let left = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    wiped.others = left.filter(|path| !wiped.failed.iter().any(|f| f.starts_with(path))).collect();
    wiped.others.sort();
    // The folder itself, if nothing of anybody's is in it. That it stays is no failure.
    if wiped.others.is_empty() && wiped.failed.is_empty() {
        let _ = fs::remove_dir(dir);
    }
    for folder in [Some(dir), dir.parent()].into_iter().flatten() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(wiped)
}

impl Wiped {
    fn destroy_slots(&mut self, folder: &Path, entropy: Entropy<'_>) {
        let path = folder.join("slots");
        if path.try_exists().is_ok_and(|exists| !exists) {
            return;
        }
        // A mode that somebody set does not keep its owner from this.
        let _ = fs::set_permissions(&path, Permissions::from_mode(0o600));
        match slots::destroy(&path, entropy) {
            Ok(()) => self.keys = true,
            Err(error) => {
                tracing::error!(%error, "the slots could not be overwritten");
                self.failed.push(path);
            }
        }
    }

    /// A file, or a folder with all that is in it. Links are removed, and what they lead to is emptied first if it is
    /// the vault's folder.
    fn remove(&mut self, path: &Path) {
        let Ok(metadata) = fs::symlink_metadata(path) else { return };
        if path.is_dir() {
            let inside = fs::read_dir(path).into_iter().flatten().flatten();
            for entry in inside {
                self.remove_in(&entry.path());
            }
        }
        let gone = match metadata.is_dir() {
            true => fs::remove_dir(path),
            false => empty(path).and_then(|()| fs::remove_file(path)),
        };
        self.note(path, gone);
    }

    fn remove_in(&mut self, path: &Path) {
        let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
        let gone = match is_folder {
            true => fs::remove_dir_all(path),
            false => empty(path).and_then(|()| fs::remove_file(path)),
        };
        self.note(path, gone);
    }

    fn note(&mut self, path: &Path, done: io::Result<()>) {
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(%error, "something could not be wiped");
                if !self.failed.iter().any(|failed| failed.starts_with(path)) {
                    self.failed.push(path.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// A folder that holds a file of a vault, or nothing at all: not one of somebody else's that is called the same.
fn is_vault(folder: &Path) -> bool {
    let mut inside = match fs::read_dir(folder) {
        Ok(inside) => inside,
        // One that cannot be looked at may be one: saying that there is none would be wrong.
        Err(error) => {
            let none = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
            return !none.contains(&error.kind());
        }
    };
    let files = Files::of(folder.parent().unwrap_or(folder));
    let known = [files.slots(), files.database(), folder.join("turn")];
    known.iter().any(|path| path.exists()) || inside.next().is_none()
}

/// Panic kits, and vaults that were never finished.
fn beside(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let name = name.to_string_lossy();
        let bare = name.strip_prefix('.').unwrap_or(&name);
        let kit = bare
            .strip_prefix(KIT)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_', '~']));
        if kit && kind.is_file() || name.starts_with(UNFINISHED) && kind.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Random bytes over a file, in place and on disk.
fn overwrite(path: &Path, entropy: Entropy<'_>) -> io::Result<()> {
    let _ = fs::set_permissions(path, Permissions::from_mode(0o600));
    let file = OpenOptions::new().write(true).custom_flags(nofollow()).open(path)?;
    let len = file.metadata()?.len().min(MAX_KIT);
    let mut noise = vec![0; usize::try_from(len).unwrap_or_default()];
    entropy(&mut noise);
    file.write_all_at(&noise, 0)?;
    file.sync_all()
}

/// Cuts the database off, so that a process that has it open finds nothing in it any more.
fn empty(path: &Path) -> io::Result<()> {
    let database =
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vault.db"));
    if !database || !fs::symlink_metadata(path)?.is_file() {
        return Ok(());
    }
    // A file that cannot be emptied can still be removed.
    let file = OpenOptions::new().write(true).custom_flags(nofollow()).open(path);
    let _ = file.and_then(|file| file.set_len(0));
    Ok(())
}

fn nofollow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cheap, noise, ours};
    use super::super::{Part, Vault};
    use super::*;

    fn made() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("velar");
        Vault::create(&dir, &ours(), cheap(), &mut noise).unwrap();
        (root, dir)
    }

    #[test]
    fn nothing_of_a_vault_is_left_and_no_passphrase_opens_it() {
        let (_root, dir) = made();
        fs::write(dir.join("kit"), [7; 5000]).unwrap();
        fs::write(dir.join(".kit-unfinished-1"), [7; 50]).unwrap();
        fs::create_dir(dir.join(format!("{UNFINISHED}ab"))).unwrap();
        fs::write(dir.join(format!("{UNFINISHED}ab/slots")), [7; 8192]).unwrap();
        assert!(is_anything(&dir));
        let wiped = wipe(&dir, &mut noise).unwrap();
        assert_eq!(wiped, Wiped { keys: true, kit: true, ..Wiped::default() });
        assert!(!dir.exists());
        assert!(matches!(Vault::open(&dir, &ours()), Err(VaultError::NotFound)));
        assert!(matches!(wipe(&dir, &mut noise), Err(VaultError::NotFound)));
    }

    #[test]
    fn slots_and_kit_are_overwritten_in_place_before_they_are_removed() {
        let (_root, dir) = made();
        let (slots, kit) = (dir.join("vault/slots"), dir.join("kit"));
        fs::write(&kit, [7; 500]).unwrap();
        let before = fs::read(&slots).unwrap();
        // Other names of the same files: what happens to their bytes shows there.
        let (slots_again, kit_again) = (dir.join("one"), dir.join("two"));
        fs::hard_link(&slots, &slots_again).unwrap();
        fs::hard_link(&kit, &kit_again).unwrap();
        let mut drawn = Vec::new();
        let mut entropy = |bytes: &mut [u8]| {
            noise(bytes);
            drawn.push(bytes.to_vec());
        };
        let wiped = wipe(&dir, &mut entropy).unwrap();
        assert_eq!(wiped.others, [slots_again.clone(), kit_again.clone()]);
        assert_eq!(drawn.len(), 2, "the slots first, then the kit");
        assert_eq!(drawn[0].len(), before.len());
        assert_eq!([fs::read(slots_again).unwrap(), fs::read(kit_again).unwrap()], drawn[..]);
    }

    #[test]
    fn a_vault_that_is_open_elsewhere_finds_nothing_any_more() {
        let (_root, dir) = made();
        let mut open = Vault::open(&dir, &ours()).unwrap();
        wipe(&dir, &mut noise).unwrap();
        let read = open.read::<_, VaultError>(|tx| tx.count::<super::super::Witness>());
        assert!(read.is_err());
        let write = open.write::<_, VaultError>(|tx| tx.put::<super::super::Witness>(b"x", &()));
        assert!(write.is_err());
    }

    #[test]
    fn a_damaged_or_half_made_vault_is_wiped_too() {
        for gone in ["slots", "vault.db", "turn"] {
            let (_root, dir) = made();
            fs::remove_file(dir.join("vault").join(gone)).unwrap();
            fs::write(dir.join("vault/vault.db-journal"), [1; 100]).unwrap();
            let wiped = wipe(&dir, &mut noise).unwrap();
            assert_eq!((wiped.keys, wiped.failed.len()), (gone != "slots", 0), "{gone}");
            assert!(!dir.exists());
        }
        let (_root, dir) = made();
        fs::write(dir.join("vault/slots"), b"").unwrap();
        fs::set_permissions(dir.join("vault/slots"), Permissions::from_mode(0o400)).unwrap();
        assert!(wipe(&dir, &mut noise).unwrap().keys);
        let (_root, dir) = made();
        fs::remove_dir_all(dir.join("vault")).unwrap();
        fs::write(dir.join("kit"), b"tokens").unwrap();
        let wiped = wipe(&dir, &mut noise).unwrap();
        assert_eq!((wiped.keys, wiped.kit), (false, true));
    }

    #[test]
    fn what_is_not_velars_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("home");
        fs::create_dir_all(dir.join("vault")).unwrap();
        fs::write(dir.join("vault/photos"), b"of somebody").unwrap();
        fs::write(dir.join("kitchen"), b"recipes").unwrap();
        assert!(!is_anything(&dir));
        assert!(matches!(wipe(&dir, &mut noise), Err(VaultError::NotFound)));
        assert!(dir.join("vault/photos").exists() && dir.join("kitchen").exists());

        let (_root, dir) = made();
        fs::write(dir.join("passphrase"), b"mine").unwrap();
        let wiped = wipe(&dir, &mut noise).unwrap();
        assert_eq!(wiped.others, [dir.join("passphrase")]);
        assert!(dir.join("passphrase").exists() && !dir.join("vault").exists());
    }

    #[test]
    fn a_vault_behind_a_link_is_wiped_where_it_is() {
        let (root, dir) = made();
        let real = root.path().join("elsewhere");
        fs::rename(dir.join("vault"), &real).unwrap();
        std::os::unix::fs::symlink(&real, dir.join("vault")).unwrap();
        let kept = root.path().join("kept");
        fs::write(&kept, b"kept").unwrap();
        std::os::unix::fs::symlink(&kept, real.join("link")).unwrap();
        assert!(wipe(&dir, &mut noise).unwrap().keys);
        assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
        assert!(!dir.exists());
        assert_eq!(fs::read(&kept).unwrap(), b"kept", "a link is not followed");
    }

    #[test]
    fn destroyed_slots_alone_are_enough() {
        let (_root, dir) = made();
        let mut wiped = Wiped::default();
        wiped.destroy_slots(&dir.join("vault"), &mut noise);
        assert!(wiped.keys);
        let opened = Vault::open(&dir, &ours());
        assert!(matches!(opened, Err(VaultError::Damaged { what: Part::Slots })));
    }
}
