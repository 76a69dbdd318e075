//! Lines to standard output. An error here is the end of the watch: alerts would reach nobody.

use std::io::{self, IsTerminal, Write};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use serde_json::{Value, json};

use super::super::{Context, show};
use crate::link::now_s;

/// Where the watch speaks.
pub(super) struct Output<'a> {
    context: &'a Context,
    out: io::Stdout,
    terminal: bool,
}

impl<'a> Output<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        let out = io::stdout();
        let terminal = out.is_terminal();
        Self { context, out, terminal }
    }

    /// A line for people, or an object of this kind for programs; it has left this process when this returns.
    pub(super) fn tell(&self, kind: &str, data: Value, line: &str) -> io::Result<()> {
        if self.context.json {
            let mut data = if data.is_object() { data } else { json!({}) };
            show::set(&mut data, "kind", json!(kind));
            show::set(&mut data, "at_s", json!(now_s()));
            self.object(&data)
        } else {
            self.lines(&[line.to_owned()])
        }
    }

    /// One object.
    pub(super) fn object(&self, data: &Value) -> io::Result<()> {
        self.lines(&[show::json_line(data)])
    }

    /// Several lines that belong together.
    pub(super) fn lines(&self, lines: &[String]) -> io::Result<()> {
        let mut out = self.out.lock();
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()
    }

    /// Rings the terminal's bell, if there is one.
    pub(super) fn bell(&self) -> io::Result<()> {
        if !self.terminal || self.context.json {
            return Ok(());
        }
        let mut out = self.out.lock();
        out.write_all(b"\x07")?;
        out.flush()
    }

    /// Whether somebody can still read.
    pub(super) fn check(&self) -> io::Result<()> {
        let mut out = [PollFd::new(&self.out, PollFlags::empty())];
        poll(&mut out, Some(&Timespec::default()))?;
        let gone = PollFlags::ERR | PollFlags::NVAL;
        if out.iter().any(|out| out.revents().intersects(gone)) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}
