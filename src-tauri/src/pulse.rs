//! The page's sign of life: a page that died, or whose script stands still, is put up again.
//!
//! Each page says every few seconds that it runs. A visit lives in the station and not in the page, so that a page put up
//! anew stands where the old one stood. A page that dies again and again ends the program instead: its next start closes
//! the visit cleanly, and begins on the first page.
//!
//! | what is wrong | who tells |
//! |---|---|
//! | the web process is gone | the web view at once (Linux, macOS); its silence (Windows) |
//! | the script stands still | its silence |

#![expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands its state to commands by value"
)]

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tauri::{Manager, State, Webview, WebviewWindow};

use crate::session::StaffSession;
use crate::supervise;

/// How often it is looked whether the page has spoken.
const TICK: Duration = Duration::from_secs(1);
/// Ticks without a word until a page that has spoken counts as standing still: ten of its words, for a machine that has
/// much else to do.
const SILENCE: u32 = 20;
/// Ticks until a page that is being put up must have spoken.
const LOADING: u32 = 90;
/// Times a page is put up anew before the program starts over.
const MOST_PUT_UP: u32 = 2;
/// Ticks after which an earlier death is forgotten.
const FORGIVEN: u32 = 600;

/// How one page does. Counted in ticks and not in time: a machine that was asleep has not waited.
#[derive(Debug, Default)]
struct Patient {
    /// Whether it has spoken since it was put up.
    spoke: bool,
    /// It said that nobody can see it: it may be slowed down until it cannot speak in time.
    hidden: bool,
    /// Ticks since its last word.
    silent: u32,
    /// Ticks since its last death.
    stood: u32,
    /// Deaths that are not forgotten.
    died: u32,
}

/// What a dead page needs.
#[derive(Debug, PartialEq, Eq)]
enum Care {
    /// To be put up again.
    PutUp,
    /// Nothing more: the program is to start over.
    StartOver,
}

impl Patient {
    fn speaks(&mut self, seen: bool) {
        (self.spoke, self.hidden, self.silent) = (true, !seen, 0);
    }

    /// A tick has passed; true where the page stands still.
    fn stands_still(&mut self) -> bool {
        self.stood += 1;
        if self.stood >= FORGIVEN {
            self.died = 0;
        }
        if self.hidden {
            return false;
        }
        self.silent += 1;
        self.silent >= if self.spoke { SILENCE } else { LOADING }
    }

    /// The page is dead.
    fn dies(&mut self) -> Care {
        let died = self.died + 1;
        *self = Patient {
            died,
            ..Patient::default()
        };
        if died > MOST_PUT_UP {
            Care::StartOver
        } else {
            Care::PutUp
        }
    }
}

/// The pages of this program, by their windows' labels.
#[derive(Default)]
pub(crate) struct Pulse(Mutex<HashMap<String, Patient>>);

impl Pulse {
    fn of<T>(&self, label: &str, look: impl FnOnce(&mut Patient) -> T) -> T {
        let mut patients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(patients.entry(label.to_owned()).or_default())
    }
}

/// The page runs; `seen` is false while nobody can see it.
#[tauri::command]
#[specta::specta]
pub(crate) fn alive(seen: bool, window: WebviewWindow, pulse: State<'_, Pulse>) {
    pulse.of(window.label(), |patient| patient.speaks(seen));
}

/// Looks after this window's page until the program ends.
pub(crate) fn watch(window: &WebviewWindow) {
    told_of_death(window);
    let window = window.clone();
    tauri::async_runtime::spawn(async move {
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            clock.tick().await;
            let pulse = window.state::<Pulse>();
            if pulse.of(window.label(), Patient::stands_still) {
                tracing::warn!(page = window.label(), "the page stands still");
                end_the_page(&window);
            }
        }
    });
}

/// A dead page is put up again, or the program starts over.
pub(crate) fn died(webview: &Webview) {
    // Whoever had opened the staff pages sees a student's page now.
    webview.state::<StaffSession>().set(false);
    let care = webview.state::<Pulse>().of(webview.label(), Patient::dies);
    tracing::warn!(page = webview.label(), ?care, "the page is dead");
    if care == Care::StartOver || webview.reload().is_err() {
        supervise::start_over(webview.app_handle());
    }
}

/// Hears of a web process that is gone. Under macOS the builder does (`window::open`), under Windows silence tells.
#[cfg(target_os = "linux")]
fn told_of_death(window: &WebviewWindow) {
    use webkit2gtk::WebViewExt;
    let page: Webview = window.as_ref().clone();
    let told = window.with_webview(move |view| {
        view.inner()
            .connect_web_process_terminated(move |_, _| died(&page));
    });
    if let Err(error) = told {
        tracing::warn!(%error, "only its silence will tell that a page died");
    }
}

#[cfg(not(target_os = "linux"))]
fn told_of_death(_window: &WebviewWindow) {}

/// A script that stands still would not let its page be loaded again: its process is ended first, and that is heard of.
#[cfg(target_os = "linux")]
fn end_the_page(window: &WebviewWindow) {
    use webkit2gtk::WebViewExt;
    window
        .state::<Pulse>()
        .of(window.label(), |patient| patient.silent = 0);
    if let Err(error) = window.with_webview(|view| view.inner().terminate_web_process()) {
        tracing::warn!(%error, "the page cannot be ended");
    }
}

#[cfg(not(target_os = "linux"))]
fn end_the_page(window: &WebviewWindow) {
    died(window.as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks_until_still(patient: &mut Patient) -> u32 {
        (1..=2 * LOADING)
            .find(|_| patient.stands_still())
            .expect("it would stand still for ever")
    }

    #[test]
    fn a_page_that_speaks_is_left_alone_and_one_that_falls_silent_is_noticed() {
        let mut patient = Patient::default();
        for _ in 0..FORGIVEN {
            patient.speaks(true);
            assert!(!patient.stands_still());
        }
        patient.speaks(true);
        assert_eq!(ticks_until_still(&mut patient), SILENCE);
    }

    #[test]
    fn a_page_that_is_being_put_up_has_more_time() {
        assert_eq!(ticks_until_still(&mut Patient::default()), LOADING);
        let mut again = Patient::default();
        again.speaks(true);
        assert_eq!(again.dies(), Care::PutUp);
        assert_eq!(
            ticks_until_still(&mut again),
            LOADING,
            "the old page's word does not count"
        );
    }

    #[test]
    fn a_page_nobody_sees_may_be_silent_until_it_is_seen_again() {
        let mut patient = Patient::default();
        patient.speaks(false);
        assert!((0..10 * LOADING).all(|_| !patient.stands_still()));
        patient.speaks(true);
        assert_eq!(ticks_until_still(&mut patient), SILENCE);
    }

    #[test]
    fn a_page_that_dies_again_and_again_ends_the_program_and_one_that_stood_long_does_not() {
        let mut patient = Patient::default();
        for _ in 0..MOST_PUT_UP {
            assert_eq!(patient.dies(), Care::PutUp);
            patient.speaks(true);
        }
        assert_eq!(patient.dies(), Care::StartOver);
        let mut patient = Patient::default();
        for _ in 0..5 * MOST_PUT_UP {
            assert_eq!(patient.dies(), Care::PutUp);
            for _ in 0..FORGIVEN {
                patient.speaks(true);
                assert!(!patient.stands_still());
            }
        }
    }
}
