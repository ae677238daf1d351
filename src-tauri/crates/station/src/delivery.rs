//! Delivery to the school from this station's own records; see the crate `delivery`.

use std::path::Path;

use ::delivery::{Item, Shelf};
use records::{Deliverable, PhotoKind, RecordId, RecordsError, Store};

pub(crate) use ::delivery::cell;
pub use ::delivery::{
    DEFAULT, Delivered, DeliveryError, FIELDS, Plan, Planned, Refused, Template, TemplateError, Why,
    is_archive,
};

/// The records' photos.
struct Records<'a>(&'a Store);

impl Shelf for Records<'_> {
    fn photo(&self, item: &Item) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        match self
            .0
            .photo_with_hash(RecordId::from(item.id), PhotoKind::Standard)
        {
            Ok((bytes, _)) => Ok(Some(bytes)),
            // Purged since the plan was made, or not as submitted.
            Err(RecordsError::Damaged { .. } | RecordsError::Purged(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn item(of: Deliverable) -> Item {
    Item {
        id: of.id.uuid(),
        shoot_number: of.shoot_number,
        shoot_day: of.shoot_day,
        code_tag: Some(of.code_tag),
        school: of.school,
        school_id: of.school_id,
        academic_record: of.academic_record,
        level: of.level,
        major: of.major,
        year: of.year,
        receipt: of.receipt,
        standard_sha256: of.standard_sha256,
    }
}

/// Names every approved record. Those that cannot be named, or not by a name of their own, are told apart.
///
/// # Errors
/// Only database errors.
pub fn plan(store: &Store, template: &Template) -> records::Result<Plan> {
    let approved = store.deliverables()?;
    Ok(::delivery::plan(
        template,
        approved.into_iter().map(item).collect(),
    ))
}

/// The records cannot be read.
pub(crate) fn broken(error: RecordsError) -> DeliveryError {
    DeliveryError::Shelf(error.into())
}

/// Delivers into `target`: a zip file where its name ends in `.zip`, a folder otherwise. `done` is told how many files
/// are over and ends the work by `false`.
///
/// # Errors
/// [`DeliveryError`]; files written before it stay, and the next delivery goes on behind them.
pub fn deliver(
    store: &Store,
    template: &Template,
    target: &Path,
    done: &mut dyn FnMut(u32) -> bool,
) -> Result<Delivered, DeliveryError> {
    let plan = plan(store, template).map_err(broken)?;
    ::delivery::deliver(&Records(store), plan, target, done)
}
