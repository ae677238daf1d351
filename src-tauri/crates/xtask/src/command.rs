//! Other programs, run so that none outlives us and each failure ends as one sentence.

use std::fmt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Why a command cannot go on, and what to do: one sentence for the person at the keyboard.
#[derive(Debug)]
pub(crate) struct Stop {
    sentence: String,
    code: u8,
}

/// What every command ends with.
pub(crate) type Outcome<T = ()> = Result<T, Stop>;

impl Stop {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            code: 1,
        }
    }

    /// Ends xtask with the exit code of the program it ran for the user.
    pub(crate) fn with_code(sentence: impl Into<String>, status: ExitStatus) -> Self {
        let code = status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .filter(|code| *code != 0);
        Self {
            sentence: sentence.into(),
            code: code.unwrap_or(1),
        }
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.sentence)
    }
}

/// A file operation that failed, as a sentence: `or_stop(fs::write(..), "write", &path)`.
pub(crate) fn or_stop<T>(result: std::io::Result<T>, verb: &str, path: &std::path::Path) -> Outcome<T> {
    result.map_err(|error| Stop::new(format!("could not {verb} {}: {error}", path.display())))
}

/// What Ctrl-C (or a polite kill) means for a child.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnInterrupt {
    /// End it.
    Kill,
    /// Wait for it: a package installer cut short leaves the machine half configured. The terminal's own Ctrl-C
    /// still reaches it, and it knows how to stop.
    Finish,
}

type Shared = Arc<Mutex<Child>>;

/// The children alive now, for the Ctrl-C handler.
static CHILDREN: Mutex<Vec<(Shared, OnInterrupt)>> = Mutex::new(Vec::new());

/// Set before the handler ends the first child.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A child ended by the same Ctrl-C is no failure to talk about: the handler ends this program. The terminal tells
/// both at once, so a child that a signal ended leaves it a moment to begin.
fn stay_silent_if_interrupted(status: ExitStatus) {
    if status.code().is_none() {
        thread::sleep(Duration::from_millis(200));
    }
    while INTERRUPTED.load(Ordering::SeqCst) {
        thread::park();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Installs the handler for Ctrl-C, a polite kill and a closed terminal: no child stays behind.
pub(crate) fn end_children_on_ctrl_c() {
    let handler = || {
        INTERRUPTED.store(true, Ordering::SeqCst);
        let children = lock(&CHILDREN).clone();
        for (child, on_interrupt) in &children {
            if *on_interrupt == OnInterrupt::Kill {
                let _ = lock(child).kill();
            }
        }
        for (child, _) in &children {
            while matches!(lock(child).try_wait(), Ok(None)) {
                thread::sleep(Duration::from_millis(20));
            }
        }
        std::process::exit(130);
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        eprintln!("note: Ctrl-C may leave a child process behind ({error})");
    }
}

/// A running child, ended when this goes out of scope.
pub(crate) struct Running {
    child: Shared,
}

impl Running {
    /// Starts `command`; the sentence says what to do when the program is not there at all.
    pub(crate) fn start(command: &mut Command, on_interrupt: OnInterrupt) -> Outcome<Self> {
        let child = command.spawn().map_err(|error| {
            Stop::new(format!(
                "could not start {}: {error}",
                command.get_program().to_string_lossy()
            ))
        })?;
        let child = Arc::new(Mutex::new(child));
        lock(&CHILDREN).push((Arc::clone(&child), on_interrupt));
        Ok(Self { child })
    }

    /// Its piped standard output; none when it was not piped or already taken.
    pub(crate) fn take_stdout(&self) -> Option<std::process::ChildStdout> {
        lock(&self.child).stdout.take()
    }

    /// Waits until it ends. (By looking again and again: the Ctrl-C handler needs the child too.)
    pub(crate) fn wait(&self) -> Outcome<ExitStatus> {
        loop {
            match lock(&self.child).try_wait() {
                Ok(Some(status)) => {
                    stay_silent_if_interrupted(status);
                    return Ok(status);
                }
                Ok(None) => {}
                Err(error) => return Err(Stop::new(format!("lost sight of a child process: {error}"))),
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        {
            let mut child = lock(&self.child);
            if matches!(child.try_wait(), Ok(None)) {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        lock(&CHILDREN).retain(|(other, _)| !Arc::ptr_eq(other, &self.child));
    }
}

/// Runs `command` in the open, its output going straight to the terminal.
pub(crate) fn run(command: &mut Command) -> Outcome<ExitStatus> {
    Running::start(command, OnInterrupt::Kill)?.wait()
}

/// Runs `command` in the open and stops with `sentence` when it fails.
pub(crate) fn must(command: &mut Command, sentence: &str) -> Outcome {
    let status = run(command)?;
    if status.success() {
        Ok(())
    } else {
        Err(Stop::with_code(sentence, status))
    }
}

/// What `command` prints, trimmed; none when it is not installed or fails.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program of this name can be found in `PATH`.
pub(crate) fn is_installed(program: &str) -> bool {
    which(program).is_some()
}

/// Where `PATH` finds a program.
pub(crate) fn which(program: &str) -> Option<std::path::PathBuf> {
    let name = if cfg!(windows) {
        format!("{program}.exe")
    } else {
        program.to_owned()
    };
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(&name))
        .find(|candidate| candidate.is_file())
}

/// The cargo that started us, so that every build uses one toolchain.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo describes xtask itself to us in these; a build script below must not take them for its own package.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_BIN_NAME" {
            cargo.env_remove(&name);
        }
    }
    cargo
}
