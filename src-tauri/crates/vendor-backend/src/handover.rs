//! Approved photos leave the vendor: in batches, numbered for each school, that are never changed once they are made.
//!
//! A school receives its photos in one go and uploads them itself, or a vendor carries them on to 学信网. How 学信网 takes
//! them from a vendor is not public, so that nothing is guessed here: whoever has that agreement implements
//! [`HandOver`]. What is known of it holds for every implementation: only approved photos, exactly as they were
//! reviewed, each once, and what was handed over is locked.

use std::path::PathBuf;
use std::sync::Arc;

use delivery::{Delivered, DeliveryError, Item, Shelf, Template};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;
use vendor::Receipt;

use crate::captures::{STANDARD, file};
use crate::database::{Database, Optional as _, Tx, micros, parsed, timestamp};
use crate::fault::Fault;
use crate::photos::Photos;
use crate::{Aside, BackendError, Store, office};

/// So many photos are looked up at once.
const AT_ONCE: u32 = 500;

/// Photos of one school that go together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Counted for each school, from 1.
    pub number: u32,
    /// Its photos, and what a manifest says of them.
    pub items: Vec<Item>,
}

/// Where a batch goes.
pub trait HandOver {
    /// Takes a batch; one that was interrupted comes again, whole, and what was taken before is not taken twice.
    ///
    /// # Errors
    /// [`DeliveryError`]; what was taken stays taken.
    fn take(&self, batch: &Batch, shelf: &dyn Shelf) -> Result<Delivered, DeliveryError>;
}

/// A folder or a zip file for the school, which uploads it itself.
#[derive(Debug, Clone)]
pub struct ForTheSchool {
    /// Batches go into this folder.
    pub to: PathBuf,
    /// One zip file each, not a folder each.
    pub zip: bool,
    /// How photos are named.
    pub naming: Template,
}

impl ForTheSchool {
    /// Where a batch goes.
    pub fn place(&self, number: u32) -> PathBuf {
        let ending = if self.zip { ".zip" } else { "" };
        self.to.join(format!("batch-{number:03}{ending}"))
    }
}

impl HandOver for ForTheSchool {
    fn take(&self, batch: &Batch, shelf: &dyn Shelf) -> Result<Delivered, DeliveryError> {
        let plan = delivery::plan(&self.naming, batch.items.clone());
        delivery::deliver(shelf, plan, &self.place(batch.number), &mut |_| true)
    }
}

/// What became of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// Which batch.
    pub batch: u32,
    /// What was written, what was there, what was left out.
    pub delivered: Delivered,
}

struct Kept<'a> {
    database: &'a Database,
    photos: Arc<dyn Photos>,
    aside: Aside,
}

impl Shelf for Kept<'_> {
    /// Whether it is what was reviewed, the delivery finds out.
    fn photo(&self, item: &Item) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        let Some(kept) = self.database.now(|tx| file(tx, item.id, STANDARD))? else {
            return Ok(None);
        };
        Ok(self.aside.run(self.photos.get(&kept.place))??)
    }
}

/// Hands over what a school's students have approved since its last batch: the batch that was begun and not finished, or
/// a new one. `None`: there is nothing new. With a number that batch, again.
///
/// # Errors
/// [`BackendError::NoSuchSchool`], [`BackendError::NoSuchBatch`], [`BackendError::Delivery`],
/// [`BackendError::Database`].
pub fn deliver(
    store: &Store,
    school_id: &str,
    again: Option<u32>,
    to: &dyn HandOver,
    now: Timestamp,
) -> Result<Option<Handed>, BackendError> {
    let database = office::open(store)?;
    if !database.now(|tx| is_a_school(tx, school_id))? {
        return Err(BackendError::NoSuchSchool(school_id.to_owned()));
    }
    let number = match again {
        Some(number) if database.now(|tx| is_a_batch(tx, school_id, number))? => number,
        Some(number) => return Err(BackendError::NoSuchBatch(number)),
        None => match database.now(|tx| batch(tx, school_id, now))? {
            Some(number) => number,
            None => return Ok(None),
        },
    };
    let items = items(&database, school_id, number)?;
    let shelf = Kept {
        database: &database,
        photos: office::photos(store, &database)?,
        aside: Aside::new()?,
    };
    let delivered = to.take(&Batch { number, items }, &shelf)?;
    if delivered.refused.is_empty() && !delivered.stopped {
        database.now(|tx| finish(tx, school_id, number, now))?;
    }
    Ok(Some(Handed {
        batch: number,
        delivered,
    }))
}

fn is_a_school(tx: &Tx<'_>, school_id: &str) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM schools WHERE id = ?1)";
    Ok(tx.query_row(sql, [school_id], |row| row.get(0))?)
}

fn is_a_batch(tx: &Tx<'_>, school_id: &str, number: u32) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM batches WHERE school_id = ?1 AND number = ?2)";
    Ok(tx.query_row(sql, (school_id, number), |row| row.get(0))?)
}

/// The batch that is not finished, or a new one of every approved photo that is in none.
fn batch(tx: &Tx<'_>, school_id: &str, now: Timestamp) -> Result<Option<u32>, Fault> {
    let open = tx.query_row(
        "SELECT number FROM batches WHERE school_id = ?1 AND done_at IS NULL ORDER BY number LIMIT 1",
        [school_id],
        |row| row.get(0),
    );
    if let Some(open) = open.optional()? {
        return Ok(Some(open));
    }
    let number: u32 = tx.query_row(
        "SELECT coalesce(max(number), 0) + 1 FROM batches WHERE school_id = ?1",
        [school_id],
        |row| row.get(0),
    )?;
    // A photo is in one batch: the table's key sees to that.
    let photos = tx.execute(
        "INSERT INTO batched (record_id, school_id, number)
         SELECT c.record_id, ?1, ?2 FROM captures c JOIN academic_records a ON a.id = c.academic_record_id
         WHERE a.school_id = ?1 AND c.state = 'approved'
             AND NOT EXISTS (SELECT 1 FROM batched b WHERE b.record_id = c.record_id)",
        (school_id, number),
    )?;
    if photos == 0 {
        return Ok(None);
    }
    tx.execute(
        "INSERT INTO batches (school_id, number, made_at) VALUES (?1, ?2, ?3)",
        (school_id, number, micros(now)),
    )?;
    Ok(Some(number))
}

fn finish(tx: &Tx<'_>, school_id: &str, number: u32, now: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "UPDATE batches SET done_at = ?3 WHERE school_id = ?1 AND number = ?2 AND done_at IS NULL",
        (school_id, number, micros(now)),
    )?;
    Ok(())
}

/// A batch's photos, a page at a time: what is kept of each is some kilobytes.
fn items(database: &Database, school_id: &str, number: u32) -> Result<Vec<Item>, Fault> {
    let mut all: Vec<Item> = Vec::new();
    loop {
        let behind = all.last().map_or(Uuid::nil(), |item| item.id);
        let page = database.now(|tx| items_behind(tx, school_id, number, behind))?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// All that is needed of what is kept about a capture.
#[derive(Deserialize)]
struct Shoot {
    shoot_number: String,
}

fn items_behind(tx: &Tx<'_>, school_id: &str, number: u32, behind: Uuid) -> Result<Vec<Item>, Fault> {
    let sql = "SELECT c.record_id, c.standard_sha256, c.about, c.receipt, c.captured_at,
             s.name, s.id, a.id, a.level, a.major, a.year
         FROM batched b JOIN captures c ON c.record_id = b.record_id
             JOIN academic_records a ON a.id = c.academic_record_id JOIN schools s ON s.id = a.school_id
         WHERE b.school_id = ?1 AND b.number = ?2 AND b.record_id > ?3 ORDER BY b.record_id LIMIT ?4";
    let rows = tx.rows(sql, (school_id, number, behind.to_string(), AT_ONCE), |row| {
        let item = Item {
            standard_sha256: row.get(1)?,
            shoot_day: day(timestamp(row.get(4)?)),
            school: row.get(5)?,
            school_id: row.get(6)?,
            academic_record: row.get(7)?,
            level: row.get(8)?,
            major: row.get(9)?,
            year: row.get(10)?,
            ..Item::default()
        };
        let texts: [String; 3] = [row.get(0)?, row.get(2)?, row.get(3)?];
        Ok((item, texts))
    })?;
    rows.into_iter()
        .map(|(item, [id, about, receipt])| {
            Ok(Item {
                id: id
                    .parse()
                    .map_err(|_| Fault::Broken("a stored id cannot be read"))?,
                shoot_number: parsed::<Shoot>(&about)?.shoot_number,
                receipt: Some(parsed::<Receipt>(&receipt)?.receipt_number),
                ..item
            })
        })
        .collect()
}

fn day(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))
        .date()
        .to_string()
}
