//! The printer as the station is set up with it, wherever its queue is.

use crate::document::Document;
use crate::ipp::Service;
use crate::job::{Pace, Step, watch};
use crate::trouble::Trouble;

/// A printer by name. Looked for anew at each print: one that is plugged in later is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printer {
    name: String,
    server: Option<String>,
}

/// This system's printers by the names of their queues, each with what keeps it from printing, as far as it says so.
///
/// # Errors
/// Why they cannot be listed.
pub async fn printers() -> Result<Vec<(String, Option<Trouble>)>, Trouble> {
    #[cfg(windows)]
    {
        crate::spooler::list().await
    }
    #[cfg(not(windows))]
    {
        printers_at(None).await
    }
}

/// The same at another CUPS than this system's, named as for [`Printer::at`].
///
/// # Errors
/// As [`printers`].
pub async fn printers_at(server: Option<&str>) -> Result<Vec<(String, Option<Trouble>)>, Trouble> {
    let queues = Service::find("auto", server)?.queues().await?;
    Ok(queues
        .into_iter()
        .map(|queue| (queue.name, queue.trouble))
        .collect())
}

impl Printer {
    /// `auto` is the system's default printer, `ipp://HOST[:PORT]/PATH` one that is spoken to without a queue of this
    /// system, everything else the name of a queue. `None` for the empty name: no printer.
    pub fn named(name: &str) -> Option<Printer> {
        let name = name.trim();
        (!name.is_empty()).then(|| Printer {
            name: name.to_owned(),
            server: None,
        })
    }

    /// The same printer at another CUPS than this system's: the path of its socket, or `HOST[:PORT]`.
    #[must_use]
    pub fn at(self, server: impl Into<String>) -> Printer {
        Printer {
            server: Some(server.into()),
            ..self
        }
    }

    /// The name it was set up by.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn service(&self) -> Result<Service, Trouble> {
        Service::find(&self.name, self.server.as_deref())
    }

    /// Whether it would print now, as far as it says so itself, and what it is called.
    ///
    /// # Errors
    /// Why it would not.
    pub async fn look(&self) -> Result<String, Trouble> {
        #[cfg(windows)]
        if !crate::ipp::is_address(&self.name) {
            return crate::spooler::look(&self.name).await;
        }
        let queue = self.service()?.queue(&self.name).await?;
        match queue.trouble {
            Some(trouble) => Err(trouble),
            None => Ok(queue.name),
        }
    }

    /// Prints a page and watches it until it is out, telling each step.
    ///
    /// # Errors
    /// Why no paper came. Nothing of it is left in the queue then.
    pub async fn print(
        &self,
        document: &Document,
        pace: Pace,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<(), Trouble> {
        #[cfg(windows)]
        if !crate::ipp::is_address(&self.name) {
            let job = crate::spooler::submit(&self.name, document).await?;
            return watch(&job, pace, tell).await;
        }
        let service = self.service()?;
        let queue = service.queue(&self.name).await?;
        // A job for a queue that stands still would only lie there. Out of paper is another matter: what a queue says
        // of that is what it saw at its last job.
        if let Some(trouble @ (Trouble::Paused | Trouble::Stopped | Trouble::TakesNone)) = queue.trouble {
            return Err(trouble);
        }
        let job = service.submit(&queue, document).await?;
        watch(&job, pace, tell).await
    }
}
