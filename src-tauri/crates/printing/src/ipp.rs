//! The Internet Printing Protocol (RFC 8010, 8011): what CUPS on Linux and macOS speaks, and most printers themselves.
//!
//! CUPS is asked by its socket rather than by `lp` and `lpstat`: those print sentences in the system's language, this
//! gives states, reasons and job numbers.

use std::fmt::Write as _;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use ipp::attribute::{IppAttribute, IppAttributes};
use ipp::model::{DelimiterTag, IppVersion, Operation};
use ipp::parser::{IppParseError, IppParser};
use ipp::request::IppRequestResponse;
use ipp::value::IppValue;
use reqwest::header::CONTENT_TYPE;

use crate::document::{Document, Form};
use crate::job::{Job, Seen};
use crate::trouble::Trouble;

/// The longest wait for an answer. A server that takes a page this slowly does not take it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Larger answers are not read: a printer's attributes are some ten kilobytes.
const MAX_ANSWER: usize = 1 << 20;
/// Who prints, for the printer's list of jobs.
const USER: &str = "photo-station";

/// What is asked of a queue before it is given anything.
const ABOUT_A_QUEUE: [&str; 5] = [
    "printer-name",
    "printer-state",
    "printer-state-reasons",
    "printer-is-accepting-jobs",
    "document-format-supported",
];
/// `client-error-not-found` (RFC 8011 appendix B).
const NOT_FOUND: i16 = 0x0406;

/// Where CUPS listens: Debian and others, BSD, macOS.
#[cfg(unix)]
const SOCKETS: [&str; 3] = [
    "/run/cups/cups.sock",
    "/var/run/cups/cups.sock",
    "/private/var/run/cupsd",
];

/// Whether a printer's name is the address of one that speaks IPP itself.
#[cfg(any(windows, test))]
pub(crate) fn is_address(name: &str) -> bool {
    name.starts_with("ipp://")
}

/// The way to a print server or a printer.
pub(crate) struct Service {
    http: reqwest::Client,
    /// `http://HOST:PORT`, as HTTP wants it.
    root: String,
    /// `ipp://HOST[:PORT]`, as IPP wants it.
    authority: String,
}

/// A queue as it describes itself.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    /// Its name.
    pub(crate) name: String,
    /// Path below the service, `/printers/NAME` at CUPS.
    path: String,
    /// What keeps it from printing, as far as it knows.
    pub(crate) trouble: Option<Trouble>,
    /// How pages are given to it.
    form: Option<Form>,
}

/// Where something is asked.
enum Place {
    Http(String),
    #[cfg(unix)]
    Socket(PathBuf),
}

impl Service {
    /// The service that has the printer of this name: the printer itself where the name is an address, this system's
    /// CUPS otherwise, or the one named (`CUPS_SERVER` names another one for every program that prints).
    pub(crate) fn find(name: &str, server: Option<&str>) -> Result<Service, Trouble> {
        if let Some(rest) = name.strip_prefix("ipp://") {
            let host = rest.split('/').next().unwrap_or_default();
            return Service::at(&Place::Http(with_port(host)));
        }
        let named = server
            .map(str::to_owned)
            .or_else(|| std::env::var("CUPS_SERVER").ok());
        match named.filter(|server| !server.is_empty()) {
            #[cfg(unix)]
            Some(path) if path.starts_with('/') => Service::at(&Place::Socket(path.into())),
            Some(host) => {
                let host = host.split('/').next().unwrap_or_default();
                Service::at(&Place::Http(with_port(host)))
            }
            None => Service::at(&local()),
        }
    }

    fn at(place: &Place) -> Result<Service, Trouble> {
        // The program is built with a TLS library that has no cipher of its own until one is named; twice is no error.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let (client, host) = match place {
            Place::Http(host) => (client, host.as_str()),
            #[cfg(unix)]
            Place::Socket(path) => (client.unix_socket(path.as_path()), "localhost"),
        };
        Ok(Service {
            http: client.build().map_err(|error| {
                tracing::warn!(%error, "no HTTP client for the printer");
                Trouble::NoService
            })?,
            root: format!("http://{host}"),
            authority: format!("ipp://{host}"),
        })
    }

    /// The queue of this name, `auto` for the default one.
    pub(crate) async fn queue(&self, name: &str) -> Result<Queue, Trouble> {
        let (operation, path) = match name {
            "auto" => (Operation::CupsGetDefault, "/".to_owned()),
            name => match name.strip_prefix("ipp://").map(|rest| rest.split_once('/')) {
                Some(found) => {
                    let path = found.map_or("ipp/print", |(_, path)| path);
                    (Operation::GetPrinterAttributes, format!("/{path}"))
                }
                None => (Operation::GetPrinterAttributes, path_of(name)),
            },
        };
        let mut request = Request::new(operation)?;
        if operation == Operation::GetPrinterAttributes {
            request.uri("printer-uri", &format!("{}{path}", self.authority))?;
        }
        request.keywords("requested-attributes", &ABOUT_A_QUEUE)?;
        let answer = self.ask(&path, request, Vec::new()).await?.accepted()?;
        let said = answer
            .group(DelimiterTag::PrinterAttributes)
            .ok_or(Trouble::NoPrinter)?;
        let name = said.text("printer-name").unwrap_or_else(|| name.to_owned());
        let path = if operation == Operation::CupsGetDefault {
            path_of(&name)
        } else {
            path
        };
        Ok(described(name, path, &said))
    }

    /// Every queue of a CUPS; none where it has none.
    pub(crate) async fn queues(&self) -> Result<Vec<Queue>, Trouble> {
        let mut request = Request::new(Operation::CupsGetPrinters)?;
        request.keywords("requested-attributes", &ABOUT_A_QUEUE)?;
        let answer = self.ask("/", request, Vec::new()).await?;
        if answer.status == NOT_FOUND {
            return Ok(Vec::new());
        }
        let answer = answer.accepted()?;
        let queues = answer.groups(DelimiterTag::PrinterAttributes).filter_map(|said| {
            let name = said.text("printer-name")?;
            Some(described(name.clone(), path_of(&name), &said))
        });
        Ok(queues.collect())
    }

    /// Gives a page to a queue.
    pub(crate) async fn submit(&self, queue: &Queue, document: &Document) -> Result<Given<'_>, Trouble> {
        let form = queue.form.ok_or(Trouble::NotUnderstood)?;
        let page = (document.pages)(form).ok_or(Trouble::NotUnderstood)?;
        let mut request = Request::new(Operation::PrintJob)?;
        request.uri("printer-uri", &format!("{}{}", self.authority, queue.path))?;
        request.operation("requesting-user-name", name_value(USER)?)?;
        request.operation("job-name", name_value(document.title)?)?;
        request.operation("document-name", name_value(document.title)?)?;
        let format = match form {
            Form::Pdf => "application/pdf",
            Form::Png => "image/png",
        };
        request.operation(
            "document-format",
            IppValue::new_mime_media_type(format).map_err(odd)?,
        )?;
        request.job("copies", IppValue::new_integer(1))?;
        // A millimetre is a millimetre: nothing is fitted to the paper.
        request.job("print-scaling", keyword("none")?)?;
        request.job("media-col", media(document.size_mm)?)?;
        let answer = self.ask(&queue.path, request, page).await?.accepted()?;
        let id = answer
            .group(DelimiterTag::JobAttributes)
            .and_then(|said| said.number("job-id"))
            .ok_or(Trouble::GivenUp)?;
        Ok(Given {
            service: self,
            queue: queue.clone(),
            id,
        })
    }

    async fn ask(&self, path: &str, request: Request, page: Vec<u8>) -> Result<Answer, Trouble> {
        let mut body = request.0.to_bytes().to_vec();
        body.extend(page);
        let told = |error: reqwest::Error| {
            tracing::debug!(%error, "the printer's service does not answer");
            Trouble::NoService
        };
        let mut reply = self
            .http
            .post(format!("{}{path}", self.root))
            .header(CONTENT_TYPE, "application/ipp")
            .body(body)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(told)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(told)? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(Trouble::NoService);
            }
            bytes.extend_from_slice(&chunk);
        }
        Answer::read(bytes)
    }
}

/// A queue from what it says of itself.
fn described(name: String, path: String, said: &Group<'_>) -> Queue {
    let formats = said.texts("document-format-supported");
    let takes = |format: &str| formats.iter().any(|f| f == format);
    Queue {
        name,
        path,
        form: if takes("application/pdf") {
            Some(Form::Pdf)
        } else {
            takes("image/png").then_some(Form::Png)
        },
        trouble: condition(said),
    }
}

/// A job that was given to a queue.
pub(crate) struct Given<'a> {
    service: &'a Service,
    queue: Queue,
    id: i32,
}

impl Given<'_> {
    fn about(&self, operation: Operation) -> Result<Request, Trouble> {
        let mut request = Request::new(operation)?;
        request.uri(
            "printer-uri",
            &format!("{}{}", self.service.authority, self.queue.path),
        )?;
        if operation != Operation::GetPrinterAttributes {
            request.operation("job-id", IppValue::new_integer(self.id))?;
        }
        request.operation("requesting-user-name", name_value(USER)?)?;
        Ok(request)
    }
}

/// `job-state` (RFC 8011 5.3.7).
mod state {
    pub(super) const HELD: i32 = 4;
    pub(super) const STOPPED: i32 = 6;
    pub(super) const CANCELED: i32 = 7;
    pub(super) const ABORTED: i32 = 8;
    pub(super) const COMPLETED: i32 = 9;
}

impl Job for Given<'_> {
    async fn look(&self) -> Result<Seen, Trouble> {
        let path = &self.queue.path;
        let mut request = self.about(Operation::GetJobAttributes)?;
        request.keywords("requested-attributes", &["job-state", "job-state-reasons"])?;
        let answer = self.service.ask(path, request, Vec::new()).await?.accepted()?;
        let job = answer
            .group(DelimiterTag::JobAttributes)
            .ok_or(Trouble::NoService)?;

        let mut request = self.about(Operation::GetPrinterAttributes)?;
        let wanted = [
            "printer-state",
            "printer-state-reasons",
            "printer-is-accepting-jobs",
        ];
        request.keywords("requested-attributes", &wanted)?;
        let answer = self.service.ask(path, request, Vec::new()).await?.accepted()?;
        let printer = answer
            .group(DelimiterTag::PrinterAttributes)
            .and_then(|said| condition(&said));

        let reasons = job.texts("job-state-reasons");
        let own = Trouble::of_reasons(reasons.iter().map(String::as_str));
        Ok(match job.number("job-state") {
            Some(state::COMPLETED) => Seen::Done,
            Some(state::CANCELED) => Seen::Ended(Trouble::Cancelled),
            Some(state::ABORTED) => Seen::Ended(own.or(printer).unwrap_or(Trouble::GivenUp)),
            Some(state::HELD | state::STOPPED) => {
                Seen::UnderWay(Some(printer.or(own).unwrap_or(Trouble::Stopped)))
            }
            _ => Seen::UnderWay(printer.or(own)),
        })
    }

    async fn forget(&self) {
        let cancelled = async {
            let mut request = self.about(Operation::CancelJob)?;
            // CUPS keeps a finished job's pages for a day; this one is to keep nothing. Others ignore the word.
            request.operation("purge-job", IppValue::new_boolean(true))?;
            self.service.ask(&self.queue.path, request, Vec::new()).await
        };
        // A printer that has no such word says that a finished job cannot be cancelled: that is as it should be.
        match cancelled.await {
            Ok(answer) if answer.refused() => {
                tracing::debug!(status = answer.status, "the printer keeps the job's entry");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a job may still lie in the printer's queue"),
        }
    }
}

/// What a queue says that keeps it from printing.
fn condition(said: &Group<'_>) -> Option<Trouble> {
    const STOPPED: i32 = 5;
    if said.flag("printer-is-accepting-jobs") == Some(false) {
        return Some(Trouble::TakesNone);
    }
    let reasons = said.texts("printer-state-reasons");
    let named = Trouble::of_reasons(reasons.iter().map(String::as_str));
    if said.number("printer-state") == Some(STOPPED) {
        // CUPS says `paused` for every queue that stands still, also where it stopped by itself.
        return Some(named.unwrap_or(Trouble::Stopped));
    }
    named
}

fn local() -> Place {
    #[cfg(unix)]
    if let Some(socket) = SOCKETS.iter().map(PathBuf::from).find(|path| path.exists()) {
        return Place::Socket(socket);
    }
    Place::Http("localhost:631".into())
}

/// IPP's own port, where none is named: HTTP would take its own.
fn with_port(host: &str) -> String {
    let named = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if named {
        host.to_owned()
    } else {
        format!("{host}:631")
    }
}

/// The path of a queue at CUPS.
fn path_of(name: &str) -> String {
    let mut path = String::from("/printers/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(byte.into());
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn odd(error: IppParseError) -> Trouble {
    tracing::warn!(%error, "a word IPP cannot carry");
    Trouble::NotUnderstood
}

fn keyword(word: &str) -> Result<IppValue, Trouble> {
    IppValue::new_keyword(word).map_err(odd)
}

fn name_value(name: &str) -> Result<IppValue, Trouble> {
    IppValue::new_name_without_language(name).map_err(odd)
}

/// The paper by its size, in hundredths of a millimetre (PWG 5100.7).
fn media(size_mm: [f64; 2]) -> Result<IppValue, Trouble> {
    let hundredths = |mm: f64| IppValue::new_integer((mm * 100.0).round() as i32);
    let collection = |members: Vec<(&str, IppValue)>| {
        let mut all = std::collections::BTreeMap::new();
        for (name, value) in members {
            all.insert(name.try_into().map_err(odd)?, value);
        }
        Ok(IppValue::Collection(all))
    };
    let size = collection(vec![
        ("x-dimension", hundredths(size_mm[0])),
        ("y-dimension", hundredths(size_mm[1])),
    ])?;
    collection(vec![("media-size", size)])
}

struct Request(IppRequestResponse);

impl Request {
    fn new(operation: Operation) -> Result<Request, Trouble> {
        // 1.1 is what every printer and CUPS of any age takes.
        IppRequestResponse::new(IppVersion::v1_1(), operation, None)
            .map(Request)
            .map_err(odd)
    }

    fn add(&mut self, group: DelimiterTag, name: &str, value: IppValue) -> Result<(), Trouble> {
        let attribute = IppAttribute::with_name(name, value).map_err(odd)?;
        self.0.attributes_mut().add(group, attribute);
        Ok(())
    }

    fn operation(&mut self, name: &str, value: IppValue) -> Result<(), Trouble> {
        self.add(DelimiterTag::OperationAttributes, name, value)
    }

    fn job(&mut self, name: &str, value: IppValue) -> Result<(), Trouble> {
        self.add(DelimiterTag::JobAttributes, name, value)
    }

    fn uri(&mut self, name: &str, uri: &str) -> Result<(), Trouble> {
        let value = IppValue::new_uri(uri).map_err(odd)?;
        self.operation(name, value)
    }

    fn keywords(&mut self, name: &str, words: &[&str]) -> Result<(), Trouble> {
        let words = words.iter().map(|word| keyword(word)).collect::<Result<_, _>>()?;
        self.operation(name, IppValue::Array(words))
    }
}

struct Answer {
    status: i16,
    attributes: IppAttributes,
}

/// The attributes of one thing in an answer.
struct Group<'a>(&'a ipp::attribute::IppAttributeGroup);

impl Answer {
    fn read(bytes: Vec<u8>) -> Result<Answer, Trouble> {
        let (header, attributes, _) = IppParser::new(Cursor::new(bytes))
            .parse_parts()
            .map_err(|error| {
                tracing::debug!(%error, "not an IPP answer");
                Trouble::NoService
            })?;
        Ok(Answer {
            status: header.operation_or_status,
            attributes,
        })
    }

    fn refused(&self) -> bool {
        // Successes are 0x0000 to 0x00FF.
        !(0..0x100).contains(&self.status)
    }

    fn accepted(self) -> Result<Answer, Trouble> {
        if !self.refused() {
            return Ok(self);
        }
        tracing::debug!(status = format!("{:#06x}", self.status), "the printer refuses");
        Err(match self.status {
            NOT_FOUND | 0x0407 => Trouble::NoPrinter,
            0x040A | 0x0411 => Trouble::NotUnderstood,
            0x0506 => Trouble::TakesNone,
            0x0504 => Trouble::Stopped,
            0x0502 | 0x0505 => Trouble::NoService,
            _ => Trouble::GivenUp,
        })
    }

    fn group(&self, tag: DelimiterTag) -> Option<Group<'_>> {
        self.attributes.first_of(tag).map(Group)
    }

    fn groups(&self, tag: DelimiterTag) -> impl Iterator<Item = Group<'_>> {
        self.attributes.groups_of(tag).map(Group)
    }
}

impl Group<'_> {
    fn value(&self, name: &str) -> Option<&IppValue> {
        self.0.get(name).map(IppAttribute::value)
    }

    fn number(&self, name: &str) -> Option<i32> {
        match self.value(name)? {
            IppValue::Integer(number) | IppValue::Enum(number) => Some(*number),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            IppValue::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.texts(name).into_iter().next()
    }

    /// One word or several, as the printer has it.
    fn texts(&self, name: &str) -> Vec<String> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        value.into_iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queues_name_becomes_a_path_and_an_address_keeps_its_own() {
        assert_eq!(path_of("DNP-DS620"), "/printers/DNP-DS620");
        assert_eq!(path_of("a b/柜"), "/printers/a%20b%2F%E6%9F%9C");
        assert_eq!(with_port("printer.local"), "printer.local:631");
        assert_eq!(with_port("127.0.0.1:8631"), "127.0.0.1:8631");
        assert!(is_address("ipp://printer.local/ipp/print") && !is_address("auto"));
    }

    #[test]
    fn paper_is_named_by_its_size_in_hundredths_of_a_millimetre() {
        let said = media([152.0, 101.6]).unwrap().to_string();
        assert!(
            said.contains("x-dimension=15200") && said.contains("y-dimension=10160"),
            "{said}"
        );
    }

    #[test]
    fn what_is_no_answer_is_silence_and_no_panic() {
        assert!(Answer::read(b"<html>a captive portal</html>".to_vec()).is_err());
        assert!(Answer::read(Vec::new()).is_err());
    }
}
