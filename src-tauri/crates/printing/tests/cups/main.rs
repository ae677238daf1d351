//! Pages through a real CUPS: a server of the test's own, with a device that can be out of paper, break, or be away.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod server;

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use printing::{Document, Form, Pace, Printer, Step, Trouble, printers_at};
use server::{Cups, PATIENCE};

const PAGE: &[u8] = b"%PDF-1.4\nthe page of one student\n";

fn sheet() -> Document {
    Document {
        title: "photo-station sheet",
        size_mm: [152.0, 102.0],
        pages: Arc::new(|form| (form == Form::Pdf).then(|| PAGE.to_vec())),
    }
}

/// As patient as the test, so that only what the test does ends a job.
fn patient() -> Pace {
    Pace {
        every: Duration::from_millis(50),
        stuck_after: PATIENCE,
        longest: PATIENCE,
    }
}

#[tokio::test]
async fn a_page_comes_out_byte_for_byte_in_millimetres_and_nothing_of_it_is_kept() {
    let cups = Cups::start();
    let printer = cups.printer("auto").await;
    assert_eq!(
        printer.look().await.as_deref(),
        Ok("paper"),
        "the system's default"
    );
    for printer in [printer, Printer::named(&cups.address("paper")).unwrap()] {
        printer
            .print(&sheet(), patient(), &|_| ())
            .await
            .unwrap_or_else(|why| panic!("{why}: {}", cups.said()));
    }
    let pages = cups.lying("out", "page-");
    assert_eq!(
        pages.len(),
        2,
        "by the socket, and by the address of a printer of its own"
    );
    for page in pages {
        assert_eq!(fs::read(page).unwrap(), PAGE);
    }
    for job in cups.lying("out", "job-") {
        let told = fs::read_to_string(job).unwrap();
        let (user, title) = told.split_once('\n').unwrap();
        assert_eq!(user, "photo-station");
        assert!(title.starts_with("photo-station sheet\n"), "{told}");
        assert!(title.contains("print-scaling=none"), "{told}");
    }
    // This server keeps pages for ever, as Debian's keeps them for a day, unless it is asked not to.
    assert_eq!(
        cups.lying("spool", "d"),
        Vec::<std::path::PathBuf>::new(),
        "pages are kept"
    );
    assert_eq!(
        cups.lying("spool", "c"),
        Vec::<std::path::PathBuf>::new(),
        "jobs are kept"
    );
}

#[tokio::test]
async fn paper_that_is_put_in_lets_the_job_go_on_and_paper_that_is_not_ends_it() {
    let cups = Cups::start();
    let printer = cups.printer("paper").await;
    let empty = cups.at("out/empty");

    fs::write(&empty, "").unwrap();
    let steps = Mutex::new(Vec::new());
    let tell = |step| {
        steps.lock().unwrap().push(step);
        if step == Step::Waiting(Trouble::OutOfPaper) {
            let _ = fs::remove_file(&empty);
        }
    };
    let outcome = printer.print(&sheet(), patient(), &tell).await;
    assert_eq!(outcome, Ok(()), "{}", cups.said());
    assert!(
        steps
            .lock()
            .unwrap()
            .contains(&Step::Waiting(Trouble::OutOfPaper))
    );
    assert_eq!(cups.lying("out", "page-").len(), 1);

    fs::write(&empty, "").unwrap();
    let pace = Pace {
        stuck_after: Duration::from_secs(1),
        ..patient()
    };
    assert_eq!(
        printer.print(&sheet(), pace, &|_| ()).await,
        Err(Trouble::OutOfPaper),
        "{}",
        cups.said()
    );
    // The next student's paper must not begin with this one's.
    let since = Instant::now();
    while !cups.lying("spool", "c").is_empty() || !cups.lying("spool", "d").is_empty() {
        assert!(
            since.elapsed() < PATIENCE,
            "the stuck job still lies there: {}",
            cups.said()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fs::remove_file(&empty).unwrap();
    assert_eq!(
        printer.print(&sheet(), patient(), &|_| ()).await,
        Ok(()),
        "{}",
        cups.said()
    );
    assert_eq!(
        cups.lying("out", "page-").len(),
        2,
        "the stuck page never came out"
    );
}

#[tokio::test]
async fn a_printer_that_cannot_print_says_why_at_once() {
    let mut cups = Cups::start();
    for (name, why) in [
        ("paused", Trouble::Paused),
        ("closed", Trouble::TakesNone),
        ("nowhere", Trouble::NoPrinter),
    ] {
        let printer = cups.printer(name).await;
        assert_eq!(printer.look().await, Err(why), "{name}");
        assert_eq!(
            printer.print(&sheet(), patient(), &|_| ()).await,
            Err(why),
            "{name}"
        );
    }
    let socket = cups.at("run/socket");
    let mut listed = printers_at(socket.to_str()).await.unwrap();
    listed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("broken", None),
        ("closed", Some(Trouble::TakesNone)),
        ("paper", None),
        ("paused", Some(Trouble::Paused)),
    ]
    .map(|(name, why)| (name.to_owned(), why));
    assert_eq!(listed, expected, "staff choose among them");
    let broken = cups.printer("broken").await;
    assert_eq!(
        broken.print(&sheet(), patient(), &|_| ()).await,
        Err(Trouble::GivenUp)
    );
    let picture = Document {
        pages: Arc::new(|_| None),
        ..sheet()
    };
    let paper = cups.printer("paper").await;
    assert_eq!(
        paper.print(&picture, patient(), &|_| ()).await,
        Err(Trouble::NotUnderstood)
    );
    assert_eq!(
        cups.lying("spool", "d"),
        Vec::<std::path::PathBuf>::new(),
        "nothing waits for better days"
    );

    cups.end();
    assert_eq!(paper.look().await, Err(Trouble::NoService));
    assert_eq!(printers_at(socket.to_str()).await, Err(Trouble::NoService));
    assert_eq!(
        paper.print(&sheet(), patient(), &|_| ()).await,
        Err(Trouble::NoService)
    );
}
