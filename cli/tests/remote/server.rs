//! The server, and a look at what it stores.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A server of its own on a port of its own; it ends with this.
pub(crate) struct Server {
    child: Child,
    talk: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut child = Command::new(root.join("scripts/with-packages.sh"))
            .arg(root.join("scripts/moto.txt"))
            .arg(root.join("cli/tests/remote/server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("a port, and not {line:?}"));
        Self { child, talk: RefCell::new((input, output)), port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Has it fail in these ways from now on; says how many requests it has had since it was last told.
    pub(crate) fn faults(&self, list: &str) -> u32 {
        let (input, output) = &mut *self.talk.borrow_mut();
        writeln!(input, "{list}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }

    /// Asks it by hand: its status, and what it answers.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let path = path.replace(' ', "%20");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let status = String::from_utf8_lossy(&answer[..end]).split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer[end + 4..].to_vec())
    }

    /// Writes an object, or makes a bucket.
    pub(crate) fn put(&self, path: &str, body: &[u8]) {
        assert_eq!(self.ask("PUT", path, body).0, 200, "{path}");
    }

    pub(crate) fn get(&self, path: &str) -> Option<Vec<u8>> {
        match self.ask("GET", path, &[]) {
            (200, body) => Some(body),
            (404, _) => None,
            (status, _) => panic!("{path}: {status}"),
        }
    }

    pub(crate) fn delete(&self, path: &str) {
        assert_eq!(self.ask("DELETE", path, &[]).0, 204, "{path}");
    }

    /// Lists the objects of a bucket.
    pub(crate) fn list(&self, bucket: &str) -> Vec<String> {
        let (status, body) = self.ask("GET", &format!("{bucket}?list-type=2"), &[]);
        assert_eq!(status, 200);
        let text = String::from_utf8(body).unwrap();
        text.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
