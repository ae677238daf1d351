//! Records carried by hand: a file sealed to the vendor, and the file of receipts that comes back.
//!
//! A bundle is an age file (age-encryption.org/v1, X25519), sealed to the vendor's recipient, which comes with the
//! [`Profile`](crate::Profile), and to each station that was named. Inside is UTF-8, one JSON object a line: one
//! [`Head`], the [`Entry`]s, one [`Seal`]. age proves that nothing was cut off or changed after the sealing; the seal's
//! signature proves which station made it, since anybody may seal something to a vendor.
//!
//! Receipts prove themselves and hold no secret: their file is JSON lines in the clear.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use age::secrecy::ExposeSecret as _;
use age::stream::{StreamReader, StreamWriter};
use base64::Engine as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::api::Capture;
use crate::key::{PublicKey, StationKey};
use crate::receipt::Receipt;
use crate::secret::BASE64URL;

/// The form of bundle this program writes, and the newest it reads.
pub const FORM: u32 = 1;

/// A capture's body is 24 MiB at most; its record's papers are some kilobytes.
const LONGEST_LINE: u64 = 32 << 20;

/// A bundle or a file of receipts cannot be used. Never carries what stood in it.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Something else.
    #[error("this file is neither a bundle nor a file of receipts")]
    NotABundle,
    /// Sealed to others.
    #[error(
        "this bundle is sealed to somebody else: only the vendor it names, and the stations named when it was \
         written (queue export --to), can open it; nothing was taken"
    )]
    NotForUs,
    /// The end is missing.
    #[error("the bundle is incomplete; nothing was taken: copy it again")]
    Incomplete,
    /// Not as it was written.
    #[error("the bundle is not as it was written ({0}); nothing was taken: write and carry it again")]
    Altered(&'static str),
    /// A newer program wrote it.
    #[error("the bundle has form {found}, this program knows up to {FORM}: install the newer program")]
    Newer {
        /// Its form.
        found: u32,
    },
    /// Not an age recipient.
    #[error("not a recipient (age1 and 58 more letters and digits)")]
    BadRecipient,
    /// The file could not be read or written.
    #[error("the file: {0}")]
    File(io::Error),
}

/// To whom something can be sealed: the public half of an [`Identity`], `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl std::str::FromStr for Recipient {
    type Err = BundleError;

    fn from_str(text: &str) -> Result<Recipient, BundleError> {
        text.trim()
            .parse()
            .map(Recipient)
            .map_err(|_| BundleError::BadRecipient)
    }
}

/// What opens what was sealed to its [`Recipient`]. Does not print itself.
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// A new one, from the operating system's randomness.
    pub fn generate() -> Identity {
        Identity(age::x25519::Identity::generate())
    }

    /// The identity that was kept as [`to_text`](Self::to_text); `None` where the text is none.
    pub fn from_text(text: &str) -> Option<Identity> {
        text.trim().parse().ok().map(Identity)
    }

    /// As age writes it, to be kept encrypted.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_string().expose_secret().to_owned())
    }

    /// The public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.recipient())
    }
}

/// The vendor's recipient, vouched for by its receipt key: whoever reads along at a proxy cannot put in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleRecipient {
    /// `age1…`
    #[schema(pattern = "^age1[0-9a-z]{58}$")]
    pub recipient: String,
    /// Ed25519 by the receipt key over `photo-station-bundle-recipient-v1`, a line feed, the recipient and a line
    /// feed; base64url.
    pub signature: String,
}

impl BundleRecipient {
    /// Vouches for a recipient.
    pub fn issue(key: &StationKey, recipient: &Recipient) -> BundleRecipient {
        let recipient = recipient.to_string();
        let signature = BASE64URL.encode(key.sign(recipient_text(&recipient).as_bytes()));
        BundleRecipient { recipient, signature }
    }

    /// The recipient, where the owner of `key` vouches for it.
    pub fn verified(&self, key: &PublicKey) -> Option<Recipient> {
        let signature = BASE64URL.decode(&self.signature).ok()?;
        key.verifies(recipient_text(&self.recipient).as_bytes(), &signature)
            .then(|| self.recipient.parse().ok())?
    }
}

fn recipient_text(recipient: &str) -> String {
    format!("photo-station-bundle-recipient-v1\n{recipient}\n")
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// See [`FORM`].
    pub photo_station_bundle: u32,
    /// For which vendor: its recipient.
    pub vendor: String,
    /// The key the seal is signed with.
    pub station_key: PublicKey,
    /// When it was written.
    pub made_at: Timestamp,
}

/// One record.
#[derive(Clone, Serialize, Deserialize)]
pub struct Entry {
    /// The record.
    pub record_id: Uuid,
    /// What `PUT /v1/captures/{record_id}` would have brought.
    pub capture: Capture,
    /// Its history, oldest first.
    pub history: Vec<HistoryRow>,
    /// What another station needs besides to keep it as its own. Secret, and no backend's business.
    pub papers: serde_json::Value,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({})", self.record_id)
    }
}

/// How the last line begins.
const SEAL_BEGINS: &[u8] = br#"{"entries":"#;

/// The last line.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seal {
    entries: u64,
    /// SHA-256 of all lines before this one with their line feeds, lower hex.
    sha256: String,
    /// Ed25519 by the head's station key over [`seal_text`], base64url.
    signature: String,
}

fn seal_text(entries: u64, sha256: &str, key: &PublicKey) -> String {
    format!("photo-station-bundle-v1\n{entries}\n{sha256}\n{}\n", key.key_id())
}

/// One row of a record's history, chained by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Milliseconds since 1970.
    pub at: i64,
    /// The record's id.
    pub subject: String,
    /// `student`, `station`, `backend`, `staff`.
    pub actor: String,
    /// What happened, kebab-case.
    pub what: String,
    /// The record's state afterwards.
    pub state: Option<String>,
    /// Particulars, never secret.
    pub detail: Option<String>,
    /// The hash of the row before; empty for the first.
    pub previous: String,
    /// SHA-256, lower hex, over `photo-station audit row 1`, `previous`, `at` in decimal, `subject`, `actor`, `what`,
    /// `state` and `detail` (each of these two empty where absent, led by `+` where not), every field led by its length
    /// in eight bytes, big end first.
    pub hash: String,
}

impl HistoryRow {
    fn computed_hash(&self) -> String {
        let led = |text: &Option<String>| text.as_ref().map_or_else(String::new, |text| format!("+{text}"));
        let mut hash = Sha256::new();
        for field in [
            "photo-station audit row 1",
            &self.previous,
            &self.at.to_string(),
            &self.subject,
            &self.actor,
            &self.what,
            &led(&self.state),
            &led(&self.detail),
        ] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        hex::encode(hash.finalize())
    }
}

/// True where the rows are one whole history of this record: none changed, none missing but at its end.
pub fn is_whole(history: &[HistoryRow], record_id: Uuid) -> bool {
    let subject = record_id.to_string();
    let mut previous = "";
    !history.is_empty()
        && history.iter().all(|row| {
            let fits = row.subject == subject && row.previous == previous && row.computed_hash() == row.hash;
            previous = &row.hash;
            fits
        })
}

/// Writes a bundle, entry by entry; at most one is in memory.
pub struct Writer<W: Write> {
    stream: StreamWriter<W>,
    key: PublicKey,
    hash: Sha256,
    entries: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a bundle for the vendor, which `also` may open, too.
    ///
    /// # Errors
    /// [`BundleError::File`].
    pub fn begin(
        output: W,
        vendor: &Recipient,
        also: &[Recipient],
        station_key: PublicKey,
        made_at: Timestamp,
    ) -> Result<Writer<W>, BundleError> {
        let all = std::iter::once(vendor)
            .chain(also)
            .map(|one| &one.0 as &dyn age::Recipient);
        let stream = age::Encryptor::with_recipients(all)
            .map_err(|_| BundleError::BadRecipient)?
            .wrap_output(output)
            .map_err(BundleError::File)?;
        let mut writer = Writer {
            stream,
            key: station_key,
            hash: Sha256::new(),
            entries: 0,
        };
        writer.line(&Head {
            photo_station_bundle: FORM,
            vendor: vendor.to_string(),
            station_key,
            made_at,
        })?;
        Ok(writer)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`BundleError::File`].
    pub fn add(&mut self, entry: &Entry) -> Result<(), BundleError> {
        self.entries += 1;
        self.line(entry)
    }

    /// Signs and ends the bundle, and gives the output back to be flushed.
    ///
    /// # Errors
    /// [`BundleError::File`].
    pub fn finish(mut self, key: &StationKey) -> Result<W, BundleError> {
        let sha256 = hex::encode(self.hash.clone().finalize());
        let text = seal_text(self.entries, &sha256, &self.key);
        self.line(&Seal {
            entries: self.entries,
            signature: BASE64URL.encode(key.sign(text.as_bytes())),
            sha256,
        })?;
        self.stream.finish().map_err(BundleError::File)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), BundleError> {
        let mut line =
            Zeroizing::new(serde_json::to_vec(value).map_err(|error| BundleError::File(error.into()))?);
        line.push(b'\n');
        if line.len() as u64 > LONGEST_LINE {
            return Err(BundleError::File(io::ErrorKind::FileTooLarge.into()));
        }
        self.hash.update(&*line);
        self.stream.write_all(&line).map_err(BundleError::File)
    }
}

/// Reads a bundle, entry by entry.
pub struct Reader<R: Read> {
    lines: BufReader<StreamReader<R>>,
    head: Head,
    hash: Sha256,
    entries: u64,
}

impl<R: Read> Reader<R> {
    /// Opens what is sealed to this identity.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn open(input: R, identity: &Identity) -> Result<Reader<R>, BundleError> {
        let refused = |error: age::DecryptError| match error {
            age::DecryptError::NoMatchingKeys | age::DecryptError::KeyDecryptionFailed => {
                BundleError::NotForUs
            }
            age::DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => unreadable(error),
            age::DecryptError::InvalidMac | age::DecryptError::DecryptionFailed => {
                BundleError::Altered("its head")
            }
            _ => BundleError::NotABundle,
        };
        let stream = age::Decryptor::new(input)
            .and_then(|opened| opened.decrypt(std::iter::once(&identity.0 as &dyn age::Identity)))
            .map_err(refused)?;
        let mut reader = Reader {
            lines: BufReader::new(stream),
            head: Head {
                photo_station_bundle: 0,
                vendor: String::new(),
                station_key: StationKey::from_bytes(&[0; 32]).public_key(),
                made_at: Timestamp::UNIX_EPOCH,
            },
            hash: Sha256::new(),
            entries: 0,
        };
        let line = reader.line()?;
        reader.hash.update(&*line);
        let form: serde_json::Value =
            serde_json::from_slice(&line).map_err(|_| BundleError::Altered("its head"))?;
        match form["photo_station_bundle"].as_u64() {
            Some(found) if found > u64::from(FORM) => {
                return Err(BundleError::Newer {
                    found: u32::try_from(found).unwrap_or(u32::MAX),
                });
            }
            Some(_) => {}
            None => return Err(BundleError::NotABundle),
        }
        reader.head = serde_json::from_value(form).map_err(|_| BundleError::Altered("its head"))?;
        Ok(reader)
    }

    /// The first line.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next record; `None` after the last, once the seal was found to be right.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn next_entry(&mut self) -> Result<Option<Entry>, BundleError> {
        let line = self.line()?;
        if !line.starts_with(SEAL_BEGINS) {
            self.hash.update(&*line);
            self.entries += 1;
            return serde_json::from_slice(&line)
                .map(Some)
                .map_err(|_| BundleError::Altered("a record"));
        }
        let seal: Seal = serde_json::from_slice(&line).map_err(|_| BundleError::Altered("its seal"))?;
        let sha256 = hex::encode(self.hash.clone().finalize());
        let key = &self.head.station_key;
        let signed = BASE64URL.decode(&seal.signature).is_ok_and(|signature| {
            key.verifies(seal_text(self.entries, &sha256, key).as_bytes(), &signature)
        });
        if !signed || seal.entries != self.entries || seal.sha256 != sha256 {
            return Err(BundleError::Altered("its seal"));
        }
        match self.lines.read(&mut [0]).map_err(unreadable)? {
            0 => Ok(None),
            _ => Err(BundleError::Altered("its end")),
        }
    }

    fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, BundleError> {
        let mut line = Zeroizing::new(Vec::new());
        (&mut self.lines)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .map_err(unreadable)?;
        match line.last() {
            Some(b'\n') => Ok(line),
            _ if line.len() as u64 == LONGEST_LINE => Err(BundleError::Altered("a line is too long")),
            _ => Err(BundleError::Incomplete),
        }
    }
}

fn unreadable(error: io::Error) -> BundleError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BundleError::Incomplete,
        // What does not decrypt, and what is not UTF-8.
        io::ErrorKind::InvalidData => BundleError::Altered("a part of it"),
        _ => BundleError::File(error),
    }
}

/// Reads a bundle to its end and gives its head: everything in it is as its station wrote it.
///
/// # Errors
/// [`BundleError`].
pub fn check<R: Read>(input: R, identity: &Identity) -> Result<(Head, u64), BundleError> {
    let mut reader = Reader::open(input, identity)?;
    while reader.next_entry()?.is_some() {}
    Ok((reader.head, reader.entries))
}

/// What a file of this part of the contract is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A sealed bundle.
    Bundle,
    /// Receipts.
    Receipts,
}

impl Kind {
    /// Looks at the first bytes of a file.
    pub fn of(beginning: &[u8]) -> Option<Kind> {
        if beginning.starts_with(b"age-encryption.org/v1\n") {
            Some(Kind::Bundle)
        } else if beginning.starts_with(br#"{"photo_station_receipts":"#) {
            Some(Kind::Receipts)
        } else {
            None
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ReceiptsHead {
    photo_station_receipts: u32,
}

/// Writes receipts to be carried back.
///
/// # Errors
/// What the output says.
pub fn write_receipts(mut output: impl Write, receipts: &[Receipt]) -> io::Result<()> {
    let head = ReceiptsHead {
        photo_station_receipts: FORM,
    };
    serde_json::to_writer(&mut output, &head)?;
    output.write_all(b"\n")?;
    for receipt in receipts {
        serde_json::to_writer(&mut output, receipt)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// Reads receipts that were carried back. None of them is verified yet.
///
/// # Errors
/// [`BundleError`].
pub fn read_receipts(input: impl Read) -> Result<Vec<Receipt>, BundleError> {
    let mut lines = BufReader::new(input.take(LONGEST_LINE)).lines();
    let head = lines.next().ok_or(BundleError::NotABundle)?.map_err(unreadable)?;
    let head: ReceiptsHead = serde_json::from_str(&head).map_err(|_| BundleError::NotABundle)?;
    if head.photo_station_receipts > FORM {
        return Err(BundleError::Newer {
            found: head.photo_station_receipts,
        });
    }
    lines
        .map(|line| {
            serde_json::from_str(&line.map_err(unreadable)?).map_err(|_| BundleError::Altered("a receipt"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(vendor: &Identity, entries: u8) -> Vec<u8> {
        let key = StationKey::from_bytes(&[1; 32]);
        let now = Timestamp::from_second(1_760_000_000).unwrap();
        let mut writer = Writer::begin(Vec::new(), &vendor.recipient(), &[], key.public_key(), now).unwrap();
        for n in 0..entries {
            let photo = crate::api::Photo::new("image/jpeg", vec![n; 3000]);
            let capture = Capture {
                subject: crate::api::Subject::default(),
                standard: photo.clone(),
                original: photo,
                captured_at: now,
                submitted_at: now,
                consented_at: now,
                shoot_number: "A001".into(),
                spec: "national-blue".into(),
                report: serde_json::json!({}),
                forced_reason: None,
                software: "test".into(),
            };
            writer
                .add(&Entry {
                    record_id: Uuid::from_u128(u128::from(n)),
                    capture,
                    history: Vec::new(),
                    papers: serde_json::json!({ "n": n }),
                })
                .unwrap();
        }
        writer.finish(&key).unwrap()
    }

    #[test]
    fn what_is_sealed_to_a_vendor_it_alone_reads_and_in_order() {
        let (vendor, other) = (Identity::generate(), Identity::generate());
        let sealed = bundle(&vendor, 3);
        assert_eq!(Kind::of(&sealed), Some(Kind::Bundle));
        let mut reader = Reader::open(sealed.as_slice(), &vendor).unwrap();
        assert_eq!(reader.head().vendor, vendor.recipient().to_string());
        for n in 0..3 {
            let entry = reader.next_entry().unwrap().unwrap();
            assert_eq!(entry.record_id, Uuid::from_u128(n));
        }
        assert!(reader.next_entry().unwrap().is_none());
        assert!(matches!(
            check(sealed.as_slice(), &other),
            Err(BundleError::NotForUs)
        ));
        let again = Identity::from_text(&vendor.to_text()).unwrap();
        assert_eq!(check(sealed.as_slice(), &again).unwrap().1, 3);
        assert_eq!(check(bundle(&vendor, 0).as_slice(), &vendor).unwrap().1, 0);
    }

    #[test]
    fn a_bundle_cut_or_changed_at_any_byte_is_none() {
        let vendor = Identity::generate();
        let sealed = bundle(&vendor, 1);
        for place in 0..sealed.len() {
            assert!(check(&sealed[..place], &vendor).is_err(), "cut at {place}");
        }
        for place in (0..sealed.len()).step_by(7) {
            let mut changed = sealed.clone();
            changed[place] ^= 0x20;
            assert!(check(changed.as_slice(), &vendor).is_err(), "changed at {place}");
        }
    }

    #[test]
    fn another_recipient_than_the_vendors_own_is_not_taken_for_it() {
        let key = StationKey::from_bytes(&[3; 32]);
        let vendor = Identity::generate().recipient();
        let vouched = BundleRecipient::issue(&key, &vendor);
        assert_eq!(vouched.verified(&key.public_key()), Some(vendor));
        let mut swapped = vouched.clone();
        swapped.recipient = Identity::generate().recipient().to_string();
        assert_eq!(swapped.verified(&key.public_key()), None);
        let other = StationKey::from_bytes(&[4; 32]).public_key();
        assert_eq!(vouched.verified(&other), None);
        assert!("age1nobody".parse::<Recipient>().is_err());
    }

    #[test]
    fn receipts_travel_in_the_clear_and_come_back_as_they_were() {
        let key = StationKey::from_bytes(&[1; 32]);
        let now = Timestamp::from_second(1_760_000_000).unwrap();
        let receipt = Receipt::issue(
            &key,
            "R-1".into(),
            Uuid::from_u128(1),
            "a".into(),
            "b".into(),
            now,
        );
        let mut file = Vec::new();
        write_receipts(&mut file, std::slice::from_ref(&receipt)).unwrap();
        assert_eq!(Kind::of(&file), Some(Kind::Receipts));
        assert_eq!(read_receipts(file.as_slice()).unwrap(), [receipt]);
        assert!(matches!(read_receipts(&file[..20]), Err(BundleError::NotABundle)));
        assert!(matches!(
            read_receipts(&file[..file.len() - 9]),
            Err(BundleError::Altered(_))
        ));
    }
}
