//! Watching the empty wall between two students: is it still the one whose plate is kept, and is it neutral.
//!
//! A plate helps the matte only while wall, light and camera stay as they were. A frame is brought down to a grid of
//! mean colours, so that the sensor's noise is gone and a comparison costs nothing.

use image::RgbImage;

use crate::skin::lab_d50;

/// Cells across and down.
const GRID: [u32; 2] = [32, 18];

/// Light of now over light of then beyond which the plate no longer fits, and the other way round. The matte takes up
/// a lamp that warms up by one gain a channel; ours: 10 % is a third of a stop's seventh, what a lamp moved by a hand
/// makes.
const LIGHT: f64 = 1.10;
/// Change of one channel against the others. Ours: a lamp of 5600 K against one of 5000 K makes 6 %.
const COLOUR: f64 = 0.04;
/// Levels by which a cell may differ once light and colour are taken out. Ours: at most 0.6 on the virtual booth's
/// noise, 8 and more where an edge has moved through a cell.
const LEVELS: f64 = 6.0;
/// Share of cells that may differ by more: a cable on the floor is no other wall.
const CELLS: f64 = 0.03;
/// Cells that change by more than this from one look to the next show something that moves.
const STILL: f64 = 3.0;

/// CIELAB chroma from which a wall that should be white or grey has a cast. Ours: at most 2 for the virtual booth's
/// white and grey walls; eyes see 3 to 4 side by side.
const NEUTRAL: f64 = 5.0;
/// Beyond this the wall is meant to be coloured and says nothing of the white balance. Ours: a pale blue wall of
/// RGB(200,220,240) has 13, a white one under a camera set one lamp too cold 8 to 11.
const COLOURED: f64 = 12.0;

/// A frame's mean colours, cell by cell.
#[derive(Debug, Clone, PartialEq)]
pub struct WallGrid(Vec<[f64; 3]>);

/// What has changed since the plate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// More light, or less.
    Light,
    /// The colour of the light, or the white balance.
    Colour,
    /// Wall or camera have moved, or something stands before it.
    Moved,
}

impl Drift {
    /// The stable kebab-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Drift::Light => "wall-light",
            Drift::Colour => "wall-colour",
            Drift::Moved => "wall-moved",
        }
    }

    /// What to do, in Chinese and English.
    pub const fn words(self) -> [&'static str; 2] {
        match self {
            Drift::Light => [
                "灯光亮度变了：请重拍背景",
                "The light has changed: take the wall again",
            ],
            Drift::Colour => [
                "灯光颜色变了：请重拍背景",
                "The light's colour has changed: take the wall again",
            ],
            Drift::Moved => [
                "墙面或相机动过：请重拍背景",
                "Wall or camera have moved: take the wall again",
            ],
        }
    }
}

/// The colour a neutral wall has in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// Too warm.
    Yellow,
    /// Too cold.
    Blue,
    /// As under fluorescent tubes.
    Green,
    /// The other way round.
    Magenta,
}

impl WallGrid {
    /// The grid of a frame without a face in it.
    pub fn of(frame: &RgbImage) -> WallGrid {
        let (w, h) = (frame.width().max(1), frame.height().max(1));
        let [across, down] = GRID;
        let mut cells = Vec::with_capacity((across * down) as usize);
        for row in 0..down {
            for column in 0..across {
                let (x0, x1) = (
                    column * w / across,
                    ((column + 1) * w / across).max(column * w / across + 1),
                );
                let (y0, y1) = (row * h / down, ((row + 1) * h / down).max(row * h / down + 1));
                let (mut sum, mut count) = ([0.0; 3], 0.0);
                // Every second pixel of every second row says enough.
                for y in (y0..y1.min(h)).step_by(2) {
                    for x in (x0..x1.min(w)).step_by(2) {
                        for (sum, v) in sum.iter_mut().zip(frame.get_pixel(x, y).0) {
                            *sum += f64::from(v);
                        }
                        count += 1.0;
                    }
                }
                cells.push(sum.map(|v| v / f64::max(count, 1.0)));
            }
        }
        WallGrid(cells)
    }

    /// Whether nothing has moved since `before`.
    pub fn is_still_since(&self, before: &WallGrid) -> bool {
        let moved = self
            .beside(before)
            .filter(|(now, then)| apart(now, then) > STILL)
            .count();
        (moved as f64) < CELLS * self.0.len() as f64
    }

    /// What has changed since the plate, the gravest first; `None` while it fits.
    pub fn drift_from(&self, plate: &WallGrid) -> Option<Drift> {
        let gains: [f64; 3] = std::array::from_fn(|c| {
            median(
                self.beside(plate)
                    .map(|(now, then)| (now[c] + 1.0) / (then[c] + 1.0))
                    .collect(),
            )
        });
        let moved = self
            .beside(plate)
            .filter(|(now, then)| {
                let then: [f64; 3] = std::array::from_fn(|c| then[c] * gains[c]);
                apart(now, &then) > LEVELS
            })
            .count();
        let light = gains.iter().sum::<f64>() / 3.0;
        if moved as f64 > CELLS * self.0.len() as f64 {
            Some(Drift::Moved)
        } else if !(1.0 / LIGHT..=LIGHT).contains(&light) {
            Some(Drift::Light)
        } else if gains.iter().any(|gain| (gain / light - 1.0).abs() > COLOUR) {
            Some(Drift::Colour)
        } else {
            None
        }
    }

    /// The cast of a wall that should be white or grey; `None` for a neutral one and for one that is meant to be
    /// coloured.
    pub fn cast(&self) -> Option<Cast> {
        let mean: [f64; 3] =
            std::array::from_fn(|c| median(self.0.iter().map(|cell| cell[c] / 255.0).collect()));
        let [_, a, b] = lab_d50(mean);
        if !(NEUTRAL..=COLOURED).contains(&a.hypot(b)) {
            return None;
        }
        Some(match (a.abs() > b.abs(), a > 0.0, b > 0.0) {
            (true, true, _) => Cast::Magenta,
            (true, false, _) => Cast::Green,
            (false, _, true) => Cast::Yellow,
            (false, _, false) => Cast::Blue,
        })
    }

    fn beside<'a>(&'a self, other: &'a WallGrid) -> impl Iterator<Item = (&'a [f64; 3], &'a [f64; 3])> {
        self.0.iter().zip(&other.0)
    }
}

/// The largest difference of a channel, in levels.
fn apart(one: &[f64; 3], other: &[f64; 3]) -> f64 {
    one.iter()
        .zip(other)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use virtual_booth::{Act, Booth, BoothOptions, Wall};

    fn booth(wall: Wall) -> Booth {
        Booth::new(BoothOptions {
            width: 640,
            height: 360,
            wall,
            ..BoothOptions::default()
        })
    }

    fn changed(frame: &RgbImage, change: impl Fn([f64; 3]) -> [f64; 3]) -> RgbImage {
        let mut frame = frame.clone();
        for pixel in frame.pixels_mut() {
            pixel.0 = change(pixel.0.map(f64::from)).map(|v| v.clamp(0.0, 255.0) as u8);
        }
        frame
    }

    #[test]
    fn the_same_wall_fits_its_plate_however_the_sensor_hisses() {
        for wall in [Wall::White, Wall::Grey, Wall::Blue] {
            let mut booth = booth(wall);
            let plate = WallGrid::of(&booth.frame(&Act::EmptyWall, 0));
            for n in 1..4 {
                let now = WallGrid::of(&booth.frame(&Act::EmptyWall, n));
                assert_eq!(now.drift_from(&plate), None);
                assert!(now.is_still_since(&plate));
            }
        }
    }

    #[test]
    fn other_light_another_colour_and_another_place_are_each_named() {
        let frame = booth(Wall::Grey).frame(&Act::EmptyWall, 0);
        let plate = WallGrid::of(&frame);
        let now =
            |change: &dyn Fn([f64; 3]) -> [f64; 3]| WallGrid::of(&changed(&frame, change)).drift_from(&plate);
        assert_eq!(now(&|c| c.map(|v| v * 1.05)), None, "a lamp that warms up");
        assert_eq!(now(&|c| c.map(|v| v * 1.2)), Some(Drift::Light));
        assert_eq!(now(&|c| c.map(|v| v * 0.8)), Some(Drift::Light));
        assert_eq!(now(&|[r, g, b]| [r * 1.05, g, b * 0.94]), Some(Drift::Colour));
        // The camera was pushed: the wall's edge comes into the picture.
        let mut pushed = frame.clone();
        for y in 0..pushed.height() {
            for x in 0..60 {
                pushed.put_pixel(x, y, Rgb([70, 60, 50]));
            }
        }
        let pushed = WallGrid::of(&pushed);
        assert_eq!(pushed.drift_from(&plate), Some(Drift::Moved));
        assert!(!pushed.is_still_since(&plate));
    }

    #[test]
    fn a_student_before_the_wall_is_no_still_wall() {
        let mut booth = booth(Wall::White);
        let plate = WallGrid::of(&booth.frame(&Act::EmptyWall, 0));
        assert!(!WallGrid::of(&booth.frame(&Act::Sit, 0)).is_still_since(&plate));
    }

    #[test]
    fn a_white_wall_tells_of_the_white_balance_and_a_blue_one_does_not() {
        let frame = booth(Wall::White).frame(&Act::EmptyWall, 0);
        assert_eq!(WallGrid::of(&frame).cast(), None);
        let cast = |change: &dyn Fn([f64; 3]) -> [f64; 3]| WallGrid::of(&changed(&frame, change)).cast();
        assert_eq!(cast(&|[r, g, b]| [r, g * 0.98, b * 0.90]), Some(Cast::Yellow));
        assert_eq!(cast(&|[r, g, b]| [r * 0.86, g * 0.94, b]), Some(Cast::Blue));
        assert_eq!(cast(&|[r, g, b]| [r * 0.94, g, b * 0.95]), Some(Cast::Green));
        assert_eq!(cast(&|[r, g, b]| [r, g * 0.94, b]), Some(Cast::Magenta));
        assert_eq!(
            WallGrid::of(&booth(Wall::Blue).frame(&Act::EmptyWall, 0)).cast(),
            None
        );
    }
}
