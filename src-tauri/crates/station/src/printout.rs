//! What a student takes home on paper: the print sheet and a receipt, by the printer `station.toml` names.
//!
//! Printing never holds a visit up: it runs beside the last page, which tells how it goes, and it is watched to its end
//! after the student has left. What lies on a receipt is masked as on the screen; no job carries a name.

mod wording;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portrait::sheet::{self, layout};
use portrait::slip::{Paper, Row, Slip};
use portrait::{Font, PortraitError};
use printing::{Document, Form, Pace, Printer, Step, Trouble};
use records::{PhotoKind, RecordId};
use serde::{Deserialize, Serialize};
use specta::Type;
use vendor::Profile;

use crate::config::Config;
use crate::desk;
use crate::staff::{Finding, FindingState};
use crate::station::{Shared, Station, StationError, setting};
use crate::view::Support;
use wording::Said;

/// Whether a kind of paper is printed for a student.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Offer {
    /// Not at this booth.
    #[default]
    Never,
    /// Where the student asks for it.
    Offer,
    /// For everybody, at once.
    Always,
}

/// The paper receipts are printed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub enum ReceiptPaper {
    /// A receipt printer's roll.
    #[default]
    #[serde(rename = "80mm")]
    Roll80,
    /// A card or sheet.
    #[serde(rename = "a6")]
    A6,
}

impl ReceiptPaper {
    fn paper(self) -> Paper {
        match self {
            ReceiptPaper::Roll80 => Paper::ROLL_80,
            ReceiptPaper::A6 => Paper::A6,
        }
    }
}

/// A kind of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Printout {
    /// The sheet of photos.
    Sheet,
    /// The receipt.
    Receipt,
}

/// How a printout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum PrintState {
    /// Not to be had here.
    Off,
    /// Only to be asked for.
    Offered,
    /// In the printer's hands.
    Printing {
        /// What it waits for, a word of `printing::Trouble`; it goes on by itself once that is set right.
        waits_for: Option<String>,
    },
    /// It lies in the tray.
    Printed,
    /// No paper came.
    Failed {
        /// Why, a word of `printing::Trouble`.
        why: String,
    },
}

/// How the printouts of the visit just ended are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Printouts {
    /// The sheet of photos.
    pub sheet: PrintState,
    /// The receipt.
    pub receipt: PrintState,
}

impl Printouts {
    fn of(&mut self, what: Printout) -> &mut PrintState {
        match what {
            Printout::Sheet => &mut self.sheet,
            Printout::Receipt => &mut self.receipt,
        }
    }
}

/// Where the pages of the last page are kept track of.
#[derive(Default)]
pub(crate) struct Counter {
    shown: Mutex<Option<(RecordId, Printouts)>>,
    /// One job at a time: the next student's paper must not lie between this one's.
    turn: tokio::sync::Mutex<()>,
    /// The pages speak English now.
    english: AtomicBool,
}

impl Counter {
    /// Which language the pages speak from now on.
    pub(crate) fn speaks(&self, english: bool) {
        self.english.store(english, Ordering::Release);
    }

    /// The state of a record's printouts changes; whoever has left the page is told nothing.
    fn show(&self, record: RecordId, what: Printout, state: PrintState) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, printouts)) = shown.as_mut()
            && *of == record
        {
            *printouts.of(what) = state;
        }
    }
}

/// What the last page shows of the paper of this record; nothing on every other page, and where there is no printer.
pub(crate) fn follow(shared: &Shared, done: Option<RecordId>) -> Option<Printouts> {
    let config = &shared.config;
    let done = done.filter(|_| Printer::named(&config.printer).is_some());
    let mut shown = shared
        .counter
        .shown
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if shown.as_ref().map(|(record, _)| *record) != done {
        let offered = |offer| match offer {
            Offer::Never => PrintState::Off,
            Offer::Offer | Offer::Always => PrintState::Offered,
        };
        *shown = done.map(|record| {
            (
                record,
                Printouts {
                    sheet: offered(config.print_sheet),
                    receipt: offered(config.print_receipt),
                },
            )
        });
        if let Some(record) = done {
            drop(shown);
            for (what, offer) in [
                (Printout::Receipt, config.print_receipt),
                (Printout::Sheet, config.print_sheet),
            ] {
                if offer == Offer::Always {
                    start(shared, record, what);
                }
            }
            return follow(shared, Some(record));
        }
    }
    shown.as_ref().map(|(_, printouts)| printouts.clone())
}

/// The student asks for paper on the last page.
pub(crate) fn asked(shared: &Shared, what: Printout) {
    let record = {
        let mut shown = shared
            .counter
            .shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some((record, printouts)) = shown.as_mut() else {
            return;
        };
        // A second touch prints no second sheet; after a failure it is another try.
        if !matches!(
            printouts.of(what),
            PrintState::Offered | PrintState::Failed { .. }
        ) {
            return;
        }
        *record
    };
    start(shared, record, what);
}

/// Whether the printer is at a page of the student who still stands here. One that waits for a person's hand is not.
pub(crate) fn is_coming(shared: &Shared) -> bool {
    let shown = shared
        .counter
        .shown
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let at_it = |state: &PrintState| matches!(state, PrintState::Printing { waits_for: None });
    shown
        .as_ref()
        .is_some_and(|(_, printouts)| at_it(&printouts.sheet) || at_it(&printouts.receipt))
}

/// Prints beside everything else.
fn start(shared: &Shared, record: RecordId, what: Printout) {
    shared
        .counter
        .show(record, what, PrintState::Printing { waits_for: None });
    let shared = Arc::clone(shared);
    // As the student speaks now: the next one may speak another language.
    let english = shared.counter.english.load(Ordering::Acquire);
    tokio::spawn(async move {
        let tell = |step| {
            let waits_for = match step {
                Step::Printing => None,
                Step::Waiting(trouble) => Some(trouble.code().to_owned()),
            };
            shared
                .counter
                .show(record, what, PrintState::Printing { waits_for });
        };
        let state = match print(&shared, record, what, english, &tell).await {
            Ok(()) => PrintState::Printed,
            Err(trouble) => PrintState::Failed {
                why: trouble.code().to_owned(),
            },
        };
        shared.counter.show(record, what, state);
    });
}

async fn print(
    shared: &Shared,
    record: RecordId,
    what: Printout,
    english: bool,
    tell: &(dyn Fn(Step) + Sync),
) -> Result<(), Trouble> {
    let printer = Printer::named(&shared.config.printer).ok_or(Trouble::NoPrinter)?;
    let _turn = shared.counter.turn.lock().await;
    let made = match what {
        Printout::Sheet => sheet(shared, record).await,
        Printout::Receipt => receipt(shared, record, english).await,
    };
    let document = made.map_err(|error| {
        tracing::error!(%error, ?what, "a page to print could not be made");
        Trouble::NotUnderstood
    })?;
    let outcome = printer.print(&document, Pace::default(), tell).await;
    if let Err(trouble) = outcome {
        tracing::warn!(%trouble, ?what, "nothing was printed");
    }
    outcome
}

/// Why there is no page to print.
#[derive(Debug, thiserror::Error)]
enum NoPage {
    #[error(transparent)]
    Station(#[from] StationError),
    #[error(transparent)]
    Portrait(#[from] PortraitError),
    #[error("there is no print sheet named {0}")]
    Layout(String),
    #[error("no font on this system has every character of it")]
    Font,
    #[error("the operating system: {0}")]
    System(String),
}

async fn sheet(shared: &Shared, record: RecordId) -> Result<Document, NoPage> {
    let named = &shared.config.sheet;
    let name = if named.is_empty() {
        shared
            .sheet
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    } else {
        named.clone()
    };
    let layout = layout::built_in(&name).ok_or(NoPage::Layout(name))?;
    let jpeg = shared
        .records(move |store| store.photo(record, PhotoKind::Standard))
        .await?;
    Ok(Document {
        title: "photo-station sheet",
        size_mm: [layout.page.width, layout.page.height],
        pages: Arc::new(move |form| {
            match form {
                Form::Pdf => sheet::pdf(&jpeg, &layout),
                Form::Png => sheet::png(&jpeg, &layout),
            }
            .ok()
        }),
    })
}

/// A receipt number that comes within this time stands on the receipt.
const RECEIPT_WAIT: Duration = Duration::from_secs(3);

async fn receipt(shared: &Shared, record: RecordId, english: bool) -> Result<Document, NoPage> {
    let began = tokio::time::Instant::now();
    let fallback = shared.config.profile.clone();
    let (page, profile) = loop {
        let fallback = fallback.clone();
        let (page, profile) = shared
            .records(move |store| {
                let profile = store
                    .setting(setting::PROFILE)?
                    .and_then(|text| serde_json::from_str::<Profile>(&text).ok())
                    .or_else(|| Profile::built_in(&fallback));
                Ok((desk::show(store, record)?, profile))
            })
            .await?;
        if page.receipt.is_some() || began.elapsed() >= RECEIPT_WAIT {
            break (page, profile);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let support = profile.as_ref().map(|profile| Support {
        phone: profile.support.phone.clone(),
        hours: profile.support.hours.clone(),
    });
    let said = Said {
        page: &page,
        booth: &shared.config.name,
        review_hours: profile.as_ref().map(|profile| profile.review_hours),
        support: &support.unwrap_or_default(),
    };
    slip(
        said.rows(english),
        shared.config.receipt_paper,
        "photo-station receipt",
    )
    .await
}

/// Lays a slip out, off the async threads: looking through the system's fonts takes a while.
async fn slip(rows: Vec<Row>, paper: ReceiptPaper, title: &'static str) -> Result<Document, NoPage> {
    let laid_out = tokio::task::spawn_blocking(move || {
        let text: String = rows
            .iter()
            .map(|row| match row {
                Row::Words(words, _) | Row::Title(words, _) => words.clone(),
                Row::Entry { name, value, .. } => format!("{name}{value}"),
                _ => String::new(),
            })
            .collect();
        let font = Font::installed_for(&text).ok_or(NoPage::Font)?;
        Slip::lay_out(&rows, paper.paper(), &font).map_err(NoPage::from)
    });
    let slip = laid_out
        .await
        .map_err(|error| NoPage::System(error.to_string()))??;
    Ok(Document {
        title,
        size_mm: slip.size_mm(),
        pages: Arc::new(move |form| match form {
            Form::Pdf => Some(slip.pdf()),
            Form::Png => slip.png(300).ok(),
        }),
    })
}

impl Station {
    /// Prints a record's sheet or receipt for staff and waits for it; the receipt in English, too, where that is asked
    /// for.
    ///
    /// # Errors
    /// When there is no such record. The inner error says why no paper came.
    pub async fn print_record(
        &self,
        id: String,
        what: Printout,
        english: bool,
    ) -> Result<Result<(), Trouble>, StationError> {
        let record: RecordId = id.parse()?;
        // A record that is not there is no printer's trouble.
        let page = self.with_records(move |store| desk::show(store, record)).await?;
        if what == Printout::Sheet && !page.photos {
            return Err(StationError::Records(records::RecordsError::Purged(record)));
        }
        Ok(print(self.inner(), record, what, english, &|_| ()).await)
    }
}

/// Prints a page that proves the printer: words, and a scale to lay a ruler on.
///
/// # Errors
/// Why no paper came.
pub async fn test_page(config: &Config, tell: &(dyn Fn(Step) + Sync)) -> Result<(), Trouble> {
    let printer = Printer::named(&config.printer).ok_or(Trouble::NoPrinter)?;
    let rows = vec![
        Row::Title("采集站 · 打印测试".into(), 6.0),
        Row::Rule,
        Row::Words(format!("采集点：{}", config.name), 4.0),
        Row::Words("文字清晰、没有截断，说明纸张设置正确。".into(), 4.0),
        Row::Words(
            "下面的刻度应为50毫米长，每10毫米一格；不符时请关闭打印机的缩放。".into(),
            4.0,
        ),
        Row::Gap(2.0),
        Row::Scale(50),
        Row::Gap(2.0),
        Row::Words("The scale is 50 mm long.".into(), 3.5),
    ];
    let document = slip(rows, config.receipt_paper, "photo-station test")
        .await
        .map_err(|error| {
            tracing::error!(%error, "the test page could not be made");
            Trouble::NotUnderstood
        })?;
    printer.print(&document, Pace::default(), tell).await
}

/// What a trouble is called and what to do about it: Chinese, English, to do in Chinese, to do in English.
pub fn in_words(trouble: Trouble) -> [&'static str; 4] {
    match trouble {
        Trouble::NoPrinter => [
            "找不到打印机",
            "there is no such printer",
            "检查打印机是否接好、开机，station.toml 的 printer 与系统里的名称是否一致",
            "connect and switch it on; the name in station.toml (printer) must be the system's",
        ],
        Trouble::NoService => [
            "系统的打印服务没有应答",
            "the printing service does not answer",
            "启动打印服务（Linux：systemctl start cups）",
            "start the printing service (Linux: systemctl start cups)",
        ],
        Trouble::OutOfPaper => [
            "打印机缺纸",
            "it is out of paper",
            "加纸，打印会自动继续",
            "add paper; it goes on by itself",
        ],
        Trouble::Jam => [
            "打印机卡纸",
            "paper is jammed",
            "按打印机上的图示取出卡纸",
            "take the paper out as shown on the printer",
        ],
        Trouble::Open => [
            "打印机的盖子或纸盒没有关好",
            "a cover or tray is open",
            "关好盖子和纸盒",
            "close covers and trays",
        ],
        Trouble::OutOfInk => [
            "打印机的墨、碳粉或色带用完了",
            "ink, toner or ribbon is used up",
            "更换耗材",
            "replace it",
        ],
        Trouble::Offline => [
            "连接不上打印机",
            "it cannot be reached",
            "检查电源和连接线",
            "check power and cable",
        ],
        Trouble::Paused => [
            "打印机已暂停",
            "it is paused",
            "在系统的打印设置中恢复打印机",
            "resume it in the system's printer settings",
        ],
        Trouble::Stopped => [
            "打印机已停止",
            "it has stopped",
            "看打印机的显示屏，排除故障后在系统中恢复",
            "see the printer's display, then resume it",
        ],
        Trouble::TakesNone => [
            "打印机不接受任务",
            "it takes no jobs",
            "在系统的打印设置中允许接受任务",
            "let it accept jobs in the system's settings",
        ],
        Trouble::NotUnderstood => [
            "这台打印机无法打印这种页面",
            "it cannot print this page",
            "换用驱动程序完整的打印机，并安装中文字体",
            "use a printer with a full driver, and install a Chinese font",
        ],
        Trouble::Cancelled => [
            "打印任务被取消",
            "the job was cancelled",
            "需要时重新打印",
            "print again if needed",
        ],
        Trouble::GivenUp => [
            "打印机放弃了任务",
            "the printer gave the job up",
            "看打印机的显示屏，然后重新打印",
            "see the printer's display, then print again",
        ],
        Trouble::TooSlow => [
            "打印机很久没有出纸",
            "no paper came for a long time",
            "看打印机的显示屏，然后重新打印",
            "see the printer's display, then print again",
        ],
    }
}

/// The doctor's look at the printer; `None` where none is set up.
pub(crate) async fn finding(printer: Option<Printer>) -> Option<Finding> {
    let printer = printer?;
    let (state, words) = match printer.look().await {
        Ok(name) => (
            FindingState::Fine,
            [
                format!("打印机正常：{name}"),
                format!("the printer {name} is ready"),
                String::new(),
                String::new(),
            ],
        ),
        Err(trouble) => (FindingState::Broken, in_words(trouble).map(str::to_owned)),
    };
    let [zh, en, todo_zh, todo_en] = words;
    Some(Finding {
        subject: "printer".into(),
        state,
        zh,
        en,
        todo_zh,
        todo_en,
    })
}
