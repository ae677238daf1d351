//! Real processes of the backend on one store, each at an address that it comes back to.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use vendor::Secret;
use vendor_backend::Bucket;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vendor-backend");

/// The processes; they end with it.
pub(crate) struct Fleet {
    database: Secret,
    bucket: Bucket,
    /// More words for `serve`.
    words: &'static [&'static str],
    pub(crate) members: Vec<(SocketAddr, Mutex<Child>)>,
}

impl Fleet {
    pub(crate) fn start(
        database: Secret,
        bucket: Bucket,
        words: &'static [&'static str],
        count: usize,
    ) -> Fleet {
        let mut fleet = Fleet {
            database,
            bucket,
            words,
            members: Vec::new(),
        };
        let places: Vec<_> = (0..count)
            .map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap())
            .collect();
        let addrs: Vec<_> = places.iter().map(|place| place.local_addr().unwrap()).collect();
        drop(places);
        // All at the same moment: only one of them makes the tables.
        fleet.members = addrs
            .into_iter()
            .map(|addr| (addr, Mutex::new(fleet.process(addr))))
            .collect();
        for (addr, _) in &fleet.members {
            wait(*addr);
        }
        fleet
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.members
            .iter()
            .map(|(addr, _)| format!("http://{addr}"))
            .collect()
    }

    /// Ends a process in the middle of everything, and starts another in its place.
    pub(crate) fn kill(&self, at: usize) {
        let (addr, child) = &self.members[at % self.members.len()];
        let mut child = child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        *child = self.process(*addr);
        wait(*addr);
    }

    fn process(&self, addr: SocketAddr) -> Child {
        let mut command = Command::new(PROGRAM);
        command
            .args(["serve", "--listen", &addr.to_string()])
            .args(self.words);
        command
            .env("PHOTO_BACKEND_DATABASE", self.database.expose())
            .env("PHOTO_BACKEND_PHOTOS", &self.bucket.url)
            .env("REVIEWER_TOKEN", "of-all-of-them")
            .env("RUST_LOG", "error");
        for (name, value) in &self.bucket.settings {
            command.env(name, value.expose());
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        child.unwrap()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for (_, child) in &self.members {
            let mut child = child.lock().unwrap();
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn wait(addr: SocketAddr) {
    let begun = Instant::now();
    while !serves(addr) {
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "a process does not start"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// It takes connections before it has opened its store: only an answer tells.
fn serves(addr: SocketAddr) -> bool {
    let Ok(mut connection) = TcpStream::connect(addr) else {
        return false;
    };
    let mut answer = String::new();
    connection.set_read_timeout(Some(Duration::from_secs(20))).is_ok()
        && write!(
            connection,
            "GET /v1/status HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"
        )
        .is_ok()
        && connection.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
