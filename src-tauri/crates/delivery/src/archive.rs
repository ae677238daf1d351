//! A delivery as one zip file. Photos are stored as they are: a JPEG cannot be made smaller.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::folder::draft_in;
use super::manifest::{self, Manifest};
use super::{Delivered, DeliveryError, Plan, Planned, Refused, Shelf, Why, photo, sha256};

/// Writes a file of everything approved: what an earlier one of this name holds, and what is new. It takes the earlier
/// one's place only when it is complete, and not at all where nothing is new.
pub(super) fn write(
    shelf: &dyn Shelf,
    plan: Plan,
    target: &Path,
    done: &mut dyn FnMut(u32) -> bool,
) -> Result<Delivered, DeliveryError> {
    let broken = |why: String| DeliveryError::Form {
        path: target.to_owned(),
        why,
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(DeliveryError::file(folder))?;
    let earlier = Earlier::read(target)?;
    earlier.agrees(&plan, target)?;
    let mut delivered = Delivered {
        refused: plan.refused,
        ..Delivered::default()
    };
    let mut manifest = earlier.manifest;
    manifest.retain(|file| earlier.photos.contains_key(file));
    // The same photos make the same file, byte for byte: no time of writing in it.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let draft = draft_in(folder)?;
    let mut zip = ZipWriter::new(BufWriter::new(draft.as_file()));
    let mut old = earlier.zip;
    let new: BTreeMap<&str, &Planned> = plan
        .files
        .iter()
        .map(|planned| (planned.name.as_str(), planned))
        .collect();
    let all: BTreeSet<&str> = earlier
        .photos
        .keys()
        .map(String::as_str)
        .chain(new.keys().copied())
        .collect();
    for name in all {
        let planned = new.get(name);
        // What was delivered stays delivered, also where its photo is here no more.
        if let Some(old) = old.as_mut().filter(|_| earlier.photos.contains_key(name)) {
            let entry = old.by_name(name).map_err(|error| broken(error.to_string()))?;
            zip.raw_copy_file(entry)
                .map_err(|error| broken(error.to_string()))?;
            delivered.there += u32::from(planned.is_some());
        } else if let Some(planned) = planned {
            let Some(bytes) = photo(shelf, &planned.of)? else {
                delivered.refused.push(Refused {
                    id: planned.of.id,
                    shoot_number: planned.of.shoot_number.clone(),
                    why: Why::Damaged,
                });
                continue;
            };
            zip.start_file(name, options)
                .map_err(|error| broken(error.to_string()))?;
            zip.write_all(&bytes).map_err(DeliveryError::file(target))?;
            delivered.written += 1;
        }
        if let Some(planned) = planned {
            manifest.add(planned);
        }
        if !done(manifest::count(&delivered)) {
            // Half a file is none: what stood there before stays.
            return Ok(Delivered {
                stopped: true,
                refused: delivered.refused,
                ..Delivered::default()
            });
        }
    }
    for (name, bytes) in [
        (manifest::TABLE, manifest.table()?),
        (manifest::SUMS, manifest.sums()),
    ] {
        zip.start_file(name, options)
            .map_err(|error| broken(error.to_string()))?;
        zip.write_all(&bytes).map_err(DeliveryError::file(target))?;
    }
    let flushed = zip
        .finish()
        .map_err(|error| broken(error.to_string()))?
        .into_inner();
    flushed
        .map_err(std::io::IntoInnerError::into_error)
        .and_then(File::sync_all)
        .map_err(DeliveryError::file(target))?;
    drop(old);
    if delivered.written > 0 || !target.exists() {
        draft
            .into_temp_path()
            .persist(target)
            .map_err(|failed| DeliveryError::file(target)(failed.error))?;
    }
    Ok(delivered)
}

/// What a file of this name holds already.
#[derive(Default)]
struct Earlier {
    zip: Option<ZipArchive<BufReader<File>>>,
    /// Photos and the hashes of their contents.
    photos: BTreeMap<String, String>,
    manifest: Manifest,
}

impl Earlier {
    /// A photo under a name that is to be delivered must be that very photo.
    fn agrees(&self, plan: &Plan, target: &Path) -> Result<(), DeliveryError> {
        let other = plan.files.iter().find(|planned| {
            let there = self.photos.get(&planned.name);
            there.is_some_and(|sha256| *sha256 != planned.of.standard_sha256)
        });
        match other {
            None => Ok(()),
            Some(planned) => Err(DeliveryError::Other {
                path: target.to_owned(),
                name: planned.name.clone(),
            }),
        }
    }

    fn read(path: &Path) -> Result<Earlier, DeliveryError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Earlier::default()),
            Err(error) => return Err(DeliveryError::file(path)(error)),
        };
        let broken = |error: zip::result::ZipError| DeliveryError::Form {
            path: path.to_owned(),
            why: format!("this is no zip file of ours ({error}); choose another name"),
        };
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        let mut earlier = Earlier::default();
        for place in 0..zip.len() {
            let mut entry = zip.by_index(place).map_err(broken)?;
            let name = entry.name().map_err(broken)?.into_owned();
            // A photo has at most some tens of kilobytes: what says it has more is not read to its end.
            let mut bytes = Vec::new();
            (&mut entry)
                .take(LARGEST_ENTRY)
                .read_to_end(&mut bytes)
                .map_err(DeliveryError::file(path))?;
            match name.as_str() {
                manifest::TABLE => earlier.manifest = Manifest::read(&bytes),
                manifest::SUMS => {}
                _ => {
                    earlier.photos.insert(name, sha256(&bytes));
                }
            }
        }
        earlier.zip = Some(zip);
        Ok(earlier)
    }
}

/// No photo, and no manifest of a hundred thousand, is larger.
const LARGEST_ENTRY: u64 = 64 << 20;
