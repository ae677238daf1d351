//! The spooler of Windows, by Windows PowerShell, which every Windows since 7 brings along: its .NET prints a picture
//! without any dialog, and its cmdlets tell how printers and jobs are. No driver takes a PDF as it is.

#[cfg(windows)]
pub(crate) use run::{list, look, submit};

use crate::job::Seen;
use crate::trouble::Trouble;

/// What a printer's status word says (`PRINTER_STATUS_…` of `winspool.h`), most telling first.
const PRINTER: [(u32, Trouble); 12] = [
    (0x0000_0008, Trouble::Jam),
    (0x0040_0000, Trouble::Open),
    (0x0000_0010, Trouble::OutOfPaper),
    (0x0000_0040, Trouble::OutOfPaper),
    (0x0004_0000, Trouble::OutOfInk),
    (0x0000_0800, Trouble::Jam),
    (0x0000_0080, Trouble::Offline),
    (0x0000_1000, Trouble::Offline),
    (0x0000_0001, Trouble::Paused),
    (0x0010_0000, Trouble::Stopped),
    (0x0000_0002, Trouble::Stopped),
    (0x0000_0004, Trouble::NoPrinter),
];

/// What a job's status word says keeps it waiting (`JOB_STATUS_…`).
const WAITS: [(u32, Trouble); 6] = [
    (0x0040, Trouble::OutOfPaper),
    (0x0020, Trouble::Offline),
    (0x0001, Trouble::Paused),
    (0x0400, Trouble::Stopped),
    (0x0200, Trouble::Stopped),
    (0x0002, Trouble::Stopped),
];

const DELETED: u32 = 0x0004 | 0x0100;
const PRINTED: u32 = 0x0080 | 0x1000;

pub(crate) fn printer_trouble(status: u32) -> Option<Trouble> {
    first(&PRINTER, status)
}

/// What is seen of a job by the status words of its printer and its own; `None`: it is not in the queue any more, which
/// on Windows means that it was printed.
pub(crate) fn seen(printer: u32, job: Option<u32>) -> Seen {
    match job {
        None => Seen::Done,
        Some(job) if job & PRINTED != 0 => Seen::Done,
        Some(job) if job & DELETED != 0 => Seen::Ended(Trouble::Cancelled),
        Some(job) => Seen::UnderWay(first(&WAITS, job).or(printer_trouble(printer))),
    }
}

fn first(table: &[(u32, Trouble)], status: u32) -> Option<Trouble> {
    table
        .iter()
        .find(|(bit, _)| status & bit != 0)
        .map(|(_, trouble)| *trouble)
}

#[cfg(windows)]
mod run {
    use std::io::Write as _;
    use std::process::Stdio;
    use std::time::Duration;

    use base64::Engine as _;
    use serde_json::Value;
    use tokio::process::Command;

    use super::{printer_trouble, seen};
    use crate::document::{Document, Form};
    use crate::job::{Job, Seen};
    use crate::trouble::Trouble;

    const SCRIPT: &str = include_str!("spooler.ps1");
    /// A first start of PowerShell takes seconds; handing a page over takes some more.
    const PATIENCE: Duration = Duration::from_secs(60);
    /// `CREATE_NO_WINDOW`: a kiosk shows no console.
    const NO_WINDOW: u32 = 0x0800_0000;

    /// As PowerShell wants a script in an argument: UTF-16, in base64. Half of a command line's room is enough for it.
    fn encoded(script: &str) -> String {
        let bytes: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    /// Runs the script. What it is to do goes by its environment, so that no name needs quoting.
    async fn run(work: &str, printer: &str, more: &[(&str, String)]) -> Result<Value, Trouble> {
        let told = |error: std::io::Error| {
            tracing::warn!(%error, "PowerShell cannot be run");
            Trouble::NoService
        };
        let child = Command::new("powershell.exe")
            .args([
                "-NoProfile",
                "-NonInteractive",
                "-ExecutionPolicy",
                "Bypass",
                "-EncodedCommand",
            ])
            .arg(encoded(SCRIPT))
            .env("STATION_WORK", work)
            .env("STATION_PRINTER", if printer == "auto" { "" } else { printer })
            .envs(more.iter().map(|(name, value)| (*name, value)))
            .creation_flags(NO_WINDOW)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(told)?;
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
            .await
            .map_err(|_| Trouble::NoService)?
            .map_err(told)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let answer: Option<Value> = text
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str(line.trim()).ok());
        let answer = answer.ok_or(Trouble::NoService)?;
        match answer["trouble"].as_str() {
            Some("no-printer") => Err(Trouble::NoPrinter),
            Some(_) => Err(Trouble::GivenUp),
            None => Ok(answer),
        }
    }

    fn word(answer: &Value, name: &str) -> Option<u32> {
        answer[name].as_u64().and_then(|word| u32::try_from(word).ok())
    }

    pub(crate) async fn look(printer: &str) -> Result<String, Trouble> {
        let answer = run("look", printer, &[]).await?;
        match printer_trouble(word(&answer, "printer").unwrap_or(0)) {
            Some(trouble) => Err(trouble),
            None => Ok(answer["name"].as_str().unwrap_or(printer).to_owned()),
        }
    }

    /// Every printer with what keeps it from printing.
    pub(crate) async fn list() -> Result<Vec<(String, Option<Trouble>)>, Trouble> {
        let answer = run("list", "auto", &[]).await?;
        let printers = answer["printers"].as_array().into_iter().flatten();
        let named = printers.filter_map(|printer| {
            let name = printer["name"].as_str()?.to_owned();
            Some((name, printer_trouble(word(printer, "printer").unwrap_or(0))))
        });
        Ok(named.collect())
    }

    /// A job in the spooler.
    pub(crate) struct Spooled {
        printer: String,
        id: u32,
    }

    pub(crate) async fn submit(printer: &str, document: &Document) -> Result<Spooled, Trouble> {
        let page = (document.pages)(Form::Png).ok_or(Trouble::NotUnderstood)?;
        // A file only this user can read, gone when this function ends; its name tells nothing.
        let mut file = tempfile::Builder::new()
            .suffix(".png")
            .tempfile()
            .map_err(|_| Trouble::NoService)?;
        file.write_all(&page).map_err(|_| Trouble::NoService)?;
        let path = file.into_temp_path();
        let answer = run(
            "print",
            printer,
            &[
                ("STATION_PICTURE", path.to_string_lossy().into_owned()),
                ("STATION_TITLE", document.title.to_owned()),
                ("STATION_WIDTH_MM", document.size_mm[0].to_string()),
                ("STATION_HEIGHT_MM", document.size_mm[1].to_string()),
            ],
        )
        .await?;
        Ok(Spooled {
            printer: answer["name"].as_str().unwrap_or(printer).to_owned(),
            // A small job may be through before anybody has asked for its number; 0 is none.
            id: word(&answer, "job").unwrap_or(0),
        })
    }

    impl Job for Spooled {
        async fn look(&self) -> Result<Seen, Trouble> {
            let more = [("STATION_JOB", self.id.to_string())];
            let answer = run("look", &self.printer, &more).await?;
            Ok(seen(word(&answer, "printer").unwrap_or(0), word(&answer, "job")))
        }

        async fn forget(&self) {
            let more = [("STATION_JOB", self.id.to_string())];
            if let Err(error) = run("forget", &self.printer, &more).await {
                tracing::warn!(%error, "a job may still lie in the printer's queue");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_become_what_a_person_can_do() {
        assert_eq!(printer_trouble(0), None);
        assert_eq!(printer_trouble(0x2_0000), None, "toner that runs low prints on");
        assert_eq!(printer_trouble(0x10 | 0x2), Some(Trouble::OutOfPaper));
        assert_eq!(seen(0, None), Seen::Done, "what left the queue was printed");
        assert_eq!(
            seen(0, Some(0x2000 | 0x80)),
            Seen::Done,
            "kept in the queue, printed all the same"
        );
        assert_eq!(seen(0, Some(0x10)), Seen::UnderWay(None));
        assert_eq!(seen(0x80, Some(0x8)), Seen::UnderWay(Some(Trouble::Offline)));
        assert_eq!(seen(0, Some(0x4)), Seen::Ended(Trouble::Cancelled));
    }
}
