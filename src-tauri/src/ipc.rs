//! What the pages may ask: thin adapters from Tauri commands to the station.
//!
//! Every type that crosses is generated into `ui/src/bindings.ts` (`cargo xtask bindings`), and a test keeps
//! the two in step. Staff commands take a pass, which only an open session hands out.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands its state to commands by value"
)]
#![expect(
    clippy::unnecessary_wraps,
    reason = "each staff command is answered by a refusal while staff are away"
)]

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use specta::Type;
use station::Doorway;
use station::pace::Sending;
use station::printout::Printout;
use station::staff::{Finding, Login, QueueFilter, QueuePage, RecordPage};
use station::timing::TimingReading;
use station::view::{Action, Guidance, ScanSight, View};
use tauri::State;
use tauri_specta::Event;

use crate::pulse;
use crate::rooms;
use crate::session::{Pass, StaffSession, inside};
use crate::voice::{Tongue, Voice};

/// A page asks again and again while it stands: each wait is short, so that none outlives it for long.
const CARD_WAIT: Duration = Duration::from_secs(2);

/// The screen changed.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(transparent)]
pub(crate) struct ViewChanged(pub View);

/// The camera saw the next frame while framing.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(transparent)]
pub(crate) struct GuidanceChanged(pub Guidance);

/// Why a command did nothing. The page has words for each code.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Failure {
    /// Which.
    pub code: FailureCode,
    /// More for staff, English or a number, without secrets.
    pub detail: String,
}

/// Why a command did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FailureCode {
    /// The staff pages are closed: enter the PIN.
    StaffOnly,
    /// Too many wrong PINs: wait as many seconds as the detail says.
    Locked,
    /// No staff PIN has been set on this station.
    NoPin,
    /// There is no such record.
    NotFound,
    /// The records could not be read or written.
    Records,
    /// The backend did not answer.
    Offline,
    /// A file or folder could not be read or written; the detail says why.
    File,
    /// Nothing was printed; the detail is the printer's trouble in one word.
    Printer,
}

impl From<station::StationError> for Failure {
    fn from(error: station::StationError) -> Failure {
        let code = match &error {
            station::StationError::Records(
                records::RecordsError::NotFound(_) | records::RecordsError::BadInput(_),
            ) => FailureCode::NotFound,
            station::StationError::Backend(_) => FailureCode::Offline,
            station::StationError::Records(
                records::RecordsError::File { .. } | records::RecordsError::FileExists(_),
            )
            | station::StationError::SetUp(_) => FailureCode::File,
            _ => FailureCode::Records,
        };
        Failure {
            code,
            detail: error.to_string(),
        }
    }
}

impl From<printing::Trouble> for Failure {
    fn from(trouble: printing::Trouble) -> Failure {
        Failure {
            code: FailureCode::Printer,
            detail: trouble.code().to_owned(),
        }
    }
}

/// The screen as it stands.
#[tauri::command]
#[specta::specta]
pub(crate) fn view(door: State<'_, Doorway>) -> View {
    door.view()
}

/// A person did something.
#[tauri::command]
#[specta::specta]
pub(crate) fn act(action: Action, door: State<'_, Doorway>) {
    if let Some(station) = door.station() {
        station.act(action);
    }
}

/// What a hand-held scanner typed.
#[tauri::command]
#[specta::specta]
pub(crate) fn scanned(text: String, door: State<'_, Doorway>) -> ScanSight {
    door.station()
        .map_or(ScanSight::Nothing, |station| station.scanned(text.into_bytes()))
}

/// Reads the code of a picture file, for staff; the visit goes on with it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn scan_picture(pass: Pass, file: Vec<u8>) -> Result<ScanSight, Failure> {
    let station = pass.station()?;
    // Staff at work on a visit keep it.
    station.act(Action::Touch);
    tauri::async_runtime::spawn_blocking(move || station.scan_picture(file))
        .await
        .map_err(|_| Failure {
            code: FailureCode::NotFound,
            detail: String::new(),
        })
}

/// Opens the staff pages; false for a wrong PIN.
#[tauri::command]
#[specta::specta]
pub(crate) async fn staff_login(
    pin: String,
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<bool, Failure> {
    let failed = |code, detail: String| Err(Failure { code, detail });
    let right = match inside(&door)?.staff_login(pin).await? {
        Login::Open => true,
        Login::Wrong => false,
        Login::Locked(left) => return failed(FailureCode::Locked, (left.as_secs() + 1).to_string()),
        Login::NoPin => return failed(FailureCode::NoPin, String::new()),
    };
    session.set(right);
    Ok(right)
}

/// Waits a moment for a staff card before the camera, which opens the staff pages: true for the right one, false for
/// another, nothing where none came.
#[tauri::command]
#[specta::specta]
pub(crate) async fn staff_card(
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<Option<bool>, Failure> {
    match inside(&door)?.staff_card(CARD_WAIT).await? {
        None => Ok(None),
        Some(Login::Open) => {
            session.set(true);
            Ok(Some(true))
        }
        // No card was made for this station: whatever is held up is another one's.
        Some(Login::Wrong | Login::NoPin) => Ok(Some(false)),
        Some(Login::Locked(left)) => Err(Failure {
            code: FailureCode::Locked,
            detail: (left.as_secs() + 1).to_string(),
        }),
    }
}

/// Says a hint aloud, where the booth is set up to and the system has a voice.
#[tauri::command]
#[specta::specta]
pub(crate) async fn say(
    text: String,
    english: bool,
    door: State<'_, Doorway>,
    voice: State<'_, Arc<Voice>>,
) -> Result<(), Failure> {
    if door.view().comfort.voice {
        let voice = Arc::clone(&voice);
        tauri::async_runtime::spawn_blocking(move || voice.say(&text, Tongue::of(english)));
    }
    Ok(())
}

/// Closes the staff pages.
#[tauri::command]
#[specta::specta]
pub(crate) async fn staff_logout(
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<(), Failure> {
    session.set(false);
    // A camera that was being tried is nobody's any more.
    if let Some(station) = door.station() {
        let _ = tauri::async_runtime::spawn_blocking(move || station.camera_trial(None)).await;
    }
    Ok(())
}

/// A page of the records.
#[tauri::command]
#[specta::specta]
pub(crate) async fn queue_list(pass: Pass, filter: QueueFilter) -> Result<QueuePage, Failure> {
    Ok(pass.station()?.queue_list(filter).await?)
}

/// One record.
#[tauri::command]
#[specta::specta]
pub(crate) async fn queue_show(pass: Pass, id: String) -> Result<RecordPage, Failure> {
    Ok(pass.station()?.queue_show(id).await?)
}

/// Sends these records again as soon as possible; how many were taken.
#[tauri::command]
#[specta::specta]
pub(crate) async fn queue_retry(pass: Pass, ids: Vec<String>) -> Result<u32, Failure> {
    Ok(pass.station()?.queue_retry(ids).await?)
}

/// How the sending goes.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sending(pass: Pass) -> Result<Sending, Failure> {
    Ok(pass.station()?.sending().await?)
}

/// Looks at the backend now instead of at the next turn.
#[tauri::command]
#[specta::specta]
pub(crate) fn sync_now(pass: Pass) -> Result<(), Failure> {
    pass.station()?.sync_soon();
    Ok(())
}

/// What is wrong and what to do.
#[tauri::command]
#[specta::specta]
pub(crate) async fn doctor(pass: Pass) -> Result<Vec<Finding>, Failure> {
    Ok(pass.station()?.doctor().await)
}

/// Prints a record's sheet or receipt, and waits until it is out.
#[tauri::command]
#[specta::specta]
pub(crate) async fn print_record(
    pass: Pass,
    id: String,
    what: Printout,
    english: bool,
) -> Result<(), Failure> {
    let printed = pass.station()?.print_record(id, what, english).await?;
    printed.map_err(Failure::from)
}

/// The page has drawn this revision of the view.
#[tauri::command]
#[specta::specta]
pub(crate) fn drawn(revision: u32, door: State<'_, Doorway>) {
    if let Some(station) = door.station() {
        station.drawn(revision);
    }
}

/// How fast the station is now.
#[tauri::command]
#[specta::specta]
pub(crate) fn timing(pass: Pass) -> Result<TimingReading, Failure> {
    Ok(pass.station()?.timing())
}

/// Ends the program (staff only; a student has no way out of the kiosk).
#[tauri::command]
#[specta::specta]
pub(crate) fn quit(_pass: Pass, app: tauri::AppHandle) -> Result<(), Failure> {
    app.exit(0);
    Ok(())
}

/// Every command and event, for the window and for the generated types.
pub(crate) fn builder() -> tauri_specta::Builder<tauri::Wry> {
    // What goes out and what comes in have the same shape here: one type each.
    tauri_specta::Builder::<tauri::Wry>::new()
        .disable_serde_phases()
        .commands(tauri_specta::collect_commands![
            view,
            act,
            scanned,
            scan_picture,
            staff_login,
            staff_card,
            staff_logout,
            say,
            queue_list,
            queue_show,
            queue_retry,
            sending,
            sync_now,
            doctor,
            print_record,
            drawn,
            pulse::alive,
            timing,
            quit,
            rooms::errand_foresee,
            rooms::errand_begin,
            rooms::errand_view,
            rooms::errand_stop,
            rooms::errand_clear,
            rooms::naming,
            rooms::day,
            rooms::callback_list,
            rooms::callback_export,
            rooms::look_into,
            rooms::make_folder,
            rooms::settings_view,
            rooms::settings_save,
            rooms::staff_pin_change,
            rooms::camera_trial,
            rooms::print_trial,
            rooms::say_trial,
            rooms::live,
            rooms::restart,
            rooms::print_page,
        ])
        .events(tauri_specta::collect_events![ViewChanged, GuidanceChanged])
}

/// The TypeScript types of everything above.
///
/// # Errors
/// When a type cannot be said in TypeScript or the file cannot be written.
pub(crate) fn write_bindings(path: &std::path::Path) -> Result<(), String> {
    let typescript = specta_typescript::Typescript::default()
        .header("// Generated from Rust by `cargo xtask bindings`. Do not edit.\n/* eslint-disable */\n");
    builder()
        .export(typescript, path)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pages_know_every_type_as_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        super::write_bindings(file.path()).unwrap();
        let (made, kept) = (
            std::fs::read_to_string(file.path()).unwrap(),
            include_str!("../../ui/src/bindings.ts").replace("\r\n", "\n"),
        );
        assert_eq!(
            made, kept,
            "ui/src/bindings.ts is out of step: run `cargo xtask bindings`"
        );
    }
}
