//! Whatever colours a file says it has, made sRGB.
//!
//! A tethered camera set to Adobe RGB, or a phone that writes Display P3, stores numbers that mean other colours
//! than the same numbers in sRGB. Read as sRGB a face turns grey or red, and nobody sees why. So a profile that is
//! there is obeyed, a claim that cannot be obeyed is refused, and nothing is passed over in silence.
//!
//! Read are: embedded ICC profiles (JPEG, PNG, WebP), the Exif mark of cameras that shoot Adobe RGB and embed no
//! profile (DCF 2.0: interoperability index `R03`), and the colour chunks of PNG (`cICP`, `gAMA`, `cHRM`).

use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, RenderingIntent, TransformOptions};

use crate::refusal::Refusal;

/// Largest change of a probe colour, in levels, up to which a profile is sRGB under another name: two ways to
/// round the same number.
const SAME: u8 = 1;

/// Turns the picture's numbers into sRGB where the file says they are something else, and returns the name of what
/// they were. `None` for sRGB, declared or not.
///
/// # Errors
/// [`Refusal`] for a damaged profile, one of a press or a scanner (CMYK, Lab), and PNG colour
/// chunks that are not sRGB's.
pub(crate) fn to_srgb(
    picture: &mut RgbImage,
    icc: Option<&[u8]>,
    exif: Option<&[u8]>,
    file: &[u8],
) -> Result<Option<String>, Refusal> {
    if let Some(icc) = icc.filter(|icc| !icc.is_empty()) {
        let profile = ColorProfile::new_from_slice(icc).map_err(|_| Refusal::Profile)?;
        let name = profile
            .description
            .as_ref()
            .and_then(named)
            .unwrap_or_else(|| "an embedded colour profile".to_owned());
        return Ok(convert(picture, &profile)?.then_some(name));
    }
    if exif.is_some_and(adobe_rgb) {
        let changed = convert(picture, &ColorProfile::new_adobe_rgb())?;
        return Ok(changed.then(|| "Adobe RGB (Exif)".to_owned()));
    }
    png_colours(file)?;
    Ok(None)
}

fn named(text: &ProfileText) -> Option<String> {
    let text = match text {
        ProfileText::PlainString(text) => text,
        ProfileText::Localizable(texts) => &texts.first()?.value,
        ProfileText::Description(text) => &text.ascii_string,
    };
    // The name goes to logs and screens; it comes from outside.
    let clean: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    (!clean.trim().is_empty()).then(|| clean.trim().to_owned())
}

/// Relative colorimetric: a colour that sRGB has stays that very colour. Whether anything was to be done.
fn convert(picture: &mut RgbImage, profile: &ColorProfile) -> Result<bool, Refusal> {
    let layout = match profile.color_space {
        DataColorSpace::Rgb => Layout::Rgb,
        DataColorSpace::Gray => Layout::Gray,
        _ => return Err(Refusal::ProfileKind),
    };
    let options = TransformOptions {
        rendering_intent: RenderingIntent::RelativeColorimetric,
        ..TransformOptions::default()
    };
    let transform = profile
        .create_transform_8bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, options)
        .map_err(|_| Refusal::Profile)?;
    let apply = |pixels: &[u8]| -> Result<Vec<u8>, Refusal> {
        let mut out = vec![0; pixels.len()];
        let done = if layout == Layout::Gray {
            let grey: Vec<u8> = pixels.iter().step_by(3).copied().collect();
            transform.transform(&grey, &mut out)
        } else {
            transform.transform(pixels, &mut out)
        };
        done.map_err(|_| Refusal::Profile)?;
        Ok(out)
    };
    let probe = probe(layout == Layout::Gray);
    if apply(&probe)?
        .iter()
        .zip(&probe)
        .all(|(a, b)| a.abs_diff(*b) <= SAME)
    {
        return Ok(false);
    }
    // Some lines at a time: a second picture beside a large one is not needed.
    let line = picture.width() as usize * 3;
    for part in picture.chunks_mut((line * 64).max(3)) {
        let out = apply(part)?;
        part.copy_from_slice(&out);
    }
    Ok(true)
}

/// A grid over all colours, or over all greys.
fn probe(grey: bool) -> Vec<u8> {
    if grey {
        return (0..=255u8).flat_map(|v| [v; 3]).collect();
    }
    let steps = || (0..=255u8).step_by(15);
    steps()
        .flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b])))
        .collect()
}

/// Whether an Exif block says Adobe RGB: colour space 2, or "uncalibrated" with interoperability index `R03`.
fn adobe_rgb(exif: &[u8]) -> bool {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let big = match tiff.get(..2) {
        Some(b"MM") => true,
        Some(b"II") => false,
        _ => return false,
    };
    let short = |at: usize| -> Option<u16> {
        let two: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big {
            u16::from_be_bytes(two)
        } else {
            u16::from_le_bytes(two)
        })
    };
    let long = |at: usize| -> Option<usize> {
        let four: [u8; 4] = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let value = if big {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        };
        usize::try_from(value).ok()
    };
    // Where a directory keeps the value of a tag: entries of twelve bytes after their count.
    let value = |directory: usize, tag: u16| -> Option<usize> {
        let count = usize::from(short(directory)?);
        (0..count)
            .map(|i| directory + 2 + 12 * i)
            .find(|&at| short(at) == Some(tag))
            .map(|at| at + 8)
    };
    let said = || -> Option<bool> {
        let exif = long(value(long(4)?, 0x8769)?)?;
        match short(value(exif, 0xA001)?)? {
            2 => Some(true),
            0xFFFF => {
                let interop = long(value(exif, 0xA005)?)?;
                let index = value(interop, 1)?;
                Some(tiff.get(index..index + 3)? == b"R03")
            }
            _ => Some(false),
        }
    };
    said().unwrap_or(false)
}

/// Refuses a PNG whose colour chunks say something else than sRGB, or that has a profile nobody could read. An `sRGB` chunk outranks `gAMA` and `cHRM`
/// (PNG specification, third edition, 4.3).
fn png_colours(file: &[u8]) -> Result<(), Refusal> {
    let Some(mut rest) = file.strip_prefix(b"\x89PNG\r\n\x1a\n") else {
        return Ok(());
    };
    let number = |body: &[u8], k: usize| -> Option<i64> {
        let four: [u8; 4] = body.get(4 * k..4 * k + 4)?.try_into().ok()?;
        Some(i64::from(u32::from_be_bytes(four)))
    };
    let (mut declared, mut other) = (false, false);
    while let Some((head, tail)) = rest.split_at_checked(8) {
        let length = number(head, 0).unwrap_or(0) as usize;
        let (Some(body), Some(next)) = (tail.get(..length), tail.get(length.saturating_add(4)..)) else {
            break;
        };
        match &head[4..] {
            b"IDAT" => break,
            // The decoder gave up on it: it does not unpack, or to more than any profile needs.
            b"iCCP" => return Err(Refusal::Profile),
            // Primaries of BT.709, transfer of sRGB, full range.
            b"cICP" if body != [1, 13, 0, 1] => return Err(Refusal::NotSrgb),
            b"sRGB" | b"cICP" => declared = true,
            // 1/2.2 in 100000ths, a tenth to either side.
            b"gAMA" => other |= number(body, 0).is_some_and(|v| !(40_909..=50_000).contains(&v)),
            // Red's and green's x, which tell the common spaces apart: 0.64 and 0.30 in sRGB.
            b"cHRM" => {
                let off = |k, want: i64| number(body, k).is_some_and(|v| (v - want).abs() > 1_500);
                other |= off(2, 64_000) || off(4, 30_000);
            }
            _ => {}
        }
        rest = next;
    }
    if other && !declared {
        Err(Refusal::NotSrgb)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn one(colour: [u8; 3]) -> RgbImage {
        RgbImage::from_pixel(70, 70, Rgb(colour))
    }

    /// An Exif block as a Canon camera set to Adobe RGB writes it: uncalibrated, index R03.
    fn exif(index: [u8; 3]) -> Vec<u8> {
        let mut b = b"MM\0\x2a\0\0\0\x08".to_vec();
        // Directory 0 at 8: the Exif directory is at 26.
        b.extend(b"\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0");
        // At 26: colour space, and the interoperability directory at 56.
        b.extend(b"\0\x02\xa0\x01\0\x03\0\0\0\x01\xff\xff\0\0\xa0\x05\0\x04\0\0\0\x01\0\0\0\x38\0\0\0\0");
        b.extend(b"\0\x01\0\x01\0\x02\0\0\0\x04");
        b.extend(index);
        b.extend(b"\0\0\0\0\0");
        b
    }

    #[test]
    fn display_p3_becomes_srgb_as_published() {
        // CSS Color 4: color(display-p3 0.5 0.5 0.5) stays grey; an orange moves outwards in sRGB's smaller gamut.
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        let mut grey = one([128, 128, 128]);
        to_srgb(&mut grey, Some(&icc), None, &[]).unwrap();
        assert!(grey.get_pixel(0, 0).0.iter().all(|v| v.abs_diff(128) <= 1));
        let mut skin = one([200, 150, 130]);
        let name = to_srgb(&mut skin, Some(&icc), None, &[]).unwrap();
        assert!(name.is_some());
        // By the matrix of CSS Color 4 (Display P3 to sRGB, both D65): (209.2, 147.4, 126.3).
        for (got, want) in skin.get_pixel(69, 69).0.into_iter().zip([209u8, 147, 126]) {
            assert!(got.abs_diff(want) <= 1, "{:?}", skin.get_pixel(69, 69));
        }
    }

    #[test]
    fn srgb_under_its_own_profile_keeps_every_pixel() {
        let icc = ColorProfile::new_srgb().encode().unwrap();
        let mut picture = one([13, 77, 201]);
        assert_eq!(to_srgb(&mut picture, Some(&icc), None, &[]).unwrap(), None);
        assert_eq!(picture, one([13, 77, 201]));
    }

    #[test]
    fn a_camera_that_says_adobe_rgb_in_exif_only_is_believed() {
        let mut picture = one([120, 180, 120]);
        let name = to_srgb(&mut picture, None, Some(&exif(*b"R03")), &[]).unwrap();
        assert_eq!(name.as_deref(), Some("Adobe RGB (Exif)"));
        // By Adobe RGB (1998)'s matrices: (80.5, 181.5, 117.3).
        for (got, want) in picture.get_pixel(0, 0).0.into_iter().zip([81u8, 181, 117]) {
            assert!(got.abs_diff(want) <= 1, "{:?}", picture.get_pixel(0, 0));
        }
        let mut plain = one([120, 180, 120]);
        assert_eq!(
            to_srgb(&mut plain, None, Some(&exif(*b"R98")), &[]).unwrap(),
            None
        );
        assert_eq!(plain, one([120, 180, 120]));
        for cut in 0..60 {
            // Never more than read.
            let _ = adobe_rgb(&exif(*b"R03")[..cut]);
        }
    }

    #[test]
    fn a_damaged_profile_and_a_strange_png_are_refused_with_what_to_do() {
        let said = to_srgb(&mut one([1, 2, 3]), Some(&[7; 200]), None, &[])
            .unwrap_err()
            .to_string();
        assert!(said.contains("profile") && said.contains("sRGB"), "{said}");
        let png = |chunk: &[u8; 4], body: &[u8]| {
            let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
            file.extend((body.len() as u32).to_be_bytes());
            file.extend(chunk);
            file.extend(body);
            file.extend([0; 4]);
            to_srgb(&mut one([1, 2, 3]), None, None, &file).is_ok()
        };
        assert!(png(b"gAMA", &45_455u32.to_be_bytes()));
        assert!(!png(b"gAMA", &100_000u32.to_be_bytes()));
        assert!(png(b"cICP", &[1, 13, 0, 1]));
        assert!(!png(b"cICP", &[12, 13, 0, 1]));
    }
}
