//! Inputs that give nothing and do not end: whoever waits for them is sent away while they still stall.

use crate::reading::{whole, write};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use upright_engine::control::Control;
use upright_engine::media::{Event, Source};
use upright_engine::source::{Input, OpenOptions};
use upright_engine::{Error, Result};
use upright_fixtures::{Clip, Codec, Container, Ratio, Timing};

/// Long enough for whoever is to wait to come to it; coming too late would do too.
const A_MOMENT: Duration = Duration::from_millis(50);

fn pipe(directory: &Path) -> PathBuf {
    let path = directory.join("pipe.mkv");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    path
}

/// Opens a source and reads it to its end.
fn read(path: PathBuf, options: &OpenOptions, control: &Control) -> Result<u64> {
    let mut source = Source::open_within(&Input::Path(path), options, control)?;
    let mut frames = 0;
    loop {
        match source.next()? {
            Event::Frame { .. } => frames += 1,
            Event::Audio { .. } | Event::SoundChanged { .. } => {}
            Event::End => return Ok(frames),
        }
    }
}

/// Reads, and is cancelled when `stalled` comes back.
fn cancelled<T>(path: PathBuf, options: &OpenOptions, stalled: impl FnOnce() -> T) {
    let control = Control::default();
    thread::scope(|scope| {
        let reading = scope.spawn(|| read(path, options, &control));
        let stalled = stalled();
        thread::sleep(A_MOMENT);
        control.cancel();
        assert!(matches!(reading.join().unwrap(), Err(Error::Cancelled)));
        drop(stalled);
    });
}

#[test]
fn a_pipe_that_nobody_writes_to() {
    let directory = tempfile::tempdir().unwrap();
    cancelled(pipe(directory.path()), &whole(), || {});
}

#[test]
fn a_pipe_whose_writer_stalls_before_and_within_the_film() {
    let directory = tempfile::tempdir().unwrap();
    let timing = Timing::constant(Ratio::new(25, 1), 250);
    let clip = Clip { codec: Codec::H264, container: Container::Mkv, timing, ..Clip::new("film") };
    let film = std::fs::read(write(&clip, directory.path())).unwrap();
    let path = pipe(directory.path());
    for bytes in [0, 100, film.len() / 2, film.len() - 1] {
        cancelled(path.clone(), &whole(), || {
            let mut writer = File::options().write(true).open(&path).unwrap();
            writer.write_all(&film[..bytes]).unwrap();
            writer
        });
    }
    // And one that does not stall is read to its end.
    thread::scope(|scope| {
        let reading = scope.spawn(|| read(path.clone(), &whole(), &Control::default()));
        File::options().write(true).open(&path).unwrap().write_all(&film).unwrap();
        assert_eq!(reading.join().unwrap().unwrap(), 250);
    });
}

#[test]
fn a_server_that_does_not_answer() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/film.mp4", server.local_addr().unwrap());
    let options = whole().protocols(vec!["http".to_owned(), "tcp".to_owned()]);
    cancelled(url.into(), &options, || {
        let (mut connection, _) = server.accept().unwrap();
        assert!(connection.read(&mut [0; 1000]).unwrap() > 0);
        connection
    });
}

#[test]
fn a_film_that_does_not_stall_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(&Clip::new("film"), directory.path());
    let control = Control::default();
    let mut source = Source::open_within(&Input::Path(path.clone()), &whole(), &control).unwrap();
    assert!(matches!(source.next().unwrap(), Event::Frame { .. }));
    control.cancel();
    let end = std::iter::repeat_with(|| source.next()).find(|event| !matches!(event, Ok(Event::Frame { .. })));
    assert!(matches!(end, Some(Err(Error::Cancelled))));
    assert!(matches!(read(path, &whole(), &control), Err(Error::Cancelled)));
}
