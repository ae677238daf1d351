//! From the program's start to the page a student may touch, with all the records and with none.

use std::path::Path;
use std::time::{Duration, Instant};

use station::view::Page;

use crate::{line, ms, share, student};

const TIMES: usize = 5;

pub(crate) fn run(large: &Path, records: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let backend = runtime.block_on(student::backend());
    let empty = tempfile::tempdir().unwrap();
    // Each is enrolled once; what is measured are the starts after that.
    for folder in [large, empty.path()] {
        runtime.block_on(welcome(folder, backend.url(), true));
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        with.push(runtime.block_on(welcome(large, backend.url(), false)));
        without.push(runtime.block_on(welcome(empty.path(), backend.url(), false)));
    }
    let (with, without) = (share(&mut with, 0.5), share(&mut without, 0.5));
    line(
        &format!("start with {records} records / with none"),
        &ms(with),
        &ms(without),
        &format!("+{}", ms(with.saturating_sub(without))),
        "< 1 s more",
        with.saturating_sub(without) < Duration::from_secs(1),
    );
    runtime.block_on(backend.stop());
}

async fn welcome(folder: &Path, backend: &str, activation: bool) -> Duration {
    let began = Instant::now();
    let station = student::open(folder, backend, activation).await;
    let mut views = station.views();
    let open = views.wait_for(|view| matches!(view.page, Page::Welcome { .. }));
    tokio::time::timeout(Duration::from_mins(1), open)
        .await
        .unwrap()
        .unwrap();
    let took = began.elapsed();
    drop(station);
    // The tasks of a dropped station end within a tick; the next start is not to share the processor with them.
    tokio::time::sleep(Duration::from_millis(600)).await;
    took
}
