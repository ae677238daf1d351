//! Records carried by hand: to the vendor, to another station, and the receipts back; twice, out of order, and in
//! hands that must not have them. Real files, real stations, a real backend.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use jiff::Timestamp;
use records::{Carry, Depth, NewRecord, Payment, RecordId, RecordState, Secret, Store};
use station::carry::{self, Brought, Carried, CarryError};
use station::{Config, Options, Station};
use tempfile::TempDir;
use vendor::StationKey;
use vendor::bundle::{self, BundleError, Entry, Identity, Reader, Recipient, Writer};
use vendor_backend::{
    Backend, BackendError, BackendOptions, Decision, DemoCase, DemoPerson, Imported, Running, demo,
};

const FREE: &str = "binyu";

/// A backend with a folder, so that the program that takes bundles can stand beside it.
struct Vendor {
    place: TempDir,
    running: Running,
}

impl Vendor {
    async fn open() -> Vendor {
        let place = tempfile::tempdir().unwrap();
        let running = Backend::start(Vendor::options(place.path())).await.unwrap();
        Vendor { place, running }
    }

    fn options(folder: &Path) -> BackendOptions {
        BackendOptions {
            data: Some(folder.to_owned()),
            ..BackendOptions::demo(FREE).unwrap()
        }
    }

    /// As `vendor-backend import FILE` does, while the backend serves.
    async fn import(&self, file: &Path) -> Result<Imported, BackendError> {
        let (options, file) = (Vendor::options(self.place.path()), file.to_owned());
        tokio::task::spawn_blocking(move || vendor_backend::import(options, &file))
            .await
            .unwrap()
    }
}

struct Booth {
    place: TempDir,
    station: Station,
}

impl Booth {
    async fn open(vendor: &Vendor) -> Booth {
        let place = tempfile::tempdir().unwrap();
        let station = Station::open(options(&place, vendor)).await.unwrap();
        assert!(station.enrolled_within(Duration::from_secs(30)).await);
        let booth = Booth { place, station };
        for _ in 0..300 {
            if booth.on(|store| Ok(store.setting("profile")?.is_some())).await {
                return booth;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no profile came");
    }

    async fn on<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> records::Result<T> + Send + 'static,
    ) -> T {
        self.station.with_records(work).await.unwrap()
    }

    /// A student was here, and the network was not.
    async fn photographs(&self, person: &DemoPerson, shade: u8) -> RecordId {
        let new = record(person, shade);
        let id = new.id;
        self.on(move |store| store.submit(&new, Timestamp::now()).map(|_| ()))
            .await;
        id
    }

    async fn recipient(&self) -> Recipient {
        self.on(carry::recipient).await
    }

    async fn export(&self, name: &str, to: &[Recipient]) -> PathBuf {
        let path = self.place.path().join(name);
        let (file, to) = (path.clone(), to.to_vec());
        self.on(move |store| {
            Ok(carry::export(
                store,
                &file,
                &Carry::Undelivered,
                &to,
                Timestamp::now(),
            ))
        })
        .await
        .unwrap();
        path
    }

    async fn import(&self, file: &Path) -> Result<Brought, CarryError> {
        let file = file.to_owned();
        self.on(move |store| Ok(carry::import(store, &file, Timestamp::now())))
            .await
    }

    async fn states(&self) -> Vec<RecordState> {
        self.on(|store| {
            Ok(store
                .list(&records::Filter::default())?
                .into_iter()
                .map(|row| row.state)
                .collect())
        })
        .await
    }

    async fn receipt(&self, id: RecordId) -> Option<String> {
        self.on(move |store| Ok(store.show(id)?.row.receipt_number)).await
    }

    async fn is_clean(&self) {
        let report = self.on(|store| store.verify(Depth::Full)).await;
        assert!(report.is_clean(), "{:#?}", report.faults);
    }
}

fn options(place: &TempDir, vendor: &Vendor) -> Options {
    Options {
        data: place.path().to_owned(),
        config: Config {
            backend: vendor.running.url().to_owned(),
            profile: FREE.into(),
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: Some(demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    }
}

fn record(person: &DemoPerson, shade: u8) -> NewRecord {
    let now = Timestamp::now();
    NewRecord {
        id: RecordId::new(now).unwrap(),
        visit: None,
        code_text: Secret::new(person.code().as_bytes()),
        code_tag: "K7Q2-9F".into(),
        proof: Secret::new(r#"{"kind":"none"}"#),
        identity: None,
        school: person.record().school.clone(),
        school_id: None,
        vendor: FREE.into(),
        spec: "national-blue".into(),
        original: jpeg(640, 360, shade),
        standard: jpeg(480, 640, shade),
        report: serde_json::json!({ "accepted": true }),
        candidates: 1,
        forced_reason: None,
        payment: Payment::Free,
        consent_at: now,
        started_at: now,
        captured_at: now,
    }
}

fn jpeg(w: u32, h: u32, shade: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, 85)
        .encode_image(&RgbImage::from_pixel(w, h, Rgb([shade, 150, 220])))
        .unwrap();
    bytes.into_inner()
}

fn open_to_all(vendor: &Vendor) -> Vec<DemoPerson> {
    let mut people = vendor.running.people();
    people.retain(|person| person.case == DemoCase::Ordinary);
    people
}

fn records_of(brought: Result<Brought, CarryError>) -> Carried {
    match brought.unwrap() {
        Brought::Records(carried) => carried,
        other @ Brought::Receipts { .. } => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_hand_first_and_by_the_network_after_it_is_once() {
    let vendor = Vendor::open().await;
    let booth = Booth::open(&vendor).await;
    let people = open_to_all(&vendor);
    let mut ids = Vec::new();
    for (shade, person) in (100..103).zip(&people) {
        ids.push(booth.photographs(person, shade).await);
    }
    let file = booth.export("by-hand.bundle", &[]).await;
    assert_eq!(
        booth.states().await,
        [RecordState::Saved; 3],
        "they stay and wait"
    );
    let plain = std::fs::read(&file).unwrap();
    for secret in [people[0].code().as_bytes(), b"K7Q2-9F", b"captured_at"] {
        assert!(!plain.windows(secret.len()).any(|window| window == secret));
    }

    let first = vendor.import(&file).await.unwrap();
    assert_eq!(
        (first.taken.len(), first.already.len(), first.refused.len()),
        (3, 0, 0)
    );
    let again = vendor.import(&file).await.unwrap();
    assert_eq!((again.taken.len(), again.already.len()), (0, 3));
    assert_eq!(first.receipts, again.receipts, "the same receipts");

    // One record gets its receipt by the file, all of them by the network: the same ones.
    let carried_back = booth.place.path().join("receipts");
    bundle::write_receipts(
        std::fs::File::create(&carried_back).unwrap(),
        &first.receipts[..1],
    )
    .unwrap();
    for _ in 0..2 {
        let brought = booth.import(&carried_back).await.unwrap();
        assert_eq!(
            brought,
            Brought::Receipts {
                taken: vec![ids[0]],
                elsewhere: 0
            }
        );
    }
    let round = booth.station.sync_once().await.unwrap();
    assert_eq!((round.delivered, round.refused, round.failed), (2, 0, 0));
    for (id, receipt) in ids.iter().zip(&first.receipts) {
        assert_eq!(booth.receipt(*id).await.as_ref(), Some(&receipt.receipt_number));
    }
    booth.is_clean().await;
    vendor.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_network_first_and_by_hand_after_it_is_once() {
    let vendor = Vendor::open().await;
    let booth = Booth::open(&vendor).await;
    let people = open_to_all(&vendor);
    let id = booth.photographs(&people[0], 90).await;
    let file = booth.export("late.bundle", &[]).await;
    assert_eq!(booth.station.sync_once().await.unwrap().delivered, 1);
    let number = booth.receipt(id).await;
    let imported = vendor.import(&file).await.unwrap();
    assert_eq!((imported.taken.len(), imported.already.len()), (0, 1));
    assert_eq!(number.as_ref(), Some(&imported.receipts[0].receipt_number));
    // Back at its own station: the vendor alone can open it.
    assert!(matches!(
        booth.import(&file).await,
        Err(CarryError::Bundle(BundleError::NotForUs))
    ));
    booth.is_clean().await;
    vendor.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_station_carries_it_on_and_both_hear_how_it_ended() {
    let vendor = Vendor::open().await;
    let (library, canteen) = (Booth::open(&vendor).await, Booth::open(&vendor).await);
    let people = open_to_all(&vendor);
    let ids = [
        library.photographs(&people[0], 10).await,
        library.photographs(&people[1], 20).await,
    ];
    let file = library.export("on.bundle", &[canteen.recipient().await]).await;
    let carried = records_of(canteen.import(&file).await);
    assert_eq!((&carried.records[..], carried.refused.len()), (&ids[..], 0));
    let twice = records_of(canteen.import(&file).await);
    assert_eq!((twice.records.len(), &twice.already[..]), (0, &ids[..]));
    canteen.is_clean().await;

    // What was taken over is written on, and taken by the vendor as the canteen's.
    let onwards = canteen.export("onwards.bundle", &[]).await;
    let imported = vendor.import(&onwards).await.unwrap();
    assert_eq!((imported.taken.len(), imported.refused.len()), (2, 0));
    // Then the canteen's network, the library's, and the library's own bundle: once is all.
    for booth in [&canteen, &library] {
        assert_eq!(booth.station.sync_once().await.unwrap().delivered, 2);
    }
    assert_eq!(vendor.import(&file).await.unwrap().already.len(), 2);
    for (id, receipt) in ids.iter().zip(&imported.receipts) {
        for booth in [&canteen, &library] {
            assert_eq!(booth.receipt(*id).await.as_ref(), Some(&receipt.receipt_number));
        }
    }
    assert!(
        vendor
            .running
            .review(ids[0].uuid(), Decision::Approve)
            .await
            .unwrap()
    );
    for booth in [&canteen, &library] {
        booth.station.sync_once().await.unwrap();
        let state = booth.on(move |store| Ok(store.show(ids[0])?.row.state)).await;
        assert_eq!(state, RecordState::Approved);
        booth.is_clean().await;
    }
    // A bundle that says "delivered" says it with the vendor's own receipts.
    let all = library.place.path().join("all.bundle");
    let third = Booth::open(&vendor).await;
    let (path, to) = (all.clone(), third.recipient().await);
    library
        .on(move |store| Ok(carry::export(store, &path, &Carry::All, &[to], Timestamp::now())))
        .await
        .unwrap();
    assert_eq!(records_of(third.import(&all).await).records, ids);
    third.is_clean().await;
    vendor.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_changed_and_wrongly_addressed_bundles_are_refused_and_nothing_is_taken() {
    let (vendor, stranger) = (Vendor::open().await, Vendor::open().await);
    let (library, canteen) = (Booth::open(&vendor).await, Booth::open(&vendor).await);
    let elsewhere = Booth::open(&stranger).await;
    let people = open_to_all(&vendor);
    library.photographs(&people[0], 10).await;
    library.photographs(&people[1], 20).await;
    elsewhere.photographs(&people[2], 30).await;
    let to = canteen.recipient().await;
    let file = library.export("whole.bundle", std::slice::from_ref(&to)).await;
    let whole = std::fs::read(&file).unwrap();
    let spoiled = canteen.place.path().join("spoiled.bundle");
    let length = whole.len();
    // The header, chunk borders of age's stream (64 KiB and 16 bytes of tag), the end, and between them.
    let mut places = vec![0, 1, 21, 30, 150, 420, 600, length / 2, length - 17, length - 1];
    places.extend((1..length).step_by(9_973));
    for place in places {
        let mut changed = whole.clone();
        changed[place] ^= 0x04;
        let cut = whole[..place].to_vec();
        for (what, bytes) in [("changed", changed), ("cut", cut)] {
            std::fs::write(&spoiled, bytes).unwrap();
            let here = canteen.import(&spoiled).await;
            assert!(
                matches!(here, Err(CarryError::Bundle(_))),
                "{what} at {place}: {here:?}"
            );
            let there = vendor.import(&spoiled).await;
            assert!(
                matches!(there, Err(BackendError::Bundle(_))),
                "{what} at {place}: {there:?}"
            );
        }
    }
    let longer = [whole.as_slice(), b"more"].concat();
    std::fs::write(&spoiled, longer).unwrap();
    assert!(canteen.import(&spoiled).await.is_err() && vendor.import(&spoiled).await.is_err());

    // Addressed to others.
    let foreign = elsewhere
        .export("foreign.bundle", std::slice::from_ref(&to))
        .await;
    assert!(matches!(
        canteen.import(&foreign).await,
        Err(CarryError::OtherVendor)
    ));
    assert!(matches!(
        vendor.import(&foreign).await,
        Err(BackendError::Bundle(BundleError::NotForUs))
    ));
    assert!(matches!(
        elsewhere.import(&file).await,
        Err(CarryError::Bundle(BundleError::NotForUs))
    ));
    let receipts = stranger.import(&foreign).await.unwrap().receipts;
    bundle::write_receipts(std::fs::File::create(&spoiled).unwrap(), &receipts).unwrap();
    assert!(matches!(
        canteen.import(&spoiled).await,
        Err(CarryError::ForeignReceipts)
    ));

    assert_eq!(canteen.states().await, []);
    let taken = vendor.import(&file).await.unwrap();
    assert_eq!(taken.taken.len(), 2, "nothing of the spoiled ones had been taken");
    vendor.running.stop().await;
    stranger.running.stop().await;
}

/// The entries of a bundle that is sealed to this booth.
async fn entries(booth: &Booth, file: &Path) -> Vec<Entry> {
    let text = booth.on(|store| store.setting("bundle-identity")).await.unwrap();
    let identity = Identity::from_text(&text).unwrap();
    let mut reader = Reader::open(std::fs::File::open(file).unwrap(), &identity).unwrap();
    std::iter::from_fn(|| reader.next_entry().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_can_seal_to_the_vendor_cannot_speak_for_a_station() {
    let vendor = Vendor::open().await;
    let (library, canteen) = (Booth::open(&vendor).await, Booth::open(&vendor).await);
    let people = open_to_all(&vendor);
    library.photographs(&people[0], 10).await;
    let to = canteen.recipient().await;
    let file = library.export("whole.bundle", std::slice::from_ref(&to)).await;
    let mut entries = entries(&canteen, &file).await;
    let profile = library.station.client().profile().await.unwrap();
    let sealed_to: Recipient = profile.bundle_recipient.unwrap().recipient.parse().unwrap();
    let forged = canteen.place.path().join("forged.bundle");
    let write = |entries: &[Entry], key: &StationKey, announced: &StationKey| {
        let out = std::fs::File::create(&forged).unwrap();
        let mut writer = Writer::begin(
            out,
            &sealed_to,
            std::slice::from_ref(&to),
            announced.public_key(),
            Timestamp::now(),
        )
        .unwrap();
        for entry in entries {
            writer.add(entry).unwrap();
        }
        writer.finish(key).unwrap();
    };
    let seed = library.on(|store| store.setting("station-key")).await.unwrap();
    let mut bytes = [0; 32];
    hex::decode_to_slice(&seed, &mut bytes).unwrap();
    let (own, other) = (StationKey::from_bytes(&bytes), StationKey::from_bytes(&[9; 32]));

    write(&entries, &other, &other);
    assert!(matches!(
        vendor.import(&forged).await,
        Err(BackendError::UnknownStation)
    ));
    write(&entries, &other, &own);
    assert!(matches!(
        vendor.import(&forged).await,
        Err(BackendError::Bundle(BundleError::Altered(_)))
    ));
    // A history that was rewritten is refused although its station signs it.
    let honest = entries[0].history[0].detail.clone();
    entries[0].history[0].detail = Some("nothing happened".into());
    write(&entries, &own, &own);
    let imported = vendor.import(&forged).await.unwrap();
    assert_eq!((imported.taken.len(), imported.refused.len()), (0, 1));
    let carried = records_of(canteen.import(&forged).await);
    assert_eq!((carried.records.len(), carried.refused.len()), (0, 1));
    // And so is a record that only says it is delivered.
    entries[0].history[0].detail = honest;
    entries[0].papers["record"][0]["state"] = "delivered".into();
    entries[0].papers["record"][0]["receipt_sha256"] =
        entries[0].papers["record"][0]["standard_sha256"].clone();
    write(&entries, &own, &own);
    let carried = records_of(canteen.import(&forged).await);
    assert_eq!((carried.records.len(), carried.refused.len()), (0, 1));
    assert_eq!(canteen.states().await, []);
    vendor.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_of_the_station_takes_over_and_what_the_old_one_signed_stays_good() {
    let vendor = Vendor::open().await;
    let booth = Booth::open(&vendor).await;
    let people = open_to_all(&vendor);
    let id = booth.photographs(&people[0], 10).await;
    let before = booth.export("before.bundle", &[]).await;
    let old = booth.station.client();
    booth.station.replace_key().await.unwrap();
    let new = booth.station.client();
    assert_ne!(old.public_key().key_id(), new.public_key().key_id());
    let refused = old.profile().await.unwrap_err();
    assert_eq!(
        refused.problem().map(|problem| problem.code),
        Some(vendor::ProblemCode::UnknownStation),
        "the old key signs no request any more"
    );
    assert_eq!(
        vendor.import(&before).await.unwrap().taken.len(),
        1,
        "but the bundle stands"
    );
    assert_eq!(booth.station.sync_once().await.unwrap().delivered, 1);
    // It is the same station: it hears of its records, and its new bundles are taken as well.
    assert!(vendor.running.review(id.uuid(), Decision::Approve).await.unwrap());
    assert_eq!(booth.station.sync_once().await.unwrap().changes, 1);
    booth.photographs(&people[1], 20).await;
    let after = booth.export("after.bundle", &[]).await;
    assert_eq!(vendor.import(&after).await.unwrap().taken.len(), 1);
    // A key is used once, and enrolling with the old one does not bring it back.
    assert!(new.replace_key(&StationKey::from_bytes(&[4; 32])).await.is_ok());
    assert!(old.enrol(demo::ACTIVATION_CODE, "1", "test").await.is_err());
    vendor.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_change_whose_answer_never_came_is_finished_at_the_next_start() {
    let vendor = Vendor::open().await;
    let booth = Booth::open(&vendor).await;
    // The backend has the new key, the station's answer is lost.
    let next = StationKey::from_bytes(&[6; 32]);
    booth
        .on(|store| store.set_setting("station-key.next", Some(&"06".repeat(32))))
        .await;
    booth.station.client().replace_key(&next).await.unwrap();
    assert!(booth.station.client().profile().await.is_err());
    let Booth { place, station } = booth;
    drop(station);
    let station = Station::open(options(&place, &vendor)).await.unwrap();
    for _ in 0..500 {
        if station.client().public_key() == next.public_key() {
            assert!(station.client().profile().await.is_ok());
            let pending = station
                .with_records(|store| store.setting("station-key.next"))
                .await;
            assert_eq!(pending.unwrap(), None);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the new key is not in force");
}
