//! The visit's state machine, told as students live it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "booth/shot.rs"]
mod shot;

use code::{CodeText, Kind};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use station::view::{
    Action, NotPossible, OutOfService, Page, PayState, Progress, ProofError, Remark, ScanSight, SchoolCard,
    StepName, WorkingOn,
};
use station::visit::{Answer, Effect, Ending, Event, Machine, OrderReply, Resolved, Ticket, Watch};
use uuid::Uuid;
use vendor::api::{
    AcademicRecord, CollectionState, Eligibility, FeeState, Identity, Order, OrderState, Reason, Rejection,
};
use vendor::{FeeWhen, Profile, Secret};

use shot::accepted;

fn start() -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap()
}

fn record(id: &str, due_fen: u32) -> AcademicRecord {
    AcademicRecord {
        id: id.into(),
        school_id: "demo-1".into(),
        school: "示例大学（演示）".into(),
        level: "本科".into(),
        major: "测试专业".into(),
        year: 2026,
        of_this_code: true,
        eligibility: Eligibility::Open,
        window: None,
        fee: FeeState {
            due_fen,
            when: FeeWhen::BeforeShooting,
            paid: due_fen == 0,
        },
        collection: CollectionState::None,
        last_rejection: None,
    }
}

fn identity(records: Vec<AcademicRecord>) -> Answer {
    Answer::Resolved(Resolved::Identity(Box::new(Identity {
        identity_token: Secret::new("token"),
        expires_at: start() + SignedDuration::from_hours(72),
        masked_name: "测*甲".into(),
        masked_id: "000000********0011".into(),
        code_bound: true,
        records,
    })))
}

fn order(state: OrderState) -> Answer {
    Answer::Order(OrderReply::Order(Box::new(Order {
        id: "order-1".into(),
        academic_record_id: "r1".into(),
        amount_fen: 2000,
        state,
        payment_url: "http://127.0.0.1/pay/order-1".into(),
        created_at: start(),
        expires_at: start() + SignedDuration::from_mins(10),
        paid_at: None,
    })))
}

fn shot() -> Answer {
    Answer::Developed(Ok(accepted(vec![1], vec![2], start())))
}

fn code(text: &str) -> Event {
    Event::Code(Kind::Collection, CodeText::new(text.as_bytes().to_vec()))
}

fn school() -> SchoolCard {
    SchoolCard {
        id: "demo-1".into(),
        name: "示例大学（演示）".into(),
        levels: vec!["本科".into()],
    }
}

/// A student at a station of one vendor.
struct Booth {
    machine: Machine,
    now: Timestamp,
    effects: Vec<Effect>,
}

impl Booth {
    fn of(vendor: &str) -> Booth {
        let profile = Profile::built_in(vendor).unwrap();
        Booth {
            machine: Machine::new(profile, Uuid::now_v7),
            now: start(),
            effects: Vec::new(),
        }
    }

    /// A visit begun, with the school found where the vendor asks for it.
    fn begun(vendor: &str) -> Booth {
        let mut booth = Booth::of(vendor);
        booth.touches(Action::Start);
        if booth.kind() == "find-school" {
            booth
                .touches(Action::SearchSchool {
                    name: "示例".into(),
                    level: "本科".into(),
                })
                .answered(Answer::Schools(Some(vec![school()])));
            booth.touches(Action::TakeSchool {
                id: "demo-1".into(),
                level: "本科".into(),
            });
        }
        booth
    }

    /// Code and proof given to the vendor that asks for the last four characters.
    fn proven() -> Booth {
        let mut booth = Booth::begun("biyezhengzhao");
        booth
            .shows(code("CHSI1:a"))
            .touches(Action::LastFour { value: "001x".into() });
        booth
    }

    /// Up to the photo, nothing to pay.
    fn framed() -> Booth {
        let mut booth = Booth::proven();
        booth
            .answered(identity(vec![record("r1", 0)]))
            .touches(Action::ItIsMe)
            .touches(Action::Consent);
        assert_eq!(booth.kind(), "framing");
        booth
    }

    fn happens(&mut self, event: Event) -> &mut Booth {
        let effects = self.machine.handle(event, self.now);
        self.effects.extend(effects);
        self
    }

    /// The newest question, which may be answered already.
    fn asked(&self) -> Option<Ticket> {
        self.effects.iter().rev().find_map(Effect::ticket)
    }

    fn answered(&mut self, answer: Answer) -> &mut Booth {
        let ticket = self.asked().expect("nothing was asked");
        self.happens(Event::Answer(ticket, answer))
    }

    /// A code is held up until the page has said that it was read.
    fn shows(&mut self, code: Event) -> &mut Booth {
        self.happens(code);
        for _ in 0..4 {
            self.now += SignedDuration::from_millis(100);
            self.happens(Event::Tick);
        }
        self
    }

    fn touches(&mut self, action: Action) -> &mut Booth {
        self.happens(Event::Act(action))
    }

    fn waits(&mut self, seconds: i64) -> &mut Booth {
        for _ in 0..seconds * 10 {
            self.now += SignedDuration::from_millis(100);
            self.happens(Event::Tick);
        }
        self
    }

    fn shoots(&mut self) -> &mut Booth {
        self.touches(Action::Shoot).waits(4);
        assert_eq!(self.kind(), "working", "the photo is being developed");
        self.answered(shot())
    }

    fn page(&self) -> Page {
        self.machine.page(self.now)
    }

    fn kind(&self) -> String {
        serde_json::to_value(self.page()).unwrap()["kind"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn count(&self, wanted: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }
}

fn name_and_number() -> Action {
    Action::NameAndNumber {
        level: "本科".into(),
        name: "测试甲".into(),
        student_number: "20220001".into(),
        phone: Some("00000000000".into()),
    }
}

#[test]
fn a_student_who_pays_first_shoots_and_submits() {
    let mut booth = Booth::proven();
    booth.answered(identity(vec![record("r1", 2000)]));
    assert_eq!(booth.kind(), "confirm");
    booth.touches(Action::ItIsMe).touches(Action::Consent);
    assert_eq!(booth.count(|e| matches!(e, Effect::CreateOrder(_))), 1);
    booth.answered(order(OrderState::Open)).waits(3);
    assert_eq!(booth.kind(), "pay");
    assert!(
        booth.count(|e| matches!(e, Effect::PollOrder(_))) > 0,
        "the payment is asked for"
    );
    booth
        .answered(order(OrderState::Paid))
        .shoots()
        .touches(Action::Take { id: 1 });
    assert_eq!(booth.kind(), "last-look");
    booth.touches(Action::Submit);
    assert_eq!(booth.kind(), "working", "not done before it is on the disk");
    booth.answered(Answer::Saved(Ok("A001".into())));
    assert!(matches!(
        booth.page(),
        Page::Done {
            progress: Progress::SavedHere,
            pay_later: false,
            ..
        }
    ));
}

#[test]
fn a_vendor_that_confirms_by_name_asks_again_once_the_code_is_shown() {
    let mut booth = Booth::begun("yipai");
    booth
        .touches(name_and_number())
        .answered(identity(vec![record("r1", 2000)]));
    booth.touches(Action::ItIsMe);
    assert_eq!(booth.kind(), "scan");
    booth.shows(code("CHSI1:b"));
    assert_eq!(
        booth.count(|e| matches!(e, Effect::Resolve(_))),
        2,
        "the code must belong to who was confirmed"
    );
    booth.answered(identity(vec![record("somebody-else", 2000)]));
    assert!(matches!(
        booth.page(),
        Page::NotPossible {
            reason: NotPossible::IdentityMismatch,
            ..
        }
    ));
}

#[test]
fn a_vendor_without_proof_goes_from_the_code_to_the_confirmation() {
    let mut booth = Booth::begun("binyu");
    booth
        .shows(code("CHSI1:c"))
        .answered(identity(vec![record("r1", 0)]));
    assert_eq!(booth.kind(), "confirm");
    booth.touches(Action::ItIsMe).touches(Action::Consent);
    assert_eq!(booth.kind(), "framing", "a plain upload costs nothing");
}

#[test]
fn without_the_network_the_visit_goes_on_and_the_fee_stays_open() {
    let mut booth = Booth::proven();
    booth.answered(Answer::Resolved(Resolved::Offline));
    assert_eq!(booth.kind(), "requirements", "there is nobody to confirm yet");
    booth
        .touches(Action::Consent)
        .shoots()
        .touches(Action::Take { id: 1 })
        .touches(Action::Submit);
    booth.answered(Answer::Saved(Ok("A002".into())));
    assert!(matches!(booth.page(), Page::Done { pay_later: true, .. }));
}

#[test]
fn a_wrong_proof_may_be_tried_three_times() {
    let mut booth = Booth::begun("biyezhengzhao");
    booth.shows(code("CHSI1:a"));
    let tries = |booth: &mut Booth| {
        booth
            .touches(Action::LastFour { value: "9999".into() })
            .answered(Answer::Resolved(Resolved::Mismatch));
    };
    for attempts_left in [2, 1] {
        tries(&mut booth);
        assert_eq!(
            booth.page(),
            Page::ProveLastFour {
                error: Some(ProofError::Mismatch),
                attempts_left
            }
        );
    }
    tries(&mut booth);
    assert!(matches!(
        booth.page(),
        Page::NotPossible {
            reason: NotPossible::IdentityMismatch,
            ..
        }
    ));
}

#[test]
fn letters_are_no_last_four_and_cost_no_attempt() {
    let mut booth = Booth::begun("biyezhengzhao");
    booth.shows(code("CHSI1:a"));
    for wrong in ["", "12", "12345", "12a4", "X123", "１２３４"] {
        booth.touches(Action::LastFour { value: wrong.into() });
        let expected = Page::ProveLastFour {
            error: Some(ProofError::Form),
            attempts_left: 3,
        };
        assert_eq!(booth.page(), expected, "{wrong:?}");
    }
    booth.touches(Action::LastFour {
        value: " 123x ".into(),
    });
    assert_eq!(booth.kind(), "working", "a small x and spaces are forgiven");
}

#[test]
fn a_code_that_was_read_is_seen_to_be_read_and_nothing_changes_it() {
    let mut booth = Booth::begun("biyezhengzhao");
    booth.happens(code("CHSI1:a"));
    let steady = Page::Scan {
        sight: ScanSight::Steady,
    };
    assert_eq!(booth.page(), steady);
    // Neither the phone going down nor the neighbour's code takes its place.
    booth
        .happens(Event::Sight(ScanSight::Nothing))
        .happens(code("CHSI1:b"));
    assert_eq!(booth.page(), steady);
    booth.waits(1);
    assert_eq!(booth.kind(), "prove-last-four");
    let kept = booth.machine.visit().unwrap().code.as_ref().unwrap();
    assert_eq!(kept.tag(), CodeText::new(b"CHSI1:a".to_vec()).tag());
}

#[test]
fn a_payment_code_is_named_and_does_not_go_on() {
    let mut booth = Booth::begun("biyezhengzhao");
    booth.happens(Event::Code(Kind::Payment, CodeText::new(b"wxp://f2f0".to_vec())));
    assert_eq!(
        booth.page(),
        Page::Scan {
            sight: ScanSight::Payment
        }
    );
}

#[test]
fn a_code_shown_at_the_welcome_page_begins_the_visit_where_the_scan_comes_first() {
    let mut booth = Booth::of("binyu");
    assert_eq!(booth.machine.watch(), Watch::Code);
    booth.shows(code("CHSI1:a"));
    assert_eq!(booth.count(|e| matches!(e, Effect::Resolve(_))), 1);
    assert_eq!(Booth::of("yipai").machine.watch(), Watch::Nothing);
}

#[test]
fn the_telephone_still_held_up_does_not_start_a_second_visit() {
    let mut booth = Booth::of("binyu");
    booth
        .shows(code("CHSI1:a"))
        .answered(identity(vec![record("r1", 0)]));
    booth
        .touches(Action::ItIsMe)
        .touches(Action::Consent)
        .shoots()
        .touches(Action::Take { id: 1 });
    booth
        .touches(Action::Submit)
        .answered(Answer::Saved(Ok("A001".into())))
        .touches(Action::Finish);
    booth.shows(code("CHSI1:a"));
    assert_eq!(
        booth.kind(),
        "welcome",
        "the same code is ignored for five seconds"
    );
    booth.shows(code("CHSI1:next"));
    assert_ne!(booth.kind(), "welcome", "the next student's is not");
    booth.touches(Action::Cancel).waits(6).shows(code("CHSI1:a"));
    assert_ne!(booth.kind(), "welcome", "and after the pause it counts again");
}

#[test]
fn the_pause_of_a_code_begins_when_the_visit_ends_and_however_it_does() {
    // The last page stands for fifteen seconds, with the telephone before the camera all the time.
    let mut booth = Booth::of("binyu");
    booth
        .shows(code("CHSI1:a"))
        .answered(identity(vec![record("r1", 0)]))
        .touches(Action::ItIsMe)
        .touches(Action::Consent)
        .shoots();
    booth
        .touches(Action::Take { id: 1 })
        .touches(Action::Submit)
        .answered(Answer::Saved(Ok("A001".into())))
        .waits(16)
        .shows(code("CHSI1:a"));
    assert_eq!(booth.kind(), "welcome", "after the receipt");

    for (why, answer) in [
        ("unknown", Resolved::NotPossible(NotPossible::UnknownCode, None)),
        ("in use", Resolved::NotPossible(NotPossible::CodeInUse, None)),
    ] {
        let mut booth = Booth::of("binyu");
        booth.shows(code("CHSI1:a")).answered(Answer::Resolved(answer));
        booth.touches(Action::Finish).shows(code("CHSI1:a"));
        assert_eq!(booth.kind(), "welcome", "{why}");
        booth.waits(6).shows(code("CHSI1:a"));
        assert_ne!(booth.kind(), "welcome", "{why}, after the pause");
    }

    let mut booth = Booth::of("binyu");
    booth
        .shows(code("CHSI1:a"))
        .answered(identity(vec![record("r1", 0)]))
        .touches(Action::Cancel)
        .shows(code("CHSI1:a"));
    assert_eq!(booth.kind(), "welcome", "a visit that was cancelled");
}

#[test]
fn a_refused_photo_says_why_and_may_be_taken_again() {
    let mut booth = Booth::framed();
    let why = Remark {
        code: "tilted".into(),
        zh: "头歪了".into(),
        en: "tilted".into(),
    };
    booth
        .touches(Action::Shoot)
        .waits(4)
        .answered(Answer::Developed(Err(vec![why.clone()].into())));
    let Page::Framing { refused, taken, .. } = booth.page() else {
        panic!("{}", booth.kind())
    };
    assert_eq!((refused, taken), (vec![why], 1));
    booth.shoots();
    assert_eq!(booth.kind(), "choose-photo");
    let written_down = |effect: &Effect| matches!(effect, Effect::SetAside { shot: 2 });
    assert_eq!(booth.count(written_down), 1, "it may be chosen");
    assert_eq!(
        booth.count(|effect| matches!(effect, Effect::SetAside { .. })),
        1,
        "nobody can choose the refused one"
    );
}

#[test]
fn the_newest_three_photos_stand_side_by_side() {
    let mut booth = Booth::framed();
    for _ in 0..4 {
        booth.shoots().touches(Action::Retake);
    }
    booth.touches(Action::Back);
    let Page::ChoosePhoto { candidates, .. } = booth.page() else {
        panic!("{}", booth.kind())
    };
    assert_eq!(candidates.iter().map(|c| c.id).collect::<Vec<_>>(), [2, 3, 4]);
    booth.touches(Action::Take { id: 1 });
    assert_eq!(
        booth.kind(),
        "choose-photo",
        "a photo that is gone cannot be taken"
    );
}

#[test]
fn the_shutter_counts_down_and_releases_once() {
    let mut booth = Booth::framed();
    booth.happens(Event::Steady).happens(Event::Steady).waits(1);
    let Page::Framing { countdown, .. } = booth.page() else {
        panic!("{}", booth.kind())
    };
    assert_eq!(countdown, Some(2));
    booth.happens(Event::Steady).waits(10);
    assert_eq!(booth.count(|e| matches!(e, Effect::Shoot(_))), 1);
}

#[test]
fn a_photo_that_could_not_be_kept_is_never_called_done() {
    let mut booth = Booth::framed();
    booth
        .shoots()
        .touches(Action::Take { id: 1 })
        .touches(Action::Submit);
    booth.answered(Answer::Saved(Err(())));
    assert!(matches!(
        booth.page(),
        Page::NotPossible {
            reason: NotPossible::CouldNotSave,
            ..
        }
    ));
}

#[test]
fn the_last_page_stays_while_paper_comes_and_its_time_begins_anew_with_the_paper() {
    let mut booth = Booth::framed();
    booth.shoots().touches(Action::Take { id: 1 });
    booth
        .touches(Action::Submit)
        .answered(Answer::Saved(Ok("A-0001".into())));
    assert_eq!(booth.kind(), "done");
    for _ in 0..40 {
        booth.waits(1).happens(Event::PaperComes);
    }
    assert_eq!(booth.kind(), "done", "the sheet is still being printed");
    booth.waits(14);
    assert_eq!(booth.kind(), "done", "there is time to take it");
    booth.waits(2);
    assert_eq!(booth.kind(), "welcome");
    // Paper of somebody who has left keeps nobody's page.
    booth.happens(Event::PaperComes);
    assert_eq!(booth.machine.seconds_left(booth.now), None);
}

#[test]
fn a_closed_station_says_since_when_whatever_closes_it_meanwhile() {
    let mut booth = Booth::of("biyezhengzhao");
    let closed_at = booth.now;
    booth
        .happens(Event::Service(Some(OutOfService::Camera)))
        .waits(60);
    booth
        .happens(Event::Service(Some(OutOfService::Storage)))
        .waits(60);
    let shown = booth.page();
    let said = Page::OutOfService {
        reason: OutOfService::Storage,
        since: closed_at.to_string(),
    };
    assert_eq!(shown, said);
    booth.happens(Event::Service(None));
    assert_eq!(booth.kind(), "welcome");
    let again_at = booth.now;
    booth.happens(Event::Service(Some(OutOfService::Camera)));
    assert!(matches!(booth.page(), Page::OutOfService { since, .. } if since == again_at.to_string()));
}

#[test]
fn submitting_twice_saves_once_and_a_cancel_then_comes_too_late() {
    let mut booth = Booth::framed();
    booth
        .shoots()
        .touches(Action::Take { id: 1 })
        .touches(Action::Submit)
        .touches(Action::Submit);
    booth
        .touches(Action::Cancel)
        .answered(Answer::Saved(Ok("A001".into())));
    assert_eq!(booth.kind(), "done");
    assert_eq!(booth.count(|e| matches!(e, Effect::Save(_))), 1);
}

#[test]
fn of_several_records_the_student_chooses_an_open_one() {
    let mut booth = Booth::proven();
    let collected = AcademicRecord {
        eligibility: Eligibility::AlreadyCollected,
        ..record("old", 0)
    };
    booth.answered(identity(vec![record("r1", 0), collected, record("r2", 0)]));
    assert_eq!(booth.kind(), "choose-record");
    booth.touches(Action::TakeRecord { id: "old".into() });
    assert_eq!(booth.kind(), "choose-record", "a collected one cannot be taken");
    booth.touches(Action::TakeRecord { id: "r2".into() });
    assert_eq!(booth.kind(), "confirm");
    assert_eq!(booth.machine.visit().unwrap().record.as_ref().unwrap().id, "r2");
}

#[test]
fn whoever_was_collected_already_is_told_so() {
    let mut booth = Booth::proven();
    let collected = AcademicRecord {
        eligibility: Eligibility::AlreadyCollected,
        ..record("old", 0)
    };
    booth.answered(identity(vec![collected]));
    assert!(matches!(
        booth.page(),
        Page::NotPossible {
            reason: NotPossible::AlreadyCollected,
            ..
        }
    ));
}

#[test]
fn a_rejected_photo_is_shot_again_without_a_second_payment() {
    let mut booth = Booth::proven();
    let reason = Reason {
        code: "glasses-glare".into(),
        zh: "镜片反光".into(),
        en: "Glare".into(),
    };
    let rejected = AcademicRecord {
        last_rejection: Some(Rejection {
            reasons: vec![reason],
            note: None,
            at: start(),
        }),
        ..record("r1", 0)
    };
    booth.answered(identity(vec![rejected]));
    let Page::Confirm { rejection, .. } = booth.page() else {
        panic!("{}", booth.kind())
    };
    assert_eq!(
        (rejection[0].code.as_str(), rejection[0].zh.as_str()),
        ("glasses-glare", "镜片反光")
    );
    booth.touches(Action::ItIsMe).touches(Action::Consent);
    assert_eq!(booth.kind(), "framing");
}

#[test]
fn after_a_crash_the_welcome_page_says_so_to_whoever_still_stands_there() {
    let says = |booth: &Booth| {
        let page = booth.machine.page(booth.now);
        matches!(
            page,
            Page::Welcome {
                interrupted: true,
                ..
            }
        )
    };
    let mut booth = Booth::of("binyu");
    assert!(!says(&booth), "an ordinary start");
    booth.machine.was_interrupted(start());
    assert!(says(&booth));
    booth.touches(Action::Start).touches(Action::Cancel);
    assert_eq!(booth.kind(), "welcome");
    assert!(!says(&booth), "they have begun anew");
    booth.machine.was_interrupted(booth.now);
    booth.now += SignedDuration::from_mins(3);
    assert!(!says(&booth), "who comes later was not there");
}

#[test]
fn after_the_upload_the_fee_may_stay_open_but_the_photo_is_safe() {
    let unpaid = AcademicRecord {
        fee: FeeState {
            due_fen: 0,
            when: FeeWhen::AfterUpload,
            paid: false,
        },
        ..record("r1", 0)
    };
    let mut booth = Booth::begun("yipai");
    booth
        .touches(name_and_number())
        .answered(identity(vec![unpaid.clone()]));
    booth.touches(Action::ItIsMe).shows(code("CHSI1:b"));
    booth
        .answered(identity(vec![unpaid]))
        .touches(Action::Consent)
        .shoots()
        .touches(Action::Take { id: 1 })
        .touches(Action::Submit);
    booth
        .answered(Answer::Saved(Ok("A003".into())))
        .answered(order(OrderState::Open));
    assert!(matches!(
        booth.page(),
        Page::Pay {
            state: PayState::Waiting,
            ..
        }
    ));
    booth.waits(200);
    assert_ne!(booth.kind(), "pay", "a page gives up");
    let lost = |e: &Effect| {
        matches!(
            e,
            Effect::Ended {
                ending: Ending::TimedOut | Ending::Cancelled,
                ..
            }
        )
    };
    assert_eq!(
        booth.count(lost),
        0,
        "a saved record counts as submitted however the student leaves"
    );
}

#[test]
fn a_broken_camera_closes_the_station_between_visits_only() {
    let mut booth = Booth::framed();
    booth.happens(Event::Service(Some(OutOfService::Camera)));
    assert_eq!(booth.kind(), "framing", "who is inside may go on");
    booth
        .touches(Action::Cancel)
        .happens(Event::Service(Some(OutOfService::Camera)));
    assert_eq!(booth.kind(), "out-of-service");
    booth.happens(Event::Service(None));
    assert_eq!(booth.kind(), "welcome", "it opens again by itself");
}

#[test]
fn the_bar_on_top_names_each_step_once_and_says_where_the_visit_is() {
    let mut booth = Booth::begun("biyezhengzhao");
    let bar = [
        StepName::Scan,
        StepName::Identity,
        StepName::Pay,
        StepName::Shoot,
        StepName::Submit,
    ];
    assert_eq!(booth.machine.step_bar(), (bar.to_vec(), Some(0)));
    booth.shows(code("CHSI1:a"));
    assert_eq!(booth.machine.step_bar().1, Some(1));
    booth.touches(Action::Cancel);
    assert_eq!(booth.machine.step_bar().1, None);
}

#[test]
fn an_answer_that_comes_when_its_visit_is_over_is_never_the_next_students() {
    // The backend is slow; the student leaves, the next one is being asked for.
    let mut booth = Booth::of("binyu");
    booth.shows(code("CHSI1:a"));
    let first = booth.asked().unwrap();
    booth.touches(Action::Cancel).shows(code("CHSI1:b"));
    assert_eq!(booth.kind(), "working");
    booth.happens(Event::Answer(first, identity(vec![record("of-the-first", 0)])));
    assert_eq!(
        booth.kind(),
        "working",
        "the first one's name is not the second's"
    );
    booth
        .answered(identity(vec![record("of-the-second", 0)]))
        .touches(Action::ItIsMe)
        .touches(Action::Consent);
    assert_eq!(
        booth.machine.visit().unwrap().record.as_ref().unwrap().id,
        "of-the-second"
    );

    // The darkroom is slow, and the next one has pressed the shutter meanwhile.
    booth.touches(Action::Shoot).waits(4);
    let late = booth.asked().unwrap();
    booth.touches(Action::Cancel).shows(code("CHSI1:c"));
    booth
        .answered(identity(vec![record("of-the-third", 0)]))
        .touches(Action::ItIsMe)
        .touches(Action::Consent)
        .touches(Action::Shoot)
        .waits(4)
        .happens(Event::Answer(late, shot()));
    assert!(booth.machine.visit().unwrap().shots.is_empty());
    assert_eq!(booth.kind(), "working", "its own photo is still awaited");
    booth.answered(shot());
    assert_eq!(booth.machine.visit().unwrap().shots.len(), 1);
}

#[test]
fn within_a_visit_only_the_newest_question_is_answered() {
    let mut booth = Booth::proven();
    let first = booth.asked().unwrap();
    booth.happens(Event::Answer(first, Answer::Resolved(Resolved::Mismatch)));
    booth.touches(Action::LastFour { value: "0011".into() });
    booth.happens(Event::Answer(first, identity(vec![record("r1", 0)])));
    assert_eq!(
        booth.kind(),
        "working",
        "the proof given now was not looked at yet"
    );
    booth.answered(identity(vec![record("r1", 0)]));
    assert_eq!(booth.kind(), "confirm");
}

// ---- for every sequence of events

fn event(choice: u8, asked: Option<Ticket>) -> Event {
    let answer = |answer| asked.map_or(Event::Tick, |ticket| Event::Answer(ticket, answer));
    match choice {
        0 => Event::Act(Action::Start),
        1 => Event::Act(Action::Back),
        2 => Event::Act(Action::Cancel),
        3 => Event::Act(Action::LastFour { value: "0011".into() }),
        4 => Event::Act(Action::ItIsMe),
        5 => Event::Act(Action::NotMe),
        6 => Event::Act(Action::Consent),
        7 => Event::Act(Action::Shoot),
        8 => Event::Act(Action::Retake),
        9 => Event::Act(Action::Take { id: 1 }),
        10 => Event::Act(Action::Submit),
        11 => Event::Act(Action::Finish),
        12 => Event::Act(Action::PayAgain),
        13 => code("CHSI1:a"),
        14 => answer(identity(vec![record("r1", 2000)])),
        15 => answer(identity(vec![record("r1", 0), record("r2", 0)])),
        16 => answer(Answer::Resolved(Resolved::Mismatch)),
        17 => answer(Answer::Resolved(Resolved::Offline)),
        18 => answer(order(OrderState::Open)),
        19 => answer(order(OrderState::Paid)),
        20 => answer(Answer::Order(OrderReply::Offline)),
        21 => answer(shot()),
        22 => answer(Answer::Developed(Err(Vec::new().into()))),
        23 => answer(Answer::Saved(Ok("A001".into()))),
        24 => answer(Answer::Saved(Err(()))),
        25 => Event::Act(Action::TakeRecord { id: "r2".into() }),
        26 => answer(Answer::Schools(Some(vec![school()]))),
        27 => Event::Act(Action::TakeSchool {
            id: "demo-1".into(),
            level: "本科".into(),
        }),
        28 => Event::Act(name_and_number()),
        _ => Event::Tick,
    }
}

proptest! {
    /// Whatever people, network and disk do in whatever order: "done" only after the disk said so, one save a
    /// visit at most, no photo without code and consent, nothing of a visit left at the welcome page, and time
    /// alone brings every page back to it.
    #[test]
    fn no_sequence_of_events_breaks_a_promise(
        vendor in prop::sample::select(vec!["biyezhengzhao", "yipai", "binyu"]),
        happenings in prop::collection::vec((0..30_u8, 0..20_i64), 0..100),
    ) {
        let mut booth = Booth::of(vendor);
        let mut kept = false;
        for (choice, seconds) in happenings {
            let happening = event(choice, booth.asked());
            let saving = booth.page() == Page::Working { what: WorkingOn::Saving };
            kept |= saving && matches!(happening, Event::Answer(_, Answer::Saved(Ok(_))));
            booth.now += SignedDuration::from_secs(seconds);
            booth.happens(happening);
            match booth.page() {
                Page::Done { .. } => prop_assert!(kept, "done without the disk"),
                Page::Welcome { .. } => {
                    prop_assert!(booth.machine.visit().is_none(), "something of the visit is left");
                    kept = false;
                }
                Page::Framing { .. } | Page::LastLook { .. } => {
                    let allowed = booth.machine.visit().is_some_and(|v| v.consent.is_some() && v.code.is_some());
                    prop_assert!(allowed, "a photo without consent or code");
                }
                _ => {}
            }
            let begun = booth.count(|e| matches!(e, Effect::Began { .. }));
            prop_assert!(booth.count(|e| matches!(e, Effect::Save(_))) <= begun, "two saves of one visit");
        }
        if booth.page() == (Page::Working { what: WorkingOn::Saving }) {
            booth.answered(Answer::Saved(Ok("A001".into())));
        }
        for _ in 0..40 {
            booth.now += SignedDuration::from_secs(60);
            booth.happens(Event::Tick);
        }
        prop_assert_eq!(booth.kind(), "welcome");
    }
}
