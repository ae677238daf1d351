//! One job, watched to its end.
//!
//! A job nobody watches lies in a queue and comes out an hour later in front of somebody else. So each is watched until
//! the printer says it is done; one that is stuck is cancelled, and it is said why.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::Trouble;

/// How a job is watched.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks at it.
    pub every: Duration,
    /// A printer in trouble for so long in a row will not come back while the student waits.
    pub stuck_after: Duration,
    /// A job that takes longer is given up, whatever is said of it. A dye-sublimation printer needs a minute a sheet.
    pub longest: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            every: Duration::from_millis(500),
            stuck_after: Duration::from_secs(45),
            longest: Duration::from_mins(4),
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// In the printer's hands.
    Printing,
    /// It waits because of this; it goes on by itself once that is set right.
    Waiting(Trouble),
}

/// What is seen of a job at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Waiting or printing; the trouble the printer reports meanwhile, if any.
    UnderWay(Option<Trouble>),
    /// Printed.
    Done,
    /// Ended without paper.
    Ended(Trouble),
}

/// A job in some printer's queue.
pub(crate) trait Job {
    /// Looks at it.
    fn look(&self) -> impl Future<Output = Result<Seen, Trouble>> + Send;
    /// Takes it out of the queue and has its pages forgotten.
    fn forget(&self) -> impl Future<Output = ()> + Send;
}

/// Watches a job to its end and tells each step that differs from the last.
///
/// # Errors
/// Why no paper came. The job is then out of the queue.
pub(crate) async fn watch(job: &impl Job, pace: Pace, tell: &(dyn Fn(Step) + Sync)) -> Result<(), Trouble> {
    let began = Instant::now();
    let mut told = None;
    let mut stuck: Option<(Instant, Trouble)> = None;
    let outcome = loop {
        // A service that is restarted answers again in a moment: its silence is a trouble like others.
        let trouble = match job
            .look()
            .await
            .unwrap_or_else(|silent| Seen::UnderWay(Some(silent)))
        {
            Seen::Done => break Ok(()),
            Seen::Ended(why) => break Err(why),
            Seen::UnderWay(trouble) => trouble,
        };
        let now = Instant::now();
        stuck = trouble.map(|why| (stuck.map_or(now, |(since, _)| since), why));
        if let Some((since, why)) = stuck
            && now.duration_since(since) >= pace.stuck_after
        {
            break Err(why);
        }
        if now.duration_since(began) >= pace.longest {
            break Err(trouble.unwrap_or(Trouble::TooSlow));
        }
        let step = trouble.map_or(Step::Printing, Step::Waiting);
        if told != Some(step) {
            told = Some(step);
            tell(step);
        }
        tokio::time::sleep(pace.every).await;
    };
    job.forget().await;
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A printer that plays a part: at each look the next line, the last for ever.
    struct Part {
        lines: Vec<Result<Seen, Trouble>>,
        looks: AtomicU32,
        forgotten: AtomicU32,
    }

    impl Part {
        fn of(lines: impl IntoIterator<Item = Result<Seen, Trouble>>) -> Part {
            Part {
                lines: lines.into_iter().collect(),
                looks: AtomicU32::new(0),
                forgotten: AtomicU32::new(0),
            }
        }
    }

    impl Job for Part {
        async fn look(&self) -> Result<Seen, Trouble> {
            let at = self.looks.fetch_add(1, Ordering::Relaxed) as usize;
            self.lines[at.min(self.lines.len() - 1)]
        }

        async fn forget(&self) {
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn watched(part: &Part) -> (Result<(), Trouble>, Vec<Step>) {
        let steps = Mutex::new(Vec::new());
        let outcome = watch(part, Pace::default(), &|step| steps.lock().unwrap().push(step)).await;
        (outcome, steps.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn paper_put_in_while_the_student_waits_goes_on_by_itself() {
        let part = Part::of([
            Ok(Seen::UnderWay(None)),
            Ok(Seen::UnderWay(Some(Trouble::OutOfPaper))),
            Ok(Seen::UnderWay(Some(Trouble::OutOfPaper))),
            Ok(Seen::UnderWay(None)),
            Ok(Seen::Done),
        ]);
        let (outcome, steps) = watched(&part).await;
        assert_eq!(outcome, Ok(()));
        assert_eq!(
            steps,
            [Step::Printing, Step::Waiting(Trouble::OutOfPaper), Step::Printing]
        );
        assert_eq!(
            part.forgotten.into_inner(),
            1,
            "a finished job's pages are forgotten, too"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_job_is_taken_out_and_the_reason_said() {
        let began = Instant::now();
        let part = Part::of([Ok(Seen::UnderWay(None)), Ok(Seen::UnderWay(Some(Trouble::Jam)))]);
        assert_eq!(watched(&part).await.0, Err(Trouble::Jam));
        assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
        assert_eq!(part.forgotten.into_inner(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_printer_that_says_nothing_is_not_waited_for_for_ever() {
        let part = Part::of([Ok(Seen::UnderWay(None))]);
        assert_eq!(watched(&part).await.0, Err(Trouble::TooSlow));
        assert_eq!(part.forgotten.into_inner(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_comes_back_has_not_lost_the_job() {
        let part = Part::of([
            Ok(Seen::UnderWay(None)),
            Err(Trouble::NoService),
            Err(Trouble::NoService),
            Ok(Seen::Done),
        ]);
        assert_eq!(watched(&part).await.0, Ok(()));
        let gone = Part::of([Err(Trouble::NoService)]);
        assert_eq!(watched(&gone).await.0, Err(Trouble::NoService));
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_that_comes_and_goes_is_not_added_up() {
        let mut lines = Vec::new();
        for _ in 0..3 {
            // Half a minute of trouble each time, then a moment without.
            lines.extend([Ok(Seen::UnderWay(Some(Trouble::OutOfPaper))); 60]);
            lines.push(Ok(Seen::UnderWay(None)));
        }
        lines.push(Ok(Seen::Done));
        assert_eq!(watched(&Part::of(lines)).await.0, Ok(()));
    }
}
