//! The other ways in: a code typed by a hand-held scanner, or read off a picture file. A real station with a real
//! backend; no camera and no window.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use image::{GrayImage, ImageFormat, Luma, imageops};
use qrcode::{EcLevel, QrCode};
use station::view::{Action, NotPossible, Page, ScanSight};
use station::{Config, Darkroom, Options, Station};
use tempfile::TempDir;
use vendor_backend::{Backend, BackendOptions, DemoCase, Running, demo};

struct Booth {
    station: Station,
    backend: Running,
    _data: TempDir,
}

impl Booth {
    /// A vendor whose visit begins with the code.
    async fn open() -> Booth {
        let backend = Backend::start(BackendOptions::demo("binyu").unwrap())
            .await
            .unwrap();
        let data = tempfile::tempdir().unwrap();
        let nobody: Darkroom = Arc::new(|_| Err(Vec::new().into()));
        let options = Options {
            data: data.path().to_path_buf(),
            config: Config {
                backend: backend.url().to_owned(),
                profile: "binyu".into(),
                least_free_mb: 0,
                ..Config::default()
            },
            key_in_file: true,
            eyes: None,
            activation: Some(demo::ACTIVATION_CODE.to_owned()),
            rehearsal: None,
        };
        let station = Station::open_with(options, Some(nobody)).await.unwrap();
        assert!(station.enrolled_within(Duration::from_secs(30)).await);
        let booth = Booth {
            station,
            backend,
            _data: data,
        };
        booth
            .until("the welcome page", |page| matches!(page, Page::Welcome { .. }))
            .await;
        booth
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Page) -> bool) {
        let mut views = self.station.views();
        let arrived = views.wait_for(|view| wanted(&view.page));
        let arrived = tokio::time::timeout(Duration::from_secs(40), arrived).await;
        assert!(
            arrived.is_ok_and(|view| view.is_ok()),
            "waited for {what}, there stands {:?}",
            self.station.view().page
        );
    }

    fn code(&self) -> String {
        self.backend.person(DemoCase::Ordinary).unwrap().code().to_owned()
    }

    async fn leave(&self) {
        self.station.act(Action::Cancel);
        self.until("the welcome page", |page| matches!(page, Page::Welcome { .. }))
            .await;
    }

    /// The welcome page stands there and goes on standing there.
    async fn nobody_began(&self) {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let page = self.station.view().page;
        assert!(matches!(page, Page::Welcome { .. }), "{page:?}");
    }

    async fn confirms(&self) {
        self.until("the masked identity", |page| matches!(page, Page::Confirm { .. }))
            .await;
    }

    async fn sees(&self, wanted: ScanSight) {
        self.until(
            "a sight",
            |page| matches!(page, Page::Scan { sight } if *sight == wanted),
        )
        .await;
    }
}

/// A code as a telephone shows it, `module` pixels a module.
fn symbol(text: &str, module: u32) -> GrayImage {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
    let (side, colors) = (code.width() as u32, code.to_colors());
    GrayImage::from_fn((side + 8) * module, (side + 8) * module, |x, y| {
        let (x, y) = ((x / module).wrapping_sub(4), (y / module).wrapping_sub(4));
        let dark = x < side && y < side && colors[(y * side + x) as usize] == qrcode::Color::Dark;
        Luma([if dark { 10 } else { 245 }])
    })
}

/// Codes side by side on a grey page.
fn page(codes: &[&str]) -> GrayImage {
    let mut page = GrayImage::from_pixel(100 + 500 * codes.len() as u32, 600, Luma([200]));
    for (n, code) in codes.iter().enumerate() {
        imageops::overlay(&mut page, &symbol(code, 8), 50 + 500 * n as i64, 60);
    }
    page
}

fn file(picture: &GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn png(picture: &GrayImage) -> Vec<u8> {
    file(picture, ImageFormat::Png)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_that_types_begins_the_visit_as_the_camera_would() {
    let booth = Booth::open().await;
    assert_eq!(
        booth.station.scanned(booth.code().into_bytes()),
        ScanSight::Steady
    );
    booth.confirms().await;
    // A second pull of the trigger changes nothing.
    booth.station.scanned(booth.code().into_bytes());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(matches!(booth.station.view().page, Page::Confirm { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_scanner_types_is_named_for_what_it_is() {
    let booth = Booth::open().await;
    for (typed, sight) in [
        ("wxp://f2f0example", ScanSight::Payment),
        ("https://mp.weixin.qq.com/a/example", ScanSight::MiniProgram),
        ("https://jkm.example.gov.cn/show", ScanSight::Health),
        ("https://example.com", ScanSight::Web),
        ("20230001", ScanSight::OtherText),
        ("", ScanSight::Nothing),
    ] {
        assert_eq!(booth.station.scanned(typed.into()), sight, "{typed}");
    }
    assert_eq!(booth.station.scanned(vec![b'A'; 3001]), ScanSight::Nothing);
    assert_eq!(booth.station.scanned(vec![0xff; 40]), ScanSight::OtherText);
    booth.nobody_began().await;
    // On the scan page the student is told.
    booth.station.act(Action::Start);
    booth.sees(ScanSight::Nothing).await;
    booth.station.scanned(b"wxp://f2f0example".to_vec());
    booth.sees(ScanSight::Payment).await;
    booth.station.scanned(booth.code().into_bytes());
    booth.confirms().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_from_a_stick_begins_the_visit() {
    let booth = Booth::open().await;
    let people = booth.backend.people();
    // Each with a student of its own: a code just used is not taken again at once.
    let codes: Vec<&str> = people
        .iter()
        .skip(10)
        .map(vendor_backend::DemoPerson::code)
        .collect();
    for (name, picture) in [
        ("a PNG", png(&symbol(codes[0], 6))),
        ("a JPEG", file(&symbol(codes[1], 6), ImageFormat::Jpeg)),
        ("a screenshot of a telephone", png(&page(&[codes[2]]))),
        ("turned", png(&imageops::rotate90(&symbol(codes[3], 6)))),
    ] {
        assert_eq!(booth.station.scan_picture(picture), ScanSight::Steady, "{name}");
        booth.confirms().await;
        booth.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_without_the_one_code_begins_nothing_and_says_why() {
    let booth = Booth::open().await;
    let (mine, yours) = (
        booth.code(),
        booth.backend.person(DemoCase::EndsInX).unwrap().code().to_owned(),
    );
    // More samples than any photo a station takes, though the file is small.
    let huge = GrayImage::new(30_000, 12_000);
    for (name, picture, sight) in [
        (
            "an empty wall",
            png(&GrayImage::from_pixel(800, 600, Luma([180]))),
            ScanSight::Nothing,
        ),
        (
            "a payment code",
            png(&symbol("wxp://f2f0example", 6)),
            ScanSight::Payment,
        ),
        (
            "two students' codes",
            png(&page(&[&mine, &yours])),
            ScanSight::Several,
        ),
        (
            "two posters",
            png(&page(&["https://example.com", "wxp://f2f0example"])),
            ScanSight::Several,
        ),
        ("a text file", b"CHSI1:not a picture".to_vec(), ScanSight::Unclear),
        (
            "half a picture",
            png(&symbol(&mine, 6))[..400].to_vec(),
            ScanSight::Unclear,
        ),
        ("nothing at all", Vec::new(), ScanSight::Unclear),
        ("a huge picture", png(&huge), ScanSight::Unclear),
        (
            "a huge file",
            vec![0; portrait::MAX_FILE_BYTES + 1],
            ScanSight::Unclear,
        ),
    ] {
        assert_eq!(booth.station.scan_picture(picture), sight, "{name}");
    }
    booth.nobody_began().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poster_beside_the_phone_does_not_hide_the_code() {
    let booth = Booth::open().await;
    let picture = png(&page(&["https://example.com/poster", &booth.code()]));
    assert_eq!(booth.station.scan_picture(picture), ScanSight::Steady);
    booth.confirms().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_cannot_be_used_says_what_is_wrong_with_it() {
    let booth = Booth::open().await;
    let seed = BackendOptions::demo("binyu").unwrap().seed_demo.unwrap();
    let collected = booth.backend.person(DemoCase::AlreadyCollected).unwrap();
    for (code, wanted) in [
        (demo::expired_code(seed, 0), NotPossible::CodeExpired),
        (format!("CHSI1:{}", "A".repeat(64)), NotPossible::UnknownCode),
        (collected.code().to_owned(), NotPossible::AlreadyCollected),
    ] {
        booth.station.scanned(code.into_bytes());
        let told = |page: &Page| matches!(page, Page::NotPossible { reason, .. } if *reason == wanted);
        booth.until(&format!("{wanted:?}"), told).await;
        booth.leave().await;
    }
    // The next student's code is taken at once.
    booth.station.scanned(booth.code().into_bytes());
    booth.confirms().await;
}
