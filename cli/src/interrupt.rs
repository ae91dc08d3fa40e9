//! Ctrl-C (SIGINT) and SIGTERM: the first asks what runs to wind down, which takes it about a second at most; the second
//! ends the process at once, and so does the first where something else holds it up, such as a standard error that
//! nobody reads.

use crate::exit::{Exit, Failure};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use std::{io, thread};
use upright_engine::Error;
use upright_engine::control::Control;

/// Time from the first signal to the end, whatever happens.
const LIMIT: Duration = Duration::from_secs(2);

/// Listens for signals on a thread of its own until the process ends.
#[derive(Debug)]
pub(crate) struct Interrupt {
    control: Control,
    /// The first signal; 0 before it.
    signal: Arc<AtomicI32>,
}

impl Interrupt {
    /// Starts to listen.
    ///
    /// # Errors
    /// [`Error::Io`] when the operating system refuses a signal handler or a thread.
    pub(crate) fn listen() -> Result<Self, Error> {
        Self::start().map_err(Error::io("signals", "cannot be listened for"))
    }

    fn start() -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let interrupt = Self { control: Control::default(), signal: Arc::default() };
        let (control, first) = (interrupt.control.clone(), Arc::clone(&interrupt.signal));
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in &mut signals {
                let end = move || signal_hook::low_level::exit(i32::from(exit_of(signal).code()));
                if first.swap(signal, Ordering::SeqCst) != 0 {
                    end();
                }
                let limit = move || {
                    thread::sleep(LIMIT);
                    end();
                };
                // Without it there is still the second signal.
                drop(thread::Builder::new().name("limit".to_owned()).spawn(limit));
                control.cancel();
                log::warn!("stopping; the same again stops at once");
            }
        })?;
        Ok(interrupt)
    }

    /// Gives the control that the first signal cancels.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Decides how the program ends after `error`: as the signal says, if that was the reason.
    pub(crate) fn failure(&self, error: Error) -> Failure {
        let exit = match (&error, self.signal.load(Ordering::SeqCst)) {
            (Error::Cancelled, signal @ 1..) => exit_of(signal),
            _ => Exit::from(&error),
        };
        Failure { exit, ..Failure::from(error) }
    }
}

fn exit_of(signal: i32) -> Exit {
    if signal == SIGTERM { Exit::Terminated } else { Exit::Interrupted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_end_with_128_and_their_number() {
        assert_eq!(i32::from(exit_of(SIGINT).code()), 128 + SIGINT);
        assert_eq!(i32::from(exit_of(SIGTERM).code()), 128 + SIGTERM);
    }
}
