//! Photos are written down when they are taken, long before anybody submits one: whoever submits then waits for a few
//! rows and not for a megabyte.
//!
//! What is written is sealed (AES-256-GCM) under a key of its own that stays in memory. [`Store::submit_set_aside`] puts
//! that key beside the photo in the record's one transaction; without it, which is how every cancelled visit, crash and
//! power cut ends, nobody can read the picture again, with the database's key either, wherever a disk may have left it.
//! Its rows go with the visit's end, or at the next start.

use std::fmt;

use fail::fail_point;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rusqlite::{Connection, MAIN_DB, OptionalExtension, Transaction, params};
use zeroize::Zeroizing;

use crate::open::write;
use crate::queue::sha256;
use crate::{PhotoKind, RecordId, RecordsError, Result, Store, VisitId};

/// One shot's photos as they wait in the records for being chosen. Dropping it makes them unreadable for ever.
pub struct SetAside {
    pub(crate) original: Sealed,
    pub(crate) standard: Sealed,
}

impl fmt::Debug for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetAside(…)")
    }
}

/// One picture's row and the only key to it.
pub(crate) struct Sealed {
    pub(crate) picture: i64,
    pub(crate) sha256: String,
    pub(crate) key: Zeroizing<[u8; 32]>,
}

impl Sealed {
    /// Is this picture still here and nobody's photo yet, and was it written from the very bytes with this hash?
    fn holds(&self, tx: &Transaction<'_>, hash: &str) -> Result<bool> {
        let written: Option<String> = tx
            .prepare_cached(
                "SELECT sha256 FROM picture WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM photo WHERE picture_id = ?1)",
            )?
            .query_row([self.picture], |row| row.get(0))
            .optional()?;
        Ok(self.sha256 == hash && written.as_deref() == Some(hash))
    }
}

impl Store {
    /// Writes a shot's photos down, sealed, while its visit is under way; on the disk when this returns. They are
    /// nothing's photos until [`Store::submit_set_aside`], and deleted when the visit ends.
    ///
    /// # Errors
    /// [`RecordsError::NoSuchVisit`] when the visit is over; write errors: the photos can still be submitted whole.
    pub fn set_aside(&mut self, visit: VisitId, original: &[u8], standard: &[u8]) -> Result<SetAside> {
        let (original, standard) = (sealed(original)?, sealed(standard)?);
        let tx = write(&mut self.db)?;
        let under_way: bool = tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM visit WHERE id = ?1 AND ended_at IS NULL)")?
            .query_row([visit.0], |row| row.get(0))?;
        if !under_way {
            return Err(RecordsError::NoSuchVisit);
        }
        let put = |(key, hash, bytes): (Zeroizing<[u8; 32]>, String, Vec<u8>)| -> Result<Sealed> {
            tx.prepare_cached("INSERT INTO picture (visit_id, sha256, sealed) VALUES (?1, ?2, ?3)")?
                .execute(params![visit.0, hash, bytes])?;
            fail_point!("picture.written");
            Ok(Sealed {
                picture: tx.last_insert_rowid(),
                sha256: hash,
                key,
            })
        };
        let aside = SetAside {
            original: put(original)?,
            standard: put(standard)?,
        };
        fail_point!("picture.committing", |_| Err(RecordsError::DiskFull));
        tx.commit()?;
        fail_point!("picture.committed");
        Ok(aside)
    }
}

/// The photo's bytes under a new key, with that key and the photo's hash.
fn sealed(photo: &[u8]) -> Result<(Zeroizing<[u8; 32]>, String, Vec<u8>)> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut_slice()).map_err(|_| RecordsError::Random)?;
    let mut bytes = Vec::with_capacity(photo.len() + AES_256_GCM.tag_len());
    bytes.extend_from_slice(photo);
    lock(key.as_slice())
        .and_then(|lock| {
            lock.seal_in_place_append_tag(only_nonce(), Aad::empty(), &mut bytes)
                .ok()
        })
        .ok_or(RecordsError::BadInput("a photo too large to be sealed"))?;
    Ok((key, sha256(photo), bytes))
}

/// `None` when the key is none or another's, or the bytes are not those that were sealed.
fn opened(key: &[u8], mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let length = lock(key)?
        .open_in_place(only_nonce(), Aad::empty(), &mut bytes)
        .ok()?
        .len();
    bytes.truncate(length);
    Some(bytes)
}

fn lock(key: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

/// Each key seals one picture, once.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// A photo that is submitted: its hash and its bytes.
pub(crate) type Shown<'a> = (&'a str, &'a [u8]);

/// Keeps a record's photos: those set aside, if they are still here and hold what the student was shown, whole ones
/// otherwise.
pub(crate) fn keep(
    tx: &Transaction<'_>,
    id: &str,
    aside: Option<&SetAside>,
    original: Shown<'_>,
    standard: Shown<'_>,
) -> Result<()> {
    if let Some(aside) = aside {
        if aside.original.holds(tx, original.0)? && aside.standard.holds(tx, standard.0)? {
            refer(tx, id, PhotoKind::Original, &aside.original)?;
            return refer(tx, id, PhotoKind::Standard, &aside.standard);
        }
        tracing::warn!("photos set aside are not those submitted; these are kept whole");
    }
    keep_whole(tx, id, PhotoKind::Original, original)?;
    keep_whole(tx, id, PhotoKind::Standard, standard)
}

fn refer(tx: &Transaction<'_>, id: &str, kind: PhotoKind, sealed: &Sealed) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO photo (record_id, kind, sha256, bytes, picture_id, picture_key)
         VALUES (?1, ?2, ?3, x'', ?4, ?5)",
    )?
    .execute(params![
        id,
        kind.as_str(),
        sealed.sha256,
        sealed.picture,
        sealed.key.as_slice()
    ])?;
    fail_point!("submit.picture-taken");
    Ok(())
}

/// Keeps a photo with its bytes.
pub(crate) fn keep_whole(
    tx: &Transaction<'_>,
    id: &str,
    kind: PhotoKind,
    (hash, bytes): Shown<'_>,
) -> Result<()> {
    tx.prepare_cached("INSERT INTO photo (record_id, kind, sha256, bytes) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, kind.as_str(), hash, bytes])?;
    fail_point!("photo.written");
    Ok(())
}

/// Deletes what was set aside in a visit and became nobody's photo.
pub(crate) fn drop_unsubmitted(tx: &Transaction<'_>, visit: i64) -> Result<()> {
    tx.prepare_cached(
        "DELETE FROM picture WHERE visit_id = ?1
             AND NOT EXISTS (SELECT 1 FROM photo f WHERE f.picture_id = picture.id)",
    )?
    .execute([visit])?;
    Ok(())
}

/// Deletes a record's photos, wherever their bytes are. Returns how many of the pictures are left.
pub(crate) fn delete_photos(tx: &Transaction<'_>, id: &str) -> Result<usize> {
    let pictures: Vec<i64> = tx
        .prepare_cached("SELECT picture_id FROM photo WHERE record_id = ?1 AND picture_id IS NOT NULL")?
        .query_map([id], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    tx.prepare_cached("DELETE FROM photo WHERE record_id = ?1")?
        .execute([id])?;
    let mut deleted = 0;
    for picture in &pictures {
        deleted += tx
            .prepare_cached("DELETE FROM picture WHERE id = ?1")?
            .execute([picture])?;
    }
    Ok(pictures.len() - deleted)
}

/// Where a photo's bytes are and what they must be.
pub(crate) struct Whereabouts {
    row: i64,
    sha256: String,
    /// The picture that holds them with the key to it.
    picture: Option<(i64, Zeroizing<Vec<u8>>)>,
}

impl Whereabouts {
    /// What a statement selects for them. A database of an older form, which can be looked at and not changed, has all
    /// photos' bytes beside them.
    pub(crate) fn columns(db: &Connection) -> Result<&'static str> {
        Ok(if has_pictures(db)? {
            "f.rowid, f.sha256, f.picture_id, coalesce(f.picture_key, x'')"
        } else {
            "f.rowid, f.sha256, NULL, x''"
        })
    }

    /// Reads them off a row, from column `first` on.
    pub(crate) fn read(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Whereabouts> {
        let key: Vec<u8> = row.get(first + 3)?;
        let picture: Option<i64> = row.get(first + 2)?;
        Ok(Whereabouts {
            row: row.get(first)?,
            sha256: row.get(first + 1)?,
            picture: picture.map(|picture| (picture, Zeroizing::new(key))),
        })
    }

    /// The photo's bytes and the hash they were just proven by; `None`: they are not those that were submitted.
    pub(crate) fn photo(self, db: &Connection) -> Result<Option<Proven>> {
        let bytes = match &self.picture {
            None => Some(bytes(db, "photo", "bytes", self.row)?),
            Some((picture, key)) => db
                .prepare_cached("SELECT 1 FROM picture WHERE id = ?1")?
                .exists([picture])?
                .then(|| bytes(db, "picture", "sealed", *picture))
                .transpose()?
                .and_then(|sealed| opened(key, sealed)),
        };
        Ok(bytes
            .filter(|bytes| sha256(bytes) == self.sha256)
            .map(|bytes| (bytes, self.sha256)))
    }
}

/// Straight from the pages: as a statement's value a photo would be copied once more.
fn bytes(db: &Connection, table: &str, column: &str, row: i64) -> Result<Vec<u8>> {
    let blob = db.blob_open(MAIN_DB, table, column, row, true)?;
    let mut bytes = vec![0; blob.len()];
    blob.read_at_exact(&mut bytes, 0)?;
    Ok(bytes)
}

pub(crate) fn has_pictures(db: &Connection) -> Result<bool> {
    Ok(db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'picture')")?
        .query_row([], |row| row.get(0))?)
}

/// A photo as it was submitted: its bytes and their hash.
pub(crate) type Proven = (Vec<u8>, String);

/// One of a record's photos; `None` where it has none of this kind.
///
/// # Errors
/// [`RecordsError::Damaged`] when the bytes are not those that were submitted.
pub(crate) fn photo(db: &Connection, id: RecordId, kind: PhotoKind) -> Result<Option<Proven>> {
    let columns = Whereabouts::columns(db)?;
    let found = db
        .prepare_cached(&format!(
            "SELECT {columns} FROM photo f WHERE f.record_id = ?1 AND f.kind = ?2"
        ))?
        .query_row([id.to_string().as_str(), kind.as_str()], |row| {
            Whereabouts::read(row, 0)
        })
        .optional()?;
    let Some(found) = found else { return Ok(None) };
    let proven = found.photo(db)?;
    proven.map(Some).ok_or_else(|| {
        RecordsError::damaged(format!(
            "the {} photo of record {id} is not as submitted",
            kind.as_str()
        ))
    })
}
