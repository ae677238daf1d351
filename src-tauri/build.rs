//! Checks `tauri.conf.json` and the capabilities and embeds the UI.

/// The program's own commands. What is not named here and granted in `capabilities/` cannot be called by a page, even
/// where the program has it.
const COMMANDS: &[&str] = &[
    "view",
    "act",
    "scanned",
    "scan_picture",
    "staff_login",
    "staff_card",
    "staff_logout",
    "say",
    "queue_list",
    "queue_show",
    "queue_retry",
    "sending",
    "sync_now",
    "doctor",
    "quit",
    "errand_foresee",
    "errand_begin",
    "errand_view",
    "errand_stop",
    "errand_clear",
    "naming",
    "day",
    "callback_list",
    "callback_export",
    "look_into",
    "make_folder",
    "settings_view",
    "settings_save",
    "staff_pin_change",
    "camera_trial",
    "print_trial",
    "say_trial",
    "live",
    "restart",
    "print_page",
    "print_record",
    "drawn",
    "alive",
    "timing",
];

fn main() {
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    if let Err(error) = tauri_build::try_build(attributes) {
        eprintln!("{error:#}");
        std::process::exit(1);
    }
}
