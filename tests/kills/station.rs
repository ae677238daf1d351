//! A station as a process of the suite: opened, visited over and over, and ended where it is told to.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camera::{Act, BoothOptions, Script, SourceSpec};
use code::CodeText;
use jiff::Timestamp;
use portrait::{Models, Report};
use records::{Carry, Filter, RecordState, RecordsError};
use sha2::{Digest, Sha256};
use station::carry::{self, Brought, CarryError};
use station::rehearsal::{Actor, Rehearsal, RehearsalError, play_watched};
use station::view::{Action, Page};
use station::visit::Shot;
use station::{Config, Darkroom, Options, Station, StationError};

use crate::journal::{Line, say};
use crate::lane::{actors, models_folder};
use crate::process::{StationRole, end_with_the_suite};

/// Rounds of sending at the end; each takes everything that is due.
const DRAIN_ROUNDS: usize = 40;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn serve(role: &StationRole) {
    end_with_the_suite();
    if let Some((name, nth)) = &role.point {
        end_at(name, *nth);
    }
    let done = if role.drain {
        drain(role).await
    } else {
        visits(role).await
    };
    if let Err(error) = done {
        say(&Line::Failed {
            why: error.to_string(),
        });
    }
}

/// Ends this process the `nth` time it comes by the point, as hard as a process can end itself.
fn end_at(name: &str, nth: usize) {
    let (hits, told) = (AtomicUsize::new(0), name.to_owned());
    let here = move || {
        if hits.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            say(&Line::Point { name: told.clone() });
            std::process::abort();
        }
    };
    fail::cfg_callback(name, here).expect("a point that can be set");
}

async fn open(role: &StationRole, actors: Vec<Actor>) -> Result<(Station, Next), StationError> {
    let script = Script::new(Act::EmptyWall);
    let eyes = role.eyes.then(|| {
        let models =
            Models::load(&models_folder()).expect("the vision models; `cargo xtask setup` makes them");
        let source = SourceSpec::VirtualBooth {
            options: BoothOptions::default(),
            script: script.clone(),
        };
        (source, Arc::new(models))
    });
    let next = Next::default();
    let darkroom = (!role.eyes && !role.drain).then(|| darkroom(&role.shot, next.clone()));
    let options = Options {
        data: role.data.clone(),
        config: Config {
            backend: format!("http://127.0.0.1:{}", role.port),
            profile: role.vendor.clone(),
            countdown: 0,
            ..Config::default()
        },
        key_in_file: true,
        rehearsal: eyes.is_some().then(|| Rehearsal::new(actors, script)),
        eyes,
        activation: Some(vendor_backend::demo::ACTIVATION_CODE.to_owned()),
    };
    Ok((Station::open_with(options, darkroom).await?, next))
}

/// What makes the next photo unlike every other.
pub(crate) type Next = Arc<Mutex<String>>;

/// One developed photo over and over, each time another file: a comment in both JPEGs tells them apart.
pub(crate) fn darkroom(folder: &Path, next: Next) -> Darkroom {
    let original = std::fs::read(folder.join("original.jpg")).unwrap();
    let standard = std::fs::read(folder.join("standard.jpg")).unwrap();
    let report: Report = serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap();
    Arc::new(move |_| {
        let comment = next.lock().unwrap().clone();
        let (original, standard) = (commented(&original, &comment), commented(&standard, &comment));
        let report = Report {
            original_sha256: Some(sha256(&original)),
            result_sha256: Some(sha256(&standard)),
            ..report.clone()
        };
        Ok(Arc::new(Shot {
            original,
            standard,
            report,
            remarks: Vec::new(),
            captured_at: Timestamp::now(),
        }))
    })
}

/// The JPEG with a comment segment behind its first marker.
fn commented(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xFE], &length, comment.as_bytes(), &jpeg[2..]].concat()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

async fn visits(role: &StationRole) -> Result<(), StationError> {
    let mut actors = actors();
    let everybody = actors.len();
    actors.rotate_left(role.first % everybody);
    if role.rekey {
        rekey(&role.data)?;
    }
    let (station, next) = open(role, actors.clone()).await?;
    if role.chores {
        chores(role, &station).await?;
    }
    let mut views = station.views();
    let open = views
        .wait_for(|view| !matches!(view.page, Page::OutOfService { .. }))
        .await;
    open.expect("the station is there");
    say(&Line::Ready);
    for turn in 0.. {
        let student = (role.first + turn) % everybody;
        *next.lock().unwrap() = uuid::Uuid::now_v7().to_string();
        let actor = &actors[turn % everybody];
        let mut chosen = None;
        let mut detail = String::new();
        let watch = |page: &Page| match page {
            Page::Scan { .. } if !role.eyes => {
                station.code_read(CodeText::new(actor.records[0].code.clone().into_bytes()));
            }
            Page::Framing { .. } if !role.eyes => station.act(Action::Shoot),
            Page::LastLook { candidate, .. } => {
                let standard = station.candidate(candidate.id).map(|jpeg| sha256(&jpeg));
                let standard = standard.expect("the photo on the screen");
                say(&Line::Chose {
                    student,
                    standard: standard.clone(),
                });
                chosen = Some(standard);
            }
            Page::NotPossible { detail: why, .. } => detail = why.clone().unwrap_or_default(),
            _ => {}
        };
        match play_watched(&station, actor, pay, watch).await {
            Ok(_) => say(&Line::Confirmed {
                student,
                standard: chosen.expect("who is done has chosen"),
            }),
            Err(error) => {
                say(&Line::Ended {
                    why: format!("{error} {detail}"),
                });
                // Whoever cannot be served is not back at once.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        station.act(Action::Finish);
        let back = tokio::time::timeout(Duration::from_mins(1), async {
            while !matches!(views.borrow_and_update().page, Page::Welcome { .. }) {
                views.changed().await.expect("the station is there");
            }
        });
        if back.await.is_err() {
            station.act(Action::Cancel);
        }
    }
    Ok(())
}

/// The student's telephone. A backend that is away is no reason to stop: the fee stays open.
pub(crate) async fn pay(url: String) -> Result<(), RehearsalError> {
    let _ = reqwest::Client::new().post(url).send().await;
    Ok(())
}

/// Another key for the records; a station that never began has none to change.
fn rekey(data: &Path) -> Result<(), StationError> {
    match station::rotate_key(data, Timestamp::now()) {
        Ok(_)
        | Err(StationError::Records(RecordsError::KeyLost { .. } | RecordsError::DatabaseGone { .. })) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// What staff do now and then.
async fn chores(role: &StationRole, station: &Station) -> Result<(), StationError> {
    let folder = role.data.parent().expect("the lane's folder").to_owned();
    let bundle = folder.join(format!("{}.bundle", uuid::Uuid::now_v7()));
    let (file, vault) = (bundle.clone(), folder.join("vault"));
    // Another station of the same vendor: what is sealed to it as well, it can open.
    let (mut other, _) = station::open_store(&folder.join("carried"), true)?;
    let to = carry::recipient(&mut other)?;
    let written = station
        .with_records(move |store| {
            let now = Timestamp::now();
            for name in ["profile", "receipt-key"] {
                other.set_setting(name, store.setting(name)?.as_deref())?;
            }
            let written = carry::export(store, &file, &Carry::All, &[to], now);
            let delivered = Filter {
                states: RecordState::named("delivered"),
                limit: 1,
                ..Filter::default()
            };
            for row in store.list(&delivered)? {
                store.forget(row.id, "asked for", false, now)?;
            }
            store.purge(now, Duration::ZERO)?;
            store.backup(&vault, now)?;
            Ok(written.map(|_| other))
        })
        .await?;
    // The backend may be away: then the old key stays, and the next start finishes what was begun.
    if let Err(error) = station.replace_key().await {
        assert!(matches!(error, StationError::Backend(_)), "{error}");
    }
    let mut other = match written {
        Ok(other) => other,
        // A first start whose backend was away: nobody has told yet to whom to seal.
        Err(CarryError::NoRecipient) => return Ok(()),
        Err(error) => panic!("{error}"),
    };
    let taken = tokio::task::spawn_blocking(move || {
        let taken = carry::import(&mut other, &bundle, Timestamp::now());
        let _ = std::fs::remove_file(bundle);
        taken
    });
    match taken.await.expect("a task") {
        Ok(Brought::Records(taken)) => assert!(taken.refused.is_empty(), "{:?}", taken.refused),
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// Sends everything, as staff would at the end of the day.
async fn drain(role: &StationRole) -> Result<(), StationError> {
    let (station, _) = open(role, actors()).await?;
    assert!(
        station.enrolled_within(Duration::from_secs(30)).await,
        "the backend is there"
    );
    drain_all(&station).await?;
    let (counts, persons) = station
        .with_records(|store| {
            let persons = Filter {
                states: RecordState::named("needs-person"),
                limit: u32::MAX,
                ..Filter::default()
            };
            Ok((store.counts()?, store.list(&persons)?))
        })
        .await?;
    say(&Line::Drained {
        waiting: counts.waiting(),
        needs_person: persons
            .into_iter()
            .map(|row| format!("{} {}: {}", row.id, row.state, row.trouble.unwrap_or_default()))
            .collect(),
    });
    Ok(())
}

/// Sends what waits until nothing waits any more.
pub(crate) async fn drain_all(station: &Station) -> Result<(), StationError> {
    for _ in 0..DRAIN_ROUNDS {
        station
            .with_records(|store| {
                let waiting = Filter {
                    states: vec![RecordState::Saved],
                    limit: u32::MAX,
                    ..Filter::default()
                };
                for row in store.list(&waiting)? {
                    store.retry(row.id, Timestamp::now())?;
                }
                Ok(())
            })
            .await?;
        station.sync_once().await?;
        if station.with_records(|store| store.counts()).await?.waiting() == 0 {
            break;
        }
    }
    Ok(())
}
