//! The bench's result: one row a condition, one column a reader.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::frames::Frame;

#[derive(Default, Clone)]
struct Cell {
    read: u32,
    wrong: u32,
    times: Vec<Duration>,
    /// Scene → the number of the first frame that was read, counted from 1, and the frames shown.
    scenes: BTreeMap<String, (Option<u32>, u32)>,
}

/// What every reader made of every condition.
pub(crate) struct Table {
    readers: Vec<&'static str>,
    rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    pub(crate) fn new(readers: Vec<&'static str>) -> Self {
        Self {
            readers,
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, column: usize, frame: &Frame, read: &[Vec<u8>], took: Duration) {
        let known = self.rows.iter().position(|(name, _)| *name == frame.condition);
        let row = known.unwrap_or(self.rows.len());
        if known.is_none() {
            let cells = vec![Cell::default(); self.readers.len()];
            self.rows.push((frame.condition.clone(), cells));
        }
        let cell = &mut self.rows[row].1[column];
        let right = |bytes: &Vec<u8>| {
            frame
                .expected
                .as_ref()
                .is_some_and(|expected| says(bytes, expected))
        };
        let hit = read.iter().any(right);
        cell.read += u32::from(hit);
        let wrong = read.iter().any(|bytes| !right(bytes));
        cell.wrong += u32::from(wrong);
        if (wrong || std::env::var_os("SCAN_MISSES").is_some() && !hit) && self.readers[column] == "ours" {
            eprintln!(
                "{} {} {}",
                if wrong { "WRONG" } else { "miss" },
                frame.condition,
                frame.scene
            );
        }
        cell.times.push(took);
        let (first, shown) = cell.scenes.entry(frame.scene.clone()).or_default();
        *shown += 1;
        if hit && first.is_none() {
            *first = Some(*shown);
        }
    }
}

/// The expected files are UTF-8; three of the `ZXing` symbols hold the same text in Shift JIS, one in GB 18030.
fn says(bytes: &[u8], expected: &[u8]) -> bool {
    let same_in = |encoding: &'static encoding_rs::Encoding| encoding.decode(bytes).0.as_bytes() == expected;
    bytes == expected || same_in(encoding_rs::SHIFT_JIS) || same_in(encoding_rs::GB18030)
}

fn milliseconds(times: &mut [Duration], share: f32) -> f64 {
    times.sort();
    let place = ((times.len() as f32 - 1.0) * share).round() as usize;
    times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

fn print_cell(f: &mut fmt::Formatter<'_>, cell: &Cell) -> fmt::Result {
    let (mut times, frames) = (cell.times.clone(), cell.times.len().max(1));
    write!(
        f,
        " | {:>5.1} % {:>2} {:>6.1} {:>6.1} {:>6.1}",
        f64::from(cell.read) * 100.0 / frames as f64,
        cell.wrong,
        milliseconds(&mut times, 0.5),
        milliseconds(&mut times, 0.95),
        milliseconds(&mut times, 1.0),
    )
}

fn print_row(f: &mut fmt::Formatter<'_>, name: &str, cells: &[Cell]) -> fmt::Result {
    let count = cells.first().map_or(0, |cell| cell.times.len());
    write!(f, "{name:<28} {count:>4}")?;
    for cell in cells {
        print_cell(f, cell)?;
    }
    writeln!(f)
}

fn add(sums: &mut [Cell], cells: &[Cell]) {
    for (sum, cell) in sums.iter_mut().zip(cells) {
        sum.read += cell.read;
        sum.wrong += cell.wrong;
        sum.times.extend(&cell.times);
    }
}

impl Cell {
    /// Per cent of the scenes that were read by this frame.
    fn within(&self, frames: u32) -> f64 {
        let read = self
            .scenes
            .values()
            .filter(|(first, _)| first.is_some_and(|at| at <= frames));
        read.count() as f64 * 100.0 / self.scenes.len().max(1) as f64
    }
}

impl Table {
    /// The sum of the conditions with a code whose name is wanted.
    fn together(&self, wanted: impl Fn(&str) -> bool) -> Vec<Cell> {
        let mut sums = vec![Cell::default(); self.readers.len()];
        for (_, cells) in self
            .rows
            .iter()
            .filter(|(name, _)| name != "no_code" && wanted(name))
        {
            add(&mut sums, cells);
        }
        sums
    }

    /// The summary: a row a reader.
    pub(crate) fn markdown(&self) -> String {
        let row = |name: &str| self.rows.iter().find(|(condition, _)| condition == name);
        let (still, codes) = (
            self.together(|name| !name.starts_with("combo")),
            self.together(|_| true),
        );
        let mut text = "| | stills | typical, within 3 frames | hard, within 3 | hard, within 8 | wrong \
            | ms with a code: median, p95, worst | ms without |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        for (column, reader) in self.readers.iter().enumerate() {
            let scenes = |name: &str, frames: u32| {
                row(name).map_or("–".to_owned(), |(_, cells)| {
                    format!("{:.0} %", cells[column].within(frames))
                })
            };
            let mut times = codes[column].times.clone();
            let [median, p95, worst] = [0.5, 0.95, 1.0].map(|share| milliseconds(&mut times, share));
            let without = row("no_code").map_or("–".to_owned(), |(_, cells)| {
                format!("{:.1}", milliseconds(&mut cells[column].times.clone(), 0.5))
            });
            let wrong: u32 = self.rows.iter().map(|(_, cells)| cells[column].wrong).sum();
            let share = f64::from(still[column].read) * 100.0 / still[column].times.len().max(1) as f64;
            writeln!(
                text,
                "| {reader} | {share:.1} % | {} | {} | {} | {wrong} | {median:.1}, {p95:.1}, {worst:.1} | {without} |",
                scenes("combo_typical", 3),
                scenes("combo_hard", 3),
                scenes("combo_hard", 8),
            )
            .expect("a String takes all");
        }
        text
    }

    /// The median time of every reader against zxing-cpp's in the same run.
    fn print_ratio(&self, f: &mut fmt::Formatter<'_>, name: &str, cells: &[Cell]) -> fmt::Result {
        let Some(yardstick) = self.readers.iter().position(|reader| *reader == "zxing-cpp") else {
            return Ok(());
        };
        let median = |cell: &Cell| milliseconds(&mut cell.times.clone(), 0.5);
        let yardstick = median(&cells[yardstick]);
        write!(f, "{:<33}", format!("time {name} : zxing-cpp"))?;
        for cell in cells {
            write!(
                f,
                " | {:>5.2} x                        ",
                median(cell) / yardstick
            )?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "read % of frames, wrong reads, time in ms: median, p95, worst")?;
        write!(f, "{:<28} {:>4}", "", "n")?;
        for reader in &self.readers {
            write!(f, " | {reader:<31}")?;
        }
        writeln!(f)?;
        for (condition, cells) in &self.rows {
            print_row(f, condition, cells)?;
        }
        let still = self.together(|name| !name.starts_with("combo"));
        let codes = self.together(|_| true);
        print_row(f, "stills", &still)?;
        print_row(f, "all with a code", &codes)?;
        self.print_ratio(f, "with a code", &codes)?;
        if let Some((condition, cells)) = self.rows.iter().find(|(name, _)| name == "no_code") {
            self.print_ratio(f, condition, cells)?;
        }
        for (condition, cells) in self.rows.iter().filter(|(name, _)| name.starts_with("combo")) {
            for within in [1, 2, 3, 5, 8] {
                write!(f, "{:<33}", format!("{condition} within {within}"))?;
                for cell in cells {
                    let (share, scenes) = (cell.within(within), cell.scenes.len());
                    write!(f, " | {share:>5.1} % of {scenes:<4} scenes          ")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
