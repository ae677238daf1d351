//! A station its vendor has shut out: it takes no more visits, drops profile and tokens, keeps every record, and goes
//! on where it stopped once a new activation code lets it in. Real backend, real HTTP.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use records::{Carry, Depth, Identity, MaskedIdentity, RecordState, Secret};
use station::view::{Action, OutOfService, Page};
use station::{Standing, Station, carry};
use vendor::{Problem, ProblemCode, Revocation, StationKey, VendorError};
use vendor_backend::{DemoCase, demo};

use crate::pages::within;
use crate::wire::{Weather, page};
use crate::{Campus, nobody, options, submission};

/// The station with its loops and pages, left to itself.
async fn open(data: &Path, backend: &str, activation: Option<&str>) -> Station {
    let mut options = options(data, backend, activation);
    options.config.least_free_mb = 0;
    Station::open_with(options, Some(nobody())).await.unwrap()
}

const PATIENCE: Duration = Duration::from_secs(40);

async fn shuts(station: &Station) {
    within(PATIENCE, station, "the closed page", |page| {
        matches!(
            page,
            Page::OutOfService {
                reason: OutOfService::Revoked,
                ..
            }
        )
    })
    .await;
    station.act(Action::Start);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(matches!(station.view().page, Page::OutOfService { .. }));
    assert_eq!(station.standing(), Standing::Revoked);
}

async fn setting(station: &Station, name: &'static str) -> Option<String> {
    station
        .with_records(move |store| store.setting(name))
        .await
        .unwrap()
}

/// The next start, after this one has let go of its folder.
async fn leaves(station: Station) {
    drop(station);
    tokio::time::sleep(Duration::from_millis(700)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_station_keeps_its_outbox_drops_its_profile_and_comes_back_with_everything() {
    let mut campus = Campus::new().await;
    // One more that waits, with a token from its visit.
    let person = campus.backend.person(DemoCase::EndsInX).unwrap();
    let mut third = submission(&person, 30);
    third.identity = Some(Identity {
        academic_record: person.record().id.clone(),
        masked: MaskedIdentity {
            masked_name: "测*".into(),
            masked_id: "0***X".into(),
            school: "示例大学（演示）".into(),
            level: "本科".into(),
            major: "测试".into(),
            year: 2027,
        },
        token: Some(Secret::new("a token of this visit")),
    });
    campus.submit(third).await;
    let Campus {
        backend,
        backend_data,
        station_data,
        ahead,
        wire,
        station,
        waiting,
    } = campus;
    let id = setting(&station, "station-id").await.unwrap();
    leaves(station).await;

    // Nothing can go out before the word is heard.
    assert!(backend.revoke(&id).await.unwrap());
    assert!(!backend.revoke(&id).await.unwrap(), "once");
    let station = open(station_data.path(), &wire.url(), None).await;
    shuts(&station).await;
    for name in ["profile", "profile.at", "station-id"] {
        assert_eq!(setting(&station, name).await, None, "{name} is dropped");
    }
    let now = Timestamp::now();
    let (tokens, report) = station
        .with_records(move |store| {
            let all = store.next_due(now + jiff::SignedDuration::from_mins(30), 100)?;
            let tokens = all.iter().filter(|one| one.identity_token.is_some()).count();
            assert_eq!(all.len(), 3, "the outbox is whole");
            Ok((tokens, store.verify(Depth::Full)?))
        })
        .await
        .unwrap();
    assert_eq!(tokens, 0, "the tokens are dropped");
    assert!(report.is_clean() && report.records == 3, "{:?}", report.faults);
    // By hand they can still be carried.
    let bundle = station_data.path().join("carried.bundle");
    let carried = station
        .with_records(move |store| {
            Ok(carry::export(
                store,
                &bundle,
                &Carry::Undelivered,
                &[],
                Timestamp::now(),
            ))
        })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(carried.records.len(), 3);
    // The doctor says the same.
    let findings = station.doctor().await;
    let standing = findings.iter().find(|f| f.subject == "enrolment").unwrap();
    assert!(standing.en.contains("revoked"), "{standing:?}");
    leaves(station).await;

    // Neither a new start nor a code that anybody may use lets it in.
    let station = open(station_data.path(), &wire.url(), Some(demo::ACTIVATION_CODE)).await;
    assert!(!station.enrolled_within(Duration::from_secs(3)).await);
    shuts(&station).await;
    leaves(station).await;

    let code = backend.activation_code().await.unwrap();
    let station = open(station_data.path(), &wire.url(), Some(&code)).await;
    within(PATIENCE, &station, "the welcome page", |page| {
        matches!(page, Page::Welcome { .. })
    })
    .await;
    // The profile follows the enrolment.
    for _ in 0..100 {
        if setting(&station, "profile").await.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(setting(&station, "profile").await.is_some());
    assert_eq!(
        setting(&station, "station-id").await,
        Some(id),
        "the same station"
    );
    let mut campus = Campus {
        backend,
        backend_data,
        station_data,
        ahead,
        wire,
        station,
        waiting,
    };
    campus.all_is_well("let in again").await;
}

fn told(revocation: Option<Revocation>) -> Weather {
    let mut problem = Problem::new(ProblemCode::StationRevoked);
    problem.revocation = revocation;
    let body = serde_json::to_string(&problem).unwrap();
    Weather::Canned(page("401 Unauthorized", "", "application/problem+json", &body))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_the_backend_can_shut_a_station_out_and_nobody_twice_with_the_same_word() {
    let mut campus = Campus::new().await;
    let me = campus.station.client().public_key().key_id();
    let forged = Revocation::issue(&StationKey::from_bytes(&[9; 32]), me, Timestamp::now());
    for word in [None, Some(forged)] {
        campus.wire.set(told(word)).await;
        let round = campus.station.sync_once().await.unwrap();
        assert_eq!(round.delivered, 0);
        assert_eq!(campus.station.standing(), Standing::Enrolled);
        assert!(setting(&campus.station, "station-id").await.is_some());
        for state in campus.states().await {
            assert_eq!(state, RecordState::Saved);
        }
        campus.next_try().await;
    }

    // The true word, kept by somebody on the way.
    campus.wire.set(Weather::Fair).await;
    let id = setting(&campus.station, "station-id").await.unwrap();
    campus.backend.revoke(&id).await.unwrap();
    let Err(VendorError::Revoked(word)) = campus.station.client().changes(None, 1).await else {
        panic!("the backend says so and signs it");
    };
    campus.station.sync_once().await.unwrap();
    assert_eq!(campus.station.standing(), Standing::Revoked);
    // Nothing more is tried.
    let round = campus.station.sync_once().await.unwrap();
    assert!(!round.online, "{round:?}");
    let code = campus.backend.activation_code().await.unwrap();
    let address = campus.wire.url();
    let Campus { station, .. } = &campus;
    let data = campus.station_data.path().to_path_buf();
    let _ = station;
    let again = open(&data, &address, Some(&code)).await;
    assert!(again.enrolled_within(Duration::from_secs(20)).await);
    campus.wire.set(told(Some(*word))).await;
    again.sync_once().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        again.standing(),
        Standing::Enrolled,
        "an old word does not count twice"
    );
    campus.station = again;
    campus.all_is_well("let in again").await;
}
