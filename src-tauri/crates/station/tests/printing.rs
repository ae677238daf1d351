//! A student's paper: the receipt and the sheet of a real visit, through a real CUPS, and what is said where no paper
//! comes. The visit itself never waits for a printer.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[allow(dead_code, reason = "each test takes of the booth what it needs")]
mod booth;
#[path = "booth/pages.rs"]
mod pages;
#[allow(dead_code, reason = "the printer's own tests use more of it")]
#[path = "../../printing/tests/cups/server.rs"]
mod server;

use std::path::Path;

use records::PhotoKind;
use server::{Cups, PATIENCE};
use station::printout::{Offer, PrintState, Printout, Printouts};
use station::view::{Action, Page};
use station::{Config, Options, Station};
use vendor_backend::{Backend, BackendOptions, DemoCase, Running, demo};

async fn open(data: &Path, backend: &Running, printer: &str, receipt: Offer) -> Station {
    let options = Options {
        data: data.to_path_buf(),
        config: Config {
            backend: backend.url().to_owned(),
            profile: "biyezhengzhao".into(),
            countdown: 0,
            least_free_mb: 0,
            printer: printer.into(),
            print_receipt: receipt,
            print_sheet: Offer::Offer,
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: Some(demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    };
    let station = Station::open_with(options, Some(booth::darkroom()))
        .await
        .unwrap();
    assert!(station.enrolled_within(PATIENCE).await);
    station
}

/// Waits until the last page says this of its paper. The page itself would leave in fifteen seconds: a touch keeps it.
async fn until(station: &Station, what: &str, is: impl Fn(&Printouts) -> bool) -> Printouts {
    let mut views = station.views();
    let stays = async {
        loop {
            station.act(Action::Touch);
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
    };
    let comes = async {
        let view = views
            .wait_for(|view| view.printouts.as_ref().is_some_and(&is))
            .await
            .unwrap();
        view.printouts.clone().unwrap()
    };
    tokio::select! {
        () = stays => unreachable!("it goes on for ever"),
        found = tokio::time::timeout(PATIENCE, comes) => {
            found.unwrap_or_else(|_| panic!("waited for {what}: {:?}", station.view().printouts))
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_comes_by_itself_a_sheet_when_asked_for_and_staff_print_both_again() {
    let (place, cups) = (tempfile::tempdir().unwrap(), Cups::start());
    cups.printer("paper").await;
    let backend = Backend::start(BackendOptions::demo("biyezhengzhao").unwrap())
        .await
        .unwrap();
    let student = backend.person(DemoCase::ClassPayment).unwrap();
    let station = open(place.path(), &backend, &cups.address("paper"), Offer::Always).await;
    booth::visit(&station, &backend, &student).await.unwrap();
    until(&station, "the receipt", |paper| {
        paper.receipt == PrintState::Printed
    })
    .await;
    assert_eq!(station.view().printouts.unwrap().sheet, PrintState::Offered);
    station.act(Action::Print {
        what: Printout::Sheet,
    });
    until(&station, "the sheet", |paper| paper.sheet == PrintState::Printed).await;
    // Another touch prints no other.
    station.act(Action::Print {
        what: Printout::Sheet,
    });
    station.act(Action::Finish);
    pages::within(PATIENCE, &station, "the welcome page", |page| {
        matches!(page, Page::Welcome { .. })
    })
    .await;
    assert_eq!(
        station.view().printouts,
        None,
        "the next student sees nothing of it"
    );

    let records = station
        .queue_list(station::staff::QueueFilter::default())
        .await
        .unwrap()
        .rows;
    let id = records[0].id.clone();
    for what in [Printout::Receipt, Printout::Sheet] {
        assert_eq!(
            station
                .print_record(id.clone(), what, what == Printout::Receipt)
                .await
                .unwrap(),
            Ok(())
        );
    }
    let nobody = station
        .print_record(uuid::Uuid::nil().to_string(), Printout::Sheet, false)
        .await;
    assert!(
        nobody.is_err(),
        "a record that is not there is no printer's trouble"
    );

    let papers: Vec<Vec<u8>> = cups
        .lying("out", "page-")
        .iter()
        .map(|page| std::fs::read(page).unwrap())
        .collect();
    assert_eq!(papers.len(), 4, "{}", cups.said());
    let photo = station
        .with_records(move |store| {
            let id = id.parse()?;
            store.photo(id, PhotoKind::Standard)
        })
        .await
        .unwrap();
    let with_photo = |paper: &[u8]| paper.windows(photo.len()).any(|part| part == photo);
    assert_eq!(
        papers.iter().filter(|paper| with_photo(paper)).count(),
        2,
        "the sheets carry the very photo that was kept"
    );
    for job in cups.lying("out", "job-") {
        let told = std::fs::read_to_string(job).unwrap();
        for secret in [
            &student.name,
            &student.id_number,
            &student.record().code,
            &student.record().student_number,
        ] {
            assert!(!told.contains(secret.as_str()), "{told}");
        }
    }
    backend.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_printer_that_is_away_is_told_as_it_is_and_costs_no_photo() {
    let (place, mut cups) = (tempfile::tempdir().unwrap(), Cups::start());
    cups.printer("paper").await;
    cups.end();
    let backend = Backend::start(BackendOptions::demo("biyezhengzhao").unwrap())
        .await
        .unwrap();
    let student = backend.person(DemoCase::ClassPayment).unwrap();
    let station = open(place.path(), &backend, &cups.address("paper"), Offer::Offer).await;
    booth::visit(&station, &backend, &student).await.unwrap();
    until(&station, "the offer", |paper| {
        paper.receipt == PrintState::Offered
    })
    .await;
    station.act(Action::Print {
        what: Printout::Receipt,
    });
    let failed = PrintState::Failed {
        why: "no-service".into(),
    };
    until(&station, "the truth", |paper| paper.receipt == failed).await;
    assert_eq!(
        station
            .queue_list(station::staff::QueueFilter::default())
            .await
            .unwrap()
            .total,
        1,
        "the photo is kept all the same"
    );
    let found = station.doctor().await;
    let printer = found.iter().find(|finding| finding.subject == "printer").unwrap();
    assert_eq!(printer.state, station::staff::FindingState::Broken);
    assert!(!printer.todo_zh.is_empty(), "{printer:?}");
    backend.stop().await;
}
