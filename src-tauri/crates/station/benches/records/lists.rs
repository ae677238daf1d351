//! Pages of the queue as the staff page asks for them: rows, names, counts.

use std::path::Path;
use std::time::{Duration, Instant};

use station::desk;
use station::staff::{QueueFilter, QueueOrder};

use crate::{line, ms, share, student};

const TIMES: usize = 30;
const LIMIT: Duration = Duration::from_millis(20);

pub(crate) fn run(large: &Path) {
    let mut store = student::store(large);
    let some = store
        .list(&records::Filter {
            offset: 50_000,
            limit: 1,
            ..records::Filter::default()
        })
        .unwrap()
        .pop()
        .expect("a record in the middle");
    let everything = QueueFilter {
        limit: 100,
        ..QueueFilter::default()
    };
    let search = |text: &str| QueueFilter {
        search: Some(text.to_owned()),
        ..everything.clone()
    };
    let state = |name: &str| QueueFilter {
        state: Some(name.to_owned()),
        ..everything.clone()
    };
    let late = |order: QueueOrder, state: Option<&str>| QueueFilter {
        order,
        state: state.map(str::to_owned),
        offset: 90_000,
        ..everything.clone()
    };
    for (what, filter) in [
        ("the first page of the list", everything.clone()),
        (
            "its last page",
            QueueFilter {
                offset: 99_900,
                ..everything.clone()
            },
        ),
        ("a late page, by school", late(QueueOrder::School, None)),
        (
            "a late page of what is approved, by school",
            late(QueueOrder::School, Some("approved")),
        ),
        ("a late page, by attempts", late(QueueOrder::Attempts, None)),
        ("a late page, by state", late(QueueOrder::State, None)),
        ("a page of what waits", state("saved")),
        ("a page of what is approved", state("approved")),
        ("search: a tag", search(&some.code_tag)),
        ("search: two characters of a tag", search(&some.code_tag[..2])),
        (
            "search: three characters of a number",
            search(&some.shoot_number[..3]),
        ),
        ("search: a shoot number", search(&some.shoot_number)),
        (
            "search: a receipt's number",
            search(some.receipt_number.as_deref().unwrap_or("R-")),
        ),
        ("search: half a record's id", search(&some.id.to_string()[..18])),
        ("search: nothing like it", search("ZZZZ")),
    ] {
        let mut times: Vec<Duration> = (0..TIMES)
            .map(|_| {
                let began = Instant::now();
                desk::list(&mut store, &filter).unwrap();
                began.elapsed()
            })
            .collect();
        let (median, slow) = (share(&mut times, 0.5), share(&mut times, 0.95));
        line(what, &ms(median), &ms(slow), "(p95)", "< 20 ms", slow < LIMIT);
    }
}
