//! Bundles carried by hand: the way in beside the network, with the same rules and the same receipts.

use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;
use vendor::Receipt;
use vendor::bundle::{self, Entry, Reader};
use vendor::problem::{Problem, ProblemCode};

use crate::captures::{self, Incoming};
use crate::fault::Fault;
use crate::stations::{Station, that_made};
use crate::{Aside, BackendError, BackendOptions, Service};

/// What a bundle brought.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Captures taken now.
    pub taken: Vec<Uuid>,
    /// Captures that were here already, by the network or an earlier bundle.
    pub already: Vec<Uuid>,
    /// Captures that are not taken, and why; the network would have answered the same.
    pub refused: Vec<(Uuid, Problem)>,
    /// The receipts of all that are here now, to be carried back.
    pub receipts: Vec<Receipt>,
}

/// Takes a bundle that is sealed to the backend whose folder the options name. The backend may serve meanwhile. Taking
/// it twice, or after the network has delivered its records, changes nothing and gives the same receipts.
///
/// # Errors
/// [`BackendError::Bundle`], [`BackendError::UnknownStation`]: nothing was taken. [`BackendError::Database`]: what was
/// taken before stays, and taking it again goes on from there.
pub fn import(options: BackendOptions, path: &Path) -> Result<Imported, BackendError> {
    let (service, identity) = Service::open(options, "", "")?;
    let service = Arc::new(service);
    let io = |source| BackendError::Io {
        what: path.display().to_string(),
        source,
    };
    let mut file = File::open(path).map_err(io)?;
    // Once through to the end, before the first record is taken.
    let (head, _) = bundle::check(BufReader::new(&file), &identity)?;
    let station = service
        .database
        .now(|tx| that_made(tx, &head.station_key))?
        .ok_or(BackendError::UnknownStation)?;
    file.rewind().map_err(io)?;
    let mut bundle = Reader::open(BufReader::new(&file), &identity)?;
    let mut imported = Imported::default();
    let aside = Aside::new()?;
    while let Some(entry) = bundle.next_entry()? {
        let record_id = entry.record_id;
        match aside.run(take(&service, &station, entry))? {
            Ok((receipt, true)) => {
                imported.taken.push(record_id);
                imported.receipts.push(receipt);
            }
            Ok((receipt, false)) => {
                imported.already.push(record_id);
                imported.receipts.push(receipt);
            }
            Err(Fault::Problem(problem)) => imported.refused.push((record_id, *problem)),
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(imported)
}

async fn take(service: &Arc<Service>, station: &Station, entry: Entry) -> Result<(Receipt, bool), Fault> {
    captures::examine(&entry.capture)?;
    if !bundle::is_whole(&entry.history, entry.record_id) {
        return Err(Problem::new(ProblemCode::InvalidRequest)
            .detail("its history was changed")
            .into());
    }
    let incoming = Incoming {
        record_id: entry.record_id,
        capture: entry.capture,
        history: Some(entry.history),
    };
    let (accepted, new) = captures::bring(service, station.clone(), incoming).await?;
    Ok((accepted.receipt, new))
}
