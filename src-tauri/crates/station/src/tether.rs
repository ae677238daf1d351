//! The thread that looks at a tethered camera's folder for the visit in front.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use camera::{HotFolder, Misfit, Still, Wanted};
use jiff::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::view::Remark;
use crate::visit::Event;

/// The longest a change of what is wanted, or a file that settles, goes unseen.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the front and the thread tell each other.
#[derive(Default)]
pub(crate) struct Tether {
    wanted: Mutex<Option<(Wanted, Uuid)>>,
    put_aside: Mutex<(u32, Option<Misfit>)>,
    /// Photos told to the front, and those it has taken in: while they differ the next one waits in the folder.
    sent: AtomicU32,
    taken_in: AtomicU32,
}

impl Tether {
    /// The visit in front wants this of the folder.
    pub(crate) fn wants(&self, wanted: Wanted, record_id: Uuid) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some((wanted, record_id));
    }

    /// How many files were nobody's photo, and why the last was.
    pub(crate) fn put_aside(&self) -> (u32, Option<Remark>) {
        let (count, why) = *self.put_aside.lock().unwrap_or_else(PoisonError::into_inner);
        (count, why.map(in_words))
    }

    /// The front has taken a photo in, or has put it aside.
    pub(crate) fn took(&self) {
        self.taken_in.fetch_add(1, Ordering::AcqRel);
    }

    /// Puts a photo aside that came when its visit was over.
    pub(crate) fn put_late_aside(&self, folder: &Path, still: &Still) {
        if let Err(error) = HotFolder::put_aside(folder, still) {
            tracing::error!(kind = %error.kind(), "a late photo could not be put aside");
        }
        self.tell(Misfit::BetweenVisits);
    }

    fn tell(&self, why: Misfit) {
        let mut told = self.put_aside.lock().unwrap_or_else(PoisonError::into_inner);
        *told = (told.0.saturating_add(1), Some(why));
    }

    /// Opens the folder and looks at it until `stop` is set or nobody listens any more.
    pub(crate) fn open(
        self: &Arc<Self>,
        folder: &Path,
        events: mpsc::UnboundedSender<Event>,
        stop: Arc<AtomicBool>,
    ) -> Result<(), String> {
        let mut folder = HotFolder::open(folder).map_err(|error| error.to_string())?;
        let tether = Arc::clone(self);
        let run = move || {
            let mut away = false;
            while !stop.load(Ordering::Acquire) && !events.is_closed() {
                std::thread::sleep(LOOK_EVERY);
                let asked = *tether.wanted.lock().unwrap_or_else(PoisonError::into_inner);
                let (mut wanted, record_id) = asked.unwrap_or((Wanted::Nothing, Uuid::nil()));
                if tether.sent.load(Ordering::Acquire) != tether.taken_in.load(Ordering::Acquire) {
                    wanted = Wanted::Later;
                }
                match folder.look(wanted, Timestamp::now(), Instant::now()) {
                    Ok(found) => {
                        away = false;
                        for why in found.quarantined {
                            tracing::warn!(
                                why = why.as_str(),
                                "a file in the camera's folder is nobody's photo"
                            );
                            tether.tell(why);
                        }
                        if let Some(still) = found.still {
                            tether.sent.fetch_add(1, Ordering::AcqRel);
                            let _ = events.send(Event::Still(record_id, still));
                        }
                    }
                    Err(error) => {
                        if !away {
                            tracing::warn!(%error, "the camera's folder cannot be read");
                        }
                        away = true;
                    }
                }
            }
        };
        std::thread::Builder::new()
            .name("tether".into())
            .spawn(run)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }
}

fn in_words(why: Misfit) -> Remark {
    let (zh, en) = match why {
        Misfit::LeftOver => ("启动前就在文件夹里", "there before the station started"),
        Misfit::BetweenVisits => ("拍摄时没有同学在等待", "nobody was waiting for a photo"),
        Misfit::BeforeVisit => ("拍摄于这位同学之前", "taken before this student"),
        Misfit::Clock => (
            "相机时间与本机不一致，请校准相机时间",
            "the camera's clock is off: set it",
        ),
        Misfit::NoTime => ("照片没有拍摄时间", "it does not say when it was taken"),
        Misfit::Incomplete => ("文件不完整", "the file is not complete"),
        Misfit::NotAJpeg => (
            "不是 JPEG 照片，请让相机存为 JPEG",
            "no JPEG: let the camera write JPEG",
        ),
        Misfit::TooLarge => ("文件过大", "the file is too large"),
    };
    Remark {
        code: why.as_str().to_owned(),
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}
