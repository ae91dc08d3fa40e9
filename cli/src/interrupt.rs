//! Ctrl-C (SIGINT) and SIGTERM: the first asks the job to wind down, the second ends the process at once.

use crate::exit::Exit;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::{io, thread};

/// Listens for signals on a thread of its own until the process ends.
#[derive(Debug)]
pub(crate) struct Interrupt {
    first: Arc<AtomicI32>,
}

impl Interrupt {
    /// Calls `wind_down` at the first signal and leaves the process at the second.
    ///
    /// # Errors
    /// When the operating system refuses a signal handler or a thread.
    pub(crate) fn listen(wind_down: impl Fn() + Send + 'static) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let first = Arc::new(AtomicI32::new(0));
        let interrupt = Self { first: Arc::clone(&first) };
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in &mut signals {
                if first.swap(signal, Ordering::SeqCst) != 0 {
                    signal_hook::low_level::exit(i32::from(exit_of(signal).code()));
                }
                log::info!("stopping; once more to stop at once");
                wind_down();
            }
        })?;
        Ok(interrupt)
    }

    /// How a cancelled job ends, if a signal was the reason.
    pub(crate) fn exit(&self) -> Option<Exit> {
        match self.first.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(exit_of(signal)),
        }
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
