//! A real CUPS of the test's own: its folder, its socket, its queues, and a device that can be out of paper.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use printing::Printer;

/// The longest wait for anything, on a machine with much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// What hands the pages to the device, as CUPS's own backends do: it reports as a printer does and "prints" into a
/// folder. A file there tells it to be out of paper, or to break.
const BACKEND: &str = r#"#!/bin/sh
out=OUT
[ $# -eq 0 ] && exit 0
while [ -e "$out/empty" ]; do
    echo "STATE: +media-empty-error" >&2
    sleep 0.1
done
echo "STATE: -media-empty-error" >&2
[ "$DEVICE_URI" = desk:/broken ] && exit 1
cat "${6:--}" > "$out/page-$1.part"
printf '%s\n%s\n%s\n' "$2" "$3" "$5" > "$out/job-$1"
mv "$out/page-$1.part" "$out/page-$1"
"#;

/// The server; it ends with the test.
pub(crate) struct Cups {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Cups {
    /// Starts it with the queues `paper` (the default one), `paused`, `closed` and `broken`.
    pub(crate) fn start() -> Cups {
        (0..5)
            .find_map(|_| Cups::started())
            .expect("cupsd finds no free port")
    }

    /// `None` where somebody else took the port in between.
    fn started() -> Option<Cups> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "etc",
            "spool",
            "spool/tmp",
            "cache",
            "run",
            "log",
            "bin",
            "bin/backend",
            "out",
        ] {
            fs::create_dir(at(name)).unwrap();
        }
        // As root it hands its work to another user, who must get at the folder.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(at("out"), fs::Permissions::from_mode(0o777)).unwrap();
        symlink("/usr/lib/cups/daemon", at("bin/daemon")).unwrap();
        let program = at("cupsd");
        // A copy: a profile that confines the system's own cupsd to the system's folders is not meant for this one.
        fs::copy("/usr/sbin/cupsd", &program)
            .expect("cupsd is missing (Debian: cups-daemon); `cargo xtask setup` installs it for the tests");
        let backend = at("bin/backend/desk");
        fs::write(&backend, BACKEND.replace("OUT", at("out").to_str().unwrap())).unwrap();
        fs::set_permissions(&backend, fs::Permissions::from_mode(0o755)).unwrap();

        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        fs::write(at("etc/printers.conf"), queues()).unwrap();
        fs::write(at("etc/cupsd.conf"), settings(&at("run/socket"), port)).unwrap();
        fs::write(at("etc/cups-files.conf"), files(folder.path())).unwrap();
        let mut server = Command::new(&program);
        server
            .arg("-f")
            .arg("-c")
            .arg(at("etc/cupsd.conf"))
            .arg("-s")
            .arg(at("etc/cups-files.conf"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("log/said")).unwrap());
        let child = loop {
            match server.spawn() {
                // Another test began a program while the copy was being written, which holds it open for a moment.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                child => break child.unwrap(),
            }
        };
        let cups = Cups { folder, child, port };
        let since = Instant::now();
        loop {
            let said = cups.said();
            if said.contains("socket for address") {
                return None;
            }
            if said.contains("Resuming new connection processing") {
                return Some(cups);
            }
            assert!(since.elapsed() < PATIENCE, "cupsd does not start: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A queue of this server, once it answers.
    pub(crate) async fn printer(&self, name: &str) -> Printer {
        let printer = Printer::named(name)
            .unwrap()
            .at(self.at("run/socket").to_str().unwrap());
        let since = Instant::now();
        while printer.look().await == Err(printing::Trouble::NoService) {
            assert!(
                since.elapsed() < PATIENCE,
                "cupsd does not answer: {}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        printer
    }

    /// The address of a queue as a printer of its own.
    pub(crate) fn address(&self, name: &str) -> String {
        format!("ipp://127.0.0.1:{}/printers/{name}", self.port)
    }

    /// What lies in a folder, by the beginning of its name.
    pub(crate) fn lying(&self, folder: &str, prefix: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(self.at(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
            .collect();
        found.sort();
        found
    }

    pub(crate) fn said(&self) -> String {
        ["log/said", "log/error"]
            .map(|name| fs::read_to_string(self.at(name)).unwrap_or_default())
            .concat()
    }

    pub(crate) fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Cups {
    fn drop(&mut self) {
        self.end();
    }
}

fn settings(socket: &Path, port: u16) -> String {
    format!(
        "Listen {}\nListen 127.0.0.1:{port}\nBrowsing No\nWebInterface No\nDefaultAuthType None\nLogLevel info\n\
         PreserveJobFiles Yes\nPreserveJobHistory Yes\n\
         <Location />\nOrder allow,deny\nAllow all\n</Location>\n\
         <Policy default>\nJobPrivateAccess default\nJobPrivateValues default\n\
         <Limit Cancel-Job CUPS-Authenticate-Job>\nRequire user @OWNER @SYSTEM\nOrder deny,allow\n</Limit>\n\
         <Limit All>\nOrder deny,allow\n</Limit>\n</Policy>\n",
        socket.display()
    )
}

fn files(folder: &Path) -> String {
    let f = folder.display();
    format!(
        "ServerRoot {f}/etc\nRequestRoot {f}/spool\nTempDir {f}/spool/tmp\nCacheDir {f}/cache\nStateDir {f}/run\n\
         ServerBin {f}/bin\nAccessLog {f}/log/access\nErrorLog {f}/log/error\nPageLog {f}/log/page\nPrintcap\n\
         Sandboxing relaxed\nSystemGroup root\nUser nobody\nGroup nogroup\n"
    )
}

fn queues() -> String {
    let queue = |kind: &str, name: &str, state: &str, accepting: &str| {
        format!(
            "<{kind} {name}>\nDeviceURI desk:/{name}\nState {state}\nAccepting {accepting}\nShared No\n\
             ErrorPolicy abort-job\n</{kind}>\n"
        )
        .replace(&format!("</{kind}"), "</Printer")
    };
    [
        queue("DefaultPrinter", "paper", "Idle", "Yes"),
        queue("Printer", "paused", "Stopped", "Yes"),
        queue("Printer", "closed", "Idle", "No"),
        queue("Printer", "broken", "Idle", "Yes"),
    ]
    .concat()
}
