//! The other end: a command that speaks to the relay that runs.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use zeroize::Zeroizing;

use super::words::{self, Ask, Said};
use crate::limits::{ADMIN_ANSWER, ADMIN_TIME};

/// Why a relay did not answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// No relay listens in this folder.
    Nobody,
    /// It was there, and did not answer as it should.
    Failed(String),
}

/// Asks the relay whose data are in this folder.
pub(crate) fn call(data: &Path, ask: Ask) -> Result<Said, CallError> {
    let path = super::path(data);
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if is_absence(&error) => return Err(CallError::Nobody),
        Err(error) => return Err(CallError::Failed(format!("{}: {error}", path.display()))),
    };
    let failed = |error: io::Error| {
        CallError::Failed(format!("the relay that runs here does not answer: {error}"))
    };
    let patience = Some(2 * ADMIN_TIME);
    stream
        .set_read_timeout(patience)
        .and_then(|()| stream.set_write_timeout(patience))
        .map_err(failed)?;
    stream.write_all(words::line(ask).as_bytes()).map_err(failed)?;
    let mut answer = Zeroizing::new(Vec::new());
    stream.take(ADMIN_ANSWER as u64).read_to_end(&mut answer).map_err(failed)?;
    if answer.is_empty() {
        return Err(CallError::Failed(
            "the relay that runs here did not answer in time".to_owned(),
        ));
    }
    words::said(&answer).map_err(|error| CallError::Failed(error.to_string()))
}

/// Whether the error says that nobody listens: no file, or one that a killed process left, or a path that no socket can
/// have.
fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, InvalidInput, NotFound};
    matches!(error.kind(), NotFound | ConnectionRefused | InvalidInput)
}
