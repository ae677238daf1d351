//! A font for the one line of text a print sheet may carry, drawn as outlines: the page then shows the same
//! characters everywhere, and no font is copied into it.
//!
//! No font comes with the program (a Chinese one is ten megabytes). The caller names a file, or one installed on the
//! system is taken that has every character of the line. Where there is none the line is left out, and it is said.

use std::path::Path;

use ttf_parser::{Face, OutlineBuilder};

/// Families that read well in small print, tried before any other: Windows, macOS, Linux.
const PREFERRED: [&str; 9] = [
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "SimHei",
    "DejaVu Sans",
];

/// Largest font file read, in bytes; collections of Chinese fonts reach 120 MB.
const MAX_BYTES: u64 = 256 << 20;

/// A font's file and which of its faces is meant.
#[derive(Clone)]
pub struct Font {
    data: Vec<u8>,
    index: u32,
}

impl std::fmt::Debug for Font {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Font")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl Font {
    /// Reads a TrueType or OpenType file (`.ttf`, `.otf`, or the first face of a `.ttc`). `None` if it cannot be
    /// read or is no font.
    pub fn open(path: &Path) -> Option<Font> {
        if std::fs::metadata(path).ok()?.len() > MAX_BYTES {
            return None;
        }
        Font::new(std::fs::read(path).ok()?, 0)
    }

    /// A font that is installed here and has every character of `text`. `None` if no font has.
    pub fn installed_for(text: &str) -> Option<Font> {
        let mut fonts = fontdb::Database::new();
        fonts.load_system_fonts();
        let preference = |info: &fontdb::FaceInfo| {
            let known = PREFERRED
                .iter()
                .position(|name| info.families.iter().any(|(family, _)| family == name));
            let plain = info.style == fontdb::Style::Normal && info.weight == fontdb::Weight::NORMAL;
            (known.unwrap_or(PREFERRED.len()), !plain, info.weight.0)
        };
        let mut faces: Vec<_> = fonts.faces().map(|info| (preference(info), info.id)).collect();
        faces.sort_by_key(|(rank, _)| *rank);
        faces.into_iter().find_map(|(_, id)| {
            fonts.with_face_data(id, |data, index| {
                let face = Face::parse(data, index).ok()?;
                text.chars().all(|c| face.glyph_index(c).is_some()).then(|| Font {
                    data: data.to_vec(),
                    index,
                })
            })?
        })
    }

    fn new(data: Vec<u8>, index: u32) -> Option<Font> {
        Face::parse(&data, index).ok()?;
        Some(Font { data, index })
    }

    /// The outlines of a line of text, its baseline's left end at the origin, y downwards, in shares of the font's
    /// size. `None` if a character is missing: half a name is worse than none.
    pub(crate) fn line(&self, text: &str) -> Option<Line> {
        let face = Face::parse(&self.data, self.index).ok()?;
        let unit = 1.0 / f32::from(face.units_per_em().max(1));
        let mut line = Line {
            strokes: Vec::new(),
            width: 0.0,
        };
        for c in text.chars() {
            let glyph = face.glyph_index(c)?;
            let mut pen = Pen {
                to: &mut line.strokes,
                at: [line.width, 0.0],
                unit,
                last: [0.0; 2],
            };
            // A space has no outline.
            let _ = face.outline_glyph(glyph, &mut pen);
            line.width += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * unit;
        }
        Some(line)
    }
}

/// A line of text as outlines.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) strokes: Vec<Stroke>,
    /// In shares of the font's size.
    pub(crate) width: f32,
}

/// One step of an outline.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stroke {
    Move([f32; 2]),
    Line([f32; 2]),
    /// Two control points and the end.
    Curve([[f32; 2]; 3]),
    Close,
}

struct Pen<'a> {
    to: &'a mut Vec<Stroke>,
    at: [f32; 2],
    unit: f32,
    last: [f32; 2],
}

impl Pen<'_> {
    fn place(&self, x: f32, y: f32) -> [f32; 2] {
        [self.at[0] + x * self.unit, self.at[1] - y * self.unit]
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.last = self.place(x, y);
        self.to.push(Stroke::Move(self.last));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.last = self.place(x, y);
        self.to.push(Stroke::Line(self.last));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        // A quadratic curve is the cubic one with its control points two thirds of the way.
        let (control, end) = (self.place(x1, y1), self.place(x, y));
        let third = |from: [f32; 2]| std::array::from_fn(|k| from[k] + (control[k] - from[k]) * 2.0 / 3.0);
        self.to.push(Stroke::Curve([third(self.last), third(end), end]));
        self.last = end;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.last = self.place(x, y);
        let curve = [self.place(x1, y1), self.place(x2, y2), self.last];
        self.to.push(Stroke::Curve(curve));
    }

    fn close(&mut self) {
        self.to.push(Stroke::Close);
    }
}
