//! `photo-station --supervised`: a parent that starts the window anew when it ends without being asked to.
//!
//! A kiosk's window may be ended by a driver, by memory running out, by a hand at the wrong machine. The parent holds no
//! camera, no records and no window, so that little can end it; and a child whose parent is gone goes as well, by a pipe
//! that closes with it, on every operating system.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::output::{Output, Verdict};

/// The option itself, which the child does not get.
const OPTION: &str = "--supervised";
/// Set for the child.
const CHILD: &str = "PHOTO_STATION_CHILD";
/// What the child says by its end: start me again at once.
const OVER_AGAIN: i32 = 64;
/// The pause after a window that stood for a while.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause: a student may wait for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A window that wants to start over sooner than this is in some trouble.
const SHORTEST: Duration = Duration::from_secs(10);
/// A window that stood for so long had begun well.
const STOOD: Duration = Duration::from_mins(1);

/// Starts the window with these arguments (the program's own name first), again and again, until it ends as asked.
pub(crate) fn supervise(out: Output, arguments: &[OsString]) -> Result<Verdict, Verdict> {
    let program = std::env::current_exe().map_err(|error| {
        out.say(&format!("this program cannot find itself: {error}"));
        Verdict::Refused
    })?;
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let mut child = Command::new(&program)
            .args(arguments.iter().skip(1).filter(|argument| *argument != OPTION))
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| {
                out.say(&format!("the window cannot be started: {error}"));
                Verdict::Refused
            })?;
        // `Child::wait` would close the pipe at once: the child is to see it close when this process ends.
        let held = child.stdin.take();
        let status = child.wait();
        drop(held);
        match after(
            status.ok().and_then(|status| status.code()),
            began.elapsed(),
            pause,
        ) {
            Next::End(verdict) => return Ok(verdict),
            Next::Again { wait, pause: longer } => {
                out.say(&format!(
                    "the window ended by itself; it is started again in {wait:?}"
                ));
                std::thread::sleep(wait);
                pause = longer;
            }
        }
    }
}

/// What follows a window's end.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Asked for by staff, or no new start would help.
    End(Verdict),
    /// Start it after `wait`; the next pause is `pause`.
    Again { wait: Duration, pause: Duration },
}

fn after(code: Option<i32>, stood: Duration, pause: Duration) -> Next {
    match code {
        Some(0) => Next::End(Verdict::Accepted),
        // Wrong arguments stay wrong.
        Some(2) => Next::End(Verdict::Usage),
        Some(OVER_AGAIN) if stood >= SHORTEST => Next::Again {
            wait: Duration::ZERO,
            pause: FIRST_PAUSE,
        },
        _ if stood >= STOOD => Next::Again {
            wait: FIRST_PAUSE,
            pause: FIRST_PAUSE * 2,
        },
        _ => Next::Again {
            wait: pause,
            pause: (pause * 2).min(LONGEST_PAUSE),
        },
    }
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Ends the program so that it starts again: by its parent, where it has one. One that started itself again would end
/// like a program that staff had closed, and its parent with it.
pub(crate) fn start_over(app: &tauri::AppHandle) {
    if is_child() {
        app.exit(OVER_AGAIN);
    } else {
        app.request_restart();
    }
}

/// In the child: ends this process when its parent is gone. Does nothing elsewhere.
pub(crate) fn end_with_parent() {
    if !is_child() {
        return;
    }
    std::thread::spawn(|| {
        let mut nothing = [0];
        // Nobody writes into this pipe: a read returns when its other end is gone.
        while !matches!(std::io::stdin().read(&mut nothing), Ok(0) | Err(_)) {}
        // As after a power cut, which everything here is made for.
        std::process::exit(0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_closed_by_staff_stays_closed_and_wrong_usage_is_told() {
        let short = Duration::from_secs(1);
        assert_eq!(after(Some(0), short, FIRST_PAUSE), Next::End(Verdict::Accepted));
        assert_eq!(after(Some(2), short, FIRST_PAUSE), Next::End(Verdict::Usage));
    }

    #[test]
    fn a_window_that_wants_to_start_over_does_at_once_but_not_without_end() {
        let again = |stood| after(Some(OVER_AGAIN), stood, LONGEST_PAUSE);
        let Next::Again { wait, pause } = again(SHORTEST) else {
            panic!("it ends");
        };
        assert_eq!((wait, pause), (Duration::ZERO, FIRST_PAUSE));
        let Next::Again { wait, .. } = again(Duration::ZERO) else {
            panic!("it ends");
        };
        assert_eq!(wait, LONGEST_PAUSE);
    }

    #[test]
    fn a_window_that_ends_again_and_again_is_started_ever_more_seldom_but_always() {
        let mut pause = FIRST_PAUSE;
        let mut waited = Vec::new();
        for code in [None, Some(1), Some(101), None, None, None, None, None, None] {
            let Next::Again { wait, pause: longer } = after(code, Duration::ZERO, pause) else {
                panic!("{code:?} ends it");
            };
            waited.push(wait);
            pause = longer;
        }
        assert!(waited.is_sorted() && waited[0] == FIRST_PAUSE, "{waited:?}");
        assert_eq!(waited.last(), Some(&LONGEST_PAUSE));
        let Next::Again { wait, .. } = after(None, STOOD, pause) else {
            panic!("a crash ends it");
        };
        assert_eq!(wait, FIRST_PAUSE, "after a good while it counts anew");
    }
}
