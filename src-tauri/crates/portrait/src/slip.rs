//! A slip of paper with a few lines on it, in true millimetres: what a student takes home beside the photo.
//!
//! Text is drawn as outlines, as on a print sheet: every printer then shows the same Chinese characters, and no font
//! is copied into the file. Lines are broken where they would leave the paper; nothing is cut off or made smaller.

use image::{Rgb, RgbImage};
use pdf_writer::{Content, Pdf, Rect, Ref};

use crate::PortraitError;
use crate::font::{Font, Stroke};
use crate::sheet::{POINTS, dense_png, draw, ink};

/// The paper. All lengths in millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paper {
    /// Width.
    pub width: f64,
    /// Height; `None` for a roll, which is cut below the last line.
    pub height: Option<f64>,
    /// Left free at every edge: what the printer cannot reach.
    pub margin: f64,
}

impl Paper {
    /// A roll of 80 mm, of which receipt printers reach 72.
    pub const ROLL_80: Paper = Paper {
        width: 80.0,
        height: None,
        margin: 4.0,
    };
    /// A6, upright.
    pub const A6: Paper = Paper {
        width: 105.0,
        height: Some(148.0),
        margin: 8.0,
    };
}

/// One line of a slip, or what stands between two.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// Words from the left edge, so many millimetres high.
    Words(String, f64),
    /// Words in the middle.
    Title(String, f64),
    /// What it is, small, and below it what it says.
    Entry {
        /// What it is.
        name: String,
        /// What it says.
        value: String,
        /// Height of what it says.
        size: f64,
    },
    /// A thin line across.
    Rule,
    /// Nothing, so high.
    Gap(f64),
    /// A scale of so many millimetres with a mark at each ten: whoever lays a ruler on it sees that nothing was scaled.
    Scale(u32),
}

/// Height of the small words of an entry.
const SMALL: f64 = 3.0;
/// From baseline to baseline, in heights of the type.
const LEADING: f64 = 1.35;
/// Thickness of what is ruled.
const HAIR: f32 = 0.25;
/// A roll shorter than this is hard to tear off.
const SHORTEST: f64 = 50.0;

/// A slip laid out: its size in millimetres and every outline on it.
pub struct Slip {
    size: [f64; 2],
    strokes: Vec<Stroke>,
}

impl Slip {
    /// Lays rows out on paper.
    ///
    /// # Errors
    /// [`PortraitError::Layout`] where the font lacks a character, or where the rows are longer than the paper.
    pub fn lay_out(rows: &[Row], paper: Paper, font: &Font) -> Result<Slip, PortraitError> {
        let mut pen = Pen {
            paper,
            font,
            y: paper.margin,
            strokes: Vec::new(),
        };
        for row in rows {
            pen.row(row)?;
        }
        let end = pen.y + paper.margin;
        let height = match paper.height {
            Some(height) if end > height => {
                return Err(PortraitError::Layout(
                    "凭条的内容超出纸面 · the slip is longer than its paper".into(),
                ));
            }
            Some(height) => height,
            None => end.max(SHORTEST).ceil(),
        };
        Ok(Slip {
            size: [paper.width, height],
            strokes: pen.strokes,
        })
    }

    /// Width and height in millimetres.
    pub fn size_mm(&self) -> [f64; 2] {
        self.size
    }

    /// The slip as a PDF.
    pub fn pdf(&self) -> Vec<u8> {
        let [w, h] = self.size.map(|mm| mm * POINTS);
        let [catalog, tree, page_id, content_id] = [1, 2, 3, 4].map(Ref::new);
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(tree);
        pdf.pages(tree).kids([page_id]).count(1);
        let mut page = pdf.page(page_id);
        page.media_box(Rect::new(0.0, 0.0, w as f32, h as f32));
        page.parent(tree);
        page.contents(content_id);
        // Some readers refuse a page without any resources.
        page.resources();
        drop(page);
        let mut content = Content::new();
        ink(&mut content, &self.strokes, h);
        pdf.stream(content_id, &content.finish());
        pdf.finish()
    }

    /// The slip as a PNG that says its density.
    ///
    /// # Errors
    /// [`PortraitError::Encode`] if it cannot be written.
    pub fn png(&self, dpi: u16) -> Result<Vec<u8>, PortraitError> {
        let dots = f64::from(dpi) / 25.4;
        let [w, h] = self.size.map(|mm| (mm * dots).round() as u32);
        let mut page = RgbImage::from_pixel(w, h, Rgb([255; 3]));
        draw(&mut page, &self.strokes, dots);
        dense_png(&page, dpi)
    }
}

struct Pen<'a> {
    paper: Paper,
    font: &'a Font,
    y: f64,
    strokes: Vec<Stroke>,
}

impl Pen<'_> {
    fn row(&mut self, row: &Row) -> Result<(), PortraitError> {
        match row {
            Row::Words(words, size) => self.words(words, *size, false),
            Row::Title(words, size) => self.words(words, *size, true),
            Row::Entry { name, value, size } => {
                self.words(name, SMALL, false)?;
                self.words(value, *size, false)?;
                self.y += SMALL / 2.0;
                Ok(())
            }
            Row::Rule => {
                let left = self.paper.margin as f32;
                self.bar(
                    left,
                    left + self.width() as f32,
                    self.y as f32 + SMALL as f32 / 2.0,
                    HAIR,
                );
                self.y += SMALL;
                Ok(())
            }
            Row::Gap(high) => {
                self.y += high;
                Ok(())
            }
            Row::Scale(long) => {
                let (left, top) = (self.paper.margin as f32, self.y as f32);
                self.bar(left, left + *long as f32, top, HAIR);
                for ten in (0..=*long).step_by(10) {
                    let x = left + ten as f32;
                    self.bar(x - HAIR / 2.0, x + HAIR / 2.0, top, 3.0);
                }
                self.y += 4.0;
                Ok(())
            }
        }
    }

    /// Width between the margins.
    fn width(&self) -> f64 {
        self.paper.width - 2.0 * self.paper.margin
    }

    fn words(&mut self, words: &str, size: f64, centred: bool) -> Result<(), PortraitError> {
        for part in self.broken(words, size)? {
            let line = self.font.line(&part).ok_or_else(no_glyph)?;
            let spare = self.width() - f64::from(line.width) * size;
            let left = self.paper.margin + if centred { spare / 2.0 } else { 0.0 };
            let baseline = self.y + size;
            let place = |p: [f32; 2]| {
                [
                    left as f32 + p[0] * size as f32,
                    baseline as f32 + p[1] * size as f32,
                ]
            };
            self.strokes
                .extend(line.strokes.into_iter().map(|stroke| match stroke {
                    Stroke::Move(p) => Stroke::Move(place(p)),
                    Stroke::Line(p) => Stroke::Line(place(p)),
                    Stroke::Curve(points) => Stroke::Curve(points.map(place)),
                    Stroke::Close => Stroke::Close,
                }));
            self.y += size * LEADING;
        }
        Ok(())
    }

    /// Words in lines that fit. Chinese breaks anywhere; a word of Latin letters or digits is kept whole where it can be.
    fn broken(&self, words: &str, size: f64) -> Result<Vec<String>, PortraitError> {
        let fits = |text: &str| {
            let line = self.font.line(text).ok_or_else(no_glyph)?;
            Ok::<bool, PortraitError>(f64::from(line.width) * size <= self.width())
        };
        let (mut lines, mut line) = (Vec::new(), String::new());
        for c in words.chars().filter(|c| !c.is_control()) {
            line.push(c);
            if fits(&line)? {
                continue;
            }
            let keep = line
                .char_indices()
                .rev()
                .find(|(at, c)| *at > 0 && !c.is_ascii_alphanumeric() && *c != '-')
                .map(|(at, c)| if c == ' ' { at + 1 } else { at });
            let last = line.len() - c.len_utf8();
            let at = keep.filter(|at| *at > 0 && *at <= last).unwrap_or(last);
            if at == 0 {
                return Err(PortraitError::Layout("纸太窄 · the paper is too narrow".into()));
            }
            let rest = line.split_off(at);
            lines.push(std::mem::replace(&mut line, rest).trim_end().to_owned());
        }
        lines.push(line);
        Ok(lines)
    }

    /// A filled bar from `left` to `right`.
    fn bar(&mut self, left: f32, right: f32, top: f32, high: f32) {
        self.strokes.extend([
            Stroke::Move([left, top]),
            Stroke::Line([right, top]),
            Stroke::Line([right, top + high]),
            Stroke::Line([left, top + high]),
            Stroke::Close,
        ]);
    }
}

fn no_glyph() -> PortraitError {
    PortraitError::Layout("字体缺少凭条里的字 · the font lacks a character of the slip".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        vec![
            Row::Title("采集凭条".into(), 6.0),
            Row::Rule,
            Row::Entry {
                name: "拍摄号".into(),
                value: "A-0137".into(),
                size: 9.0,
            },
            Row::Words(
                "照片已保存在本机，正在等待上传；约48小时内完成审核，请保留本凭条以便查询。".into(),
                4.0,
            ),
            Row::Words("R-20271009-000137-0123456789-ABCDEFGHIJ".into(), 4.0),
            Row::Scale(50),
        ]
    }

    fn font() -> Font {
        Font::installed_for("采集凭条，。；A0").expect("a Chinese font is installed by the set-up")
    }

    #[test]
    fn a_slip_is_as_long_as_its_words_and_nothing_leaves_the_paper() {
        let slip = Slip::lay_out(&rows(), Paper::ROLL_80, &font()).unwrap();
        let [w, h] = slip.size_mm();
        assert!((w - 80.0).abs() < 1e-9 && (50.0..140.0).contains(&h), "{w} × {h}");
        for stroke in &slip.strokes {
            let points: &[[f32; 2]] = match stroke {
                Stroke::Move(p) | Stroke::Line(p) => std::slice::from_ref(p),
                Stroke::Curve(points) => points,
                Stroke::Close => &[],
            };
            for [x, y] in points {
                assert!(
                    (3.0..=77.0).contains(x) && (0.0..=h as f32).contains(y),
                    "{x}, {y}"
                );
            }
        }
        let longer = [rows(), vec![Row::Words("再加一行".into(), 4.0)]].concat();
        let grown = Slip::lay_out(&longer, Paper::ROLL_80, &font()).unwrap().size_mm()[1];
        assert!((grown - h - 5.4).abs() < 1.01, "one line more: {h} to {grown}");
        let a6 = Slip::lay_out(&rows(), Paper::A6, &font()).unwrap();
        assert!((a6.size_mm()[1] - 148.0).abs() < 1e-9);
    }

    #[test]
    fn what_does_not_fit_is_said_and_never_cut_off() {
        let many = vec![Row::Words("很长的凭条".into(), 8.0); 40];
        assert!(matches!(
            Slip::lay_out(&many, Paper::A6, &font()),
            Err(PortraitError::Layout(_))
        ));
        assert!(matches!(
            Slip::lay_out(&[Row::Words("\u{E000}".into(), 4.0)], Paper::A6, &font()),
            Err(PortraitError::Layout(_))
        ));
    }

    #[test]
    fn the_scale_is_fifty_millimetres_in_print() {
        let slip = Slip::lay_out(&[Row::Scale(50)], Paper::ROLL_80, &font()).unwrap();
        let png = image::load_from_memory(&slip.png(300).unwrap())
            .unwrap()
            .to_luma8();
        assert_eq!(png.width(), 945, "80 mm at 300 dpi");
        let row = (slip.size_mm()[1] > 0.0).then_some(47 + 1).unwrap();
        let dark: Vec<u32> = (0..png.width())
            .filter(|x| png.get_pixel(*x, row).0[0] < 160)
            .collect();
        let long = f64::from(dark.last().unwrap() - dark[0] + 1) * 25.4 / 300.0;
        assert!(
            (long - 50.25).abs() < 0.2,
            "{long} mm, with half a mark at each end"
        );
        assert!(slip.pdf().starts_with(b"%PDF-"));
    }
}
