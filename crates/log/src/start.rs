//! The start of the log: its thread, and what else becomes lines.

use std::io::{self, Write};

use crate::filter::LogFilter;
use crate::line::Style;
use crate::log::Log;
use crate::{bridge, panic};

impl Log {
    /// Starts the log of this process: lines go to `sink`, written by a thread of its own, panics among them. A second
    /// start changes nothing.
    ///
    /// # Errors
    /// The thread cannot be had.
    pub fn start(
        filter: LogFilter,
        style: Style,
        sink: impl Write + Send + 'static,
    ) -> io::Result<()> {
        let Some(log) = Self::install(filter, style) else {
            return Ok(());
        };
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || log.write_on(sink))?;
        bridge::listen();
        panic::listen();
        Ok(())
    }
}
