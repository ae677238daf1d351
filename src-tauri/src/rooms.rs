//! What the staff's rooms may ask, beside the queue itself: each command answers only while the PIN has opened them.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands its state to commands by value"
)]

use serde::Serialize;
use specta::Type;
use station::Doorway;
use station::delivery;
use station::errand::{Errand, ErrandView, Foresight};
use station::rooms::callback::CallbackRow;
use station::rooms::day::DayView;
use station::rooms::live::LiveView;
use station::rooms::places::{self, FolderView};
use station::rooms::settings::{CameraTrial, PinChange, Settings, SettingsSaved, SettingsView, TrialView};
use tauri::State;

use crate::ipc::{Failure, FailureCode, StaffSession, inside};

/// What a delivery's files may be named by.
#[derive(Debug, Clone, Serialize, Type)]
pub(crate) struct Naming {
    /// The template where none is written.
    pub template: String,
    /// The fields it may hold.
    pub fields: Vec<String>,
}

/// What an errand would do, before it is done.
#[tauri::command]
#[specta::specta]
pub(crate) async fn errand_foresee(
    errand: Errand,
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<Foresight, Failure> {
    session.check()?;
    Ok(inside(&door)?.errand_foresee(errand).await?)
}

/// Begins an errand; false while another one is under way.
#[tauri::command]
#[specta::specta]
pub(crate) async fn errand_begin(
    errand: Errand,
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<bool, Failure> {
    session.check()?;
    Ok(inside(&door)?.errand_begin(errand).await?)
}

/// How the errand under way, or the last one, stands.
#[tauri::command]
#[specta::specta]
pub(crate) fn errand_view(
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<Option<ErrandView>, Failure> {
    session.check()?;
    Ok(inside(&door)?.errand())
}

/// Stops the errand under way after the step it is at.
#[tauri::command]
#[specta::specta]
pub(crate) fn errand_stop(door: State<'_, Doorway>, session: State<'_, StaffSession>) -> Result<(), Failure> {
    session.check()?;
    inside(&door)?.errand_stop();
    Ok(())
}

/// Forgets an errand that has ended.
#[tauri::command]
#[specta::specta]
pub(crate) fn errand_clear(
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<(), Failure> {
    session.check()?;
    inside(&door)?.errand_clear();
    Ok(())
}

/// What a delivery's files may be named by.
#[tauri::command]
#[specta::specta]
pub(crate) fn naming(session: State<'_, StaffSession>) -> Result<Naming, Failure> {
    session.check()?;
    Ok(Naming {
        template: delivery::DEFAULT.to_owned(),
        fields: delivery::FIELDS.map(str::to_owned).to_vec(),
    })
}

/// The figures of the last days, today among them.
#[tauri::command]
#[specta::specta]
pub(crate) async fn day(
    days: u32,
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<DayView, Failure> {
    session.check()?;
    Ok(inside(&door)?.day(days).await?)
}

/// Everybody whose photo stands rejected.
#[tauri::command]
#[specta::specta]
pub(crate) async fn callback_list(
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<Vec<CallbackRow>, Failure> {
    session.check()?;
    Ok(inside(&door)?.callback_list().await?)
}

/// Writes the list of whom to call back as CSV, masked; how many lines.
#[tauri::command]
#[specta::specta]
pub(crate) async fn callback_export(
    path: String,
    only_missing: bool,
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<u32, Failure> {
    session.check()?;
    Ok(inside(&door)?.callback_export(path.into(), only_missing).await?)
}

/// Looks into a folder of this computer; an empty path gives the places to begin at.
#[tauri::command]
#[specta::specta]
pub(crate) async fn look_into(path: String, session: State<'_, StaffSession>) -> Result<FolderView, Failure> {
    session.check()?;
    // A stick that is just being pulled answers late.
    tauri::async_runtime::spawn_blocking(move || places::look_into(&path))
        .await
        .map_err(|error| file_failure(&error))
}

/// Makes a folder.
#[tauri::command]
#[specta::specta]
pub(crate) async fn make_folder(path: String, session: State<'_, StaffSession>) -> Result<(), Failure> {
    session.check()?;
    tauri::async_runtime::spawn_blocking(move || places::make_folder(&path))
        .await
        .map_err(|error| file_failure(&error))?
        .map_err(|error| file_failure(&error))
}

fn file_failure(error: &dyn std::fmt::Display) -> Failure {
    Failure {
        code: FailureCode::File,
        detail: error.to_string(),
    }
}

/// The set-up and what it may be changed to.
#[tauri::command]
#[specta::specta]
pub(crate) async fn settings_view(
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<SettingsView, Failure> {
    session.check()?;
    Ok(inside(&door)?.settings().await?)
}

/// Writes the set-up, if nothing is wrong with it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn settings_save(
    settings: Settings,
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<SettingsSaved, Failure> {
    session.check()?;
    Ok(inside(&door)?.settings_save(settings).await?)
}

/// Gives the staff pages another PIN, for who knows the old one.
#[tauri::command]
#[specta::specta]
pub(crate) async fn staff_pin_change(
    old: String,
    fresh: String,
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<PinChange, Failure> {
    session.check()?;
    Ok(inside(&door)?.staff_pin_change(old, fresh).await?)
}

/// Looks through a camera before it is chosen; nothing closes it again.
#[tauri::command]
#[specta::specta]
pub(crate) async fn camera_trial(
    trial: Option<CameraTrial>,
    door: State<'_, Doorway>,
    session: State<'_, StaffSession>,
) -> Result<TrialView, Failure> {
    session.check()?;
    let station = inside(&door)?;
    // Ending a camera waits for its driver.
    tauri::async_runtime::spawn_blocking(move || station.camera_trial(trial))
        .await
        .map_err(|error| file_failure(&error))
}

/// How the station is just now.
#[tauri::command]
#[specta::specta]
pub(crate) fn live(door: State<'_, Doorway>, session: State<'_, StaffSession>) -> Result<LiveView, Failure> {
    session.check()?;
    Ok(inside(&door)?.live())
}

/// Ends the program and starts it again: for settings that take effect with a start.
#[tauri::command]
#[specta::specta]
pub(crate) fn restart(app: tauri::AppHandle, session: State<'_, StaffSession>) -> Result<(), Failure> {
    session.check()?;
    app.request_restart();
    Ok(())
}

/// Hands the page to the system's print dialog.
#[tauri::command]
#[specta::specta]
pub(crate) fn print_page(
    window: tauri::WebviewWindow,
    session: State<'_, StaffSession>,
) -> Result<(), Failure> {
    session.check()?;
    window.print().map_err(|error| file_failure(&error))
}
