//! Commands of the operator to a relay that runs: one line of JSON each way over a Unix socket in the data folder.
//!
//! The socket is for the relay's own user and the superuser: file mode 0600, and the kernel's word for who is at the
//! other end. Lengths, time and the number of commands at once are bounded all the same.

mod caller;
mod words;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::access::{AccessError, Token, Tokens};
use crate::limits::{ADMIN_CONNECTIONS, ADMIN_LINE, ADMIN_TIME};
use crate::relay::{Closed, Relay};

pub(crate) use self::caller::{CallError, call};
pub(crate) use self::words::{Ask, AskAccess, ClosedView, Said, TokenView};

const NAME: &str = "admin.sock";

/// Where a relay whose data are in this folder listens for commands.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}

/// A socket that listens; its file goes with it.
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens in `data`, whose access tokens this process has locked: nobody else listens there. A folder that can have no
/// socket costs the commands, not the relay. Must be called within a tokio runtime.
pub(crate) fn listen(data: &Path) -> Option<Listener> {
    let path = path(data);
    match bound(&path) {
        Ok(socket) => Some(Listener { socket, path }),
        Err(error) => {
            tracing::error!(
                "{} cannot be made: {error}. The relay serves; velar-relay access works only while it is stopped",
                path.display()
            );
            None
        }
    }
}

fn bound(path: &Path) -> io::Result<UnixListener> {
    // Left by a process that was killed.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(socket)
}

/// Serves commands for as long as it is polled.
pub(crate) async fn serve(listener: Option<Listener>, relay: Arc<Relay>) -> Infallible {
    let Some(listener) = listener else { return std::future::pending().await };
    let mut callers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.socket.accept(), if callers.len() < ADMIN_CONNECTIONS => match accepted {
                Ok((stream, _)) if is_operator(&stream) => {
                    callers.spawn(timeout(ADMIN_TIME, answer(stream, relay.clone())));
                }
                Ok(_) => tracing::warn!("somebody else's process has called the socket for commands"),
                // Out of files, for example: not at once again.
                Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
            },
            Some(_) = callers.join_next() => {}
        }
    }
}

/// Whether the process at the other end is the superuser's or the relay's own user's.
fn is_operator(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == own)
}

async fn answer(mut stream: UnixStream, relay: Arc<Relay>) -> io::Result<()> {
    let mut line = Zeroizing::new(Vec::with_capacity(ADMIN_LINE + 1));
    let (reading, mut writing) = stream.split();
    let most = ADMIN_LINE as u64 + 1;
    BufReader::new(reading).take(most).read_until(b'\n', &mut line).await?;
    let said = match words::asked(&line) {
        Ok(ask) => obeyed(ask, relay).await,
        Err(error) => Said::Failed { what: error.to_string() },
    };
    writing.write_all(words::answer(said).as_bytes()).await?;
    writing.shutdown().await
}

/// What was begun is carried out, whether its caller waits or not.
async fn obeyed(ask: Ask, relay: Arc<Relay>) -> Said {
    let Ask::Access(ask) = ask;
    let done = match ask {
        AskAccess::Revoke { name, close_mailboxes: true } => {
            tokio::spawn(revoke_and_close(name, relay)).await
        }
        // Files are written, so this blocks a thread of its own.
        ask => spawn_blocking(move || obey(ask, &relay)).await,
    };
    done.unwrap_or_else(|_| Said::Failed { what: "the command ended early; try again".to_owned() })
}

async fn revoke_and_close(name: String, relay: Arc<Relay>) -> Said {
    let blocking = relay.clone();
    match spawn_blocking(move || blocking.access().revoke(&name)).await {
        Ok(Ok(index)) => {
            let Closed { mailboxes, durable } = relay.close_by_access(index).await;
            tracing::warn!(
                mailboxes,
                "mailboxes were closed with the access token that they were open by"
            );
            let closed = Some(ClosedView { mailboxes, durable });
            Said::AccessRevoked { mailboxes: Some(0), closed }
        }
        Ok(Err(error)) => Said::Failed { what: error.to_string() },
        Err(_) => Said::Failed { what: "the command ended early; try again".to_owned() },
    }
}

fn obey(ask: AskAccess, relay: &Relay) -> Said {
    let access = relay.access();
    let open = relay.open_by_access();
    let done = match ask {
        AskAccess::New { name, mailboxes } => access
            .add(&name, mailboxes, |index| open.contains_key(&index))
            .map(|made| Said::AccessMade { token: made.text, first: made.first }),
        AskAccess::List => {
            Ok(listed(&access.tokens(), Some((&open, relay.limits.access_mailboxes))))
        }
        AskAccess::Revoke { name, .. } => access.revoke(&name).map(|index| {
            // Asked for again: what is opened from now on is not by it.
            let mailboxes = relay.open_by_access().get(&index).copied();
            Said::AccessRevoked { mailboxes: Some(mailboxes.unwrap_or(0)), closed: None }
        }),
    };
    done.unwrap_or_else(|error: AccessError| Said::Failed { what: error.to_string() })
}

/// What there is to say of these tokens. `relay`: how many mailboxes are open by each index, and how many may be where a
/// token says nothing else; unless none runs.
pub(crate) fn listed(tokens: &Tokens, relay: Option<(&HashMap<u16, u32>, u32)>) -> Said {
    let open = relay.map(|(open, _)| open);
    let view = |token: &Token| TokenView {
        name: token.name.clone(),
        index: token.index,
        open: open.map(|open| open.get(&token.index).copied().unwrap_or(0)),
        most: token.mailboxes.or(relay.map(|(_, most)| most)),
    };
    let is_valid = |index: u16| tokens.all().iter().any(|token| token.index == index);
    let revoked = |open: &HashMap<u16, u32>| {
        open.iter().filter(|(index, _)| !is_valid(**index)).map(|(_, count)| count).sum()
    };
    Said::AccessListed {
        required: tokens.is_required(),
        tokens: tokens.all().iter().map(view).collect(),
        revoked: open.map(revoked),
    }
}
