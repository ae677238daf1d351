//! The photographer's face of the visit's machine, told as a busy booth lives it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "booth/shot.rs"]
mod shot;

use std::sync::Arc;
use std::time::Duration;

use code::{CodeText, Kind};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use station::view::{Action, LastState, OutOfService, Page, Remark, ScanSight, View};
use station::visit::{
    AlarmCause, Answer, Effect, Ending, Event, Machine, Refused, Resolved, Shot, Ticket, Watch,
};
use station::{Booth, Config, Darkroom, Options, Station};
use uuid::Uuid;
use vendor::api::{AcademicRecord, CollectionState, Eligibility, FeeState, Identity, Order, OrderState};
use vendor::{FeeWhen, Profile, Secret};
use vendor_backend::{Backend, BackendOptions, DemoCase};

use shot::accepted;

fn start() -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap()
}

/// The academic record of the student whose code ends in this name.
fn identity(student: &str) -> Answer {
    Answer::Resolved(Resolved::Identity(Box::new(Identity {
        identity_token: Secret::new("token"),
        expires_at: start() + SignedDuration::from_hours(72),
        masked_name: format!("{student}*"),
        masked_id: "000000********0011".into(),
        code_bound: true,
        records: vec![AcademicRecord {
            id: student.into(),
            school_id: "demo-1".into(),
            school: "示例大学（演示）".into(),
            level: "本科".into(),
            major: "测试专业".into(),
            year: 2026,
            of_this_code: true,
            eligibility: Eligibility::Open,
            window: None,
            fee: FeeState {
                due_fen: 0,
                when: FeeWhen::Never,
                paid: true,
            },
            collection: CollectionState::None,
            last_rejection: None,
        }],
    })))
}

/// A photo that shows the student of this name.
fn photo(student: &str) -> Arc<Shot> {
    accepted(student.as_bytes().to_vec(), student.as_bytes().to_vec(), start())
}

fn tilted() -> Vec<Remark> {
    vec![Remark {
        code: "tilted".into(),
        zh: "头歪了".into(),
        en: "tilted".into(),
    }]
}

struct Desk {
    machine: Machine,
    now: Timestamp,
    effects: Vec<Effect>,
}

impl Desk {
    fn of(vendor: &str, tethered: bool) -> Desk {
        let profile = Profile::built_in(vendor).unwrap();
        Desk {
            machine: Machine::new(profile, Uuid::now_v7).with_booth(Booth::Photographer, tethered),
            now: start(),
            effects: Vec::new(),
        }
    }

    fn new() -> Desk {
        Desk::of("binyu", false)
    }

    fn happens(&mut self, event: Event) -> &mut Desk {
        let effects = self.machine.handle(event, self.now);
        self.effects.extend(effects);
        self
    }

    fn scans(&mut self, student: &str) -> &mut Desk {
        let text = CodeText::new(format!("CHSI1:{student}").into_bytes());
        self.happens(Event::Code(Kind::Collection, text))
    }

    fn presses(&mut self, action: Action) -> &mut Desk {
        self.happens(Event::Act(action))
    }

    fn waits(&mut self, seconds: i64) -> &mut Desk {
        for _ in 0..seconds * 10 {
            self.now += SignedDuration::from_millis(100);
            self.happens(Event::Tick);
        }
        self
    }

    fn sits(&mut self, sitter: Option<u32>) -> &mut Desk {
        self.happens(Event::Sitter(sitter)).waits(2)
    }

    fn asked(&self) -> Ticket {
        self.effects.iter().rev().find_map(Effect::ticket).unwrap()
    }

    fn answered(&mut self, answer: Answer) -> &mut Desk {
        let ticket = self.asked();
        self.happens(Event::Answer(ticket, answer))
    }

    /// Confirmed and agreed: up to the shutter.
    fn confirmed(&mut self, student: &str) -> &mut Desk {
        self.answered(identity(student))
            .presses(Action::ItIsMe)
            .presses(Action::Consent);
        assert_eq!(self.kind(), "framing");
        self
    }

    fn shot(&mut self, student: &str) -> &mut Desk {
        self.presses(Action::Shoot)
            .answered(Answer::Developed(Ok(photo(student))))
    }

    fn kind(&self) -> String {
        serde_json::to_value(self.machine.page(self.now)).unwrap()["kind"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn front(&self) -> Option<String> {
        let code = self.machine.visit()?.code.as_ref()?;
        Some(
            String::from_utf8(code.expose().to_vec())
                .unwrap()
                .replace("CHSI1:", ""),
        )
    }

    fn next(&self) -> Option<String> {
        let code = self.machine.next_in_line()?;
        Some(
            String::from_utf8(code.expose().to_vec())
                .unwrap()
                .replace("CHSI1:", ""),
        )
    }

    fn count(&self, wanted: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }

    fn last_save(&self) -> Ticket {
        let saves = |effect: &Effect| match effect {
            Effect::Save(ticket) => Some(*ticket),
            _ => None,
        };
        self.effects.iter().rev().find_map(saves).unwrap()
    }
}

#[test]
fn a_student_is_scanned_shot_and_accepted_by_four_keys_and_nothing_counts_down() {
    let mut desk = Desk::new();
    assert_eq!(desk.machine.watch(), Watch::Both);
    desk.scans("a").confirmed("a").presses(Action::Shoot);
    assert_eq!(desk.count(|e| matches!(e, Effect::Shoot(_))), 1, "at once");
    desk.answered(Answer::Developed(Ok(photo("a"))));
    assert_eq!(desk.kind(), "choose-photo");
    desk.presses(Action::Accept);
    assert_eq!(desk.kind(), "welcome", "the disk is not waited for");
    let ticket = desk.last_save();
    let visit = desk.machine.visit_of(ticket).unwrap();
    assert_eq!(visit.chosen_shot().unwrap().standard, b"a");
    desk.happens(Event::Answer(ticket, Answer::Saved(Ok("A001".into()))));
    let ended = |e: &Effect| {
        matches!(
            e,
            Effect::Ended {
                ending: Ending::Submitted,
                ..
            }
        )
    };
    assert_eq!(desk.count(ended), 1);
    assert!(
        desk.machine.visit_of(ticket).is_none(),
        "nothing of the student is left"
    );
}

#[test]
fn the_camera_does_not_shoot_by_itself() {
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").happens(Event::Steady).waits(10);
    assert_eq!(desk.kind(), "framing");
    assert_eq!(desk.count(|e| matches!(e, Effect::Shoot(_))), 0);
}

#[test]
fn the_next_student_is_scanned_early_and_comes_in_front_when_the_photo_is_accepted() {
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").presses(Action::Shoot);
    desk.scans("b");
    assert_eq!(
        (desk.front().as_deref(), desk.next().as_deref()),
        (Some("a"), Some("b"))
    );
    desk.scans("c");
    assert_eq!(
        desk.next().as_deref(),
        Some("b"),
        "one at most, and nobody is pushed out"
    );
    assert_eq!(desk.machine.sight_at_the_desk(desk.now), Some(ScanSight::Several));
    let ticket = desk.effects.iter().rev().find_map(Effect::ticket).unwrap();
    desk.happens(Event::Answer(ticket, Answer::Developed(Ok(photo("a")))))
        .presses(Action::Accept);
    assert_eq!((desk.front().as_deref(), desk.next()), (Some("b"), None));
    assert_eq!(
        desk.kind(),
        "working",
        "the next one is asked for while the last is written"
    );
    let saving = desk.last_save();
    desk.confirmed("b");
    desk.happens(Event::Answer(saving, Answer::Saved(Ok("A001".into()))));
    assert_eq!(
        desk.front().as_deref(),
        Some("b"),
        "the disk's answer changes nothing in front"
    );
}

#[test]
fn whoever_is_next_may_leave_the_line_and_a_code_that_is_there_already_counts_once() {
    let mut desk = Desk::new();
    desk.scans("a").scans("a").confirmed("a");
    assert_eq!(desk.next(), None, "the telephone is still held up");
    desk.scans("b").scans("b").presses(Action::DropNext);
    assert_eq!(desk.next(), None);
    desk.shot("a").presses(Action::Accept);
    assert_eq!(desk.kind(), "welcome");
    desk.scans("a");
    assert_eq!(
        desk.kind(),
        "welcome",
        "whose photo is being written is not begun again"
    );
}

#[test]
fn a_shot_that_comes_when_its_student_is_gone_is_never_the_next_ones() {
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").presses(Action::Shoot).scans("b");
    let late = desk.effects.iter().rev().find_map(Effect::ticket).unwrap();
    desk.presses(Action::Cancel);
    assert_eq!(desk.front().as_deref(), Some("b"));
    desk.happens(Event::Answer(late, Answer::Developed(Ok(photo("a")))));
    desk.confirmed("b").presses(Action::Shoot);
    desk.happens(Event::Answer(late, Answer::Developed(Ok(photo("a")))));
    assert!(desk.machine.visit().unwrap().shots.is_empty());
    desk.answered(Answer::Developed(Ok(photo("b"))))
        .presses(Action::Accept);
    let kept = desk.machine.visit_of(desk.last_save()).unwrap();
    assert_eq!(kept.chosen_shot().unwrap().standard, b"b");
    assert_eq!(kept.record.as_ref().unwrap().id, "b");
}

#[test]
fn a_refused_photo_is_submitted_only_with_a_reason() {
    let refused = || {
        Answer::Developed(Err(Refused {
            remarks: tilted(),
            closest: Some(photo("a")),
        }))
    };
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").presses(Action::Shoot);
    assert!(!desk.machine.may_force());
    desk.answered(refused());
    assert!(desk.machine.may_force());
    for nothing in ["", "   ", &"很".repeat(201)] {
        desk.presses(Action::Force {
            reason: nothing.into(),
        });
        assert_eq!(desk.kind(), "framing", "{nothing:?} is no reason");
    }
    desk.presses(Action::Accept);
    assert_eq!(
        desk.kind(),
        "framing",
        "Enter alone accepts nothing that was refused"
    );
    desk.presses(Action::Force {
        reason: " 民族头饰 ".into(),
    });
    let kept = desk.machine.visit_of(desk.last_save()).unwrap();
    assert_eq!(kept.forced_reason.as_deref(), Some("民族头饰"));
    assert_eq!(kept.chosen_shot().unwrap().standard, b"a");

    // Without a photo there is nothing to force, and a student alone forces nothing.
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").presses(Action::Shoot);
    desk.answered(Answer::Developed(Err(tilted().into())));
    assert!(!desk.machine.may_force());
    let profile = Profile::built_in("binyu").unwrap();
    let mut alone = Desk::new();
    alone.machine = Machine::new(profile, Uuid::now_v7);
    alone
        .scans("a")
        .waits(1)
        .confirmed("a")
        .presses(Action::Shoot)
        .waits(4);
    alone.answered(refused()).presses(Action::Force {
        reason: "民族头饰".into(),
    });
    assert_eq!(alone.kind(), "framing");
    assert_eq!(alone.count(|e| matches!(e, Effect::Save(_))), 0);
}

#[test]
fn a_photo_the_disk_does_not_take_is_tried_again_and_no_other_is_accepted_before() {
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").shot("a").presses(Action::Accept);
    let ticket = desk.last_save();
    desk.happens(Event::Answer(ticket, Answer::Saved(Err(()))));
    assert!(desk.machine.is_save_failing());
    desk.scans("b").confirmed("b").shot("b").presses(Action::Accept);
    assert_eq!(desk.kind(), "choose-photo", "it waits in front");
    let saves = desk.count(|e| matches!(e, Effect::Save(_)));
    desk.waits(4);
    assert_eq!(desk.count(|e| matches!(e, Effect::Save(_))), saves + 1);
    assert_eq!(desk.last_save(), ticket);
    assert_eq!(
        desk.machine
            .visit_of(ticket)
            .unwrap()
            .chosen_shot()
            .unwrap()
            .standard,
        b"a"
    );
    desk.happens(Event::Answer(ticket, Answer::Saved(Ok("A001".into()))))
        .presses(Action::Accept);
    assert_eq!(desk.kind(), "welcome");
}

#[test]
fn somebody_else_on_the_stool_stops_the_shutter_until_a_key_says_that_it_is_right() {
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").sits(Some(1));
    desk.sits(None).sits(Some(2));
    assert_eq!(desk.machine.open_alarm(), Some(AlarmCause::Changed));
    desk.presses(Action::Shoot);
    assert_eq!(desk.count(|e| matches!(e, Effect::Shoot(_))), 0);
    desk.presses(Action::SamePerson).presses(Action::Shoot);
    assert_eq!(desk.count(|e| matches!(e, Effect::Shoot(_))), 1);
    desk.answered(Answer::Developed(Ok(photo("a"))))
        .presses(Action::Accept);
    let alarms = &desk.machine.visit_of(desk.last_save()).unwrap().alarms;
    assert_eq!(alarms.len(), 1, "and the record says so");
    assert!(alarms[0].acknowledged_at.is_some());
}

#[test]
fn the_last_student_still_on_the_stool_is_not_taken_for_the_next_one() {
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").sits(Some(1)).shot("a").scans("b");
    desk.presses(Action::Accept).confirmed("b").presses(Action::Shoot);
    assert_eq!(desk.machine.open_alarm(), Some(AlarmCause::StillTheLast));
    assert_eq!(desk.kind(), "framing");
    desk.presses(Action::SamePerson).presses(Action::Shoot);
    assert_eq!(desk.kind(), "working");
}

#[test]
fn one_student_after_the_other_raises_no_alarm() {
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").sits(Some(1)).shot("a").scans("b");
    desk.presses(Action::Accept).confirmed("b");
    // The last one gets up, somebody walks by, the next one sits down.
    desk.sits(None);
    desk.happens(Event::Sitter(Some(2)))
        .happens(Event::Sitter(None))
        .sits(Some(3));
    assert_eq!(desk.machine.open_alarm(), None);
    desk.shot("b");
    assert_eq!(desk.kind(), "choose-photo");
    // Getting up after the photo is no alarm either.
    desk.sits(None).sits(Some(4));
    assert_eq!(desk.machine.open_alarm(), None);
}

#[test]
fn the_school_is_asked_for_once_and_until_a_key_forgets_it() {
    let school = station::view::SchoolCard {
        id: "demo-1".into(),
        name: "示例大学（演示）".into(),
        levels: vec!["本科".into()],
    };
    let mut desk = Desk::of("biyezhengzhao", false);
    desk.scans("a");
    assert_eq!(desk.kind(), "find-school");
    desk.presses(Action::SearchSchool {
        name: "示例".into(),
        level: "本科".into(),
    });
    desk.answered(Answer::Schools(Some(vec![school])))
        .presses(Action::TakeSchool {
            id: "demo-1".into(),
            level: "本科".into(),
        });
    assert_eq!(desk.kind(), "prove-last-four", "its code is known already");
    desk.presses(Action::Cancel).scans("b");
    assert_eq!(desk.kind(), "prove-last-four");
    assert_eq!(
        desk.machine.visit().unwrap().school.as_ref().unwrap().0.id,
        "demo-1"
    );
    desk.presses(Action::Cancel)
        .presses(Action::ForgetSchool)
        .scans("c");
    assert_eq!(desk.kind(), "find-school");
}

#[test]
fn a_fee_after_the_upload_is_asked_for_in_front_and_then_the_next_one_comes() {
    let mut desk = Desk::of("yipai", false);
    desk.scans("a").presses(Action::SearchSchool {
        name: "示例".into(),
        level: "本科".into(),
    });
    let school = station::view::SchoolCard {
        id: "demo-1".into(),
        name: "示例大学（演示）".into(),
        levels: vec!["本科".into()],
    };
    desk.answered(Answer::Schools(Some(vec![school])))
        .presses(Action::TakeSchool {
            id: "demo-1".into(),
            level: "本科".into(),
        })
        .presses(Action::NameAndNumber {
            level: "本科".into(),
            name: "测试甲".into(),
            student_number: "20220001".into(),
            phone: Some("00000000000".into()),
        });
    let unpaid = |answer: Answer| match answer {
        Answer::Resolved(Resolved::Identity(mut identity)) => {
            identity.records[0].fee = FeeState {
                due_fen: 2000,
                when: FeeWhen::AfterUpload,
                paid: false,
            };
            Answer::Resolved(Resolved::Identity(identity))
        }
        other => other,
    };
    desk.answered(unpaid(identity("a"))).presses(Action::ItIsMe);
    desk.answered(unpaid(identity("a"))).presses(Action::Consent);
    desk.shot("a").scans("b").presses(Action::Accept);
    assert_eq!(
        desk.front().as_deref(),
        Some("a"),
        "the fee is still to be asked for"
    );
    desk.answered(Answer::Saved(Ok("A001".into())));
    desk.answered(Answer::Order(station::visit::OrderReply::Order(Box::new(
        Order {
            id: "order-1".into(),
            academic_record_id: "a".into(),
            amount_fen: 2000,
            state: OrderState::Paid,
            payment_url: "http://127.0.0.1/pay/order-1".into(),
            created_at: start(),
            expires_at: start() + SignedDuration::from_mins(10),
            paid_at: None,
        },
    ))));
    assert_eq!(desk.front().as_deref(), Some("b"));
}

#[test]
fn nobody_comes_in_front_while_the_station_is_closed_and_the_line_is_kept() {
    let mut desk = Desk::new();
    desk.scans("a").confirmed("a").scans("b");
    desk.happens(Event::Service(Some(OutOfService::Storage)))
        .presses(Action::Cancel);
    assert_eq!(desk.front(), None);
    desk.happens(Event::Service(Some(OutOfService::Storage)));
    assert_eq!(desk.kind(), "out-of-service");
    assert_eq!(desk.next().as_deref(), Some("b"));
    desk.happens(Event::Service(None));
    assert_eq!(desk.front().as_deref(), Some("b"));
}

#[test]
fn the_wall_is_photographed_only_while_nobody_is_in_front() {
    let mut desk = Desk::new();
    desk.presses(Action::TakePlate);
    assert_eq!(desk.count(|e| matches!(e, Effect::TakePlate)), 1);
    desk.scans("a").presses(Action::TakePlate);
    assert_eq!(desk.count(|e| matches!(e, Effect::TakePlate)), 1);
}

fn still(desk: &Desk) -> camera::Still {
    camera::Still {
        bytes: vec![0xff, 0xd8],
        taken_at: desk.now,
    }
}

#[test]
fn a_tethered_cameras_photo_is_the_visits_in_front_and_of_nobody_else() {
    let mut desk = Desk::of("binyu", true);
    let wanted = |desk: &Desk| desk.machine.wanted_still().0;
    assert_eq!(wanted(&desk), camera::Wanted::Nothing);
    desk.scans("a");
    assert_eq!(
        wanted(&desk),
        camera::Wanted::Nothing,
        "not before the student has agreed"
    );
    desk.confirmed("a");
    let (since, record_id) = desk.machine.wanted_still();
    assert_eq!(since, camera::Wanted::Since(desk.now));
    desk.presses(Action::Shoot);
    assert_eq!(desk.kind(), "framing", "the shutter is at the camera");
    let photo_of_a = still(&desk);
    desk.happens(Event::Still(record_id, photo_of_a));
    assert_eq!(wanted(&desk), camera::Wanted::Later, "one after the other");
    assert_eq!(desk.count(|e| matches!(e, Effect::Develop(..))), 1);
    desk.answered(Answer::Developed(Ok(photo("a"))))
        .scans("b")
        .presses(Action::Accept);
    // It was on its way when the photo was accepted: never the next student's.
    let late = still(&desk);
    desk.confirmed("b").happens(Event::Still(record_id, late));
    assert_eq!(desk.count(|e| matches!(e, Effect::PutAside(_))), 1);
    assert_eq!(desk.kind(), "framing");
    assert!(desk.machine.visit().unwrap().shots.is_empty());
}

#[test]
fn a_tethered_cameras_photo_waits_while_the_wrong_person_may_sit_there() {
    let mut desk = Desk::of("binyu", true);
    desk.scans("a")
        .confirmed("a")
        .sits(Some(1))
        .sits(None)
        .sits(Some(2));
    assert_eq!(desk.machine.wanted_still().0, camera::Wanted::Later);
    desk.presses(Action::SamePerson);
    assert!(matches!(desk.machine.wanted_still().0, camera::Wanted::Since(_)));
}

/// A photo as a backend takes it.
fn jpeg(grey: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(480, 640, image::Rgb([grey; 3]))
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

/// Waits for a screen that is like this.
async fn shown(station: &Station, what: &str, like: impl Fn(&View) -> bool) -> View {
    let mut views = station.views();
    let waited = tokio::time::timeout(Duration::from_mins(2), views.wait_for(|view| like(view))).await;
    waited
        .unwrap_or_else(|_| panic!("{what}: {:?}", station.view()))
        .unwrap()
        .clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_photo_is_kept_told_and_sent_with_its_reason() {
    let (data, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = BackendOptions {
        data: Some(there.path().to_path_buf()),
        ..BackendOptions::demo("binyu").unwrap()
    };
    let backend = Backend::start(options).await.unwrap();
    let student = backend.person(DemoCase::Ordinary).unwrap();
    let darkroom: Darkroom = Arc::new(|_| {
        let refused = Shot {
            original: jpeg(90),
            standard: jpeg(120),
            captured_at: Timestamp::now(),
            ..Arc::into_inner(photo("a")).unwrap()
        };
        Err(Refused {
            remarks: tilted(),
            closest: Some(Arc::new(refused)),
        })
    });
    let options = Options {
        data: data.path().to_path_buf(),
        config: Config {
            backend: backend.url().to_owned(),
            profile: "binyu".into(),
            booth: Booth::Photographer,
            least_free_mb: 0,
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: Some(vendor_backend::demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    };
    let station = Station::open_with(options, Some(darkroom)).await.unwrap();
    assert!(station.enrolled_within(Duration::from_mins(1)).await);
    let is =
        |kind: &'static str| move |view: &View| serde_json::to_value(&view.page).unwrap()["kind"] == kind;
    shown(&station, "waits for somebody", is("welcome")).await;
    station.code_read(CodeText::new(student.code().as_bytes().to_vec()));
    shown(&station, "is it them", is("confirm")).await;
    station.act(Action::ItIsMe);
    shown(&station, "have they agreed", is("requirements")).await;
    station.act(Action::Consent);
    shown(&station, "waits for the shutter", is("framing")).await;
    station.act(Action::Shoot);
    let may_force = |view: &View| view.photographer.as_ref().is_some_and(|desk| desk.may_force);
    shown(&station, "the photo is refused", may_force).await;
    station.act(Action::Force {
        reason: "民族头饰".into(),
    });
    let delivered = |view: &View| {
        let last = view.photographer.as_ref().and_then(|desk| desk.last.first());
        last.is_some_and(|photo| photo.forced && photo.state == LastState::Delivered)
    };
    let view = shown(&station, "it is delivered", delivered).await;
    let id: records::RecordId = view.photographer.unwrap().last[0].id.parse().unwrap();
    assert!(station.last_photo(&id.to_string()).is_some());
    let (report, history) = station
        .with_records(move |store| Ok((store.report(id)?, store.show(id)?.history)))
        .await
        .unwrap();
    assert_eq!(report["forced_reason"], "民族头饰");
    let note = history.iter().find(|note| note.what == "forced").unwrap();
    assert_eq!(note.detail.as_deref(), Some("民族头饰"));
    backend.stop().await;
    let told = std::fs::read_dir(there.path()).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        let words = r#""forced_reason":"民族头饰""#.as_bytes();
        bytes.windows(words.len()).any(|part| part == words)
    });
    assert!(told, "the reviewer has the reason");
}

/// One thing that may happen in the booth.
fn event(choice: u8, asked: Option<Ticket>, front: Option<String>, saves: &[Ticket]) -> Event {
    let answer = |answer| asked.map_or(Event::Tick, |ticket| Event::Answer(ticket, answer));
    let who = front.unwrap_or_default();
    let code = |name: &str| {
        Event::Code(
            Kind::Collection,
            CodeText::new(format!("CHSI1:{name}").into_bytes()),
        )
    };
    match choice {
        0 => code("a"),
        1 => code("b"),
        2 => code("c"),
        3 => answer(identity(&who)),
        4 => Event::Act(Action::ItIsMe),
        5 => Event::Act(Action::Consent),
        6 | 7 => Event::Act(Action::Shoot),
        // The picture of whoever the shot was asked for is filled in below.
        8 => Event::Act(Action::Accept),
        9 => Event::Act(Action::Cancel),
        10 => Event::Act(Action::DropNext),
        11 => Event::Act(Action::SamePerson),
        12 => Event::Sitter(Some(1)),
        13 => Event::Sitter(Some(2)),
        14 => Event::Sitter(None),
        15 => saves.first().map_or(Event::Tick, |t| {
            Event::Answer(*t, Answer::Saved(Ok("A001".into())))
        }),
        16 => saves
            .first()
            .map_or(Event::Tick, |t| Event::Answer(*t, Answer::Saved(Err(())))),
        17 => Event::Act(Action::Finish),
        18 => Event::Act(Action::Retake),
        _ => Event::Tick,
    }
}

proptest! {
    /// Whatever keys, codes, answers and faces come in whatever order, early or late: the photo that is kept shows
    /// the student whose code, name and consent are kept with it.
    #[test]
    fn no_order_of_events_swaps_two_students(
        happenings in prop::collection::vec((0..24_u8, 0..3_i64), 0..160),
    ) {
        let mut desk = Desk::new();
        // Shots under development, each with whose it is: answered late and in any order.
        let mut in_the_darkroom: Vec<(Ticket, String)> = Vec::new();
        let mut saves: Vec<Ticket> = Vec::new();
        for (choice, seconds) in happenings {
            desk.now += SignedDuration::from_secs(seconds);
            let seen = desk.effects.len();
            if choice >= 20 && !in_the_darkroom.is_empty() {
                let (ticket, student) = in_the_darkroom.remove(usize::from(choice) % in_the_darkroom.len());
                desk.happens(Event::Answer(ticket, Answer::Developed(Ok(photo(&student)))));
            } else {
                let asked = desk.effects.iter().rev().find_map(Effect::ticket);
                let front = desk.front();
                desk.happens(event(choice, asked, front, &saves));
            }
            for at in seen..desk.effects.len() {
                match &desk.effects[at] {
                    Effect::Shoot(ticket) => {
                        let student = desk.front().unwrap();
                        in_the_darkroom.push((*ticket, student));
                    }
                    Effect::Save(ticket) => {
                        let visit = desk.machine.visit_of(*ticket).unwrap();
                        let code = String::from_utf8(visit.code.as_ref().unwrap().expose().to_vec()).unwrap();
                        let shown = String::from_utf8(visit.chosen_shot().unwrap().standard.clone()).unwrap();
                        prop_assert_eq!(format!("CHSI1:{}", shown), code);
                        prop_assert_eq!(&visit.record.as_ref().unwrap().id, &shown);
                        prop_assert!(visit.consent.is_some());
                        saves.insert(0, *ticket);
                    }
                    _ => {}
                }
            }
            let waits = desk.machine.page(desk.now) == (Page::Welcome { window: None, interrupted: false });
            prop_assert!(!waits || desk.machine.visit().is_none());
        }
    }
}
