//! The bench's result: one row a condition, one column a reader.

use std::collections::BTreeMap;
use std::fmt;
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

/// The expected files are UTF-8; three of the `ZXing` symbols hold the same text in Shift JIS.
fn says(bytes: &[u8], expected: &[u8]) -> bool {
    bytes == expected || encoding_rs::SHIFT_JIS.decode(bytes).0.as_bytes() == expected
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

impl Table {
    fn empty(&self) -> Vec<Cell> {
        vec![Cell::default(); self.readers.len()]
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
        let (mut still, mut codes) = (self.empty(), self.empty());
        for (condition, cells) in self.rows.iter().filter(|(name, _)| name != "no_code") {
            if !condition.starts_with("combo") {
                add(&mut still, cells);
            }
            add(&mut codes, cells);
        }
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
                    let hits = cell
                        .scenes
                        .values()
                        .filter(|(first, _)| first.is_some_and(|at| at <= within));
                    let share = hits.count() as f64 * 100.0 / cell.scenes.len().max(1) as f64;
                    write!(
                        f,
                        " | {share:>5.1} % of {:<4} scenes          ",
                        cell.scenes.len()
                    )?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
