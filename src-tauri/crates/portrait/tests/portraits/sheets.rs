//! Print sheets, measured: what a printer would be told, read back from the files by another library.

use std::io::Cursor;

use image::{Rgb, RgbImage};
use lopdf::{Document, Object};
use portrait::{Font, sheet};

const POINTS_A_MM: f64 = 72.0 / 25.4;

fn photo() -> Vec<u8> {
    let picture = RgbImage::from_fn(480, 640, |x, y| Rgb([(x / 2) as u8, (y / 3) as u8, 90]));
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 92)
        .encode(picture.as_raw(), 480, 640, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    bytes
}

fn number(object: &Object) -> f64 {
    f64::from(object.as_float().unwrap())
}

/// The page's size, every clipped box with the picture's box inside it, and every line, in millimetres from the
/// top-left corner: left, top, width, height.
struct Printed {
    page: [f64; 2],
    prints: Vec<([f64; 4], [f64; 4])>,
    lines: Vec<[f64; 4]>,
    /// Box of what is filled.
    ink: Option<[f64; 4]>,
}

fn read(pdf: &[u8]) -> Printed {
    let document = Document::load_mem(pdf).unwrap();
    let pages = document.get_pages();
    assert_eq!(pages.len(), 1);
    let page_id = pages[&1];
    let page = document.get_dictionary(page_id).unwrap();
    let media: Vec<f64> = page
        .get(b"MediaBox")
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(number)
        .collect();
    assert_eq!(&media[..2], [0.0, 0.0]);
    let height = media[3];
    let mm =
        |left: f64, bottom: f64, w: f64, h: f64| [left, height - bottom - h, w, h].map(|v| v / POINTS_A_MM);
    let mut printed = Printed {
        page: [media[2] / POINTS_A_MM, media[3] / POINTS_A_MM],
        prints: Vec::new(),
        lines: Vec::new(),
        ink: None,
    };
    let (mut clip, mut matrix, mut at) = (None, None, [0.0; 2]);
    let mut path: Vec<[f64; 2]> = Vec::new();
    for op in document.get_and_decode_page_content(page_id).unwrap().operations {
        let n: Vec<f64> = op
            .operands
            .iter()
            .filter_map(|o| o.as_float().ok().map(f64::from))
            .collect();
        match op.operator.as_str() {
            "re" => clip = Some(mm(n[0], n[1], n[2], n[3])),
            "cm" => {
                assert_eq!((n[1], n[2]), (0.0, 0.0), "neither turned nor sheared");
                assert!(n[0] > 0.0 && n[3] > 0.0, "not mirrored");
                matrix = Some(mm(n[4], n[5], n[0], n[3]));
            }
            "Do" => printed.prints.push((clip.unwrap(), matrix.unwrap())),
            "m" => {
                at = [n[0], n[1]];
                path.push(at);
            }
            "l" => {
                printed.lines.push(mm(
                    at[0].min(n[0]),
                    at[1].min(n[1]),
                    (n[0] - at[0]).abs(),
                    (n[1] - at[1]).abs(),
                ));
                path.push([n[0], n[1]]);
            }
            "c" => path.push([n[4], n[5]]),
            "S" => path.clear(),
            "f" => {
                let side = |k: usize, f: fn(f64, f64) -> f64| path.iter().map(|p| p[k]).reduce(f).unwrap();
                let (x0, x1) = (side(0, f64::min), side(0, f64::max));
                let (y0, y1) = (side(1, f64::min), side(1, f64::max));
                printed.ink = Some(mm(x0, y0, x1 - x0, y1 - y0));
            }
            _ => {}
        }
    }
    printed
}

#[test]
fn every_layout_is_printed_in_true_millimetres() {
    let jpeg = photo();
    for name in sheet::layout::names() {
        let layout = sheet::layout::built_in(name).unwrap();
        let printed = read(&sheet::pdf(&jpeg, &layout).unwrap());
        let near = |a: f64, b: f64| (a - b).abs() < 0.01;
        assert!(
            near(printed.page[0], layout.page.width) && near(printed.page[1], layout.page.height),
            "{name}"
        );
        let places: Vec<_> = layout.places().collect();
        assert_eq!(printed.prints.len(), places.len(), "{name}");
        for ((clip, picture), place) in printed.prints.iter().zip(&places) {
            let want = [place.left, place.top, place.width, place.height];
            assert!(
                clip.iter().zip(want).all(|(a, b)| near(*a, b)),
                "{name}: {clip:?} {want:?}"
            );
            // The picture keeps its 3:4, covers its print, and is centred on it.
            assert!(
                (picture[2] / picture[3] - 0.75).abs() < 1e-3,
                "{name}: {picture:?}"
            );
            assert!(
                picture[2] > clip[2] - 0.01 && picture[3] > clip[3] - 0.01,
                "{name}"
            );
            assert!(
                near(picture[0] + picture[2] / 2.0, clip[0] + clip[2] / 2.0),
                "{name}"
            );
            assert!(
                near(picture[1] + picture[3] / 2.0, clip[1] + clip[3] / 2.0),
                "{name}"
            );
        }
        // Marks: level or upright, at an edge of some print, over no print.
        assert!(printed.lines.len() >= 8, "{name}");
        for line in &printed.lines {
            let [x, y, w, h] = *line;
            assert!(w < 0.01 || h < 0.01, "{name}: {line:?}");
            let long = w.max(h);
            assert!(near(long, layout.marks.length), "{name}: {long}");
            let at_edge = places.iter().any(|p| {
                (w < 0.01 && (near(x, p.left) || near(x, p.left + p.width)))
                    || (h < 0.01 && (near(y, p.top) || near(y, p.top + p.height)))
            });
            assert!(at_edge, "{name}: {line:?}");
            assert!(places.iter().all(|p| x + w <= p.left + 0.01
                || x >= p.left + p.width - 0.01
                || y + h <= p.top + 0.01
                || y >= p.top + p.height - 0.01));
        }
        // Prints stand the gap apart.
        for block in &layout.prints {
            if block.columns > 1 {
                let row: Vec<_> = printed
                    .prints
                    .iter()
                    .filter(|(c, _)| near(c[1], block.top))
                    .collect();
                let gap = row[1].0[0] - row[0].0[0] - row[0].0[2];
                assert!(near(gap, block.gap), "{name}: {gap}");
            }
        }
    }
}

#[test]
fn the_school_gets_its_eight_and_four() {
    let printed = read(&sheet::pdf(&photo(), &sheet::layout::built_in("school-a4").unwrap()).unwrap());
    let count = |w: f64, h: f64| {
        let is = |c: &[f64; 4]| (c[2] - w).abs() < 0.01 && (c[3] - h).abs() < 0.01;
        printed.prints.iter().filter(|(c, _)| is(c)).count()
    };
    assert_eq!((count(25.0, 35.0), count(35.0, 49.0)), (8, 4));
}

#[test]
fn a_png_says_its_density_and_its_prints_lie_on_the_pixel() {
    for name in sheet::layout::names() {
        let layout = sheet::layout::built_in(name).unwrap();
        let bytes = sheet::png(&photo(), &layout).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(&bytes)).read_info().unwrap();
        let mut raw = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut raw).unwrap();
        let info = reader.info();
        let dims = info.pixel_dims.unwrap();
        assert_eq!(
            (dims.xppu, dims.yppu, dims.unit),
            (11811, 11811, png::Unit::Meter)
        );
        let (w, h) = (info.width, info.height);
        let page = RgbImage::from_raw(w, h, raw).unwrap();
        let pixel = |mm: f64| (mm * 300.0 / 25.4).round() as u32;
        assert_eq!((w, h), (pixel(layout.page.width), pixel(layout.page.height)));
        let white = |x: u32, y: u32| page.get_pixel(x, y).0 == [255; 3];
        for p in layout.places() {
            let (left, right) = (pixel(p.left), pixel(p.left + p.width));
            let (top, bottom) = (pixel(p.top), pixel(p.top + p.height));
            let (cx, cy) = (left.midpoint(right), top.midpoint(bottom));
            // The picture has no white: paper begins exactly one pixel beyond each edge.
            assert!(!white(left, cy) && white(left - 1, cy), "{name}: left");
            assert!(!white(right - 1, cy) && white(right, cy), "{name}: right");
            assert!(!white(cx, top) && white(cx, top - 1), "{name}: top");
            assert!(!white(cx, bottom - 1) && white(cx, bottom), "{name}: bottom");
        }
    }
}

#[test]
fn a_name_line_is_drawn_where_the_layout_has_it_and_refused_where_the_font_cannot() {
    let layout = sheet::layout::built_in("school-a4").unwrap();
    let place = layout.name_line.unwrap();
    let text = "Li Hua 20220101";
    // No font comes with the program: on a machine without any there is nothing to draw with.
    let Some(font) = Font::installed_for(text) else {
        return;
    };
    let name = sheet::NameLine { text, font: &font };
    let printed = read(&sheet::pdf_named(&photo(), &layout, Some(&name)).unwrap());
    let [x, y, w, h] = printed.ink.unwrap();
    // Digits and capitals stand on the baseline and are about 0.7 of the size high.
    assert!(x >= place.left - 0.1 && x < place.left + place.size, "{x}");
    assert!((0.6..1.0).contains(&(h / place.size)), "{h}");
    assert!(
        (y + h - place.baseline).abs() < 0.35 * place.size && w > 5.0 * place.size,
        "{y} {h} {w}"
    );

    let png = sheet::png_named(&photo(), &layout, Some(&name)).unwrap();
    let page = image::load_from_memory(&png).unwrap().into_rgb8();
    let pixel = |mm: f64| (mm * 300.0 / 25.4) as u32;
    let dark = (pixel(x)..pixel(x + w))
        .flat_map(|px| (pixel(y)..pixel(y + h)).map(move |py| (px, py)))
        .filter(|&(px, py)| page.get_pixel(px, py).0[0] < 100)
        .count();
    assert!(dark > 500, "{dark} dark pixels");
    let plain = image::load_from_memory(&sheet::png(&photo(), &layout).unwrap())
        .unwrap()
        .into_rgb8();
    let changed = page
        .enumerate_pixels()
        .filter(|(px, py, p)| plain.get_pixel(*px, *py) != *p)
        .all(|(_, py, _)| py < pixel(place.baseline + place.size));
    assert!(changed, "only the line differs");

    let missing = sheet::NameLine {
        text: "\u{E123}",
        font: &font,
    };
    assert!(sheet::pdf_named(&photo(), &layout, Some(&missing)).is_err());
    let long = "W".repeat(200);
    let long = sheet::NameLine {
        text: &long,
        font: &font,
    };
    let said = sheet::pdf_named(&photo(), &layout, Some(&long))
        .unwrap_err()
        .to_string();
    assert!(said.contains("longer than the page"), "{said}");
}
