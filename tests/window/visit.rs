//! What every visit has in common: each page's question, and a student's answer to it.

use std::time::Instant;

use vendor_backend::{DemoPerson, Running};

use crate::driven::PATIENCE;
use crate::hands::Window;
use crate::place::Place;

/// How the code comes.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// The virtual booth's student holds it up.
    Camera,
    /// A hand-held scanner.
    Keys,
}

/// A student who does what each page asks for.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'a> {
    backend: &'a Running,
    student: &'a DemoPerson,
    by: By,
}

impl<'a> Visit<'a> {
    /// The virtual booth's student is this one.
    pub(crate) fn before_the_camera(place: &'a Place, student: &'a DemoPerson) -> Visit<'a> {
        Visit {
            backend: place.backend(),
            student,
            by: By::Camera,
        }
    }

    /// Whatever the camera shows.
    pub(crate) fn by_keys(place: &'a Place, student: &'a DemoPerson) -> Visit<'a> {
        Visit {
            by: By::Keys,
            ..Visit::before_the_camera(place, student)
        }
    }

    /// Answers one page after the other until this one stands there; all that were seen.
    pub(crate) async fn goes_on_to(&self, window: &mut Window, last: &str) -> Vec<String> {
        let since = Instant::now();
        let (mut seen, mut left) = (Vec::new(), String::new());
        loop {
            assert!(
                since.elapsed() < 3 * PATIENCE,
                "no page {last} after {seen:?}: {}",
                window.text().await
            );
            let page = window.next_after(&left).await;
            if page != "working" && page != "out-of-service" {
                window.shot(&page).await;
            }
            seen.push(page.clone());
            if page == last {
                return seen;
            }
            // A shot takes a moment: the page may have gone on by itself.
            if window.page().await.as_deref() == Some(page.as_str()) {
                self.answers(window, &page).await;
                left = page;
            }
        }
    }

    async fn answers(&self, window: &Window, page: &str) {
        match page {
            "welcome" => window.click("start").await,
            "find-school" => window.finds_the_school(self.student).await,
            "scan" if self.by == By::Keys => window.scans(self.student.code()).await,
            "prove-last-four" => window.proves(&self.student.last_four).await,
            "confirm" => {
                let name = window.words("masked-name").await;
                assert!(
                    name.contains('*') && !name.contains(&self.student.name),
                    "the name is masked: {name}"
                );
                window.click("it-is-me").await;
            }
            "choose-record" => window.click("record").await,
            "requirements" => {
                window.click("consent").await;
                window.click("consent-next").await;
            }
            "pay" => {
                // As a telephone does: read the code on the screen, open its address, pay.
                let address = window.payment_address().await;
                self.backend.pay(&address).await.unwrap();
            }
            "choose-photo" => window.click("take-1").await,
            "last-look" => window.click("submit").await,
            "not-possible" => panic!("the visit was not possible: {}", window.text().await),
            // Scan, framing and the pages that wait for the machine go on by themselves.
            _ => {}
        }
    }
}
