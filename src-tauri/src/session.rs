//! Whether staff are at the station, and the pass that only an open session hands out.
//!
//! A staff command takes a [`Pass`] and reaches the station through it alone. Tauri asks for the pass before it reads
//! anything else of the call, so a command that is the staff's cannot be written without the question.

use std::sync::atomic::{AtomicBool, Ordering};

use specta::Types;
use specta::datatype::DataType;
use specta::function::FunctionArg;
use station::{Doorway, Station};
use tauri::ipc::{CommandArg, CommandItem, InvokeError};
use tauri::{Manager, Runtime};

use crate::ipc::{Failure, FailureCode};

/// Whether staff are at the station.
#[derive(Default)]
pub(crate) struct StaffSession {
    open: AtomicBool,
}

impl StaffSession {
    /// True while the PIN or a card has opened the staff pages.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Opens the staff pages, or closes them.
    pub(crate) fn set(&self, open: bool) {
        self.open.store(open, Ordering::Release);
    }
}

/// The staff's way to the station: there is none while their pages are closed.
pub(crate) struct Pass {
    door: Doorway,
}

impl Pass {
    fn of(session: &StaffSession, door: &Doorway) -> Result<Pass, Failure> {
        if session.is_open() {
            return Ok(Pass { door: door.clone() });
        }
        Err(Failure {
            code: FailureCode::StaffOnly,
            detail: String::new(),
        })
    }

    /// The open station; a door that is still shut says why.
    pub(crate) fn station(&self) -> Result<Station, Failure> {
        inside(&self.door)
    }
}

/// The open station; a door that is still shut says why.
pub(crate) fn inside(door: &Doorway) -> Result<Station, Failure> {
    door.station().ok_or_else(|| Failure {
        code: FailureCode::Records,
        detail: door.trouble(),
    })
}

impl<'de, R: Runtime> CommandArg<'de, R> for Pass {
    fn from_command(command: CommandItem<'de, R>) -> Result<Pass, InvokeError> {
        let webview = command.message.webview_ref();
        Ok(Pass::of(
            &webview.state::<StaffSession>(),
            &webview.state::<Doorway>(),
        )?)
    }
}

/// No page sends it: it is not among what a command is called with.
impl FunctionArg for Pass {
    fn to_datatype(_: &mut Types) -> Option<DataType> {
        None
    }
}
