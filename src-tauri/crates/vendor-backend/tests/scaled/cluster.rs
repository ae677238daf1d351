//! A PostgreSQL of the tests' own: Debian's programs, its data and socket in a temporary folder. It ends with this
//! process, however that ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vendor::Secret;

/// Starts the server again when it ends, until it is told to stop; then everything is taken away.
const KEEPER: &str = r#"folder=$1; shift
trap 'stop=1; kill -INT "$p" 2>/dev/null' TERM
while [ -z "$stop" ]; do "$@" & p=$!; wait "$p"; wait "$p" 2>/dev/null; done
rm -rf "$folder""#;

/// The server.
pub(crate) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    databases: AtomicU32,
}

impl Cluster {
    /// Starts a server with these settings beside the usual ones.
    pub(crate) fn start(settings: &[&str]) -> Cluster {
        let folder = tempfile::Builder::new()
            .prefix("ps-pg-")
            .tempdir()
            .unwrap()
            .keep();
        let cluster = Cluster {
            programs: programs(),
            folder,
            databases: AtomicU32::new(0),
        };
        give_away(&cluster.folder);
        let data = cluster.folder.join("data");
        let mut initdb = as_its_user(&cluster.programs.join("initdb"), &[]);
        initdb.arg("--pgdata").arg(&data);
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
        ]);
        let made = initdb.arg("--locale=C.UTF-8").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        cluster.keep(&data, settings);
        wait_for(|| cluster.answers());
        cluster
    }

    /// The keeper ends when the thread that started it does: one that never does.
    fn keep(&self, data: &Path, settings: &[&str]) {
        let mut keeper = as_its_user(Path::new("sh"), &["--pdeathsig=TERM"]);
        keeper.args(["-c", KEEPER, "keeper"]).arg(&self.folder);
        keeper.arg(self.programs.join("postgres")).arg("-D").arg(data);
        keeper.arg("-k").arg(&self.folder);
        let usual = [
            "listen_addresses=",
            "max_connections=200",
            "max_pred_locks_per_transaction=256",
        ];
        for setting in usual.iter().chain(settings) {
            keeper.args(["-c", setting]);
        }
        keeper
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        thread::spawn(move || {
            let mut child = keeper.spawn().unwrap();
            let _ = child.wait();
            loop {
                thread::park();
            }
        });
    }

    fn answers(&self) -> bool {
        let asked = self.client("pg_isready").arg("--quiet").status();
        asked.is_ok_and(|status| status.success())
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("--host").arg(&self.folder).arg("--username=postgres");
        command
    }

    /// A fresh database: its address.
    pub(crate) fn database(&self) -> Secret {
        let name = format!("backend{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = self.client("createdb").arg(&name).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let host = self.folder.to_str().unwrap().replace('/', "%2F");
        Secret::new(format!("postgres://postgres@{host}/{name}"))
    }

    /// Ends the server in the middle of everything, as a crash would; it recovers and is there again.
    pub(crate) fn restart(&self) {
        let before = self.process();
        let mut stop = as_its_user(&self.programs.join("pg_ctl"), &[]);
        stop.arg("stop").arg("-D").arg(self.folder.join("data"));
        let stopped = stop.args(["-m", "immediate", "--no-wait"]).output().unwrap();
        assert!(
            stopped.status.success(),
            "{}",
            String::from_utf8_lossy(&stopped.stderr)
        );
        wait_for(|| self.process() != before && self.answers());
    }

    /// The server's process, by its own word; nothing while there is none.
    fn process(&self) -> Option<String> {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?;
        text.lines().next().map(str::to_owned)
    }
}

fn wait_for(there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "the database does not start"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// The newest version that is installed.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("the Debian package postgresql");
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max();
    Path::new("/usr/lib/postgresql")
        .join(newest.expect("a version").to_string())
        .join("bin")
}

/// The server refuses to run as root; the package has brought a user.
fn as_its_user(program: &Path, options: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    // Without any option it only runs the program.
    command.args(options).arg(program).current_dir("/");
    command
}

fn is_root() -> bool {
    number(&["-u"]) == 0
}

fn number(of: &[&str]) -> u32 {
    let output = Command::new("id").args(of).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}

fn give_away(folder: &Path) {
    if is_root() {
        std::os::unix::fs::chown(
            folder,
            Some(number(&["-u", "postgres"])),
            Some(number(&["-g", "postgres"])),
        )
        .unwrap();
    }
}
