//! Whole visits on real parts: the virtual booth as the camera, the decoders, the portrait, the encrypted
//! records, and the reference backend over HTTP. One for each vendor, and what goes wrong on the way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use camera::{Act, BoothOptions, Script, SourceSpec};
use portrait::Models;
use records::{Filter, Payment, PhotoKind, RecordDetail, RecordId};
use station::rehearsal::{Actor, Played, Rehearsal, RehearsalError, play};
use station::view::{Action, NotPossible, Page};
use station::{Config, Options, Station};
use vendor_backend::{AutoReview, Backend, BackendOptions, Decision, DemoCase, DemoPerson, Running};

/// The vision models, loaded once for all tests.
fn models() -> Arc<Models> {
    static MODELS: OnceLock<Arc<Models>> = OnceLock::new();
    let folder = std::env::var_os("PHOTO_STATION_MODELS").map_or_else(
        || {
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("assets")
                .join("models")
        },
        PathBuf::from,
    );
    Arc::clone(MODELS.get_or_init(|| {
        Arc::new(Models::load(&folder).expect("the vision models; `cargo xtask setup` makes them"))
    }))
}

fn actor(person: &DemoPerson) -> Actor {
    serde_json::from_value(serde_json::to_value(person).unwrap()).unwrap()
}

/// A booth with its station, its student and a backend.
struct Booth {
    station: Station,
    backend: Running,
    actor: Actor,
    data: tempfile::TempDir,
}

impl Booth {
    async fn open(vendor: &str, case: DemoCase) -> Booth {
        Booth::open_with(BackendOptions::demo(vendor).unwrap(), case).await
    }

    async fn open_with(options: BackendOptions, case: DemoCase) -> Booth {
        let profile = options.profile.id.clone();
        let backend = Backend::start(options).await.unwrap();
        let actor = actor(&backend.person(case).expect("the demo has such a student"));
        let data = tempfile::tempdir().unwrap();
        let script = Script::new(Act::EmptyWall);
        let station = Station::open(Options {
            data: data.path().to_path_buf(),
            config: Config {
                backend: backend.url().to_owned(),
                profile,
                ..Config::default()
            },
            key_in_file: true,
            eyes: Some((
                SourceSpec::VirtualBooth {
                    options: BoothOptions::default(),
                    script: script.clone(),
                },
                models(),
            )),
            activation: Some(vendor_backend::demo::ACTIVATION_CODE.to_owned()),
            rehearsal: Some(Rehearsal::new(vec![actor.clone()], script)),
        })
        .await
        .unwrap();
        assert!(
            station.enrolled_within(Duration::from_mins(1)).await,
            "not enrolled"
        );
        let booth = Booth {
            station,
            backend,
            actor,
            data,
        };
        booth
            .until("the welcome page", |page| matches!(page, Page::Welcome { .. }))
            .await;
        booth
    }

    /// Waits for a page; generous, since a loaded machine renders and develops slowly.
    async fn until(&self, what: &str, wanted: impl Fn(&Page) -> bool) -> Page {
        let mut views = self.station.views();
        let arrived = tokio::time::timeout(Duration::from_mins(2), async {
            loop {
                let page = views.borrow_and_update().page.clone();
                if wanted(&page) {
                    return page;
                }
                views.changed().await.unwrap();
            }
        });
        arrived.await.unwrap_or_else(|_| {
            panic!(
                "waited for {what}, but there stands {:?}",
                self.station.view().page
            )
        })
    }

    async fn plays(&self) -> Result<Played, RehearsalError> {
        play(&self.station, &self.actor, |url| async move {
            self.backend
                .pay(&url)
                .await
                .map_err(|error| RehearsalError::Payment(error.to_string()))
        })
        .await
    }

    async fn only_record(&self) -> RecordDetail {
        let details = self
            .station
            .with_records(|store| {
                let rows = store.list(&Filter::default())?;
                rows.iter()
                    .map(|row| store.show(row.id))
                    .collect::<records::Result<Vec<_>>>()
            })
            .await
            .unwrap();
        assert_eq!(details.len(), 1, "one visit is one record");
        details.into_iter().next().unwrap()
    }

    /// Syncs until the record says so.
    async fn record_until(&self, what: &str, wanted: impl Fn(&RecordDetail) -> bool) -> RecordDetail {
        for _ in 0..240 {
            let record = self.only_record().await;
            if wanted(&record) {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
            self.station.sync_soon();
        }
        panic!("waited for {what}: {:?}", self.only_record().await.row);
    }

    async fn delivered(&self) -> RecordDetail {
        self.record_until("the receipt", |record| record.receipt.is_some())
            .await
    }

    async fn approved(&self, id: RecordId) {
        assert!(
            self.backend.review(id.uuid(), Decision::Approve).await.unwrap(),
            "nothing to review"
        );
        self.station.sync_once().await.unwrap();
        let record = self.only_record().await;
        assert_eq!(record.row.state.as_str(), "approved");
    }

    /// What the student may have at the end is byte for byte what was chosen on the screen.
    async fn photo_came_back(&self, id: RecordId) {
        let kept = self
            .station
            .with_records(move |store| store.photo(id, PhotoKind::Standard))
            .await
            .unwrap();
        let client = self.station.client();
        let list = client.deliverables(id.uuid()).await.unwrap();
        let photo = list
            .deliverables
            .iter()
            .find(|d| d.kind.as_str() == "standard-photo")
            .expect("a photo");
        assert_eq!(client.deliverable(id.uuid(), photo).await.unwrap(), kept);
        let picture = image::load_from_memory(&kept).unwrap();
        assert_eq!((picture.width(), picture.height()), (480, 640));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_that_pays_first_ends_with_an_approved_photo() {
    let booth = Booth::open("biyezhengzhao", DemoCase::Ordinary).await;
    let played = booth.plays().await.unwrap();
    for page in [
        "scan",
        "prove-last-four",
        "confirm",
        "requirements",
        "pay",
        "framing",
        "choose-photo",
        "last-look",
    ] {
        assert!(
            played.pages.iter().any(|p| p == page),
            "no page {page} among {:?}",
            played.pages
        );
    }
    assert!(!played.pay_later);
    let record = booth.delivered().await;
    assert!(
        matches!(record.payment, Payment::Paid { .. }),
        "{:?}",
        record.payment
    );
    assert_eq!(record.row.shoot_number, played.shoot_number);
    booth.approved(record.row.id).await;
    booth.photo_came_back(record.row.id).await;
    let report = booth
        .station
        .with_records(|store| store.verify(records::Depth::Full))
        .await
        .unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_by_name_pays_after_the_upload() {
    let booth = Booth::open("yipai", DemoCase::Ordinary).await;
    let played = booth.plays().await.unwrap();
    let at = |page: &str| {
        played
            .pages
            .iter()
            .position(|p| p == page)
            .unwrap_or_else(|| panic!("no page {page}"))
    };
    assert!(at("prove-name") < at("confirm") && at("confirm") < at("scan") && at("scan") < at("framing"));
    assert!(
        at("last-look") < at("pay"),
        "this vendor is paid after the upload: {:?}",
        played.pages
    );
    let record = booth.delivered().await;
    booth
        .record_until("the payment", |r| matches!(r.payment, Payment::Paid { .. }))
        .await;
    booth.approved(record.row.id).await;
    booth.photo_came_back(record.row.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_with_the_code_alone_costs_nothing() {
    let booth = Booth::open("binyu", DemoCase::Ordinary).await;
    let played = booth.plays().await.unwrap();
    assert!(
        played
            .pages
            .iter()
            .all(|page| page != "pay" && !page.starts_with("prove")),
        "{:?}",
        played.pages
    );
    let record = booth.delivered().await;
    booth.approved(record.row.id).await;
    booth.photo_came_back(record.row.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_comes_back_with_its_reason_and_is_shot_again_for_nothing() {
    let options = BackendOptions {
        auto_review: AutoReview::RejectFirst(1),
        ..BackendOptions::demo("biyezhengzhao").unwrap()
    };
    let booth = Booth::open_with(options, DemoCase::Ordinary).await;
    booth.plays().await.unwrap();
    let first = booth
        .record_until("the rejection", |record| record.row.state.as_str() == "rejected")
        .await;
    assert!(
        !first.review.expect("an outcome").reasons.is_empty(),
        "a rejection has reasons"
    );
    booth.station.act(Action::Finish);
    // The telephone is still in the hand: the same code is taken again after its pause.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let again = booth.plays().await.unwrap();
    assert!(
        !again.pages.iter().any(|page| page == "pay"),
        "no second payment: {:?}",
        again.pages
    );
    assert!(again.pages.iter().any(|page| page == "framing"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_network_the_photo_is_safe_and_goes_out_when_it_is_back() {
    let data = tempfile::tempdir().unwrap();
    let options = BackendOptions {
        data: Some(data.path().to_path_buf()),
        ..BackendOptions::demo("binyu").unwrap()
    };
    let booth = Booth::open_with(options.clone(), DemoCase::Ordinary).await;
    let listen = booth.backend.url().trim_start_matches("http://").parse().unwrap();
    let Booth {
        station,
        backend,
        actor,
        data: folder,
    } = booth;
    backend.stop().await;
    let played = play(&station, &actor, |_| async { Ok(()) }).await.unwrap();
    assert!(
        !played.pages.iter().any(|page| page == "confirm"),
        "nobody could say who it is: {:?}",
        played.pages
    );
    let backend = Backend::start(BackendOptions { listen, ..options })
        .await
        .unwrap();
    let booth = Booth {
        station,
        backend,
        actor,
        data: folder,
    };
    let record = booth.delivered().await;
    assert!(record.row.attempts >= 1);
    booth
        .record_until("the identity", |record| !record.row.to_resolve)
        .await;
    booth.approved(record.row.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_collected_already_is_told_and_nothing_is_kept() {
    let booth = Booth::open("biyezhengzhao", DemoCase::AlreadyCollected).await;
    match booth.plays().await {
        Err(RehearsalError::NotPossible(NotPossible::AlreadyCollected)) => {}
        other => panic!("{other:?}"),
    }
    let kept = booth
        .station
        .with_records(|store| store.count(&Filter::default()))
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secrets_of_a_visit_are_not_in_its_files() {
    let booth = Booth::open("biyezhengzhao", DemoCase::Ordinary).await;
    booth.plays().await.unwrap();
    booth.delivered().await;
    let code = booth.actor.records[0].code.as_bytes();
    let name = booth.actor.name.as_bytes();
    let mut files = 0;
    for entry in std::fs::read_dir(booth.data.path()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        files += 1;
        for secret in [code, name] {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "a secret stands in {}", path.display());
        }
    }
    assert!(files > 0, "the station keeps files");
}

/// A JPEG as a camera writes it: taken now, by this machine's own time zone.
fn from_a_camera(picture: &image::RgbImage) -> Vec<u8> {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 92)
        .encode_image(picture)
        .unwrap();
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::system());
    // EXIF: one directory that points to another, which holds DateTimeOriginal.
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08".to_vec();
    exif.extend([0, 1, 0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 26, 0, 0, 0, 0]);
    exif.extend([0, 1, 0x90, 0x03, 0, 2, 0, 0, 0, 20, 0, 0, 0, 44, 0, 0, 0, 0]);
    exif.extend(now.strftime("%Y:%m:%d %H:%M:%S\0").to_string().into_bytes());
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let jpeg = jpeg.into_inner();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tethered_cameras_photo_in_its_folder_is_the_visits_in_front_and_is_kept_byte_for_byte() {
    let backend = Backend::start(BackendOptions::demo("binyu").unwrap())
        .await
        .unwrap();
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let posing = Act::Sit.posing();
    let (picture, _) = virtual_booth::Booth::still(&BoothOptions::default(), posing.as_ref());
    let script = Script::new(Act::EmptyWall);
    let options = BoothOptions {
        width: 320,
        height: 180,
        ..BoothOptions::default()
    };
    let station = Station::open(Options {
        data: data.path().to_path_buf(),
        config: Config {
            backend: backend.url().to_owned(),
            profile: "binyu".into(),
            booth: station::Booth::Photographer,
            camera: format!("folder:{}", folder.path().display()),
            ..Config::default()
        },
        key_in_file: true,
        eyes: Some((SourceSpec::VirtualBooth { options, script }, models())),
        activation: Some(vendor_backend::demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    })
    .await
    .unwrap();
    let booth = Booth {
        actor: actor(&backend.person(DemoCase::Ordinary).unwrap()),
        station,
        backend,
        data,
    };
    assert!(booth.station.enrolled_within(Duration::from_mins(1)).await);
    booth
        .until("the welcome page", |page| matches!(page, Page::Welcome { .. }))
        .await;

    // A test shot while nobody is there.
    std::fs::write(folder.path().join("IMG_0001.JPG"), from_a_camera(&picture)).unwrap();
    let mut views = booth.station.views();
    let aside = views.wait_for(|view| view.photographer.as_ref().is_some_and(|desk| desk.put_aside == 1));
    tokio::time::timeout(Duration::from_mins(2), aside)
        .await
        .expect("the test shot is put aside")
        .unwrap();
    assert!(
        folder
            .path()
            .join("quarantine/IMG_0001.between-visits.JPG")
            .exists()
    );

    let code = booth.actor.records[0].code.as_bytes().to_vec();
    booth.station.code_read(code::CodeText::new(code));
    booth
        .until("the name", |page| matches!(page, Page::Confirm { .. }))
        .await;
    booth.station.act(Action::ItIsMe);
    booth
        .until("consent", |page| matches!(page, Page::Requirements))
        .await;
    booth.station.act(Action::Consent);
    booth
        .until("the camera", |page| matches!(page, Page::Framing { .. }))
        .await;
    let photo = from_a_camera(&picture);
    // First a part, as a slow cable brings it.
    let file = folder.path().join("IMG_0002.JPG");
    std::fs::write(&file, &photo[..photo.len() / 2]).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    std::fs::write(&file, &photo).unwrap();
    booth
        .until("the developed photo", |page| {
            matches!(page, Page::ChoosePhoto { .. })
        })
        .await;
    assert!(!file.exists(), "a student's picture does not stay in the open");
    booth.station.act(Action::Accept);
    booth
        .until("the next student", |page| matches!(page, Page::Welcome { .. }))
        .await;
    let mut views = booth.station.views();
    let kept = views.wait_for(|view| {
        let desk = view.photographer.as_ref();
        desk.and_then(|desk| desk.last.first())
            .is_some_and(|last| last.shoot_number.is_some())
    });
    tokio::time::timeout(Duration::from_mins(2), kept)
        .await
        .expect("it is kept")
        .unwrap();
    let record = booth.only_record().await;
    let original = booth
        .station
        .record_photo(record.row.id.to_string(), true)
        .await
        .unwrap();
    assert_eq!(original, photo);
    booth.backend.stop().await;
}
