//! Ctrl-C (SIGINT) and SIGTERM: the first asks a running job to wind down; the second, or the first while nothing has
//! been begun, ends the process at once.

use crate::exit::Exit;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::{io, thread};
use upright_engine::pipeline::Control;

/// Listens for signals on a thread of its own until the process ends.
#[derive(Debug)]
pub(crate) struct Interrupt {
    control: Control,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Something has been begun that has to be wound down.
    begun: AtomicBool,
    /// The first signal; 0 before it.
    signal: AtomicI32,
}

impl Interrupt {
    /// # Errors
    /// When the operating system refuses a signal handler or a thread.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let interrupt = Self { control: Control::default(), state: Arc::default() };
        let (control, state) = (interrupt.control.clone(), Arc::clone(&interrupt.state));
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in &mut signals {
                let first = state.signal.swap(signal, Ordering::SeqCst) == 0;
                if !first || !state.begun.load(Ordering::SeqCst) {
                    signal_hook::low_level::exit(i32::from(exit_of(signal).code()));
                }
                log::warn!("stopping; the same again stops at once");
                control.cancel();
            }
        })?;
        Ok(interrupt)
    }

    /// What the first signal cancels, from now on.
    pub(crate) fn begin(&self) -> &Control {
        self.state.begun.store(true, Ordering::SeqCst);
        &self.control
    }

    /// How a cancelled job ends, if a signal was the reason.
    pub(crate) fn exit(&self) -> Option<Exit> {
        match self.state.signal.load(Ordering::SeqCst) {
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
