//! Waiting for files that may never be ready: pipes, terminals, sockets.

use crate::control::{Close, Control};
use std::io;
use std::sync::Arc;

#[cfg(unix)]
use rustix::event::{PollFd, PollFlags, poll};
#[cfg(unix)]
use std::{
    io::{PipeReader, PipeWriter},
    os::fd::AsFd,
    sync::{Mutex, PoisonError},
};

/// Waits for files on behalf of work that may end meanwhile. Where the system has no such wait, it waits for nothing.
#[derive(Debug)]
pub(crate) struct Waiter {
    control: Control,
    /// At its end once the work has ended.
    #[cfg(unix)]
    end: PipeReader,
    _bell: Arc<Bell>,
}

/// Wakes waiters by closing the other end of their pipe.
#[derive(Debug)]
struct Bell {
    #[cfg(unix)]
    pipe: Mutex<Option<PipeWriter>>,
}

impl Close for Bell {
    fn close(&self) {
        #[cfg(unix)]
        drop(self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Waiter {
    /// Makes one that waits no longer once `control` has ended.
    ///
    /// # Errors
    /// The system's, when it has no pipe for it.
    pub(crate) fn new(control: &Control) -> io::Result<Self> {
        #[cfg(unix)]
        let (end, pipe) = io::pipe()?;
        let bell = Arc::new(Bell {
            #[cfg(unix)]
            pipe: Mutex::new(Some(pipe)),
        });
        control.close_with(&(Arc::clone(&bell) as Arc<dyn Close>));
        Ok(Self {
            control: control.clone(),
            #[cfg(unix)]
            end,
            _bell: bell,
        })
    }

    /// Waits until `file` has bytes or has come to its end; says whether the work still goes on.
    #[cfg(unix)]
    pub(crate) fn readable(&self, file: &impl AsFd) -> io::Result<bool> {
        self.ready(file, PollFlags::IN)
    }

    /// Waits until `file` takes bytes or never will; says whether the work still goes on.
    #[cfg(unix)]
    pub(crate) fn writable(&self, file: &impl AsFd) -> io::Result<bool> {
        self.ready(file, PollFlags::OUT)
    }

    #[cfg(unix)]
    fn ready(&self, file: &impl AsFd, what: PollFlags) -> io::Result<bool> {
        while !self.control.is_cancelled() {
            let mut both = [PollFd::new(file, what), PollFd::new(&self.end, PollFlags::IN)];
            match poll(&mut both, None) {
                Ok(_) if both[0].revents().is_empty() => {}
                Ok(_) => return Ok(!self.control.is_cancelled()),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(false)
    }

    /// Says whether the work still goes on.
    #[cfg(not(unix))]
    pub(crate) fn readable<T>(&self, _file: &T) -> io::Result<bool> {
        Ok(!self.control.is_cancelled())
    }

    /// Says whether the work still goes on.
    #[cfg(not(unix))]
    pub(crate) fn writable<T>(&self, _file: &T) -> io::Result<bool> {
        Ok(!self.control.is_cancelled())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Write;
    use std::thread;

    #[test]
    fn bytes_and_the_end_are_waited_for() {
        let waiter = Waiter::new(&Control::default()).unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        assert!(waiter.writable(&writer).unwrap());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| waiter.readable(&reader).unwrap());
            writer.write_all(b"x").unwrap();
            assert!(waiting.join().unwrap());
        });
        drop(writer);
        assert!(waiter.readable(&reader).unwrap());
    }

    #[test]
    fn the_end_of_the_work_ends_the_wait_whoever_came_first() {
        let control = Control::default();
        let waiter = Waiter::new(&control).unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        thread::scope(|scope| {
            let waits = [(); 2].map(|()| scope.spawn(|| waiter.readable(&reader).unwrap()));
            control.cancel();
            assert_eq!(waits.map(|wait| wait.join().unwrap()), [false; 2]);
        });
        assert!(!waiter.readable(&reader).unwrap());
        writer.write_all(b"x").unwrap();
        assert!(!waiter.readable(&reader).unwrap(), "what is there is wanted by nobody");
        assert!(!Waiter::new(&control).unwrap().readable(&reader).unwrap());
    }
}
