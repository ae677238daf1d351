//! Print sheets: several prints of one picture on a page, in true millimetres.
//!
//! A print that comes out a millimetre short is cut wrong by the school, so the layout is written in millimetres
//! and the page says its size: a PDF in points, a PNG with its density. The picture is cropped to the print's
//! shape (never stretched: 3:4 and 5:7 differ) and embedded once, as the very JPEG that was delivered.

use fast_image_resize::FilterType;
use image::{Rgb, RgbImage};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::PortraitError;
use crate::font::{Font, Stroke};
use crate::original::{Original, jpeg_facts};
use crate::refusal::Refusal;
use crate::resample;

/// Points a millimetre.
pub(crate) const POINTS: f64 = 72.0 / 25.4;

/// A page and what lies on it. All lengths in millimetres, from the top-left corner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Name used on the command line.
    pub id: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// The page.
    pub page: Page,
    /// Density of the PNG, dots per inch.
    pub dpi: u16,
    /// Where to cut.
    pub marks: Marks,
    /// Where a line of text may stand, if the sheet has room for one.
    #[serde(default)]
    pub name_line: Option<NamePlace>,
    /// Blocks of equal prints.
    pub prints: Vec<Block>,
}

/// Place of the line of text, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamePlace {
    /// Left end of the baseline.
    pub left: f64,
    /// The baseline below the page's top.
    pub baseline: f64,
    /// Size of the type: a Chinese character is about so high and wide.
    pub size: f64,
}

/// A line of text and the font to draw it with.
#[derive(Debug, Clone, Copy)]
pub struct NameLine<'a> {
    /// What it says; see [`fill`].
    pub text: &'a str,
    /// Must have every character of it.
    pub font: &'a Font,
}

/// Fills a template such as `{name} {student_number}` from its fields.
///
/// # Errors
/// [`PortraitError::Layout`] for a field that is not given, with its name, and for a brace without its partner.
pub fn fill(template: &str, fields: &[(String, String)]) -> Result<String, PortraitError> {
    let refuse = |why: String| Err(PortraitError::Layout(why));
    let (mut out, mut rest) = (String::new(), template);
    while let Some(open) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(open);
        out.push_str(before);
        let Some((key, tail)) = after.strip_prefix('{').and_then(|a| a.split_once('}')) else {
            return refuse(format!(
                "名字行的模板里有不成对的花括号：{template} · a brace of the name line's template has no partner"
            ));
        };
        match fields.iter().find(|(k, _)| k == key) {
            Some((_, value)) => out.push_str(value),
            None => {
                return refuse(format!(
                    "名字行缺少字段 {key}：请给出 {key}=… · the name line has no field {key}: give {key}=…"
                ));
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out.chars().filter(|c| !c.is_control()).collect())
}

/// Size of the page in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Cut marks at every corner of every print, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// Length of a mark; 0 for none.
    pub length: f64,
    /// Distance of a mark from its print.
    pub distance: f64,
}

/// A grid of equal prints, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Width of a print.
    pub width: f64,
    /// Height of a print.
    pub height: f64,
    /// Prints side by side.
    pub columns: u32,
    /// Prints below each other.
    pub rows: u32,
    /// Left edge of the first print.
    pub left: f64,
    /// Top edge of the first print.
    pub top: f64,
    /// Room between neighbours.
    pub gap: f64,
}

/// One print's place: left, top, width, height in millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// The layouts that come with the program (`assets/sheets/`).
pub mod layout {
    use super::Layout;

    const BUILT_IN: [(&str, &str); 5] = [
        (
            "school-a4",
            include_str!("../../../../assets/sheets/school-a4.toml"),
        ),
        (
            "one-inch-6",
            include_str!("../../../../assets/sheets/one-inch-6.toml"),
        ),
        (
            "two-inch-6",
            include_str!("../../../../assets/sheets/two-inch-6.toml"),
        ),
        (
            "one-inch-5",
            include_str!("../../../../assets/sheets/one-inch-5.toml"),
        ),
        (
            "two-inch-5",
            include_str!("../../../../assets/sheets/two-inch-5.toml"),
        ),
    ];

    /// One of the layouts by name.
    pub fn built_in(name: &str) -> Option<Layout> {
        let (_, text) = BUILT_IN.iter().find(|(n, _)| *n == name)?;
        Layout::parse(text).ok()
    }

    /// Names for [`built_in`], the school's sheet first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(n, _)| *n)
    }
}

/// A layout as its file has it, with the places of what can be wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    name_zh: String,
    name_en: String,
    page: Spanned<Page>,
    dpi: Spanned<u16>,
    marks: Spanned<Marks>,
    #[serde(default)]
    name_line: Option<Spanned<NamePlace>>,
    prints: Vec<Spanned<Block>>,
}

impl Block {
    /// Every print's place, row by row.
    fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let b = *self;
        (0..b.rows).flat_map(move |row| {
            (0..b.columns).map(move |column| Place {
                left: b.left + f64::from(column) * (b.width + b.gap),
                top: b.top + f64::from(row) * (b.height + b.gap),
                width: b.width,
                height: b.height,
            })
        })
    }
}

impl Place {
    /// Whether two places share more than a border.
    fn touches(&self, other: &Place) -> bool {
        const BORDER: f64 = 1e-6;
        self.left < other.left + other.width - BORDER
            && other.left < self.left + self.width - BORDER
            && self.top < other.top + other.height - BORDER
            && other.top < self.top + self.height - BORDER
    }
}

impl Layout {
    /// Reads a layout and proves that its prints lie on the page without touching each other.
    ///
    /// # Errors
    /// [`PortraitError::Layout`] with the line: not TOML, unknown keys, lengths out of range, or prints that leave
    /// the page or overlap.
    pub fn parse(text: &str) -> Result<Layout, PortraitError> {
        let written: Written =
            toml::from_str(text).map_err(|e| PortraitError::Layout(e.to_string().trim_end().to_owned()))?;
        let refuse = |span: std::ops::Range<usize>, why: &str| {
            let line = text
                .get(..span.start)
                .map_or(1, |before| before.matches('\n').count() + 1);
            Err(PortraitError::Layout(format!("line {line}: {why}")))
        };
        let sane = |v: f64| v.is_finite() && v > 0.0 && v <= 1000.0;
        let page = *written.page.get_ref();
        if !sane(page.width) || !sane(page.height) {
            return refuse(written.page.span(), "a page is up to 1000 mm wide and high");
        }
        if !(72..=1200).contains(written.dpi.get_ref()) {
            return refuse(written.dpi.span(), "a density is 72 to 1200 dpi");
        }
        let marks = *written.marks.get_ref();
        if !(0.0..=20.0).contains(&marks.length) || !(0.0..=20.0).contains(&marks.distance) {
            return refuse(written.marks.span(), "cut marks are 0 to 20 mm long and away");
        }
        if let Some(name) = &written.name_line {
            let n = name.get_ref();
            let inside =
                n.left >= 0.0 && n.left < page.width && n.baseline > 0.0 && n.baseline <= page.height;
            if !(inside && (1.0..=20.0).contains(&n.size)) {
                return refuse(
                    name.span(),
                    "the name line lies on the page and is 1 to 20 mm high",
                );
            }
        }
        if written.prints.is_empty() {
            return refuse(0..0, "no prints");
        }
        let mut placed: Vec<(Place, usize)> = Vec::new();
        for (i, block) in written.prints.iter().enumerate() {
            let b = block.get_ref();
            let here = || block.span();
            if !sane(b.width) || !sane(b.height) {
                return refuse(here(), "a print is up to 1000 mm wide and high");
            }
            if ![b.gap, b.left, b.top].iter().all(|v| (0.0..=1000.0).contains(v)) {
                return refuse(here(), "gap, left and top are 0 to 1000 mm");
            }
            if b.columns == 0 || b.rows == 0 || u64::from(b.columns) * u64::from(b.rows) > 400 {
                return refuse(here(), "a block has 1 to 400 prints");
            }
            for place in b.places() {
                if place.left + place.width > page.width + 1e-6
                    || place.top + place.height > page.height + 1e-6
                {
                    return refuse(here(), "a print leaves the page");
                }
                if let Some((_, other)) = placed.iter().find(|(p, _)| p.touches(&place)) {
                    return refuse(
                        here(),
                        &format!("prints of block {} and block {} overlap", other + 1, i + 1),
                    );
                }
                placed.push((place, i));
            }
        }
        if let Some(name) = &written.name_line {
            let n = name.get_ref();
            // A line of unknown length takes the whole width from its left end on; a fifth of it hangs below.
            let band = Place {
                left: n.left,
                top: n.baseline - n.size,
                width: page.width - n.left,
                height: 1.2 * n.size,
            };
            if band.top < 0.0 || placed.iter().any(|(p, _)| p.touches(&band)) {
                return refuse(name.span(), "the name line runs into a print or off the page");
            }
        }
        Ok(Layout {
            id: written.id,
            name_zh: written.name_zh,
            name_en: written.name_en,
            page,
            dpi: written.dpi.into_inner(),
            marks,
            name_line: written.name_line.map(Spanned::into_inner),
            prints: written.prints.into_iter().map(Spanned::into_inner).collect(),
        })
    }

    /// Every print's place, block by block, row by row.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.prints.iter().flat_map(Block::places)
    }

    /// Every cut mark as a line from `[x, y]` to `[x, y]`, in millimetres, never across a print.
    fn cut_marks(&self) -> Vec<[[f64; 2]; 2]> {
        let places: Vec<Place> = self.places().collect();
        let Marks { length, distance } = self.marks;
        let mut lines = Vec::new();
        if length <= 0.0 {
            return lines;
        }
        for p in &places {
            for x in [p.left, p.left + p.width] {
                lines.push([[x, p.top - distance - length], [x, p.top - distance]]);
                lines.push([
                    [x, p.top + p.height + distance],
                    [x, p.top + p.height + distance + length],
                ]);
            }
            for y in [p.top, p.top + p.height] {
                lines.push([[p.left - distance - length, y], [p.left - distance, y]]);
                lines.push([
                    [p.left + p.width + distance, y],
                    [p.left + p.width + distance + length, y],
                ]);
            }
        }
        lines.retain(|[a, b]| {
            places.iter().all(|p| {
                b[0] <= p.left || a[0] >= p.left + p.width || b[1] <= p.top || a[1] >= p.top + p.height
            })
        });
        lines
    }
}

/// Largest part of a picture of `size` with the shape of a print, centred: left, top, width, height in pixels.
fn cut_to_shape(size: [f64; 2], print: &Place) -> [f64; 4] {
    let scale = (print.width / size[0]).max(print.height / size[1]);
    let (w, h) = (print.width / scale, print.height / scale);
    [(size[0] - w) / 2.0, (size[1] - h) / 2.0, w, h]
}

/// The sheet as a PDF: the JPEG is embedded once, byte for byte, and drawn at every place.
///
/// # Errors
/// [`PortraitError::Picture`] if `jpeg` is not an RGB JPEG.
pub fn pdf(jpeg: &[u8], layout: &Layout) -> Result<Vec<u8>, PortraitError> {
    pdf_named(jpeg, layout, None)
}

/// [`pdf`] with a line of text where the layout has room for it.
///
/// # Errors
/// As [`pdf`]; [`PortraitError::Layout`] if the line does not fit or the font lacks a character of it.
pub fn pdf_named(
    jpeg: &[u8],
    layout: &Layout,
    name: Option<&NameLine<'_>>,
) -> Result<Vec<u8>, PortraitError> {
    let outlines = name_outlines(layout, name)?;
    if !jpeg.starts_with(&[0xFF, 0xD8]) {
        return Err(Refusal::NotFinished.into());
    }
    let facts = jpeg_facts(jpeg)?;
    let size = [f64::from(facts.width), f64::from(facts.height)];
    if size[0] < 1.0 || size[1] < 1.0 {
        return Err(Refusal::NotFinished.into());
    }
    let [catalog, tree, page_id, image_id, content_id] = [1, 2, 3, 4, 5].map(Ref::new);
    let photo = Name(b"Photo");
    let (page_w, page_h) = (layout.page.width * POINTS, layout.page.height * POINTS);

    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids([page_id]).count(1);
    let mut page = pdf.page(page_id);
    page.media_box(Rect::new(0.0, 0.0, page_w as f32, page_h as f32));
    page.parent(tree);
    page.contents(content_id);
    page.resources().x_objects().pair(photo, image_id);
    page.finish();

    let mut image = pdf.image_xobject(image_id, jpeg);
    image.filter(Filter::DctDecode);
    image.width(i32::from(facts.width));
    image.height(i32::from(facts.height));
    if facts.components == 1 {
        image.color_space().device_gray();
    } else {
        image.color_space().device_rgb();
    }
    image.bits_per_component(8);
    image.finish();

    let mut content = Content::new();
    for place in layout.places() {
        let [left, top, w, _] = cut_to_shape(size, &place);
        let scale = place.width / w;
        // PDF counts from the bottom-left corner.
        let frame = [
            place.left * POINTS,
            page_h - (place.top + place.height) * POINTS,
            place.width * POINTS,
            place.height * POINTS,
        ]
        .map(|v| v as f32);
        content.save_state();
        content.rect(frame[0], frame[1], frame[2], frame[3]);
        content.clip_nonzero();
        content.end_path();
        content.transform(
            [
                size[0] * scale * POINTS,
                0.0,
                0.0,
                size[1] * scale * POINTS,
                (place.left - left * scale) * POINTS,
                page_h - (place.top - top * scale + size[1] * scale) * POINTS,
            ]
            .map(|v| v as f32),
        );
        content.x_object(photo);
        content.restore_state();
    }
    content.set_line_width(0.25);
    content.set_stroke_gray(0.4);
    for [a, b] in layout.cut_marks() {
        content.move_to((a[0] * POINTS) as f32, (page_h - a[1] * POINTS) as f32);
        content.line_to((b[0] * POINTS) as f32, (page_h - b[1] * POINTS) as f32);
        content.stroke();
    }
    ink(&mut content, &outlines, page_h);
    pdf.stream(content_id, &content.finish());
    Ok(pdf.finish())
}

/// Fills outlines, given in millimetres, with black on a page of this height in points.
pub(crate) fn ink(content: &mut Content, outlines: &[Stroke], page_h: f64) {
    if outlines.is_empty() {
        return;
    }
    content.set_fill_gray(0.0);
    // PDF counts from the bottom-left corner.
    let point = |p: [f32; 2]| {
        let [x, y] = p.map(f64::from);
        [(x * POINTS) as f32, (page_h - y * POINTS) as f32]
    };
    for stroke in outlines {
        match *stroke {
            Stroke::Move(p) => {
                let [x, y] = point(p);
                content.move_to(x, y);
            }
            Stroke::Line(p) => {
                let [x, y] = point(p);
                content.line_to(x, y);
            }
            Stroke::Curve(points) => {
                let [[ax, ay], [bx, by], [x, y]] = points.map(point);
                content.cubic_to(ax, ay, bx, by, x, y);
            }
            Stroke::Close => {
                content.close_path();
            }
        }
    }
    content.fill_nonzero();
}

/// The line's outlines in millimetres on the page; none without a line.
fn name_outlines(layout: &Layout, name: Option<&NameLine<'_>>) -> Result<Vec<Stroke>, PortraitError> {
    let Some(name) = name else {
        return Ok(Vec::new());
    };
    let refuse = |why: &str| Err(PortraitError::Layout(why.to_owned()));
    let Some(at) = layout.name_line else {
        return refuse("这种排版没有名字行的位置 · this layout has no room for a name line");
    };
    let Some(line) = name.font.line(name.text) else {
        return refuse("字体缺少名字行里的字 · the font lacks a character of the name line");
    };
    let size = at.size as f32;
    if at.left as f32 + line.width * size > layout.page.width as f32 {
        return refuse("名字行太长，超出纸面 · the name line is longer than the page");
    }
    let place = |p: [f32; 2]| [at.left as f32 + p[0] * size, at.baseline as f32 + p[1] * size];
    Ok(line
        .strokes
        .into_iter()
        .map(|stroke| match stroke {
            Stroke::Move(p) => Stroke::Move(place(p)),
            Stroke::Line(p) => Stroke::Line(place(p)),
            Stroke::Curve(points) => Stroke::Curve(points.map(place)),
            Stroke::Close => Stroke::Close,
        })
        .collect())
}

/// Fills outlines, given in millimetres, with black.
pub(crate) fn draw(page: &mut RgbImage, outlines: &[Stroke], dots: f64) {
    use ab_glyph_rasterizer::{Rasterizer, point};
    let at = |p: [f32; 2]| point(p[0] * dots as f32, p[1] * dots as f32);
    let mut ink = Rasterizer::new(page.width() as usize, page.height() as usize);
    let (mut start, mut last) = ([0.0; 2], [0.0; 2]);
    for stroke in outlines {
        match *stroke {
            Stroke::Move(p) => (start, last) = (p, p),
            Stroke::Line(p) => {
                ink.draw_line(at(last), at(p));
                last = p;
            }
            Stroke::Curve([a, b, end]) => {
                ink.draw_cubic(at(last), at(a), at(b), at(end));
                last = end;
            }
            Stroke::Close => {
                ink.draw_line(at(last), at(start));
                last = start;
            }
        }
    }
    ink.for_each_pixel_2d(|x, y, cover| {
        if cover > 0.0 {
            let p = page.get_pixel_mut(x, y);
            *p = Rgb(p.0.map(|v| (f32::from(v) * (1.0 - cover.min(1.0))).round() as u8));
        }
    });
}

/// The sheet as a PNG at the layout's density, with the density written into it.
///
/// # Errors
/// [`PortraitError::Picture`] if `jpeg` cannot be decoded, [`PortraitError::Encode`] if the PNG cannot be written.
pub fn png(jpeg: &[u8], layout: &Layout) -> Result<Vec<u8>, PortraitError> {
    png_named(jpeg, layout, None)
}

/// [`png`] with a line of text where the layout has room for it.
///
/// # Errors
/// As [`png`]; [`PortraitError::Layout`] if the line does not fit or the font lacks a character of it.
pub fn png_named(
    jpeg: &[u8],
    layout: &Layout,
    name: Option<&NameLine<'_>>,
) -> Result<Vec<u8>, PortraitError> {
    let outlines = name_outlines(layout, name)?;
    let picture = Original::decode(jpeg.to_vec())?.image().clone();
    let dots = f64::from(layout.dpi) / 25.4;
    let px = |mm: f64| (mm * dots).round() as u32;
    let (w, h) = (px(layout.page.width), px(layout.page.height));
    let mut page = RgbImage::from_pixel(w, h, Rgb([255; 3]));

    let (pw, ph) = picture.dimensions();
    let mut printed: Option<((u32, u32), RgbImage)> = None;
    for place in layout.places() {
        let (left, top) = (px(place.left), px(place.top));
        let size = (
            px(place.left + place.width) - left,
            px(place.top + place.height) - top,
        );
        if printed.as_ref().is_none_or(|(s, _)| *s != size) {
            let [x, y, cw, ch] = cut_to_shape([f64::from(pw), f64::from(ph)], &place);
            printed = resample::rgb8(&picture, [x, y, cw, ch], size.0, size.1, FilterType::CatmullRom)
                .map(|i| (size, i));
        }
        if let Some((_, print)) = &printed {
            image::imageops::replace(&mut page, print, i64::from(left), i64::from(top));
        }
    }
    for [a, b] in layout.cut_marks() {
        for y in px(a[1].max(0.0))..=px(b[1].max(0.0)) {
            for x in px(a[0].max(0.0))..=px(b[0].max(0.0)) {
                if x < w && y < h {
                    page.put_pixel(x, y, Rgb([102; 3]));
                }
            }
        }
    }

    if !outlines.is_empty() {
        draw(&mut page, &outlines, dots);
    }

    dense_png(&page, layout.dpi)
}

/// A page as a PNG that says its density.
pub(crate) fn dense_png(page: &RgbImage, dpi: u16) -> Result<Vec<u8>, PortraitError> {
    let fail = |e: &dyn std::fmt::Display| PortraitError::Encode(e.to_string());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, page.width(), page.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (f64::from(dpi) / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header().map_err(|e| fail(&e))?;
    writer.write_image_data(page.as_raw()).map_err(|e| fail(&e))?;
    writer.finish().map_err(|e| fail(&e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::encode_at;

    fn photo() -> Vec<u8> {
        let picture = RgbImage::from_fn(480, 640, |x, y| Rgb([(x / 2) as u8, (y / 3) as u8, 90]));
        encode_at(&picture, 300, jpeg_encoder::SamplingFactor::R_4_4_4, 92).unwrap()
    }

    #[test]
    fn the_school_gets_eight_small_and_four_large_prints() {
        let layout = layout::built_in("school-a4").unwrap();
        let places: Vec<Place> = layout.places().collect();
        assert_eq!(
            places
                .iter()
                .filter(|p| (p.width, p.height) == (25.0, 35.0))
                .count(),
            8
        );
        assert_eq!(
            places
                .iter()
                .filter(|p| (p.width, p.height) == (35.0, 49.0))
                .count(),
            4
        );
        for name in layout::names() {
            assert_eq!(layout::built_in(name).unwrap().id, name);
        }
    }

    #[test]
    fn overlapping_prints_are_refused() {
        let text = include_str!("../../../../assets/sheets/school-a4.toml");
        let said = Layout::parse(&text.replace("top = 125", "top = 70"))
            .unwrap_err()
            .to_string();
        assert!(said.contains("overlap"), "{said}");
        assert!(
            Layout::parse(&text.replace("left = 23", "left = 60"))
                .unwrap_err()
                .to_string()
                .contains("leaves")
        );
        // Each with its line.
        let line = |broken: &str, marker: &str| {
            let said = Layout::parse(broken).unwrap_err().to_string();
            let at = broken.lines().position(|l| l.starts_with(marker)).unwrap() + 1;
            assert!(said.contains(&format!("line {at}")), "{said}; expected line {at}");
        };
        line(&text.replace("gap = 8", "gab = 8"), "gab");
        line(&text.replace("dpi = 300", "dpi = 30"), "dpi");
        line(&text.replace("width = 210", "width = 2100"), "page");
        line(&text.replace("length = 3", "length = 30"), "marks");
        line(&text.replace("columns = 4", "columns = 400"), "[[prints]]");
        line(&text.replace("baseline = 15", "baseline = 40"), "name_line");
        let second = text.replace("top = 125", "top = 70");
        let said = Layout::parse(&second).unwrap_err().to_string();
        let at = second
            .lines()
            .enumerate()
            .filter(|(_, l)| l.starts_with("[[prints]]"))
            .nth(1);
        assert!(said.contains(&format!("line {}", at.unwrap().0 + 1)), "{said}");
    }

    #[test]
    fn a_pdf_carries_the_delivered_file_once_and_says_its_size() {
        let jpeg = photo();
        let bytes = pdf(&jpeg, &layout::built_in("school-a4").unwrap()).unwrap();
        let found = bytes
            .windows(jpeg.len())
            .filter(|w| *w == jpeg.as_slice())
            .count();
        assert_eq!(found, 1);
        let text = String::from_utf8_lossy(&bytes);
        let at = text.find("/MediaBox").unwrap();
        let page: Vec<f64> = text[at..at + 60]
            .split(['[', ']'])
            .nth(1)
            .unwrap()
            .split(' ')
            .map(|v| v.parse().unwrap())
            .collect();
        assert!(
            (page[2] - 595.276).abs() < 0.01 && (page[3] - 841.89).abs() < 0.01,
            "A4 in points: {page:?}"
        );
        assert_eq!(text.matches("/Photo Do").count(), 12);
    }

    #[test]
    fn a_png_is_in_true_millimetres() {
        let layout = layout::built_in("one-inch-6").unwrap();
        let bytes = png(&photo(), &layout).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(&bytes))
            .read_info()
            .unwrap();
        let info = reader.info();
        assert_eq!((info.width, info.height), (1795, 1205));
        let dims = info.pixel_dims.unwrap();
        assert_eq!((dims.xppu, dims.unit), (11811, png::Unit::Meter));
        let page = Original::decode(bytes).unwrap().image().clone();
        // The first print is 25 mm wide: paper white before it, picture inside it, white after it.
        let at = |mm_x: f64, mm_y: f64| {
            *page.get_pixel((mm_x * 300.0 / 25.4) as u32, (mm_y * 300.0 / 25.4) as u32)
        };
        assert_eq!(at(13.8, 30.0), Rgb([255; 3]));
        assert_ne!(at(14.2, 30.0), Rgb([255; 3]));
        assert_ne!(at(38.8, 30.0), Rgb([255; 3]));
        assert_eq!(at(39.3, 30.0), Rgb([255; 3]));
    }

    #[test]
    fn a_name_line_is_filled_from_its_fields_and_a_missing_field_is_named() {
        let field = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let fields = [field("name", "张三"), field("student_number", "2022\n01")];
        assert_eq!(
            fill("{name} · {student_number}", &fields).unwrap(),
            "张三 · 202201"
        );
        assert_eq!(fill("全班", &[]).unwrap(), "全班");
        assert!(
            fill("{class}", &fields)
                .unwrap_err()
                .to_string()
                .contains("class")
        );
        assert!(fill("{name", &fields).is_err() && fill("name}", &fields).is_err());
    }

    #[test]
    fn a_print_is_cropped_and_not_stretched() {
        let place = Place {
            left: 0.0,
            top: 0.0,
            width: 25.0,
            height: 35.0,
        };
        let [x, y, w, h] = cut_to_shape([480.0, 640.0], &place);
        assert!((w / h - 25.0 / 35.0).abs() < 1e-9 && (h - 640.0).abs() < 1e-9);
        assert!((x - (480.0 - w) / 2.0).abs() < 1e-9 && y.abs() < 1e-9);
    }
}
