//! A booth without a camera: codes by a hand scanner, photos by a photographer who always succeeds.

mod shot;

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use code::CodeText;
use image::{ImageFormat, Rgb, RgbImage};
use jiff::Timestamp;
use station::rehearsal::{Actor, Played, RehearsalError, play_watched};
use station::view::{Action, Page};
use station::{Config, Darkroom, Options, Station};
use vendor_backend::{DemoPerson, Running, demo};

use crate::pages::within;
use shot::accepted;

fn jpeg(grey: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(480, 640, Rgb([grey; 3]))
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

/// A photographer who hands over the same accepted photo.
pub(crate) fn darkroom() -> Darkroom {
    Arc::new(|_| Ok(accepted(jpeg(90), jpeg(120), Timestamp::now())))
}

/// A station of this vendor, enrolled and at its welcome page.
pub(crate) async fn open(data: &Path, backend: &Running, vendor: &str) -> Station {
    let options = Options {
        data: data.to_path_buf(),
        config: Config {
            backend: backend.url().to_owned(),
            profile: vendor.into(),
            countdown: 0,
            least_free_mb: 0,
            connect_seconds: 2,
            request_seconds: 2,
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: Some(demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    };
    let station = Station::open_with(options, Some(darkroom())).await.unwrap();
    assert!(station.enrolled_within(Duration::from_secs(30)).await);
    within(PATIENCE, &station, "the welcome page", |page| {
        matches!(page, Page::Welcome { .. })
    })
    .await;
    station
}

/// Longer than the station lets pass between two trial writes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// What a student's hand scanner and the photographer do on each page.
pub(crate) fn hands(station: &Station, person: &DemoPerson, page: &Page) {
    match page {
        Page::Scan { .. } => station.code_read(CodeText::new(person.code().as_bytes().to_vec())),
        Page::Framing { .. } => station.act(Action::Shoot),
        _ => {}
    }
}

/// One visit of this student, who pays what is asked.
pub(crate) async fn visit(
    station: &Station,
    backend: &Running,
    person: &DemoPerson,
) -> Result<Played, RehearsalError> {
    visit_watched(station, backend, person, |_| ()).await
}

/// As [`visit`], and `watch` sees every page first.
pub(crate) async fn visit_watched(
    station: &Station,
    backend: &Running,
    person: &DemoPerson,
    mut watch: impl FnMut(&Page),
) -> Result<Played, RehearsalError> {
    let actor: Actor = serde_json::from_value(serde_json::to_value(person).unwrap()).unwrap();
    let pay = async |url: String| {
        backend
            .pay(&url)
            .await
            .map_err(|error| RehearsalError::Payment(error.to_string()))
    };
    play_watched(station, &actor, pay, |page| {
        watch(page);
        hands(station, person, page);
    })
    .await
}
