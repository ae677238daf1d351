//! A camera on the booth's own network: MJPEG over HTTP, as network cameras, phones' apps and `ffmpeg` send it.
//!
//! The transfer is `multipart/x-mixed-replace`, which no two servers write alike: boundaries that differ from the one
//! announced, lengths that are missing or wrong, parts cut off in the middle. So nothing of it is believed. Pictures
//! are found by their own structure: from a start marker to the end marker that belongs to it. A part that ends in the
//! middle meets the next one's start and is skipped.
//!
//! Plain HTTP over a socket of our own, because a stream never ends: the deadline that counts is that of a single read,
//! which HTTP clients for whole answers do not have.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use base64::Engine as _;
use url::Url;

use crate::frame::bad;
use crate::mjpeg::{self, Extent};
use crate::{CameraError, Frame, PixelFormat, Source};

/// For the connection and the answer's head.
const CONNECT: Duration = Duration::from_secs(5);

/// For a whole frame. Less than [`crate::Timing`] allows, so that a stalled stream is closed by its own thread.
const FRAME: Duration = Duration::from_millis(2500);

/// Larger pictures are none, they are a stream that lost its markers.
const MOST_BYTES: usize = 16 << 20;

/// Larger heads are none.
const MOST_HEAD: usize = 16 << 10;

/// Where a network camera is: `http://…`, with its name and password where it wants them. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// The address as staff wrote it.
    pub fn new(address: impl Into<String>) -> Self {
        Self(address.into())
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

/// An open stream.
pub(crate) struct NetworkSource {
    body: Body,
    /// What was received and not handed over yet.
    received: Vec<u8>,
    patience: Duration,
}

impl NetworkSource {
    /// Connects and reads the head of the answer. Errors never name the address: it may hold a password.
    pub(crate) fn open(address: &Address) -> Result<Self, CameraError> {
        Self::open_within(&address.0, CONNECT, FRAME)
    }

    fn open_within(address: &str, connection: Duration, frame: Duration) -> Result<Self, CameraError> {
        let url = Url::parse(address).map_err(|_| refused("the address is none"))?;
        if url.scheme() != "http" {
            return Err(refused(
                "only http is spoken; keep the camera on a cable of its own",
            ));
        }
        let host = url
            .host_str()
            .ok_or_else(|| refused("the address names no host"))?;
        let port = url.port_or_known_default().unwrap_or(80);
        let mut stream = connect(host.trim_matches(['[', ']']), port, connection)?;
        stream
            .write_all(request(&url, host, port).as_bytes())
            .map_err(|error| CameraError::Open(error.to_string()))?;
        let (head, rest) = head(&mut stream, connection)?;
        Ok(Self {
            body: Body::of(stream, &head, rest)?,
            received: Vec::new(),
            patience: frame,
        })
    }

    /// The next whole picture; damaged ones are told once and skipped.
    fn picture(&mut self) -> Result<Vec<u8>, CameraError> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(found) = self.found() {
                return found;
            }
            if self.received.len() > MOST_BYTES {
                return Err(CameraError::Read("the stream holds no pictures".to_owned()));
            }
            self.body
                .read_into(&mut self.received, deadline)
                .map_err(|error| match error {
                    CameraError::Stalled(_) => CameraError::Stalled(self.patience),
                    other => other,
                })?;
        }
    }

    /// A picture among what was received, if one is whole.
    fn found(&mut self) -> Option<Result<Vec<u8>, CameraError>> {
        self.forget_up_to(0);
        match mjpeg::extent(&self.received) {
            Extent::Whole(length) => {
                let rest = self.received.split_off(length);
                Some(Ok(std::mem::replace(&mut self.received, rest)))
            }
            // A part that was cut off may pass for one that goes on: until the next one's picture begins behind the
            // empty line of its head.
            Extent::Short => self.next_part().map(|next| {
                self.forget_up_to(next);
                Err(cut_off())
            }),
            Extent::Broken(at) => {
                self.forget_up_to(self.next_part().unwrap_or(at.max(2)));
                Some(Err(cut_off()))
            }
        }
    }

    /// Where the next part's picture begins, if its head is there already.
    fn next_part(&self) -> Option<usize> {
        self.received
            .windows(NEXT_PART.len())
            .position(|some| some == NEXT_PART)
            .map(|line| line + NEXT_PART.len() - START.len())
    }

    /// Drops everything before the next picture's start, looked for from here on.
    fn forget_up_to(&mut self, from: usize) {
        let rest = self.received.get(from..).unwrap_or_default();
        let start = rest.windows(2).position(|pair| pair == START);
        // The last byte may be half of a marker.
        let upto = start.map_or(self.received.len().saturating_sub(1), |at| from + at);
        self.received.drain(..upto);
    }
}

impl Source for NetworkSource {
    fn next_frame(&mut self) -> Result<Frame, CameraError> {
        let picture = self.picture()?;
        let (width, height) = mjpeg::size(&picture)?;
        Frame::new(PixelFormat::Mjpeg, width, height, picture)
    }
}

/// The empty line behind a part's head, and its picture's start.
const NEXT_PART: &[u8] = b"\r\n\r\n\xff\xd8";

fn cut_off() -> CameraError {
    bad("a part that was cut off")
}

/// Where a JPEG begins.
const START: [u8; 2] = [0xff, 0xd8];

fn refused(why: &str) -> CameraError {
    CameraError::UnsupportedFormat(why.to_owned())
}

fn connect(host: &str, port: u16, patience: Duration) -> Result<TcpStream, CameraError> {
    let closed = |error: std::io::Error| CameraError::Open(error.to_string());
    let mut failed = CameraError::Open("its name is not known".to_owned());
    for address in (host, port).to_socket_addrs().map_err(closed)? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_write_timeout(Some(patience)).map_err(closed)?;
                return Ok(stream);
            }
            Err(error) => failed = closed(error),
        }
    }
    Err(failed)
}

fn request(url: &Url, host: &str, port: u16) -> String {
    let path = url.path();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut request =
        format!("GET {path}{query} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\nConnection: close\r\n");
    if !url.username().is_empty() || url.password().is_some() {
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        };
        let pair = format!(
            "{}:{}",
            decoded(url.username()),
            decoded(url.password().unwrap_or_default())
        );
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        request.push_str("Authorization: Basic ");
        request.push_str(&pair);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request
}

/// What is said before the stream.
struct Head {
    status: u16,
    kind: String,
    chunked: bool,
}

fn head(stream: &mut TcpStream, patience: Duration) -> Result<(Head, Vec<u8>), CameraError> {
    let deadline = Instant::now() + patience;
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok((understood(&bytes)?, rest));
        }
        if bytes.len() > MOST_HEAD {
            return Err(refused("what answers is no camera"));
        }
        receive(stream, &mut bytes, deadline)?;
    }
}

fn understood(bytes: &[u8]) -> Result<Head, CameraError> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1)?.parse().ok())
        .ok_or_else(|| refused("what answers does not speak HTTP"))?;
    let field = |name: &str| {
        lines.clone().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_ascii_lowercase())
        })
    };
    Ok(Head {
        status,
        kind: field("content-type").unwrap_or_default(),
        chunked: field("transfer-encoding").is_some_and(|coding| coding.contains("chunked")),
    })
}

/// Reads once, at most until then.
fn receive(stream: &mut TcpStream, into: &mut Vec<u8>, deadline: Instant) -> Result<(), CameraError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let stalled = || CameraError::Stalled(CONNECT);
    if left.is_zero() {
        return Err(stalled());
    }
    let lost = |error: std::io::Error| CameraError::Read(error.to_string());
    stream.set_read_timeout(Some(left)).map_err(lost)?;
    let mut buffer = [0; 16 << 10];
    match stream.read(&mut buffer) {
        Ok(0) => Err(CameraError::Read("it closed the connection".to_owned())),
        Ok(count) => {
            into.extend_from_slice(buffer.get(..count).unwrap_or_default());
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(stalled()),
        Err(error) => Err(lost(error)),
    }
}

/// The stream behind the head, in chunks or as it comes.
struct Body {
    stream: TcpStream,
    chunked: bool,
    raw: Vec<u8>,
    /// Bytes left of the chunk under way.
    left: usize,
}

impl Body {
    fn of(stream: TcpStream, head: &Head, rest: Vec<u8>) -> Result<Self, CameraError> {
        match head.status {
            200 => {}
            401 | 403 => {
                let why = format!("it wants a name and a password: HTTP {}", head.status);
                return Err(CameraError::PermissionDenied(why));
            }
            status => return Err(CameraError::Open(format!("HTTP {status}"))),
        }
        // Some servers name no type at all; a page of text is none of theirs.
        let kind = head.kind.split(';').next().unwrap_or_default().trim();
        if !(kind.is_empty()
            || kind.starts_with("multipart/")
            || kind == "image/jpeg"
            || kind == "video/x-motion-jpeg")
        {
            return Err(refused(&format!("it sends {kind}, not MJPEG")));
        }
        Ok(Self {
            stream,
            chunked: head.chunked,
            raw: rest,
            left: 0,
        })
    }

    /// Some more bytes of the stream.
    fn read_into(&mut self, into: &mut Vec<u8>, deadline: Instant) -> Result<(), CameraError> {
        loop {
            if !self.chunked && !self.raw.is_empty() {
                into.append(&mut self.raw);
                return Ok(());
            }
            if self.chunked && self.take_of_chunk(into)? {
                return Ok(());
            }
            receive(&mut self.stream, &mut self.raw, deadline)?;
        }
    }

    /// What is there of the chunk under way, or the head of the next; false where more must come first.
    fn take_of_chunk(&mut self, into: &mut Vec<u8>) -> Result<bool, CameraError> {
        loop {
            if self.left > 0 {
                let count = self.left.min(self.raw.len());
                into.extend(self.raw.drain(..count));
                self.left -= count;
                return Ok(count > 0);
            }
            // The line break behind a chunk stands before the next one's length.
            let skipped = self
                .raw
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            let line = self.raw.get(skipped..).unwrap_or_default();
            let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
                return if line.len() > 64 {
                    Err(CameraError::Read("a chunk without its length".to_owned()))
                } else {
                    Ok(false)
                };
            };
            let text = String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned();
            let digits = text.split(';').next().unwrap_or_default().trim();
            self.left = usize::from_str_radix(digits, 16)
                .map_err(|_| CameraError::Read("a chunk without its length".to_owned()))?;
            self.raw.drain(..=skipped + end);
            if self.left == 0 {
                return Err(CameraError::Read("it ended the stream".to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Camera, SourceSpec};
    use jpeg_encoder::{ColorType, Encoder};
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    const LONG: Duration = Duration::from_mins(2);

    fn jpeg(level: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes, 90)
            .encode(&vec![level; 32 * 16 * 3], 32, 16, ColorType::Rgb)
            .unwrap();
        bytes
    }

    fn level(frame: &Frame) -> u8 {
        frame.to_luma().unwrap().get_pixel(16, 8).0[0]
    }

    /// A server that reads a request and says what each connection is told, one after the other.
    fn server(answers: Vec<Vec<u8>>, then_hang: bool) -> (String, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/video?size=1", listener.local_addr().unwrap());
        let (heard, hear) = mpsc::channel();
        thread::spawn(move || {
            let mut held = Vec::new();
            // Whoever comes again after the last answer is told the same.
            let again =
                std::iter::repeat(answers.last().cloned().unwrap_or_default()).take_while(|_| then_hang);
            for answer in answers.iter().cloned().chain(again) {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.push(byte[0]);
                }
                let _ = heard.send(String::from_utf8(request).unwrap());
                let _ = stream.write_all(&answer);
                if then_hang {
                    held.push(stream);
                }
            }
        });
        (address, hear)
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";

    fn part(boundary: &str, length: Option<usize>, content: &[u8]) -> Vec<u8> {
        let length = length
            .map(|length| format!("Content-Length: {length}\r\n"))
            .unwrap_or_default();
        let head = format!("--{boundary}\r\nContent-Type: image/jpeg\r\n{length}\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    fn stream(parts: &[Vec<u8>]) -> Vec<u8> {
        [HEAD.as_bytes(), &parts.concat()].concat()
    }

    /// However slow the machine that runs the tests.
    fn patient(address: &str) -> Result<NetworkSource, CameraError> {
        NetworkSource::open_within(address, LONG, LONG)
    }

    /// The levels of the frames one connection gives until it ends, damaged ones as `None`.
    fn levels(answer: Vec<u8>) -> Vec<Option<u8>> {
        let (address, _) = server(vec![answer], false);
        let mut source = patient(&address).unwrap();
        let mut levels = Vec::new();
        loop {
            match source.next_frame() {
                Ok(frame) => levels.push(Some(level(&frame))),
                Err(CameraError::BadFrame(_)) => levels.push(None),
                Err(_) => return levels,
            }
        }
    }

    #[test]
    fn frames_come_whatever_the_server_says_of_its_parts() {
        let (one, two) = (jpeg(40), jpeg(200));
        for (boundary, lengths) in [
            ("frame", [Some(one.len()), Some(two.len())]),
            ("frame", [None, None]),
            ("--frame", [Some(one.len()), Some(two.len())]),
            ("something-else", [None, Some(two.len())]),
            ("frame", [Some(3), Some(999_999)]),
        ] {
            let answer = stream(&[part(boundary, lengths[0], &one), part(boundary, lengths[1], &two)]);
            assert_eq!(levels(answer), [Some(40), Some(200)], "{boundary} {lengths:?}");
        }
    }

    #[test]
    fn half_a_frame_is_skipped_and_the_next_one_shown() {
        let (one, two) = (jpeg(40), jpeg(200));
        for cut in [1, 2, 10, one.len() / 2, one.len() - 1] {
            let answer = stream(&[
                part("frame", None, &one[..cut]),
                part("frame", None, &two),
                part("frame", None, &one),
            ]);
            let seen: Vec<u8> = levels(answer).into_iter().flatten().collect();
            assert_eq!(seen, [200, 40], "cut at {cut}");
        }
    }

    #[test]
    fn a_thumbnail_inside_is_no_frame() {
        let one = jpeg(40);
        let small = jpeg(200);
        let length = u16::try_from(small.len() + 2).unwrap().to_be_bytes();
        let with_thumbnail = [&one[..2], &[0xff, 0xe1], &length, &small, &one[2..]].concat();
        assert_eq!(
            levels(stream(&[part("frame", None, &with_thumbnail)])),
            [Some(40)]
        );
    }

    #[test]
    fn chunks_are_put_together_wherever_they_are_cut() {
        let content = [part("frame", None, &jpeg(40)), part("frame", None, &jpeg(200))].concat();
        for size in [1, 7, 100, content.len()] {
            let mut answer = HEAD
                .replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n")
                .into_bytes();
            for chunk in content.chunks(size) {
                answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
                answer.extend(chunk);
                answer.extend(b"\r\n");
            }
            answer.extend(b"0\r\n\r\n");
            assert_eq!(levels(answer), [Some(40), Some(200)], "chunks of {size}");
        }
    }

    #[test]
    fn what_is_no_camera_is_told_apart_from_what_heals() {
        let open = |answer: &str| {
            let (address, _) = server(vec![answer.as_bytes().to_vec()], false);
            patient(&address).err().unwrap()
        };
        assert!(matches!(
            open("HTTP/1.1 401 No\r\n\r\n"),
            CameraError::PermissionDenied(_)
        ));
        assert!(matches!(
            open("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"),
            CameraError::UnsupportedFormat(_)
        ));
        assert!(matches!(
            open("SSH-2.0-x\r\n\r\n\r\n"),
            CameraError::UnsupportedFormat(_)
        ));
        assert!(!open("HTTP/1.1 503 Later\r\n\r\n").is_permanent());
        assert!(!open("").is_permanent(), "closed at once: it is starting up");
        let secret = patient("https://staff:secret@camera.example/").err().unwrap();
        assert!(secret.is_permanent() && !secret.to_string().contains("secret"));
        let nobody = patient("http://127.0.0.1:1/").err().unwrap();
        assert!(!nobody.is_permanent(), "{nobody}");
    }

    #[test]
    fn an_address_is_not_for_logs() {
        let spec = SourceSpec::Network {
            address: Address::new("http://staff:secret@camera/"),
        };
        assert!(!format!("{spec:?}").contains("secret"));
    }

    #[test]
    fn a_password_goes_to_the_camera_and_nowhere_else() {
        let (address, heard) = server(vec![stream(&[part("frame", None, &jpeg(40))])], false);
        let address = address.replace("http://", "http://staff:p%40ss@");
        patient(&address).unwrap().next_frame().unwrap();
        let request = heard.recv_timeout(LONG).unwrap();
        assert!(
            request.starts_with("GET /video?size=1 HTTP/1.1\r\nHost: 127.0.0.1:"),
            "{request}"
        );
        // staff:p@ss
        assert!(
            request.contains("Authorization: Basic c3RhZmY6cEBzcw==\r\n"),
            "{request}"
        );
    }

    #[test]
    fn a_stream_that_stalls_or_ends_is_lost_and_comes_back_by_itself() {
        let first = stream(&[part("frame", None, &jpeg(40)), jpeg(40)[..20].to_vec()]);
        let second = stream(&[part("frame", None, &jpeg(200))]);
        let (address, _) = server(vec![first, second], true);
        let camera = Camera::start(SourceSpec::Network {
            address: Address::new(address),
        });
        // The first connection gives one frame, then half of one and nothing more, and stays open.
        let mut last = 0;
        loop {
            let frame = camera.wait_newer(last, LONG).unwrap();
            last = frame.sequence();
            if level(&frame) == 200 {
                break;
            }
        }
        assert!(last > 1, "a second connection's");
    }
}
