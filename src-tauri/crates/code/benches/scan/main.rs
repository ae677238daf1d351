//! Read rate and time of every reader at hand, side by side, by condition.
//!
//! `cargo xtask bench scan [[--readers ours,ours-files,zxing-cpp,…] [--only CONDITION] [--markdown] [--distances |
//! FOLDER…]]`
//!
//! A folder has a `manifest.tsv` (id, set, condition, level, file, text in hex, note; ids that end in `_0`,
//! `_1`, … are the frames of one scene), or pictures `N.png` with their text `N.txt` or `N.bin` beside them.
//! Without a folder the bench renders frames of its own; with `--distances` telephones ever farther away.
//! `--markdown` adds the summary for the README.
//!
//! `ours` is the live ladder, which remembers the frames of a scene; `ours, files` takes every frame for a
//! picture file. The others know one frame at a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod frames;
mod readers;
mod table;

use std::path::PathBuf;
use std::time::Instant;

use frames::Frame;
use readers::Contestant;
use table::Table;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut wanted, mut only, mut markdown) = (String::new(), String::new(), false);
    let (mut distances, mut folders) = (false, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--readers" => wanted = arguments.next().unwrap_or_default(),
            "--only" => only = arguments.next().unwrap_or_default(),
            "--markdown" => markdown = true,
            "--distances" => distances = true,
            folder => folders.push(PathBuf::from(folder)),
        }
    }
    let mut contestants: Vec<Contestant> = readers::all()
        .into_iter()
        .filter(|one| wanted.is_empty() || wanted.split(',').any(|name| name == one.name.replace(", ", "-")))
        .collect();
    let names: Vec<&'static str> = contestants.iter().map(|one| one.name).collect();
    let frames: Box<dyn Iterator<Item = Frame>> = if distances {
        Box::new(frames::distances())
    } else if folders.is_empty() {
        Box::new(frames::rendered())
    } else {
        Box::new(folders.into_iter().flat_map(|folder| frames::of(&folder)))
    };
    let mut table = Table::new(names);
    // A reader's panic is counted, not shown: rxing and rqrr have theirs.
    std::panic::set_hook(Box::new(|_| {}));
    for frame in frames.filter(|frame| frame.condition.contains(&only)) {
        for (column, contestant) in contestants.iter_mut().enumerate() {
            if frame.first_of_scene {
                contestant.start_scene();
            }
            let start = Instant::now();
            let read = contestant.read(&frame.luma);
            table.add(column, &frame, &read, start.elapsed());
        }
    }
    print!("{table}");
    if markdown {
        print!("\n{}", table.markdown());
    }
}
