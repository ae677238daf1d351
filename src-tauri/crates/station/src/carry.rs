//! Carrying records by hand: a bundle out, a bundle or a file of receipts in.
//!
//! A bundle is sealed to the vendor (`vendor::bundle`), whose backend takes it by `vendor-backend import FILE`; the
//! receipts come back as a file, or with the next sync. A station that was named when the bundle was written (its
//! [`recipient`]) can open it, too: it takes the records over and sends them as its own. The backend counts each
//! record once, whoever brings it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek};
use std::path::{Path, PathBuf};

use fail::fail_point;
use jiff::Timestamp;
use records::{AttemptResult, Carry, HistoryRow, Parcel, RecordId, RecordState, RecordsError, Store, Taken};
use vendor::api::Photo;
use vendor::bundle::{self, BundleError, Entry, Identity, Kind, Reader, Recipient, Writer};
use vendor::{Profile, PublicKey, Receipt, StationKey};

use crate::station::{from_hex, setting};
use crate::sync;

/// Why nothing was carried.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The records.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The vendor's recipient is not known.
    #[error(
        "this station does not know yet to whom its vendor's bundles are sealed: connect it to the backend once"
    )]
    NoRecipient,
    /// Another vendor's.
    #[error("this bundle is for another vendor than this station's; nothing was taken")]
    OtherVendor,
    /// Receipts of a backend that is not this station's.
    #[error("these receipts are not signed by this station's vendor; nothing was taken")]
    ForeignReceipts,
    /// It was stopped; no file was left.
    #[error("stopped; no file was left")]
    Stopped,
    /// Never overwritten.
    #[error("{} exists already; choose another name", .0.display())]
    FileExists(PathBuf),
    /// The file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl CarryError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> CarryError {
        let path = path.to_owned();
        move |source| CarryError::File { path, source }
    }
}

/// What a bundle took out or brought in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// Records written or taken over.
    pub records: Vec<RecordId>,
    /// Records that were here already and stay as they are.
    pub already: Vec<RecordId>,
    /// Records not taken, and why.
    pub refused: Vec<(RecordId, &'static str)>,
}

/// What a file brought in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    /// Records of another station.
    Records(Carried),
    /// Receipts: for records that are here, and for others.
    Receipts {
        /// Records of this station that have their receipt now or had it before.
        taken: Vec<RecordId>,
        /// Receipts for records that are not here.
        elsewhere: usize,
    },
}

/// This station's own recipient, for bundles that it is to take over. Made at the first time.
///
/// # Errors
/// When the records cannot be read or written.
pub fn recipient(store: &mut Store) -> records::Result<Recipient> {
    Ok(identity(store)?.recipient())
}

fn identity(store: &mut Store) -> records::Result<Identity> {
    let kept = store.setting(setting::BUNDLE_IDENTITY)?;
    if let Some(identity) = kept.as_deref().and_then(Identity::from_text) {
        return Ok(identity);
    }
    let identity = Identity::generate();
    store.set_setting(setting::BUNDLE_IDENTITY, Some(&identity.to_text()))?;
    Ok(identity)
}

fn receipt_key(store: &Store) -> records::Result<Option<PublicKey>> {
    let kept = store.setting(setting::RECEIPT_KEY)?;
    Ok(kept
        .and_then(|text| from_hex(&text))
        .and_then(|bytes| PublicKey::from_bytes(&bytes).ok()))
}

/// To whom this station's vendor has its bundles sealed.
fn vendor_recipient(store: &Store) -> Result<Recipient, CarryError> {
    let profile = store
        .setting(setting::PROFILE)?
        .and_then(|text| serde_json::from_str::<Profile>(&text).ok());
    let left = store.setting(setting::BUNDLE_RECIPIENT)?;
    let vouched = profile
        .and_then(|profile| profile.bundle_recipient)
        .or_else(|| left.and_then(|text| serde_json::from_str(&text).ok()));
    match (vouched, receipt_key(store)?) {
        (Some(vouched), Some(key)) => vouched.verified(&key).ok_or(CarryError::NoRecipient),
        _ => Err(CarryError::NoRecipient),
    }
}

/// Whether it is known to whom a bundle would be sealed.
///
/// # Errors
/// When the records cannot be read.
pub fn can_export(store: &Store) -> records::Result<bool> {
    match vendor_recipient(store) {
        Ok(_) => Ok(true),
        Err(CarryError::Records(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// What a file brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parcels {
    /// Records.
    Bundle,
    /// Receipts.
    Receipts,
}

/// What a file would bring; `None` for one that is neither a bundle nor receipts.
///
/// # Errors
/// When it cannot be read.
pub fn kind_of(path: &Path) -> std::io::Result<Option<Parcels>> {
    let mut beginning = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut beginning)?;
    Ok(Kind::of(&beginning).map(|kind| match kind {
        Kind::Bundle => Parcels::Bundle,
        Kind::Receipts => Parcels::Receipts,
    }))
}

/// Writes a bundle, sealed to the vendor and to the stations named. The records stay here and keep waiting. The file
/// appears only when it is complete; an existing one is never replaced.
///
/// # Errors
/// [`CarryError`].
pub fn export(
    store: &mut Store,
    path: &Path,
    which: &Carry,
    also: &[Recipient],
    now: Timestamp,
) -> Result<Carried, CarryError> {
    export_told(store, path, which, also, now, &mut |_| true)
}

/// As [`export`]; `done` is told how many records are in the bundle, and ends the work by `false`.
///
/// # Errors
/// [`CarryError`]; [`CarryError::Stopped`] where it was ended.
pub fn export_told(
    store: &mut Store,
    path: &Path,
    which: &Carry,
    also: &[Recipient],
    now: Timestamp,
    done: &mut dyn FnMut(u32) -> bool,
) -> Result<Carried, CarryError> {
    let path = std::path::absolute(path).map_err(CarryError::file(path))?;
    if path.exists() {
        return Err(CarryError::FileExists(path));
    }
    let vendor = vendor_recipient(store)?;
    let key = store
        .setting(setting::STATION_KEY)?
        .and_then(|text| from_hex(&text))
        .map(|seed| StationKey::from_bytes(&seed))
        .ok_or(CarryError::NoRecipient)?;
    let ids = store.to_carry(which)?;
    let unfinished = tempfile::Builder::new()
        .prefix(".bundle-")
        .tempfile_in(path.parent().unwrap_or(Path::new("/")))
        .map_err(CarryError::file(&path))?;
    let output = BufWriter::new(unfinished.as_file());
    let mut bundle = Writer::begin(output, &vendor, also, key.public_key(), now)?;
    for (count, id) in (1..).zip(&ids) {
        bundle.add(&entry(store, *id)?)?;
        if !done(count) {
            return Err(CarryError::Stopped);
        }
    }
    let flushed = bundle.finish(&key)?.into_inner();
    flushed
        .map_err(std::io::IntoInnerError::into_error)
        .and_then(std::fs::File::sync_all)
        .map_err(CarryError::file(&path))?;
    fail_point!("export.copied");
    unfinished
        .into_temp_path()
        .persist_noclobber(&path)
        .map_err(|failed| match failed.error.kind() {
            std::io::ErrorKind::AlreadyExists => CarryError::FileExists(path.clone()),
            _ => CarryError::file(&path)(failed.error),
        })?;
    fail_point!("export.named");
    store.note_exported(&ids, now)?;
    Ok(Carried {
        records: ids,
        ..Carried::default()
    })
}

fn entry(store: &Store, id: RecordId) -> Result<Entry, CarryError> {
    let parcel = store.parcel(id)?;
    let report = store.report(id)?;
    let history = parcel.history.into_iter().map(out).collect();
    let standard = Photo::new(sync::STANDARD_TYPE, parcel.standard);
    let original = Photo::new(sync::original_type(&parcel.original), parcel.original);
    Ok(Entry {
        record_id: id.uuid(),
        capture: sync::captured(store.outgoing(id)?, standard, original, report),
        history,
        papers: parcel.papers,
    })
}

fn out(row: HistoryRow) -> bundle::HistoryRow {
    bundle::HistoryRow {
        at: row.at,
        subject: row.subject,
        actor: row.actor,
        what: row.what,
        state: row.state,
        detail: row.detail,
        previous: row.previous,
        hash: row.hash,
    }
}

fn back(row: bundle::HistoryRow) -> HistoryRow {
    HistoryRow {
        at: row.at,
        subject: row.subject,
        actor: row.actor,
        what: row.what,
        state: row.state,
        detail: row.detail,
        previous: row.previous,
        hash: row.hash,
    }
}

/// Takes a file in: a bundle sealed to this station, or receipts from the vendor. Doing so twice changes nothing.
///
/// # Errors
/// [`CarryError`]: nothing of the file was taken, but for a disk that fails between two records (taking it in again
/// goes on from there).
pub fn import(store: &mut Store, path: &Path, now: Timestamp) -> Result<Brought, CarryError> {
    let mut file = File::open(path).map_err(CarryError::file(path))?;
    let mut beginning = Vec::new();
    (&mut file)
        .take(64)
        .read_to_end(&mut beginning)
        .and_then(|_| file.rewind())
        .map_err(CarryError::file(path))?;
    match Kind::of(&beginning) {
        Some(Kind::Bundle) => take_bundle(store, &mut file, path, now).map(Brought::Records),
        Some(Kind::Receipts) => take_receipts(store, &file, now),
        None => Err(BundleError::NotABundle.into()),
    }
}

fn take_bundle(
    store: &mut Store,
    file: &mut File,
    path: &Path,
    now: Timestamp,
) -> Result<Carried, CarryError> {
    let vendor = vendor_recipient(store)?;
    let identity = identity(store)?;
    // Once through to the end, before the first record is taken.
    let (head, _) = bundle::check(BufReader::new(&*file), &identity)?;
    if head.vendor != vendor.to_string() {
        return Err(CarryError::OtherVendor);
    }
    file.rewind().map_err(CarryError::file(path))?;
    let receipt_key = receipt_key(store)?;
    let from = format!("from the station with key {}", head.station_key.key_id());
    let mut bundle = Reader::open(BufReader::new(&*file), &identity)?;
    let mut carried = Carried::default();
    while let Some(entry) = bundle.next_entry()? {
        let parcel = Parcel {
            id: entry.record_id.into(),
            papers: entry.papers,
            history: entry.history.into_iter().map(back).collect(),
            original: entry.capture.original.bytes.0,
            standard: entry.capture.standard.bytes.0,
        };
        let id = parcel.id;
        if !receipt_is_genuine(&parcel, receipt_key.as_ref()) {
            carried
                .refused
                .push((id, "its receipt is not signed by this station's vendor"));
            continue;
        }
        match store.take(&parcel, &from, now)? {
            Taken::New => carried.records.push(id),
            Taken::Already => carried.already.push(id),
            Taken::Refused(why) => carried.refused.push((id, why)),
        }
    }
    Ok(carried)
}

/// A record that says it is delivered would be deleted after its retention: only the vendor's word counts.
fn receipt_is_genuine(parcel: &Parcel, key: Option<&PublicKey>) -> bool {
    if !parcel.state().is_some_and(RecordState::has_receipt) {
        return true;
    }
    let receipt = parcel
        .receipt()
        .and_then(|bytes| serde_json::from_slice::<Receipt>(&bytes).ok());
    matches!((receipt, key), (Some(receipt), Some(key))
        if receipt.verifies(key)
            && receipt.record_id == parcel.id.uuid()
            && receipt.standard_sha256 == vendor::api::sha256_hex(&parcel.standard))
}

fn take_receipts(store: &mut Store, file: &File, now: Timestamp) -> Result<Brought, CarryError> {
    let receipts = bundle::read_receipts(file)?;
    let key = receipt_key(store)?.ok_or(CarryError::ForeignReceipts)?;
    if !receipts.iter().all(|receipt| receipt.verifies(&key)) {
        return Err(CarryError::ForeignReceipts);
    }
    let (mut taken, mut elsewhere) = (BTreeSet::new(), 0);
    for receipt in receipts {
        let id = RecordId::from(receipt.record_id);
        match store.finish_attempt(id, AttemptResult::Delivered(sync::kept(&receipt)), now) {
            Ok(state) if state.has_receipt() => {
                taken.insert(id);
            }
            Ok(_) => {}
            Err(RecordsError::NotFound(_)) => elsewhere += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Brought::Receipts {
        taken: taken.into_iter().collect(),
        elsewhere,
    })
}
