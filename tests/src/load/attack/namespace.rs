//! A program that starts itself again where it may mount a small disk, or have any IPv6 address.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use super::super::Outcome;

/// Set inside to the folder in which the disk is mounted, if there is one.
const INSIDE: &str = "VELAR_LOAD_INSIDE";

/// Makes the namespace what it is to be, then becomes the program.
const SCRIPT: &str = r#"
    set -e
    if [ -n "$DISK_MIB" ]; then mount -t tmpfs -o "size=${DISK_MIB}m,mode=0700" small "$VELAR_LOAD_INSIDE"; fi
    if [ -n "$IPV6" ]; then
        ip link set lo up
        ip -6 route add local fc00::/7 dev lo
        echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
    fi
    exec "$@"
"#;

/// What is needed of a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// A disk of this size, in MiB.
    pub(super) disk_mib: Option<u32>,
    /// Any IPv6 address.
    pub(super) ipv6: bool,
}

/// Where this program is.
#[derive(Debug)]
pub(super) enum Place {
    /// Where it can do what it is to do; the folder of the small disk.
    Here(Option<PathBuf>),
    /// Nowhere yet: it has run again inside, and ended so.
    Ended(ExitCode),
    /// This machine lets nobody make namespaces.
    NotAllowed,
}

/// Sees to it that `needs` are met, by starting this program again if need be, with the same arguments.
pub(super) fn enter(needs: Needs) -> Outcome<Place> {
    if let Some(folder) = env::var_os(INSIDE) {
        return Ok(Place::Here(Some(folder.into())));
    }
    if needs == Needs::default() {
        return Ok(Place::Here(None));
    }
    let flags = |command: &mut Command| {
        command.args(["--user", "--map-root-user", "--mount"]);
        if needs.ipv6 {
            command.arg("--net");
        }
    };
    let mut allowed = Command::new("unshare");
    flags(&mut allowed);
    if !allowed.arg("true").output().is_ok_and(|tried| tried.status.success()) {
        return Ok(Place::NotAllowed);
    }
    let folder = tempfile::Builder::new().prefix("velar-load").tempdir()?;
    let mut command = Command::new("unshare");
    flags(&mut command);
    let status = command
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(INSIDE, folder.path())
        .env("DISK_MIB", needs.disk_mib.map_or(OsString::new(), |mib| mib.to_string().into()))
        .env("IPV6", if needs.ipv6 { "1" } else { "" })
        .status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(Place::Ended(ExitCode::from(code)))
}
