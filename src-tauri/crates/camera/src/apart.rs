//! A camera in a process of its own, for systems whose drivers run in the program that uses them.
//!
//! Under Linux a driver is the kernel's and cannot harm a program. Under Windows and macOS a camera's plug-in is loaded
//! into it: nokhwa is known to hang for ever while opening a capture card (its issue 101), to die of an access violation
//! on a machine without a webcam (192), and to abort in an exception nobody may catch (180, a C922 under macOS). No
//! thread, no deadline and no `catch_unwind` helps there. So the shell starts itself again as a child that does nothing
//! but read the camera; it may hang or die, it is ended and started anew, and the visit goes on.
//!
//! The child writes messages to its standard output: a head of [`HEAD`] bytes, then the bytes of a frame or the words
//! of an error. It ends when nobody reads them any more.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::device::{DeviceInfo, DeviceSource, here};
use crate::settings::Memory;
use crate::{CameraError, DeviceSpec, Frame, PixelFormat, Source, Wish};

/// For the list and for the first frame: a person may have to answer macOS's question.
const FIRST: Duration = Duration::from_secs(14);
/// For every other frame.
const NEXT: Duration = Duration::from_millis(2500);

/// Before every message: four letters, what it is, the format, two zeros, then width, height and length.
const HEAD: usize = 20;
const LETTERS: [u8; 4] = *b"PSC1";
/// Longer messages are none: 60 megapixels in three bytes.
const MOST_BYTES: u32 = 180_000_000;

/// How a program is started that serves frames: itself, with the words that [`serve`] and [`list`] are behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Words before those that name the camera.
    pub words: Vec<OsString>,
}

static KEPT_APART_BY: OnceLock<Program> = OnceLock::new();

/// From now on every camera of this process is listed and opened in children of this program.
pub fn keep_apart(program: Program) {
    let _ = KEPT_APART_BY.set(program);
}

/// The program by which cameras are kept apart, if they are.
pub(crate) fn program() -> Option<&'static Program> {
    KEPT_APART_BY.get()
}

/// What the child says.
#[derive(Debug, Clone)]
enum Message {
    Frame(Frame),
    Device {
        name: String,
        id: String,
    },
    Error(CameraError),
    /// The end of a list.
    End,
}

/// Serves the frames of a device until nobody reads them: the child's whole life. The error is where it cannot go on.
///
/// # Errors
/// When the reader is gone.
pub fn serve(device: &DeviceSpec, mut out: impl Write) -> io::Result<()> {
    let memory = Memory::default();
    let mut source = match DeviceSource::open(device, &memory) {
        Ok(source) => source,
        Err(error) => return write(&mut out, &Message::Error(error)),
    };
    loop {
        match source.next_frame() {
            Ok(frame) => write(&mut out, &Message::Frame(frame))?,
            Err(error @ CameraError::BadFrame(_)) => write(&mut out, &Message::Error(error))?,
            Err(error) => return write(&mut out, &Message::Error(error)),
        }
    }
}

/// Serves the list of cameras.
///
/// # Errors
/// When the reader is gone.
pub fn list(mut out: impl Write) -> io::Result<()> {
    match here() {
        Ok(found) => {
            for DeviceInfo { name, id, .. } in found {
                write(&mut out, &Message::Device { name, id })?;
            }
            write(&mut out, &Message::End)
        }
        Err(error) => write(&mut out, &Message::Error(error)),
    }
}

/// The cameras connected now, as a child sees them; their formats stay untold.
///
/// # Errors
/// As [`crate::devices`], and when the child died or did not answer.
pub(crate) fn devices_by(program: &Program) -> Result<Vec<DeviceInfo>, CameraError> {
    let mut child = Reader::start(program, &[OsString::from("--list")])?;
    let mut found = Vec::new();
    loop {
        match child.next(FIRST)? {
            Message::Device { name, id } => found.push(DeviceInfo {
                name,
                id,
                formats: Vec::new(),
            }),
            Message::Error(error) => return Err(error),
            Message::End | Message::Frame(_) => return Ok(found),
        }
    }
}

/// The words that name a camera to the child; [`spoken`] understands them.
fn words(device: &DeviceSpec) -> Vec<OsString> {
    let Wish {
        width, height, fps, ..
    } = device.wish;
    let settings = device.settings;
    let mut words: Vec<OsString> = Vec::new();
    let mut say = |key: &str, value: String| words.push(format!("--{key}={value}").into());
    if let Some(id) = &device.id {
        say("id", id.clone());
    }
    say("size", format!("{width}x{height}@{fps}"));
    say("exposure", settings.exposure.to_string());
    say("white-balance", settings.white_balance.to_string());
    say("focus", settings.focus.to_string());
    say("zoom", settings.zoom.unwrap_or(0).to_string());
    say("mains", settings.mains_hertz.to_string());
    words
}

/// What the child was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Tell the cameras.
    List,
    /// Serve this one.
    Serve(DeviceSpec),
}

/// Understands the words behind [`Program::words`].
///
/// # Errors
/// Names the word that is none of ours.
pub fn spoken(words: &[String]) -> Result<Order, String> {
    let mut device = DeviceSpec::default();
    for word in words {
        if word == "--list" {
            return Ok(Order::List);
        }
        let unknown = || format!("not understood: {word}");
        let (key, value) = word
            .strip_prefix("--")
            .and_then(|word| word.split_once('='))
            .ok_or_else(unknown)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| unknown());
        match key {
            "id" => device.id = Some(value.to_owned()),
            "size" => {
                let (size, fps) = value.split_once('@').ok_or_else(unknown)?;
                let (width, height) = size.split_once('x').ok_or_else(unknown)?;
                device.wish = Wish {
                    width: number(width)?,
                    height: number(height)?,
                    fps: number(fps)?,
                    format: None,
                };
            }
            "exposure" => device.settings.exposure = value.parse()?,
            "white-balance" => device.settings.white_balance = value.parse()?,
            "focus" => device.settings.focus = value.parse()?,
            "zoom" => device.settings.zoom = Some(i64::from(number(value)?)).filter(|zoom| *zoom > 0),
            "mains" => device.settings.mains_hertz = number(value)?,
            _ => return Err(unknown()),
        }
    }
    Ok(Order::Serve(device))
}

/// A device in a child.
pub(crate) struct ApartSource {
    reader: Reader,
    patience: Duration,
}

impl ApartSource {
    pub(crate) fn open(program: &Program, device: &DeviceSpec) -> Result<Self, CameraError> {
        Ok(Self {
            reader: Reader::start(program, &words(device))?,
            patience: FIRST,
        })
    }
}

impl Source for ApartSource {
    fn next_frame(&mut self) -> Result<Frame, CameraError> {
        let message = self.reader.next(self.patience)?;
        match message {
            Message::Frame(frame) => {
                self.patience = NEXT;
                Ok(frame)
            }
            Message::Error(error) => Err(error),
            Message::Device { .. } | Message::End => {
                Err(CameraError::Read("not what was asked for".to_owned()))
            }
        }
    }
}

/// A child and what it says. Ended, whatever it hangs in, when this goes out of scope.
struct Reader {
    child: Child,
    said: Receiver<Message>,
}

impl Reader {
    fn start(program: &Program, words: &[OsString]) -> Result<Self, CameraError> {
        let not_started = |error: io::Error| CameraError::Open(error.to_string());
        let mut child = Command::new(&program.path)
            .args(&program.words)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(not_started)?;
        let output = child.stdout.take();
        // One frame is read ahead; a child that is faster waits in its pipe, and its camera drops frames.
        let (say, said) = sync_channel(1);
        let listener = thread::Builder::new()
            .name("camera-apart".to_owned())
            .spawn(move || listen(output, &say));
        let reader = Self { child, said };
        listener.map_err(not_started)?;
        Ok(reader)
    }

    fn next(&mut self, patience: Duration) -> Result<Message, CameraError> {
        match self.said.recv_timeout(patience) {
            Ok(message) => Ok(message),
            Err(RecvTimeoutError::Timeout) => Err(CameraError::Stalled(patience)),
            Err(RecvTimeoutError::Disconnected) => Err(CameraError::Panicked),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes on what the child says, until it ends or says what is none of ours.
fn listen(output: Option<ChildStdout>, say: &SyncSender<Message>) {
    let Some(mut output) = output else { return };
    while let Ok(message) = read(&mut output) {
        if say.send(message).is_err() {
            return;
        }
    }
}

const FORMATS: [PixelFormat; 5] = [
    PixelFormat::Rgb8,
    PixelFormat::Gray8,
    PixelFormat::Yuyv,
    PixelFormat::Nv12,
    PixelFormat::Mjpeg,
];

const FRAME: u8 = 0;
const DEVICE: u8 = 1;
const ERROR: u8 = 2;
const END: u8 = 3;

fn write(out: &mut impl Write, message: &Message) -> io::Result<()> {
    let words;
    let (kind, detail, width, height, content) = match message {
        Message::Frame(frame) => {
            let format = FORMATS
                .iter()
                .position(|format| *format == frame.format())
                .unwrap_or(0);
            (FRAME, format as u8, frame.width(), frame.height(), frame.data())
        }
        Message::Device { name, id } => {
            words = format!("{name}\n{id}");
            (DEVICE, 0, 0, 0, words.as_bytes())
        }
        Message::Error(error) => {
            let (code, text) = coded(error);
            words = text;
            (ERROR, code, 0, 0, words.as_bytes())
        }
        Message::End => (END, 0, 0, 0, [].as_slice()),
    };
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut head = Vec::with_capacity(HEAD);
    head.extend(LETTERS);
    head.extend([kind, detail, 0, 0]);
    for number in [width, height, length] {
        head.extend(number.to_le_bytes());
    }
    out.write_all(&head)?;
    out.write_all(content)?;
    out.flush()
}

fn read(from: &mut impl Read) -> io::Result<Message> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let nonsense = || io::Error::from(io::ErrorKind::InvalidData);
    let [a, b, c, d, kind, detail, _, _, numbers @ ..] = head;
    let number = |at: usize| {
        let bytes = numbers.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_le_bytes).ok_or_else(nonsense)
    };
    let (width, height, length) = (number(0)?, number(4)?, number(8)?);
    if [a, b, c, d] != LETTERS || length > MOST_BYTES {
        return Err(nonsense());
    }
    let mut content = vec![0; length as usize];
    from.read_exact(&mut content)?;
    let text = |content: Vec<u8>| String::from_utf8_lossy(&content).into_owned();
    Ok(match kind {
        FRAME => {
            let format = *FORMATS.get(usize::from(detail)).ok_or_else(nonsense)?;
            Frame::new(format, width, height, content).map_or_else(Message::Error, Message::Frame)
        }
        DEVICE => {
            let text = text(content);
            let (name, id) = text.split_once('\n').ok_or_else(nonsense)?;
            Message::Device {
                name: name.to_owned(),
                id: id.to_owned(),
            }
        }
        ERROR => Message::Error(decoded(detail, text(content))),
        END => Message::End,
        _ => return Err(nonsense()),
    })
}

/// An error as a number and its words.
fn coded(error: &CameraError) -> (u8, String) {
    match error {
        CameraError::NoDevice => (0, String::new()),
        CameraError::NotFound { wanted } => (1, wanted.clone()),
        CameraError::PermissionDenied(words) => (2, words.clone()),
        CameraError::UnsupportedFormat(words) => (3, words.clone()),
        CameraError::Busy(words) => (4, words.clone()),
        CameraError::Open(words) => (5, words.clone()),
        CameraError::Panicked => (6, String::new()),
        CameraError::BadFrame(words) => (7, words.clone()),
        CameraError::Read(words) => (8, words.clone()),
        CameraError::Stalled(_) | CameraError::Pictures { .. } => (8, error.to_string()),
    }
}

fn decoded(code: u8, words: String) -> CameraError {
    match code {
        0 => CameraError::NoDevice,
        1 => CameraError::NotFound { wanted: words },
        2 => CameraError::PermissionDenied(words),
        3 => CameraError::UnsupportedFormat(words),
        4 => CameraError::Busy(words),
        5 => CameraError::Open(words),
        6 => CameraError::Panicked,
        7 => CameraError::BadFrame(words),
        _ => CameraError::Read(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lock, Settings, SourceSpec};

    fn frame(level: u8) -> Frame {
        Frame::new(PixelFormat::Gray8, 2, 2, vec![level; 4]).unwrap()
    }

    fn bytes(message: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, message).unwrap();
        bytes
    }

    #[test]
    fn what_the_child_says_is_what_is_heard() {
        let said = bytes(&Message::Frame(frame(7)));
        let Message::Frame(heard) = read(&mut said.as_slice()).unwrap() else {
            unreachable!()
        };
        assert_eq!(
            (heard.format(), heard.width(), heard.data()),
            (PixelFormat::Gray8, 2, &[7; 4][..])
        );
        for error in [
            CameraError::NoDevice,
            CameraError::NotFound {
                wanted: "Booth Cam".into(),
            },
            CameraError::PermissionDenied("x".into()),
            CameraError::UnsupportedFormat("x".into()),
            CameraError::Busy("x".into()),
            CameraError::Open("x".into()),
            CameraError::Panicked,
            CameraError::BadFrame("x".into()),
            CameraError::Read("x".into()),
        ] {
            let said = bytes(&Message::Error(error.clone()));
            let Message::Error(heard) = read(&mut said.as_slice()).unwrap() else {
                unreachable!()
            };
            assert_eq!(heard, error);
        }
    }

    #[test]
    fn what_is_cut_off_or_none_of_ours_is_not_taken() {
        let said = bytes(&Message::Frame(frame(7)));
        for length in 0..said.len() {
            assert!(read(&mut &said[..length]).is_err(), "cut at {length}");
        }
        let mut other = said.clone();
        other[0] = b'X';
        assert!(read(&mut other.as_slice()).is_err());
        let mut endless = said;
        endless[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(
            read(&mut endless.as_slice()).is_err(),
            "nothing is reserved for it"
        );
    }

    #[test]
    fn a_camera_is_named_to_the_child_as_it_was_named_to_us() {
        let device = DeviceSpec {
            id: Some("Booth Cam @ usb-1=2".into()),
            wish: Wish {
                width: 1280,
                height: 720,
                fps: 30,
                format: None,
            },
            settings: Settings {
                exposure: Lock::Hold,
                white_balance: Lock::At(-3),
                zoom: Some(120),
                ..Settings::default()
            },
        };
        for device in [device, DeviceSpec::default()] {
            let words: Vec<String> = words(&device)
                .into_iter()
                .map(|word| word.into_string().unwrap())
                .collect();
            assert_eq!(spoken(&words), Ok(Order::Serve(device)));
        }
        assert_eq!(spoken(&["--list".into()]), Ok(Order::List));
        assert!(spoken(&["--what=1".into()]).is_err());
    }

    #[cfg(unix)]
    mod children {
        use super::*;
        use crate::{Camera, CameraStatus};
        use std::time::Instant;

        const LONG: Duration = Duration::from_mins(2);

        /// A child that is a shell: it says what is in the file and then does the rest.
        fn child(said: &[Message], rest: &str) -> (Program, tempfile::NamedTempFile) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            for message in said {
                file.write_all(&bytes(message)).unwrap();
            }
            let script = format!("cat \"$0\"; {rest}");
            let program = Program {
                path: "/bin/sh".into(),
                words: vec!["-c".into(), script.into(), file.path().into()],
            };
            (program, file)
        }

        fn lost(program: Program) -> String {
            let device = DeviceSpec::default();
            let camera = Camera::start(SourceSpec::Apart { program, device });
            let start = Instant::now();
            loop {
                match camera.status() {
                    CameraStatus::Lost { reason, .. } | CameraStatus::Broken { reason } => return reason,
                    other => assert!(start.elapsed() < LONG, "still {other:?}"),
                }
                thread::sleep(Duration::from_millis(5));
            }
        }

        #[test]
        fn frames_come_from_a_child_and_a_child_that_dies_is_replaced() {
            let (program, _file) = child(
                &[Message::Frame(frame(7)), Message::Frame(frame(9))],
                "sleep 1; kill -SEGV $$",
            );
            let camera = Camera::start(SourceSpec::Apart {
                program: program.clone(),
                device: DeviceSpec::default(),
            });
            let later = camera.wait_newer(2, LONG).unwrap();
            assert!(later.sequence() > 2, "another child's");
            drop(camera);
            assert!(lost(program).contains("driver failed"));
        }

        #[test]
        fn a_childs_error_is_told_as_if_it_were_ours() {
            let (program, _file) = child(&[Message::Error(CameraError::NoDevice)], "true");
            assert_eq!(lost(program), CameraError::NoDevice.to_string());
            let (program, _file) = child(&[], "echo not a frame at all, and longer than a head");
            assert!(lost(program).contains("driver failed"));
        }

        #[test]
        fn a_child_that_hangs_is_ended() {
            let (program, _file) = child(&[Message::Frame(frame(7))], "exec sleep 1000");
            let device = DeviceSpec::default();
            let mut source = ApartSource::open(&program, &device).unwrap();
            let id = source.reader.child.id();
            source.patience = LONG;
            source.next_frame().unwrap();
            source.patience = Duration::from_millis(10);
            assert!(matches!(source.next_frame(), Err(CameraError::Stalled(_))));
            drop(source);
            let alive = Command::new("/bin/sh")
                .args(["-c", &format!("kill -0 {id}")])
                .output()
                .unwrap();
            assert!(!alive.status.success(), "nothing of it is left");
        }

        #[test]
        fn a_list_comes_from_a_child() {
            let device = Message::Device {
                name: "Booth Cam".into(),
                id: "Booth Cam @ usb-1".into(),
            };
            let (program, _file) = child(&[device, Message::End], "true");
            let found = devices_by(&program).unwrap();
            assert_eq!(
                found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
                ["Booth Cam @ usb-1"]
            );
            let (program, _file) = child(&[], "kill -SEGV $$");
            assert_eq!(devices_by(&program), Err(CameraError::Panicked));
        }
    }
}
