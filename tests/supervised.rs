//! The parent that keeps a kiosk's window alive (`--supervised`): a window that is killed comes back, one that is set up
//! wrongly is not tried for ever, and none stays behind when the parent is gone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(since.elapsed() < PATIENCE, "waited for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn display() -> (Ends, String) {
    let mut server = Command::new("Xvfb")
        .args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "800x600x24",
            "-nolisten",
            "tcp",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut number = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut number)
        .unwrap();
    (Ends(server), format!(":{}", number.trim()))
}

fn supervised(folder: &Path) -> Command {
    let people = folder.join("people.json");
    let nobody = r#"[{"last_four":"0000","name":"甲","records":
        [{"code":"x","school":"示例大学","level":"本科","student_number":"1"}]}]"#;
    std::fs::write(&people, nobody).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_photo-station"));
    command
        .arg("--supervised")
        .arg("--data")
        .arg(folder.join("station"))
        .args(["--camera", "virtual", "--backend", "http://127.0.0.1:9"])
        .arg("--rehearsal")
        .arg(people)
        .env_remove("WAYLAND_DISPLAY")
        .env("GDK_BACKEND", "x11")
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .stderr(Stdio::null());
    command
}

/// The window's process, by its number.
fn window_of(parent: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Threads of a page's process that has come up. One that is killed at its birth takes the window with it.
const THREADS: usize = 5;

/// The process of this window's page.
fn page_of(window: u32) -> Option<u32> {
    let entries = std::fs::read_dir("/proc").ok()?;
    let mut processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    processes.find(|process| {
        let exe = std::fs::read_link(format!("/proc/{process}/exe"));
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The parent is the second field behind the name.
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        let threads = std::fs::read_dir(format!("/proc/{process}/task"));
        exe.is_ok_and(|exe| exe.ends_with("WebKitWebProcess"))
            && parent == Some(window)
            && threads.is_ok_and(|threads| threads.count() > THREADS)
    })
}

fn kill(process: u32) {
    let killed = Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(killed.unwrap().success());
}

/// Whether it runs; one that ended and was not buried yet does not.
fn runs(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with('Z')
    })
}

#[test]
fn a_killed_window_comes_back_and_none_outlives_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, number) = display();
    let mut parent = Ends(supervised(folder.path()).env("DISPLAY", number).spawn().unwrap());
    // It has its folder: it is not only about to begin.
    let lock = folder.path().join("station").join("station.lock");
    until("the station's lock", || lock.exists().then_some(()));
    let first = until("a window", || window_of(parent.0.id()));
    kill(first);
    let second = until("another window", || {
        window_of(parent.0.id()).filter(|window| *window != first)
    });
    assert!(runs(second));
    assert!(parent.0.try_wait().unwrap().is_none(), "the parent stands");
    parent.0.kill().unwrap();
    parent.0.wait().unwrap();
    until("the window's end", || (!runs(second)).then_some(()));
}

#[test]
fn a_window_whose_page_dies_again_and_again_is_started_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, number) = display();
    let parent = Ends(supervised(folder.path()).env("DISPLAY", number).spawn().unwrap());
    let window = until("a window", || window_of(parent.0.id()));
    let mut last = None;
    // The first two are put up again by the window itself.
    for _ in 0..3 {
        assert!(runs(window), "the window stands");
        let page = until("a page", || page_of(window).filter(|page| last != Some(*page)));
        kill(page);
        last = Some(page);
    }
    let another = until("another window", || {
        window_of(parent.0.id()).filter(|another| *another != window)
    });
    until("its page", || page_of(another));
}

#[test]
fn a_wrong_set_up_is_told_and_not_tried_again_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let station = folder.path().join("station");
    std::fs::create_dir_all(&station).unwrap();
    std::fs::write(station.join("station.toml"), "bakend = \"x\"\n").unwrap();
    let mut parent = Ends(supervised(folder.path()).spawn().unwrap());
    let status = until("the end", || parent.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(2));
}
