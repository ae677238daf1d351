//! A tethered camera by its folder: the camera's own program, or gphoto2, puts each photo into a folder, and a photo
//! that appears while a visit waits for one is that visit's.
//!
//! Whose photo a file is must never be a guess. So a file counts only if all of it agrees: it appeared during the
//! visit, it is a whole JPEG, and the camera's own time in it (EXIF `DateTimeOriginal`) lies within the visit and near
//! the clock of this machine. Everything else goes into the folder's `quarantine` with the reason in its name, for a
//! person to look at. What is taken leaves the folder: a student's picture does not stay in the open.
//!
//! Whoever has the folder looks at it several times a second. A system's own notices of new files would not make that
//! faster, since a file must settle first, and network drives send none.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil};

use crate::{CameraError, mjpeg};

/// A file whose size has not changed for this long may be whole. Programs write a photo in one go; ours, a few writes
/// of a slow disk.
const SETTLED: Duration = Duration::from_millis(300);
/// A file that is no whole JPEG after this long without a change will not become one.
const GIVEN_UP: Duration = Duration::from_secs(10);
/// The camera's clock shows whole seconds and may be this far off. Tethering programs set it when they connect.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(2);
/// From the shutter to the folder: a photo of 20 MB over USB 2 takes two seconds, over a camera's Wi-Fi half a minute.
const LONGEST_WAY: SignedDuration = SignedDuration::from_secs(60);
/// Larger files are not read: no camera's JPEG is.
const LARGEST: u64 = 48 << 20;
/// Where misfits go.
const QUARANTINE: &str = "quarantine";

/// A photo for the visit that waits for one.
#[derive(Clone, PartialEq, Eq)]
pub struct Still {
    /// The file, byte for byte.
    pub bytes: Vec<u8>,
    /// The shutter, by the camera's clock.
    pub taken_at: Timestamp,
}

/// Prints facts only: the picture is private.
impl std::fmt::Debug for Still {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Still")
            .field("bytes", &self.bytes.len())
            .field("taken_at", &self.taken_at)
            .finish()
    }
}

/// Why a file is nobody's photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Misfit {
    /// It was there before the station began to look.
    LeftOver,
    /// It came when no visit waited for a photo.
    BetweenVisits,
    /// It came, or was taken, before this visit waited for a photo.
    BeforeVisit,
    /// The camera's clock and this machine's disagree.
    Clock,
    /// It does not say when it was taken.
    NoTime,
    /// It stayed half written.
    Incomplete,
    /// It is no JPEG.
    NotAJpeg,
    /// It is larger than any camera's JPEG.
    TooLarge,
}

impl Misfit {
    /// The stable kebab-case name, as it stands in the quarantined file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Misfit::LeftOver => "left-over",
            Misfit::BetweenVisits => "between-visits",
            Misfit::BeforeVisit => "before-visit",
            Misfit::Clock => "clock",
            Misfit::NoTime => "no-time",
            Misfit::Incomplete => "incomplete",
            Misfit::NotAJpeg => "not-a-jpeg",
            Misfit::TooLarge => "too-large",
        }
    }
}

/// What the station wants of the folder just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// No visit waits for a photo: whatever comes is nobody's.
    Nothing,
    /// A visit has its photo and may want another: what comes waits in the folder.
    Later,
    /// The next photo taken since then.
    Since(Timestamp),
}

/// What a look at the folder found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The visit's photo; it is no longer in the folder.
    pub still: Option<Still>,
    /// What was put aside.
    pub quarantined: Vec<Misfit>,
}

/// A folder a tethered camera's photos come into.
pub struct HotFolder {
    folder: PathBuf,
    seen: HashMap<PathBuf, Seen>,
    /// What was here at the beginning and was not looked at yet.
    left_over: HashSet<PathBuf>,
}

/// What is known of a file in the folder.
struct Seen {
    size: u64,
    changed: Option<SystemTime>,
    still_since: Instant,
    first: Timestamp,
    left_over: bool,
    /// Judged as it is; nothing new until it changes.
    judged: bool,
    /// Taken or told of, but the system did not let it be moved yet.
    done: Option<Done>,
}

/// What is to become of a file that was judged.
#[derive(Clone, Copy)]
enum Done {
    Taken,
    PutAside(Misfit),
}

impl HotFolder {
    /// Begins to look at a folder; it is made where there is none. What lies in it already is nobody's.
    ///
    /// # Errors
    /// [`CameraError::Pictures`] when the folder, or its `quarantine`, cannot be used.
    pub fn open(folder: &Path) -> Result<HotFolder, CameraError> {
        std::fs::create_dir_all(folder.join(QUARANTINE)).map_err(|error| refused(folder, &error))?;
        let there = std::fs::read_dir(folder).map_err(|error| refused(folder, &error))?;
        let left_over = there.flatten().map(|entry| entry.path()).collect();
        Ok(HotFolder {
            folder: folder.to_owned(),
            seen: HashMap::new(),
            left_over,
        })
    }

    /// Puts a photo that was taken out of the folder and came too late for its visit with the other misfits.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_aside(folder: &Path, still: &Still) -> std::io::Result<()> {
        let file = aside(folder, Path::new("late.jpg"), Misfit::BetweenVisits);
        std::fs::write(file, &still.bytes)
    }

    /// Looks at every file: at most one is the visit's photo, misfits are put aside. `now` is the wall clock's time,
    /// `steady` one that cannot jump.
    ///
    /// # Errors
    /// [`CameraError::Pictures`] when the folder cannot be read: its disk or network drive is away.
    pub fn look(&mut self, wanted: Wanted, now: Timestamp, steady: Instant) -> Result<Found, CameraError> {
        let files = self.files(now, steady)?;
        let mut found = Found::default();
        let mut fitting: Vec<(Timestamp, PathBuf, Vec<u8>)> = Vec::new();
        for path in files {
            let Some(seen) = self.seen.get_mut(&path) else {
                continue;
            };
            if let Some(done) = seen.done {
                // Told of already; only its way out is tried again.
                self.clear(&path, done);
                continue;
            }
            match judge(seen, &path, wanted, now, steady) {
                Verdict::Wait => {}
                Verdict::Fits(taken_at, bytes) => fitting.push((taken_at, path, bytes)),
                Verdict::Misfit(why) => {
                    found.quarantined.push(why);
                    self.clear(&path, Done::PutAside(why));
                }
            }
        }
        // Of two at once the one taken first; the other waits for its turn.
        fitting.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        if let Some((taken_at, path, bytes)) = fitting.into_iter().next() {
            self.clear(&path, Done::Taken);
            found.still = Some(Still { bytes, taken_at });
        }
        Ok(found)
    }

    /// Takes a judged file out of the folder. One that somebody holds is tried again at the next look.
    fn clear(&mut self, path: &Path, done: Done) {
        let cleared = match done {
            Done::Taken => std::fs::remove_file(path),
            Done::PutAside(why) => std::fs::rename(path, aside(&self.folder, path, why)),
        };
        match cleared {
            Ok(()) => {
                self.seen.remove(path);
            }
            Err(error) => {
                tracing::warn!(kind = %error.kind(), "a file could not be taken out of the camera's folder");
                if let Some(seen) = self.seen.get_mut(path) {
                    seen.done = Some(done);
                }
            }
        }
    }

    /// The files that are there now, in the order of their names, each known.
    fn files(&mut self, now: Timestamp, steady: Instant) -> Result<Vec<PathBuf>, CameraError> {
        let entries = std::fs::read_dir(&self.folder).map_err(|error| refused(&self.folder, &error))?;
        let mut files = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            // Between listing and asking it may have been renamed.
            let Ok(facts) = entry.metadata() else { continue };
            if !facts.is_file() {
                continue;
            }
            let (size, changed) = (facts.len(), facts.modified().ok());
            let left_over = self.left_over.remove(&path);
            let seen = self.seen.entry(path.clone()).or_insert(Seen {
                size,
                changed,
                still_since: steady,
                first: now,
                left_over,
                judged: false,
                done: None,
            });
            if (seen.size, seen.changed) != (size, changed) {
                (seen.size, seen.changed) = (size, changed);
                seen.still_since = steady;
                seen.judged = false;
                // Another file under the old name.
                if seen.done.take().is_some() {
                    seen.first = now;
                }
            }
            files.push(path);
        }
        files.sort();
        self.seen.retain(|path, _| files.binary_search(path).is_ok());
        Ok(files)
    }
}

/// What to do with a file.
enum Verdict {
    Wait,
    Fits(Timestamp, Vec<u8>),
    Misfit(Misfit),
}

fn judge(seen: &mut Seen, path: &Path, wanted: Wanted, now: Timestamp, steady: Instant) -> Verdict {
    let still = steady.saturating_duration_since(seen.still_since);
    if seen.left_over {
        return Verdict::Misfit(Misfit::LeftOver);
    }
    if still < SETTLED {
        return Verdict::Wait;
    }
    if seen.size > LARGEST {
        return Verdict::Misfit(Misfit::TooLarge);
    }
    let given_up = still >= GIVEN_UP;
    if (seen.judged && !given_up) || wanted == Wanted::Later {
        return Verdict::Wait;
    }
    let Ok(bytes) = std::fs::read(path) else {
        // Whoever writes it may hold it.
        return Verdict::Wait;
    };
    if mjpeg::length(&bytes).is_err() {
        seen.judged = true;
        return match (given_up, bytes.starts_with(&[0xff, 0xd8])) {
            (false, _) => Verdict::Wait,
            (true, true) => Verdict::Misfit(Misfit::Incomplete),
            (true, false) => Verdict::Misfit(Misfit::NotAJpeg),
        };
    }
    let since = match wanted {
        Wanted::Since(since) => since,
        Wanted::Nothing | Wanted::Later => return Verdict::Misfit(Misfit::BetweenVisits),
    };
    match fits(taken_at(&bytes), seen.first, since, now) {
        Ok(taken_at) => Verdict::Fits(taken_at, bytes),
        Err(why) => Verdict::Misfit(why),
    }
}

/// Is a whole photo that appeared at `first` one that was taken for the visit which waits `since`?
fn fits(
    taken_at: Option<Timestamp>,
    first: Timestamp,
    since: Timestamp,
    now: Timestamp,
) -> Result<Timestamp, Misfit> {
    let taken_at = taken_at.ok_or(Misfit::NoTime)?;
    if taken_at > now + CLOCK_SLACK || now.duration_since(taken_at) > LONGEST_WAY {
        return Err(Misfit::Clock);
    }
    if first < since || taken_at < since - CLOCK_SLACK {
        return Err(Misfit::BeforeVisit);
    }
    Ok(taken_at)
}

/// When the camera says that it took this photo. Without an offset its clock shows this machine's own time zone.
fn taken_at(jpeg: &[u8]) -> Option<Timestamp> {
    let exif = exif::Reader::new()
        .read_from_container(&mut Cursor::new(jpeg))
        .ok()?;
    let text = |tag| match &exif.get_field(tag, exif::In::PRIMARY)?.value {
        exif::Value::Ascii(lines) => lines.first().cloned(),
        _ => None,
    };
    let mut time = exif::DateTime::from_ascii(&text(exif::Tag::DateTimeOriginal)?).ok()?;
    if let Some(part) = text(exif::Tag::SubSecTimeOriginal) {
        let _ = time.parse_subsec(&part);
    }
    if let Some(offset) = text(exif::Tag::OffsetTimeOriginal) {
        let _ = time.parse_offset(&offset);
    }
    let small = |value: u8| i8::try_from(value).ok();
    let civil = civil::DateTime::new(
        i16::try_from(time.year).ok()?,
        small(time.month)?,
        small(time.day)?,
        small(time.hour)?,
        small(time.minute)?,
        small(time.second)?,
        i32::try_from(time.nanosecond.unwrap_or(0)).ok()?,
    )
    .ok()?;
    let zone = match time.offset {
        Some(minutes) => TimeZone::fixed(Offset::from_seconds(i32::from(minutes) * 60).ok()?),
        None => TimeZone::system(),
    };
    Some(civil.to_zoned(zone).ok()?.timestamp())
}

/// `IMG_1.JPG` put aside: `quarantine/IMG_1.between-visits.JPG`, with a number where that is taken.
fn aside(folder: &Path, path: &Path, why: Misfit) -> PathBuf {
    let name = |number: u32| {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!(".{}", why.as_str()));
        if number > 1 {
            name.push(format!(".{number}"));
        }
        if let Some(ending) = path.extension() {
            name.push(".");
            name.push(ending);
        }
        name
    };
    let free = |name: &OsString| !folder.join(QUARANTINE).join(name).exists();
    let name = (1..=u32::MAX).map(name).find(free).unwrap_or_default();
    folder.join(QUARANTINE).join(name)
}

fn refused(path: &Path, error: &std::io::Error) -> CameraError {
    CameraError::Pictures {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exif::experimental::Writer;
    use exif::{Field, In, Tag, Value};

    /// A photo as a camera writes it, its clock at `taken_at`.
    fn photo(taken_at: Option<Timestamp>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
        if let Some(at) = taken_at {
            let at = at.to_zoned(TimeZone::fixed(Offset::from_hours(8).unwrap()));
            let ascii = |tag, text: String| Field {
                tag,
                ifd_num: In::PRIMARY,
                value: Value::Ascii(vec![text.into_bytes()]),
            };
            let fields = [
                ascii(
                    Tag::DateTimeOriginal,
                    at.strftime("%Y:%m:%d %H:%M:%S").to_string(),
                ),
                ascii(Tag::OffsetTimeOriginal, "+08:00".to_owned()),
            ];
            let mut writer = Writer::new();
            for field in &fields {
                writer.push_field(field);
            }
            let mut tiff = Cursor::new(Vec::new());
            writer.write(&mut tiff, false).unwrap();
            let segment = [b"Exif\0\0".as_slice(), tiff.get_ref()].concat();
            encoder.add_app_segment(1, segment).unwrap();
        }
        encoder
            .encode(&[120; 16 * 16 * 3], 16, 16, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        bytes
    }

    /// The folder, and two clocks held by hand.
    struct Desk {
        folder: HotFolder,
        place: tempfile::TempDir,
        now: Timestamp,
        steady: Instant,
    }

    impl Desk {
        fn new() -> Desk {
            let place = tempfile::tempdir().unwrap();
            Desk {
                folder: HotFolder::open(place.path()).unwrap(),
                place,
                now: Timestamp::from_second(1_791_000_000).unwrap(),
                steady: Instant::now(),
            }
        }

        fn put(&self, name: &str, bytes: &[u8]) {
            std::fs::write(self.place.path().join(name), bytes).unwrap();
        }

        fn waits(&mut self, time: Duration) {
            self.now += SignedDuration::try_from(time).unwrap();
            self.steady += time;
        }

        fn look(&mut self, wanted: Wanted) -> Found {
            self.folder.look(wanted, self.now, self.steady).unwrap()
        }

        /// Looks until everything there has settled.
        fn settles(&mut self, wanted: Wanted) -> Found {
            self.look(wanted);
            self.waits(SETTLED);
            self.look(wanted)
        }

        fn quarantine(&self) -> Vec<String> {
            let mut names: Vec<String> = std::fs::read_dir(self.place.path().join(QUARANTINE))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }

        fn is_empty(&self) -> bool {
            std::fs::read_dir(self.place.path()).unwrap().count() == 1
        }
    }

    #[test]
    fn a_photo_taken_during_a_visit_is_that_visits_and_leaves_the_folder() {
        let mut desk = Desk::new();
        let visit = Wanted::Since(desk.now);
        assert_eq!(desk.look(visit), Found::default());
        desk.waits(Duration::from_secs(4));
        let (taken_at, bytes) = (desk.now, photo(Some(desk.now)));
        desk.put("IMG_0001.JPG", &bytes);
        assert_eq!(desk.look(visit), Found::default(), "not before it has settled");
        desk.waits(SETTLED);
        let still = desk.look(visit).still.unwrap();
        assert_eq!(still, Still { bytes, taken_at });
        assert!(desk.is_empty());
        assert_eq!(desk.look(visit), Found::default(), "and it is taken once");
    }

    #[test]
    fn a_half_written_photo_is_waited_for_and_put_aside_only_when_nothing_more_comes() {
        let mut desk = Desk::new();
        let visit = Wanted::Since(desk.now);
        let bytes = photo(Some(desk.now));
        for share in [1, 2, 3] {
            desk.put("IMG_0001.JPG", &bytes[..bytes.len() * share / 4]);
            desk.look(visit);
            desk.waits(Duration::from_secs(8));
            assert_eq!(desk.look(visit), Found::default(), "{share} quarters");
        }
        desk.put("IMG_0001.JPG", &bytes);
        assert!(desk.settles(visit).still.is_some());

        desk.put("IMG_0002.JPG", &bytes[..bytes.len() / 2]);
        assert_eq!(desk.settles(visit), Found::default());
        desk.waits(GIVEN_UP);
        assert_eq!(desk.look(visit).quarantined, [Misfit::Incomplete]);
        assert_eq!(desk.quarantine(), ["IMG_0002.incomplete.JPG"]);
    }

    #[test]
    fn of_two_at_once_the_one_taken_first_comes_first_and_the_other_waits_for_its_turn() {
        let mut desk = Desk::new();
        let visit = Wanted::Since(desk.now);
        let (first, second) = (
            desk.now + SignedDuration::from_secs(1),
            desk.now + SignedDuration::from_secs(3),
        );
        desk.waits(Duration::from_secs(4));
        desk.put("A.JPG", &photo(Some(second)));
        desk.put("B.JPG", &photo(Some(first)));
        let still = desk.settles(visit).still.unwrap();
        assert_eq!(still.taken_at, first);
        assert_eq!(
            desk.look(Wanted::Later),
            Found::default(),
            "while the first is developed"
        );
        assert_eq!(desk.look(visit).still.unwrap().taken_at, second);
        assert!(desk.quarantine().is_empty());
    }

    #[test]
    fn the_other_of_two_at_once_is_nobodys_when_the_visit_is_over() {
        let mut desk = Desk::new();
        let visit = Wanted::Since(desk.now);
        desk.put("A.JPG", &photo(Some(desk.now)));
        desk.put("B.JPG", &photo(Some(desk.now)));
        assert!(desk.settles(visit).still.is_some());
        assert_eq!(desk.look(Wanted::Nothing).quarantined, [Misfit::BetweenVisits]);
        // The next student's visit begins: nothing of the last one is left to be taken for theirs.
        desk.waits(Duration::from_secs(1));
        assert_eq!(desk.settles(Wanted::Since(desk.now)), Found::default());
    }

    #[test]
    fn what_was_there_before_and_what_comes_between_visits_is_nobodys() {
        let place = tempfile::tempdir().unwrap();
        let mut desk = Desk::new();
        std::fs::write(place.path().join("OLD.JPG"), photo(Some(desk.now))).unwrap();
        desk.folder = HotFolder::open(place.path()).unwrap();
        desk.place = place;
        let found = desk.look(Wanted::Since(desk.now));
        assert_eq!((found.still, found.quarantined), (None, vec![Misfit::LeftOver]));
        desk.put("IMG_0001.JPG", &photo(Some(desk.now)));
        assert_eq!(desk.settles(Wanted::Nothing).quarantined, [Misfit::BetweenVisits]);
        desk.put("IMG_0001.JPG", &photo(Some(desk.now)));
        assert_eq!(desk.settles(Wanted::Nothing).quarantined, [Misfit::BetweenVisits]);
        assert_eq!(
            desk.quarantine(),
            [
                "IMG_0001.between-visits.2.JPG",
                "IMG_0001.between-visits.JPG",
                "OLD.left-over.JPG"
            ],
            "nothing is overwritten"
        );
    }

    #[test]
    fn a_photo_that_came_just_before_the_visit_is_not_the_next_students() {
        let mut desk = Desk::new();
        desk.put("LATE.JPG", &photo(Some(desk.now)));
        // It appears for the last student and settles when the next one waits already.
        desk.look(Wanted::Later);
        desk.waits(Duration::from_secs(1));
        let next = Wanted::Since(desk.now);
        assert_eq!(desk.look(next).quarantined, [Misfit::BeforeVisit]);
    }

    #[test]
    fn the_cameras_clock_decides_with_ours() {
        let mut desk = Desk::new();
        let began = desk.now;
        desk.waits(Duration::from_secs(100));
        let ago = |seconds| Some(desk.now - SignedDuration::from_secs(seconds));
        for (name, taken_at, fits) in [
            ("now", ago(1), None),
            ("a second fast", ago(-1), None),
            ("an hour fast", ago(-3600), Some(Misfit::Clock)),
            ("ten seconds fast", ago(-10), Some(Misfit::Clock)),
            ("long under way", ago(90), Some(Misfit::Clock)),
            ("last year", ago(31_536_000), Some(Misfit::Clock)),
            ("no clock", None, Some(Misfit::NoTime)),
        ] {
            desk.put("IMG.JPG", &photo(taken_at));
            let found = desk.settles(Wanted::Since(began));
            assert_eq!(found.still.is_some(), fits.is_none(), "{name}");
            assert_eq!(found.quarantined.first().copied(), fits, "{name}");
        }
        // Taken in time for the clock, but before this visit.
        desk.put("IMG.JPG", &photo(Some(desk.now - SignedDuration::from_secs(20))));
        let visit = Wanted::Since(desk.now - SignedDuration::from_secs(10));
        assert_eq!(desk.settles(visit).quarantined, [Misfit::BeforeVisit]);
    }

    #[test]
    fn what_is_no_jpeg_is_put_aside() {
        let mut desk = Desk::new();
        let visit = Wanted::Since(desk.now);
        desk.put("IMG_0001.CR3", b"a raw file");
        desk.put("notes.txt", b"");
        assert_eq!(desk.settles(visit), Found::default());
        desk.waits(GIVEN_UP);
        assert_eq!(desk.look(visit).quarantined, [Misfit::NotAJpeg, Misfit::NotAJpeg]);
        assert_eq!(
            desk.quarantine(),
            ["IMG_0001.not-a-jpeg.CR3", "notes.not-a-jpeg.txt"]
        );
    }

    #[test]
    fn a_clock_without_an_offset_shows_this_machines_time() {
        let mut bytes = photo(Some(Timestamp::from_second(1_791_000_000).unwrap()));
        let at = bytes.windows(6).position(|w| w == b"+08:00").unwrap();
        bytes[at..at + 6].copy_from_slice(b"      ");
        let eight = TimeZone::fixed(Offset::from_hours(8).unwrap());
        let shown = Timestamp::from_second(1_791_000_000)
            .unwrap()
            .to_zoned(eight)
            .datetime();
        let here = shown.to_zoned(TimeZone::system()).unwrap().timestamp();
        assert_eq!(taken_at(&bytes), Some(here));
    }

    #[test]
    fn a_photo_that_came_too_late_for_its_visit_is_put_aside_whole() {
        let desk = Desk::new();
        let still = Still {
            bytes: photo(Some(desk.now)),
            taken_at: desk.now,
        };
        for _ in 0..2 {
            HotFolder::put_aside(desk.place.path(), &still).unwrap();
        }
        assert_eq!(
            desk.quarantine(),
            ["late.between-visits.2.jpg", "late.between-visits.jpg"]
        );
        let kept = desk.place.path().join(QUARANTINE).join("late.between-visits.jpg");
        assert_eq!(std::fs::read(kept).unwrap(), still.bytes);
    }
}
