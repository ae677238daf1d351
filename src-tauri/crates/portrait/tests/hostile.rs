//! Files that mean harm, or were only mistreated: each is refused with a sentence, in bounded memory, and nothing
//! that is fed in makes the decoder fall over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
#![allow(unsafe_code, reason = "an allocator that counts can only be written with it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Cursor, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use portrait::{Original, PortraitError, Refusal};

/// Counts what is held and remembers the most.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// The counters are everybody's: one measurement at a time.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `at` came from `System.alloc` with this layout.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What decoding says, and how many bytes more than before were held at the worst moment.
fn measured(file: Vec<u8>) -> (Result<Original, PortraitError>, usize) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let said = Original::decode(file);
    (said, MOST.load(Ordering::Relaxed).saturating_sub(before))
}

fn refusal(said: Result<Original, PortraitError>) -> Refusal {
    match said {
        Err(PortraitError::Picture(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn picture() -> RgbImage {
    RgbImage::from_fn(96, 80, |x, y| {
        Rgb([(x * 2) as u8, (y * 3) as u8, ((x ^ y) * 2) as u8])
    })
}

fn stored(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Vec::new();
    DynamicImage::ImageRgb8(picture.clone())
        .write_to(&mut Cursor::new(&mut out), format)
        .unwrap();
    out
}

/// A PNG of chunks, with right checksums.
fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, body) in chunks {
        out.extend((body.len() as u32).to_be_bytes());
        let mut sum = !0u32;
        for byte in name.iter().chain(body.iter()) {
            sum ^= u32::from(*byte);
            for _ in 0..8 {
                sum = if sum & 1 == 1 {
                    sum >> 1 ^ 0xEDB8_8320
                } else {
                    sum >> 1
                };
            }
        }
        out.extend(*name);
        out.extend(*body);
        out.extend((!sum).to_be_bytes());
    }
    out
}

fn header(w: u32, h: u32) -> Vec<u8> {
    let mut out = w.to_be_bytes().to_vec();
    out.extend(h.to_be_bytes());
    out.extend([8, 2, 0, 0, 0]);
    out
}

/// Zeros, deflated a thousandfold.
fn deflated_zeros(count: usize) -> Vec<u8> {
    // One zlib stream of one fixed-Huffman block: a zero, then copies of 258 zeros at distance one.
    let mut bits = Bits::default();
    bits.put(1, 1);
    bits.put(1, 2);
    bits.code(0x30, 8);
    for _ in 0..count / 258 {
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    bits.code(0, 7);
    let mut stream = vec![0x78, 0x9C];
    stream.extend(bits.bytes);
    // Adler-32 of n zeros: the low sum stays 1, the high one counts.
    let n = 1 + count / 258 * 258;
    stream.extend(((((n % 65_521) as u32) << 16) | 1).to_be_bytes());
    stream
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// Least significant bit first.
    fn put(&mut self, value: u32, count: u32) {
        for k in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((value >> k & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }

    /// A Huffman code, most significant bit first.
    fn code(&mut self, value: u32, count: u32) {
        for k in (0..count).rev() {
            self.put(value >> k & 1, 1);
        }
    }
}

const MIB: usize = 1 << 20;

#[test]
fn headers_that_promise_the_moon_cost_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // PNG: 60 000 x 60 000, and as wide as the format allows.
    for side in [60_000, 0x7FFF_FFFF] {
        let bomb = png(&[
            (b"IHDR", &header(side, side)),
            (b"IDAT", &deflated_zeros(1 << 20)),
            (b"IEND", b""),
        ]);
        let (said, most) = measured(bomb);
        let why = refusal(said);
        assert!(
            matches!(
                why,
                Refusal::TooManyPixels(_) | Refusal::TooMuchMemory | Refusal::Damaged(_)
            ),
            "{why}"
        );
        assert!(most < 4 * MIB, "{side}: {most} bytes");
    }

    // JPEG: the frame's size overwritten.
    let mut jpeg = stored(&picture(), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    let (said, most) = measured(jpeg);
    assert_eq!(refusal(said), Refusal::TooManyPixels([65_535, 65_535]));
    assert!(most < MIB, "{most} bytes");

    // WebP, lossless: 16 383 x 16 383 in fourteen bits each.
    let mut webp = stored(&picture(), ImageFormat::WebP);
    let at = webp.windows(4).position(|w| w == b"VP8L").unwrap() + 9;
    webp[at..at + 4].copy_from_slice(&(0x3FFEu32 << 14 | 0x3FFE).to_le_bytes());
    let (said, most) = measured(webp);
    assert_eq!(refusal(said), Refusal::TooManyPixels([16_383, 16_383]));
    assert!(most < MIB, "{most} bytes");

    // BMP: width and height as large as they go.
    let mut bmp = stored(&picture(), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&65_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&65_000u32.to_le_bytes());
    let (said, most) = measured(bmp);
    assert_eq!(refusal(said), Refusal::TooManyPixels([65_000, 65_000]));
    assert!(most < MIB, "{most} bytes");
}

#[test]
fn a_bomb_inside_a_small_picture_is_bounded_too() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // A colour profile that unpacks to half a gigabyte beside a picture of nothing.
    let zeros = deflated_zeros(512 * MIB);
    assert!(zeros.len() < 4 * MIB, "{}", zeros.len());
    let mut profile = b"p\0\0".to_vec();
    profile.extend(&zeros);
    let bomb = png(&[
        (b"IHDR", &header(80, 80)),
        (b"iCCP", &profile),
        (b"IDAT", &deflated_zeros(81 * 258)),
        (b"IEND", b""),
    ]);
    let file = bomb.len();
    let (said, most) = measured(bomb);
    assert_eq!(refusal(said), Refusal::Profile);
    assert!(most < 2 * file + 64 * MIB, "{most} bytes for a file of {file}");

    // Picture data far longer than the picture.
    let long = png(&[(b"IHDR", &header(80, 80)), (b"IDAT", &zeros), (b"IEND", b"")]);
    let file = long.len();
    let (_, most) = measured(long);
    assert!(most < file + 16 * MIB, "{most} bytes for a file of {file}");
}

#[test]
fn an_honest_picture_is_held_a_few_times_and_not_more() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let big = RgbImage::from_pixel(4000, 3000, Rgb([90, 120, 200]));
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp] {
        let file = stored(&big, format);
        let size = file.len();
        let (said, most) = measured(file);
        assert!(said.is_ok());
        // The picture, what the decoder works with, and the file twice.
        let limit = 4 * big.as_raw().len() + 2 * size + 8 * MIB;
        assert!(most < limit, "{format:?}: {most} bytes, limit {limit}");
    }
}

#[test]
fn each_kind_is_refused_by_its_name() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let said = |file: &[u8]| refusal(Original::decode(file.to_vec()));
    assert_eq!(said(b""), Refusal::Empty);
    assert_eq!(said(&[0; 4096]), Refusal::NotAPicture);
    assert_eq!(
        said(&vec![0; portrait::MAX_FILE_BYTES + 1]),
        Refusal::FileTooLarge
    );
    let gif = b"GIF89a\x50\0\x50\0\x80\0\0\0\0\0\xff\xff\xff\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0\x3b";
    assert_eq!(said(gif), Refusal::OtherFormat("Gif".into()));
    assert_eq!(said(b"II*\0\x08\0\0\0\0\0"), Refusal::OtherFormat("Tiff".into()));
    assert_eq!(said(b"%PDF-1.7\n%"), Refusal::NotAPicture);

    // An animated PNG: one frame of two.
    let animated = png(&[
        (b"IHDR", &header(80, 80)),
        (b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]),
        (b"IDAT", &deflated_zeros(81 * 258)),
        (b"IEND", b""),
    ]);
    assert_eq!(said(&animated), Refusal::Animated);
    // An animated WebP: an extended header with its animation flag.
    let mut webp =
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x4f\0\0\x4f\0\0ANIM\x06\0\0\0\0\0\0\0\0\0".to_vec();
    webp.extend(b"ANMF\x18\0\0\0");
    webp.extend([0, 0, 0, 0, 0, 0, 79, 0, 0, 79, 0, 0, 100, 0, 0, 0]);
    webp.extend(b"VP8L\0\0\0\0");
    let size = (webp.len() - 8) as u32;
    webp[4..8].copy_from_slice(&size.to_le_bytes());
    assert!(matches!(said(&webp), Refusal::Animated | Refusal::Damaged(_)));

    let deep = image::ImageBuffer::<Rgb<u16>, Vec<u16>>::new(80, 80);
    let mut file = Vec::new();
    DynamicImage::ImageRgb16(deep)
        .write_to(&mut Cursor::new(&mut file), ImageFormat::Png)
        .unwrap();
    assert_eq!(said(&file), Refusal::DeepColour);

    let mut cmyk = Vec::new();
    jpeg_encoder::Encoder::new(&mut cmyk, 90)
        .encode(&vec![128; 80 * 80 * 4], 80, 80, jpeg_encoder::ColorType::Cmyk)
        .unwrap();
    assert_eq!(said(&cmyk), Refusal::Cmyk);

    let clear = image::RgbaImage::from_pixel(80, 80, image::Rgba([9, 9, 9, 100]));
    let mut file = Vec::new();
    DynamicImage::ImageRgba8(clear)
        .write_to(&mut Cursor::new(&mut file), ImageFormat::Png)
        .unwrap();
    assert_eq!(said(&file), Refusal::Transparent);

    let tiny = RgbImage::new(20, 20);
    assert_eq!(
        said(&stored(&tiny, ImageFormat::Png)),
        Refusal::TooSmall([20, 20])
    );
}

#[test]
fn a_colour_profile_is_obeyed_in_every_format_and_a_broken_one_refused() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let flat = RgbImage::from_pixel(96, 80, Rgb([200, 150, 130]));
    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let tagged = |format, icc: &[u8]| {
        use image::ImageEncoder;
        let mut out = Vec::new();
        let raw = flat.as_raw();
        let kind = image::ExtendedColorType::Rgb8;
        match format {
            ImageFormat::Jpeg => {
                let mut e = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 100);
                e.set_icc_profile(icc.to_vec()).unwrap();
                e.write_image(raw, 96, 80, kind).unwrap();
            }
            ImageFormat::Png => {
                let mut e = image::codecs::png::PngEncoder::new(&mut out);
                e.set_icc_profile(icc.to_vec()).unwrap();
                e.write_image(raw, 96, 80, kind).unwrap();
            }
            _ => {
                let mut e = image::codecs::webp::WebPEncoder::new_lossless(&mut out);
                e.set_icc_profile(icc.to_vec()).unwrap();
                e.write_image(raw, 96, 80, kind).unwrap();
            }
        }
        out
    };
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let original = Original::decode(tagged(format, &p3)).unwrap();
        assert!(original.converted_from().is_some(), "{format:?}");
        // By the matrix of CSS Color 4: (209.2, 147.4, 126.3); a level for JPEG and one for rounding.
        let got = original.image().get_pixel(40, 40).0;
        for (got, want) in got.into_iter().zip([209u8, 147, 126]) {
            assert!(got.abs_diff(want) <= 2, "{format:?} {got}");
        }
        let said = refusal(Original::decode(tagged(format, &[0x5A; 300])));
        assert_eq!(said, Refusal::Profile, "{format:?}");
    }
    let plain = Original::decode(stored(&flat, ImageFormat::Png)).unwrap();
    assert_eq!((plain.image(), plain.converted_from()), (&flat, None));
}

/// Small valid files of every kind: where the mutations start, and the fuzzer's first corpus.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let small = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * 4) as u8, (y * 4) as u8, (x * y) as u8]));
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let plain = stored(&small, ImageFormat::Jpeg);
    let mut turned = plain[..2].to_vec();
    turned.extend([0xFF, 0xE1]);
    turned.extend((exif.len() as u16 + 2).to_be_bytes());
    turned.append(&mut exif);
    turned.extend(&plain[2..]);
    let mut progressive = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut progressive, 70);
    encoder.set_progressive(true);
    encoder
        .encode(small.as_raw(), 64, 64, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    vec![
        ("jpeg", plain),
        ("jpeg-turned", turned),
        ("jpeg-progressive", progressive),
        ("png", stored(&small, ImageFormat::Png)),
        ("bmp", stored(&small, ImageFormat::Bmp)),
        ("webp", stored(&small, ImageFormat::WebP)),
    ]
}

/// Bytes overwritten, cut out, doubled and cut off, the same every time: what a fuzzer does, without one.
#[test]
fn nothing_that_is_fed_in_makes_the_decoder_fall_over() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut dice = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n.max(1) as u64) as usize
    };
    let (mut taken, mut refused) = (0, 0);
    for (name, seed) in seeds() {
        assert!(Original::decode(seed.clone()).is_ok(), "{name}");
        for _ in 0..250 {
            let mut file = seed.clone();
            for _ in 0..=dice(4) {
                let at = dice(file.len());
                match dice(6) {
                    0 => file.truncate(at.max(1)),
                    1 => drop(file.drain(at..(at + dice(40)).min(file.len()))),
                    2 => {
                        let piece = file[at..(at + dice(60)).min(file.len())].to_vec();
                        file.splice(at..at, piece);
                    }
                    3 => file[at] = [0, 0xFF, 0x7F, 0x80][dice(4)],
                    _ => file[at] = dice(256) as u8,
                }
                if file.is_empty() {
                    file.push(0);
                }
            }
            let size = file.len();
            let (said, most) = measured(file);
            match said {
                Ok(original) => {
                    taken += 1;
                    assert!(original.image().width() >= portrait::MIN_SIDE);
                }
                Err(PortraitError::Picture(why)) => {
                    refused += 1;
                    assert!(!why.zh().is_empty() && !why.en().is_empty());
                }
                Err(other) => panic!("{name}: {other}"),
            }
            // A header may honestly promise MAX_PIXELS; what is held then is bounded by the decoder's limit.
            let limit = portrait::MAX_PIXELS as usize * 10 + 80 * MIB;
            assert!(most < limit, "{name}: {most} bytes for a file of {size}");
        }
    }
    assert!(taken > 50 && refused > 500, "{taken} taken, {refused} refused");
}

/// The fuzzer's corpus is these seeds, as files: kept in step here, replayed here.
#[test]
fn the_fuzzers_corpus_is_replayed() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/decode");
    if std::env::var_os("WRITE_SEEDS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in seeds() {
            std::fs::File::create(folder.join(name))
                .unwrap()
                .write_all(&bytes)
                .unwrap();
        }
    }
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let good = seeds().iter().any(|(name, _)| path.ends_with(name));
        let said = Original::decode(bytes);
        assert!(!good || said.is_ok(), "{}", path.display());
        count += 1;
    }
    assert!(count >= seeds().len());
}
