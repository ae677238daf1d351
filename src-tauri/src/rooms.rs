//! What the staff's rooms may ask, beside the queue itself: each command takes the pass that only an open session
//! hands out.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands its state to commands by value"
)]
#![expect(
    clippy::unnecessary_wraps,
    reason = "each staff command is answered by a refusal while staff are away"
)]

use std::sync::Arc;

use serde::Serialize;
use specta::Type;
use station::delivery;
use station::errand::{Errand, ErrandView, Foresight};
use station::rooms::callback::CallbackRow;
use station::rooms::day::DayView;
use station::rooms::live::LiveView;
use station::rooms::places::{self, FolderView};
use station::rooms::settings::{PinChange, Settings, SettingsSaved, SettingsView, TrialView};
use tauri::State;

use crate::ipc::{Failure, FailureCode};
use crate::session::Pass;
use crate::supervise;
use crate::voice::{Tongue, Voice};

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
pub(crate) async fn errand_foresee(pass: Pass, errand: Errand) -> Result<Foresight, Failure> {
    Ok(pass.station()?.errand_foresee(errand).await?)
}

/// Begins an errand; false while another one is under way.
#[tauri::command]
#[specta::specta]
pub(crate) async fn errand_begin(pass: Pass, errand: Errand) -> Result<bool, Failure> {
    Ok(pass.station()?.errand_begin(errand).await?)
}

/// How the errand under way, or the last one, stands.
#[tauri::command]
#[specta::specta]
pub(crate) fn errand_view(pass: Pass) -> Result<Option<ErrandView>, Failure> {
    Ok(pass.station()?.errand())
}

/// Stops the errand under way after the step it is at.
#[tauri::command]
#[specta::specta]
pub(crate) fn errand_stop(pass: Pass) -> Result<(), Failure> {
    pass.station()?.errand_stop();
    Ok(())
}

/// Forgets an errand that has ended.
#[tauri::command]
#[specta::specta]
pub(crate) fn errand_clear(pass: Pass) -> Result<(), Failure> {
    pass.station()?.errand_clear();
    Ok(())
}

/// What a delivery's files may be named by.
#[tauri::command]
#[specta::specta]
pub(crate) fn naming(_pass: Pass) -> Result<Naming, Failure> {
    Ok(Naming {
        template: delivery::DEFAULT.to_owned(),
        fields: delivery::FIELDS.map(str::to_owned).to_vec(),
    })
}

/// The figures of the last days, today among them.
#[tauri::command]
#[specta::specta]
pub(crate) async fn day(pass: Pass, days: u32) -> Result<DayView, Failure> {
    Ok(pass.station()?.day(days).await?)
}

/// Everybody whose photo stands rejected.
#[tauri::command]
#[specta::specta]
pub(crate) async fn callback_list(pass: Pass) -> Result<Vec<CallbackRow>, Failure> {
    Ok(pass.station()?.callback_list().await?)
}

/// Writes the list of whom to call back as CSV, masked; how many lines.
#[tauri::command]
#[specta::specta]
pub(crate) async fn callback_export(pass: Pass, path: String, only_missing: bool) -> Result<u32, Failure> {
    Ok(pass.station()?.callback_export(path.into(), only_missing).await?)
}

/// Looks into a folder of this computer; an empty path gives the places to begin at.
#[tauri::command]
#[specta::specta]
pub(crate) async fn look_into(_pass: Pass, path: String) -> Result<FolderView, Failure> {
    // A stick that is just being pulled answers late.
    tauri::async_runtime::spawn_blocking(move || places::look_into(&path))
        .await
        .map_err(|error| file_failure(&error))
}

/// Makes a folder.
#[tauri::command]
#[specta::specta]
pub(crate) async fn make_folder(_pass: Pass, path: String) -> Result<(), Failure> {
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
pub(crate) async fn settings_view(pass: Pass) -> Result<SettingsView, Failure> {
    Ok(pass.station()?.settings().await?)
}

/// Writes the set-up, if nothing is wrong with it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn settings_save(pass: Pass, settings: Settings) -> Result<SettingsSaved, Failure> {
    Ok(pass.station()?.settings_save(settings).await?)
}

/// Gives the staff pages another PIN, for who knows the old one.
#[tauri::command]
#[specta::specta]
pub(crate) async fn staff_pin_change(pass: Pass, old: String, fresh: String) -> Result<PinChange, Failure> {
    Ok(pass.station()?.staff_pin_change(old, fresh).await?)
}

/// Looks through a camera before it is chosen; nothing closes it again.
#[tauri::command]
#[specta::specta]
pub(crate) async fn camera_trial(pass: Pass, trial: Option<Settings>) -> Result<TrialView, Failure> {
    let station = pass.station()?;
    // Ending a camera waits for its driver.
    tauri::async_runtime::spawn_blocking(move || station.camera_trial(trial))
        .await
        .map_err(|error| file_failure(&error))
}

/// Prints the test page by the printer of these settings, saved or not, and waits until it is out.
#[tauri::command]
#[specta::specta]
pub(crate) async fn print_trial(pass: Pass, settings: Settings) -> Result<(), Failure> {
    let printed = pass.station()?.print_trial(settings).await;
    printed.map_err(Failure::from)
}

/// Says a sentence whether hints are spoken or not; false where this system has no voice for it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn say_trial(
    _pass: Pass,
    text: String,
    english: bool,
    voice: State<'_, Arc<Voice>>,
) -> Result<bool, Failure> {
    let voice = Arc::clone(&voice);
    tauri::async_runtime::spawn_blocking(move || voice.say(&text, Tongue::of(english)))
        .await
        .map_err(|error| file_failure(&error))
}

/// How the station is just now.
#[tauri::command]
#[specta::specta]
pub(crate) fn live(pass: Pass) -> Result<LiveView, Failure> {
    Ok(pass.station()?.live())
}

/// Ends the program and starts it again: for settings that take effect with a start.
#[tauri::command]
#[specta::specta]
pub(crate) fn restart(_pass: Pass, app: tauri::AppHandle) -> Result<(), Failure> {
    supervise::start_over(&app);
    Ok(())
}

/// Hands the page to the system's print dialog.
#[tauri::command]
#[specta::specta]
pub(crate) fn print_page(_pass: Pass, window: tauri::WebviewWindow) -> Result<(), Failure> {
    window.print().map_err(|error| file_failure(&error))
}
