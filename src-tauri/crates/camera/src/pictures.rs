//! Pictures as a camera: for trying the station on photographs, and for a station without a camera.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use image::{ImageReader, Limits};

use crate::{CameraError, Frame, PixelFormat, Source};

/// Larger pictures are no camera frames.
const MOST_PIXELS_A_SIDE: u32 = 8192;

/// Endings taken from a folder.
const ENDINGS: [&str; 5] = ["jpg", "jpeg", "png", "bmp", "webp"];

/// A picture, or a folder's pictures in the order of their names, over and over.
pub(crate) struct PictureSource {
    files: Vec<PathBuf>,
    next: usize,
    /// The only picture, decoded once.
    single: Option<Frame>,
    pace: Pace,
}

impl PictureSource {
    pub(crate) fn open(path: &Path, fps: u32) -> Result<Self, CameraError> {
        let files = if path.is_dir() {
            pictures_in(path)?
        } else {
            vec![path.to_owned()]
        };
        // The first picture tells at once whether this can work.
        let first = files.first().ok_or_else(|| refused(path, "holds no pictures"))?;
        let frame = decode(first)?;
        let pace = Pace::new(Duration::from_secs(1) / fps.max(1));
        let single = (files.len() == 1).then_some(frame);
        Ok(Self {
            files,
            next: 0,
            single,
            pace,
        })
    }
}

impl Source for PictureSource {
    fn next_frame(&mut self) -> Result<Frame, CameraError> {
        self.pace.wait();
        if let Some(frame) = &self.single {
            return Ok(frame.taken_now());
        }
        let Some(file) = self.files.get(self.next) else {
            return Err(CameraError::Read("no pictures left".to_owned()));
        };
        self.next = (self.next + 1) % self.files.len();
        decode(file)
    }
}

fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, CameraError> {
    let entries = std::fs::read_dir(folder).map_err(|error| refused(folder, error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| {
            let ending = file
                .extension()
                .and_then(|ending| ending.to_str())
                .unwrap_or_default();
            file.is_file() && ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
        })
        .collect();
    files.sort();
    Ok(files)
}

fn decode(file: &Path) -> Result<Frame, CameraError> {
    let mut reader = ImageReader::open(file)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| refused(file, error))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS_A_SIDE);
    limits.max_image_height = Some(MOST_PIXELS_A_SIDE);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| refused(file, error))?.into_rgb8();
    let (width, height) = picture.dimensions();
    Frame::new(PixelFormat::Rgb8, width, height, picture.into_raw())
}

fn refused(path: &Path, why: impl std::fmt::Display) -> CameraError {
    CameraError::Pictures {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// Keeps frames from coming faster than a camera would send them. A source that is late does not hurry
/// to catch up: cameras drop frames, too.
pub(crate) struct Pace {
    interval: Duration,
    due: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, due: None }
    }

    pub(crate) fn wait(&mut self) {
        let now = Instant::now();
        let due = self.due.unwrap_or(now).max(now);
        thread::sleep(due - now);
        self.due = Some(due + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn plain(folder: &Path, name: &str, level: u8) {
        RgbImage::from_pixel(8, 6, Rgb([level; 3]))
            .save(folder.join(name))
            .unwrap();
    }

    fn levels(source: &mut PictureSource, count: usize) -> Vec<u8> {
        (0..count)
            .map(|_| source.next_frame().unwrap().data()[0])
            .collect()
    }

    #[test]
    fn a_folder_is_shown_in_the_order_of_names_over_and_over() {
        let folder = tempfile::tempdir().unwrap();
        plain(folder.path(), "b.png", 20);
        plain(folder.path(), "a.PNG", 10);
        plain(folder.path(), "c.bmp", 30);
        std::fs::write(folder.path().join("notes.txt"), "not a picture").unwrap();
        let mut source = PictureSource::open(folder.path(), 1000).unwrap();
        assert_eq!(levels(&mut source, 5), [10, 20, 30, 10, 20]);
    }

    #[test]
    fn a_single_picture_is_shown_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        plain(folder.path(), "one.png", 77);
        let mut source = PictureSource::open(&folder.path().join("one.png"), 1000).unwrap();
        let first = source.next_frame().unwrap();
        let second = source.next_frame().unwrap();
        assert_eq!((first.width(), first.height(), first.data()[0]), (8, 6, 77));
        assert!(second.at() >= first.at());
    }

    #[test]
    fn what_cannot_be_shown_is_refused_at_once_and_for_good() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("missing.png")] {
            let refused = PictureSource::open(&path, 30).err().unwrap();
            assert!(refused.is_permanent(), "{refused}");
        }
        std::fs::write(folder.path().join("broken.jpg"), b"\xff\xd8 no").unwrap();
        assert!(
            PictureSource::open(folder.path(), 30)
                .err()
                .unwrap()
                .is_permanent()
        );
    }
}
