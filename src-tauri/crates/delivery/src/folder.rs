//! A delivery as a folder, on a stick or a share.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::manifest::{self, Manifest};
use super::{Delivered, DeliveryError, Plan, Planned, Refused, Shelf, Why, photo, sha256};

/// Writes what is not there yet, then the manifest over all of it.
pub(super) fn write(
    shelf: &dyn Shelf,
    plan: Plan,
    target: &Path,
    done: &mut dyn FnMut(u32) -> bool,
) -> Result<Delivered, DeliveryError> {
    std::fs::create_dir_all(target).map_err(DeliveryError::file(target))?;
    let mut delivered = Delivered {
        refused: plan.refused,
        ..Delivered::default()
    };
    let earlier = std::fs::read(target.join(manifest::TABLE)).unwrap_or_default();
    let mut manifest = Manifest::read(&earlier);
    manifest.retain(|file| target.join(file).is_file());
    let mut trouble = None;
    for planned in &plan.files {
        match write_one(shelf, planned, target) {
            Ok(Ok(new)) => {
                manifest.add(planned);
                if new {
                    delivered.written += 1;
                } else {
                    delivered.there += 1;
                }
            }
            Ok(Err(why)) => delivered.refused.push(Refused {
                id: planned.of.id,
                shoot_number: planned.of.shoot_number.clone(),
                why,
            }),
            // The manifest still tells what is there.
            Err(error) => {
                trouble = Some(error);
                break;
            }
        }
        if !done(manifest::count(&delivered)) {
            delivered.stopped = true;
            break;
        }
    }
    replace(&target.join(manifest::TABLE), &manifest.table()?)?;
    replace(&target.join(manifest::SUMS), &manifest.sums())?;
    match trouble {
        Some(error) => Err(error),
        None => Ok(delivered),
    }
}

/// True where it was written now, false where it was there.
fn write_one(
    shelf: &dyn Shelf,
    planned: &Planned,
    target: &Path,
) -> Result<Result<bool, Why>, DeliveryError> {
    let path = inside(target, &planned.name)?;
    match std::fs::symlink_metadata(&path) {
        Ok(there) if there.is_file() => {
            let bytes = std::fs::read(&path).map_err(DeliveryError::file(&path))?;
            return Ok(if sha256(&bytes) == planned.of.standard_sha256 {
                Ok(false)
            } else {
                Err(Why::Exists(planned.name.clone()))
            });
        }
        Ok(_) => return Ok(Err(Why::Exists(planned.name.clone()))),
        Err(_) => {}
    }
    let Some(bytes) = photo(shelf, &planned.of)? else {
        return Ok(Err(Why::Damaged));
    };
    let folder = path.parent().unwrap_or(target);
    let mut draft = draft_in(folder)?;
    draft
        .write_all(&bytes)
        .and_then(|()| draft.as_file().sync_all())
        .map_err(DeliveryError::file(&path))?;
    name_it(draft, &path)?;
    Ok(Ok(true))
}

/// The file's path, with its folders made; none of them may lead elsewhere.
fn inside(target: &Path, name: &str) -> Result<PathBuf, DeliveryError> {
    let mut path = target.to_owned();
    let mut parts = name.split('/').peekable();
    while let Some(part) = parts.next() {
        path.push(part);
        if parts.peek().is_none() {
            break;
        }
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_symlink() => return Err(DeliveryError::Link(path)),
            Ok(_) => {}
            Err(_) => std::fs::create_dir(&path).map_err(DeliveryError::file(&path))?,
        }
    }
    Ok(path)
}

pub(super) fn draft_in(folder: &Path) -> Result<tempfile::NamedTempFile, DeliveryError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".delivery-");
    // Others read what is delivered: a draft's own rights are for its owner alone.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    builder.tempfile_in(folder).map_err(DeliveryError::file(folder))
}

/// Gives a finished draft its name, never over another file. Sticks formatted for Windows have no hard links, which
/// some systems need to do so in one step; then the look before must do.
fn name_it(draft: tempfile::NamedTempFile, path: &Path) -> Result<(), DeliveryError> {
    let Err(failed) = draft.into_temp_path().persist_noclobber(path) else {
        return Ok(());
    };
    if failed.error.kind() == std::io::ErrorKind::AlreadyExists || path.exists() {
        return Err(DeliveryError::file(path)(failed.error));
    }
    failed
        .path
        .persist(path)
        .map_err(|failed| DeliveryError::file(path)(failed.error))
}

/// Puts the manifest in its place; one that says the same is left alone.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), DeliveryError> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let mut draft = draft_in(path.parent().unwrap_or(path))?;
    draft
        .write_all(bytes)
        .and_then(|()| draft.as_file().sync_all())
        .map_err(DeliveryError::file(path))?;
    draft
        .into_temp_path()
        .persist(path)
        .map_err(|failed| DeliveryError::file(path)(failed.error))
}
