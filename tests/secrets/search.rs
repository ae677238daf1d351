//! The search for secrets in files, in every guise a program gives a text without meaning to.

use std::collections::BTreeSet;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A part of this many characters gives a long secret away.
const PIECE: usize = 12;

/// What is sought.
#[derive(Default)]
pub(crate) struct Needles {
    sought: Vec<Needle>,
}

struct Needle {
    what: &'static str,
    guise: Vec<u8>,
    /// Too short to mean anything inside a longer word.
    alone: bool,
}

/// What a search came to.
pub(crate) struct Report {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    /// What stands where; never the secret itself.
    pub(crate) found: Vec<String>,
}

impl Needles {
    /// A secret; of one longer than twelve characters every piece of twelve.
    pub(crate) fn add(&mut self, what: &'static str, secret: &str) {
        let whole: Vec<char> = secret.chars().collect();
        let pieces = whole.windows(PIECE.min(whole.len()));
        for piece in pieces.map(|piece| piece.iter().collect::<String>()) {
            for guise in guises(&piece) {
                self.sought.push(Needle {
                    what,
                    guise,
                    alone: false,
                });
            }
        }
    }

    /// A few characters that must not stand by themselves.
    pub(crate) fn add_short(&mut self, what: &'static str, secret: &str) {
        self.sought.push(Needle {
            what,
            guise: secret.as_bytes().to_vec(),
            alone: true,
        });
    }

    /// Searches the contents and the names of all files in the folder, a database's key file excepted.
    pub(crate) fn search(&self, folder: &Path) -> Report {
        let automaton = AhoCorasick::new(self.sought.iter().map(|needle| &needle.guise)).unwrap();
        let mut report = Report {
            files: 0,
            bytes: 0,
            found: Vec::new(),
        };
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let mut hay = path.as_os_str().as_encoded_bytes().to_vec();
                if path.is_dir() {
                    open.push(path.clone());
                } else if path.is_file() && !path.ends_with("records.key") {
                    report.files += 1;
                    hay.push(b'\n');
                    hay.extend(std::fs::read(&path).unwrap());
                    report.bytes += hay.len() as u64;
                }
                let there: BTreeSet<&str> = self.found_in(&automaton, &hay).collect();
                let where_ = |what| format!("{what} stands in {}", path.display());
                report.found.extend(there.into_iter().map(where_));
            }
        }
        report
    }

    fn found_in<'a>(
        &'a self,
        automaton: &'a AhoCorasick,
        hay: &'a [u8],
    ) -> impl Iterator<Item = &'static str> + 'a {
        automaton.find_overlapping_iter(hay).filter_map(|found| {
            let needle = &self.sought[found.pattern().as_usize()];
            let wordy = |at: Option<usize>| {
                at.and_then(|at| hay.get(at))
                    .is_some_and(u8::is_ascii_alphanumeric)
            };
            let inside = wordy(found.start().checked_sub(1)) || wordy(Some(found.end()));
            (!(needle.alone && inside)).then_some(needle.what)
        })
    }
}

/// The piece as it is, as hexadecimal or decimal bytes, in Base64 wherever it begins in the coded bytes, in UTF-16,
/// and as JSON and addresses escape what is not ASCII.
fn guises(piece: &str) -> Vec<Vec<u8>> {
    let bytes = piece.as_bytes();
    let mut guises: Vec<Vec<u8>> = vec![bytes.to_vec()];
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    for text in [
        hex::encode(bytes),
        hex::encode_upper(bytes),
        numbers.join(", "),
        numbers.join(","),
    ] {
        guises.push(text.into_bytes());
    }
    for before in 0..3 {
        let shifted = [&vec![0; before], bytes].concat();
        // The first and the last characters hold bits of what stands beside the piece.
        let whole = shifted.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let coded = engine.encode(&shifted);
            guises.push(coded.as_bytes()[(before * 8).div_ceil(6)..whole].to_vec());
        }
    }
    let wide: Vec<u16> = piece.encode_utf16().collect();
    guises.push(wide.iter().flat_map(|unit| unit.to_le_bytes()).collect());
    guises.push(wide.iter().flat_map(|unit| unit.to_be_bytes()).collect());
    if !piece.is_ascii() {
        let escaped = wide
            .iter()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect::<Vec<_>>()
            .concat();
        guises.push(escaped.to_uppercase().replace("\\U", "\\u").into_bytes());
        guises.push(escaped.into_bytes());
        let braces = piece.escape_unicode().to_string();
        guises.push(braces.into_bytes());
        let percent = bytes
            .iter()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<Vec<_>>()
            .concat();
        guises.push(percent.to_lowercase().into_bytes());
        guises.push(percent.into_bytes());
    }
    guises.sort();
    guises.dedup();
    guises
}

/// The search itself is no good if it would not find them.
#[test]
fn every_guise_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let code = "CHSI1:an-invented-code-of-some-length-0123456789";
    let mut needles = Needles::default();
    needles.add("the code", code);
    needles.add("the name", "测试辛");
    needles.add_short("the last four", "107X");
    let name = "测试辛";
    let hidden: [Vec<u8>; 14] = [
        code.into(),
        code[20..33].into(),
        format!("{:?}", &code.as_bytes()[3..20]).into(),
        hex::encode(code).into(),
        STANDARD_NO_PAD.encode(code).into(),
        URL_SAFE_NO_PAD.encode(format!("x{code}")).into(),
        STANDARD_NO_PAD.encode(format!("xy{code}")).into(),
        code.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        name.into(),
        serde_json::to_vec(&format!("a {name} b")).unwrap(),
        "\\u6d4b\\u8bd5\\u8f9b".into(),
        "/search?name=%E6%B5%8B%E8%AF%95%E8%BE%9B".into(),
        name.escape_unicode().to_string().into(),
        "proof: \"107X\"".into(),
    ];
    let file = folder.path().join("found.txt");
    for (n, hidden) in hidden.iter().enumerate() {
        std::fs::write(&file, [b"before ", hidden.as_slice(), b" behind"].concat()).unwrap();
        assert_eq!(needles.search(folder.path()).found.len(), 1, "guise {n}");
    }
    for harmless in ["CHSI1:another", "测试甲", "A107X", "107X1", "an-invented"] {
        std::fs::write(&file, harmless).unwrap();
        assert!(needles.search(folder.path()).found.is_empty(), "{harmless}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::write(folder.path().join(format!("{name}.jpg")), "").unwrap();
    assert_eq!(needles.search(folder.path()).found.len(), 1, "a file's name");
}
