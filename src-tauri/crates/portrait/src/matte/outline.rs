//! What the segmenter says, on a coarse grid: where the person is likely, and how deep inside or outside.

use image::GrayImage;

use super::field::{Field, distance_to};
use super::wall::Grid;

/// Cells an inter-eye distance: about the size of one of the segmenter's own pixels.
const CELLS: f32 = 24.0;

/// The segmenter's answer on cells.
pub(super) struct Outline {
    pub(super) grid: Grid,
    /// Likelihood of the person, 0–1.
    pub(super) likely: Field,
    /// Depth inside the outline at one half, in inter-eye distances; negative outside.
    pub(super) depth: Field,
    unit: f32,
}

impl Outline {
    pub(super) fn of(prior: &GrayImage, unit: f32) -> Outline {
        let (w, h) = (prior.width() as usize, prior.height() as usize);
        let grid = Grid {
            w,
            h,
            cell: ((unit / CELLS).round() as usize).max(2),
        };
        let (cw, ch) = (grid.columns(), grid.rows());
        let likely = Field::from_fn(cw, ch, |k| {
            let (x0, y0) = (k % cw * grid.cell, k / cw * grid.cell);
            let (mut sum, mut count) = (0u32, 0u32);
            for y in y0..(y0 + grid.cell).min(h) {
                for x in x0..(x0 + grid.cell).min(w) {
                    sum += u32::from(prior.as_raw()[y * w + x]);
                    count += 1;
                }
            }
            sum as f32 / (255 * count.max(1)) as f32
        });
        let depth = depth(&likely, &grid, unit, 0.5);
        Outline {
            grid,
            likely,
            depth,
            unit,
        }
    }

    /// [`Outline::depth`] inside the outline at another likelihood.
    pub(super) fn depth_from(&self, likelihood: f32) -> Field {
        depth(&self.likely, &self.grid, self.unit, likelihood)
    }

    /// Cells that surely hold none of the person.
    pub(super) fn clear(&self) -> Vec<bool> {
        let grid = self.grid;
        let possibly = distance_to(grid.columns(), grid.rows(), |k| self.likely.v[k] > 0.15);
        let reach = 0.22 * self.unit / grid.cell as f32;
        possibly.v.iter().map(|d| *d > reach).collect()
    }

    /// Position of a pixel's centre on the grid.
    fn place(&self, x: usize, y: usize) -> (f32, f32) {
        let step = 1.0 / self.grid.cell as f32;
        ((x as f32 + 0.5) * step - 0.5, (y as f32 + 0.5) * step - 0.5)
    }

    /// Value of a field of cells at a pixel's centre, interpolated.
    pub(super) fn at(&self, field: &Field, x: usize, y: usize) -> f32 {
        let (x, y) = self.place(x, y);
        field.at(x, y)
    }
}

/// Depth inside the outline at `likelihood`, in inter-eye distances; negative outside.
fn depth(likely: &Field, grid: &Grid, unit: f32, likelihood: f32) -> Field {
    let Field { w, h, .. } = *likely;
    let outward = distance_to(w, h, |k| likely.v[k] >= likelihood);
    let inward = distance_to(w, h, |k| likely.v[k] < likelihood);
    let step = grid.cell as f32 / unit;
    Field::from_fn(w, h, |k| {
        // The outline runs half a cell before the first cell beyond it.
        let (i, o) = (inward.v[k], outward.v[k]);
        if i > 0.0 {
            (i.min(1e6) - 0.5) * step
        } else {
            -(o.min(1e6) - 0.5) * step
        }
    })
}
