//! The window: one page, full screen, fed by the station's view.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use station::preview::Asked;
use station::{Booth, Doorway};
use tauri::http::{Request, Response, StatusCode, header};
use tauri::{DragDropEvent, Manager, UriSchemeContext, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tauri_specta::Event;
use tokio::sync::broadcast::error::RecvError;

use crate::ipc::{self, GuidanceChanged, ViewChanged};
use crate::pulse::{self, Pulse};
use crate::session::StaffSession;
use crate::voice::Voice;

/// Opens the window and stays until it ends. A photographer's booth with a second monitor has one for the student, too.
///
/// # Errors
/// When the system has no display or the window cannot be made.
pub(crate) fn open(door: Doorway, windowed: bool, booth: Booth) -> tauri::Result<()> {
    let commands = ipc::builder();
    told_of_death(tauri::Builder::default())
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            // A second start shows the first: two programs must not share one camera and one queue.
            if let Some(window) = app.get_webview_window("station") {
                let _ = window.set_focus();
            }
        }))
        .manage(door)
        .manage(StaffSession::default())
        .manage(Arc::<Voice>::default())
        .manage(Pulse::default())
        .register_asynchronous_uri_scheme_protocol("cam", |context, request, responder| {
            let handle = picture(&context, &request);
            tauri::async_runtime::spawn(async move { responder.respond(handle.await) });
        })
        .invoke_handler(commands.invoke_handler())
        .setup(move |app| {
            commands.mount_events(app);
            // A kiosk without a window manager ignores "full screen": ask for the screen's own size, too.
            let screen = app.primary_monitor()?.filter(|_| !windowed);
            let (width, height) = screen.map_or((1280.0, 800.0), |monitor| {
                let size = monitor.size().to_logical::<f64>(monitor.scale_factor());
                (size.width, size.height)
            });
            let window = WebviewWindowBuilder::new(app, "station", WebviewUrl::App("index.html".into()))
                .title("采集站 Photo Station")
                .inner_size(width, height)
                .fullscreen(!windowed)
                .decorations(windowed)
                .closable(windowed)
                .devtools(false)
                .build()?;
            draw_without_a_graphics_card(&window);
            pulse::watch(&window);
            if booth == Booth::Photographer
                && !windowed
                && let Some(monitor) = second_monitor(app)?
            {
                open_second_screen(app, &monitor)?;
            }
            let handle = app.handle().clone();
            window.on_window_event(move |event| match event {
                WindowEvent::CloseRequested { api, .. } if !windowed => api.prevent_close(),
                WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => dropped(&handle, paths),
                _ => {}
            });
            follow(app.handle().clone());
            Ok(())
        })
        .run(tauri::generate_context!())
}

/// The monitor for the student, where a photographer has the first one.
fn second_monitor(app: &tauri::App) -> tauri::Result<Option<tauri::Monitor>> {
    let first = app.primary_monitor()?;
    let place = |monitor: &tauri::Monitor| *monitor.position();
    Ok(app
        .available_monitors()?
        .into_iter()
        .find(|monitor| first.as_ref().is_some_and(|first| place(first) != place(monitor))))
}

/// A window that only shows: what the student in front is to do.
fn open_second_screen(app: &tauri::App, monitor: &tauri::Monitor) -> tauri::Result<()> {
    let place = monitor.position().to_logical::<f64>(monitor.scale_factor());
    let size = monitor.size().to_logical::<f64>(monitor.scale_factor());
    let page = WebviewUrl::App("index.html?screen=student".into());
    let window = WebviewWindowBuilder::new(app, "student", page)
        .title("采集站 Photo Station")
        .position(place.x, place.y)
        .inner_size(size.width, size.height)
        .decorations(false)
        .closable(false)
        .focused(false)
        .devtools(false)
        .build()?;
    pulse::watch(&window);
    window.set_fullscreen(true)
}

/// The one system whose web view tells of a dead page by way of the builder.
#[cfg(target_os = "macos")]
fn told_of_death(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    builder.on_web_content_process_terminate(pulse::died)
}

#[cfg(not(target_os = "macos"))]
fn told_of_death(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    builder
}

/// Without a graphics card "accelerated" drawing is emulated: a frame of the preview then costs three times what plain
/// drawing costs (`cargo xtask bench window`).
#[cfg(target_os = "linux")]
fn draw_without_a_graphics_card(window: &tauri::WebviewWindow) {
    use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};
    let cards = std::fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    let mut names = cards.map(|card| card.file_name());
    if names.any(|name| name.to_string_lossy().starts_with("renderD")) {
        return;
    }
    let told = window.with_webview(|view| {
        if let Some(settings) = view.inner().settings() {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
    });
    if let Err(error) = told {
        tracing::warn!(%error, "the web view keeps its way of drawing");
    }
}

#[cfg(not(target_os = "linux"))]
fn draw_without_a_graphics_card(_window: &tauri::WebviewWindow) {}

/// A picture of a code, dragged into the window from a stick while the staff pages are open: the scan page takes it,
/// every other ignores it.
fn dropped(app: &tauri::AppHandle, paths: &[PathBuf]) {
    let [path] = paths else { return };
    if !app.state::<StaffSession>().is_open() {
        return;
    }
    let Some(station) = app.state::<Doorway>().station() else {
        return;
    };
    let path = path.clone();
    tauri::async_runtime::spawn_blocking(move || {
        let fits = std::fs::metadata(&path).is_ok_and(|file| file.len() <= portrait::MAX_FILE_BYTES as u64);
        if fits && let Ok(file) = std::fs::read(&path) {
            station.scan_picture(file);
        }
    });
}

/// Tells the page about every change until the program ends.
fn follow(app: tauri::AppHandle) {
    let door = app.state::<Doorway>().inner().clone();
    tauri::async_runtime::spawn(async move {
        let mut closed = door.closed_views();
        let station = loop {
            tokio::select! {
                station = door.opened() => break station,
                changed = closed.changed() => {
                    let view = closed.borrow_and_update().clone();
                    let _ = ViewChanged(view).emit(&app);
                    if changed.is_err() {
                        return;
                    }
                }
            }
        };
        let (mut views, mut guidance) = (station.views(), station.guidance());
        let _ = ViewChanged(station.view()).emit(&app);
        let handle = app.clone();
        tauri::async_runtime::spawn(async move {
            while views.changed().await.is_ok() {
                let view = views.borrow_and_update().clone();
                let _ = ViewChanged(view).emit(&handle);
            }
        });
        loop {
            match guidance.recv().await {
                Ok(seen) => {
                    let _ = GuidanceChanged(seen).emit(&app);
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            }
        }
    });
}

/// A picture for the page: `preview`, `candidate/ID`, `last/ID` in a photographer's booth, and for staff `trial`, `plate`
/// and `record/ID/standard|original`.
fn picture<R: tauri::Runtime>(
    context: &UriSchemeContext<'_, R>,
    request: &Request<Vec<u8>>,
) -> impl Future<Output = Response<Cow<'static, [u8]>>> + use<R> {
    let app = context.app_handle();
    let station = app.state::<Doorway>().station();
    let staff = app.state::<StaffSession>().is_open();
    // convertFileSrc encodes the whole path as one segment.
    let path = request
        .uri()
        .path()
        .trim_start_matches('/')
        .replace("%2F", "/")
        .replace("%2f", "/");
    let asked = Asked::read(request.uri().query().unwrap_or_default());
    async move {
        let Some(station) = station else {
            return reply(StatusCode::NOT_FOUND, "text/plain", Vec::new());
        };
        let bytes = match path.split('/').collect::<Vec<_>>().as_slice() {
            ["preview"] => tauri::async_runtime::spawn_blocking(move || station.preview(asked))
                .await
                .ok()
                .flatten(),
            ["last", id] => station.last_photo(id),
            ["trial"] if staff => tauri::async_runtime::spawn_blocking(move || station.trial_preview())
                .await
                .ok()
                .flatten(),
            ["plate"] if staff => tauri::async_runtime::spawn_blocking(move || station.plate_preview())
                .await
                .ok()
                .flatten(),
            ["candidate", id] => id.parse().ok().and_then(|id| station.candidate(id)),
            ["record", id, kind @ ("standard" | "original")] if staff => station
                .record_photo((*id).to_owned(), *kind == "original")
                .await
                .ok(),
            _ => None,
        };
        match bytes {
            Some(bytes) => {
                let media_type = if bytes.starts_with(&[0x89, b'P']) {
                    "image/png"
                } else {
                    "image/jpeg"
                };
                reply(StatusCode::OK, media_type, bytes)
            }
            None => reply(StatusCode::NOT_FOUND, "text/plain", Vec::new()),
        }
    }
}

fn reply(status: StatusCode, media_type: &str, bytes: Vec<u8>) -> Response<Cow<'static, [u8]>> {
    let mut response = Response::new(Cow::Owned(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Ok(value) = header::HeaderValue::from_str(media_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    // A student's picture must not stay in the browser's cache.
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}
