//! A booth's data directory, and students nobody ever was.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "tests: outside a #[test] clippy cannot tell")]

use std::path::PathBuf;

use jiff::Timestamp;
use records::{
    AttemptResult, Depth, FILE_NAME, Identity, Key, MaskedIdentity, NewRecord, Payment, Receipt, RecordId,
    RecordState, Secret, Store,
};
use sha2::{Digest, Sha256};

pub(crate) const KEY: [u8; 32] = [0x5A; 32];

pub(crate) struct Booth {
    pub(crate) dir: tempfile::TempDir,
    store: Option<Store>,
}

impl Booth {
    pub(crate) fn new() -> Booth {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join(FILE_NAME), &Key::from_bytes(KEY)).unwrap();
        Booth {
            dir,
            store: Some(store),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join(FILE_NAME)
    }

    pub(crate) fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    pub(crate) fn view(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn restart(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.path(), &Key::from_bytes(KEY)).unwrap());
    }

    /// Changes the database behind the store's back.
    pub(crate) fn tamper(&mut self, sql: &str) {
        let db = rusqlite::Connection::open(self.path()).unwrap();
        db.execute_batch(&format!(
            "PRAGMA key = \"x'{}'\"; PRAGMA foreign_keys = OFF;",
            hex::encode(KEY)
        ))
        .unwrap();
        db.execute_batch(sql).unwrap();
    }

    pub(crate) fn deliver(&mut self, new: &NewRecord, seconds: i64) {
        self.store().submit(new, at(seconds)).unwrap();
        self.store().begin_attempt(new.id, at(seconds)).unwrap();
        let state = self
            .store()
            .finish_attempt(new.id, receipt_for(new), at(seconds))
            .unwrap();
        assert_eq!(state, RecordState::Delivered);
    }

    pub(crate) fn is_clean(&mut self) {
        let report = self.store().verify(Depth::Full).unwrap();
        assert!(report.is_clean(), "{:#?}", report.faults);
    }
}

pub(crate) fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Seconds after an ordinary moment on an ordinary day.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + seconds).unwrap()
}

/// Bytes that look like nothing else.
pub(crate) fn photo(seed: u8, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 32);
    let mut block = [seed; 32];
    while bytes.len() < len {
        block = Sha256::digest(block).into();
        bytes.extend_from_slice(&block);
    }
    bytes.truncate(len);
    bytes
}

pub(crate) fn student(n: u8) -> NewRecord {
    NewRecord {
        id: RecordId::from_parts(at(0), [n; 10]),
        visit: None,
        code_text: Secret::new(format!("CHSI1:made-up-code-{n}")),
        code_tag: format!("TAG-{n:02}"),
        proof: Secret::new(r#"{"last_four":"8x1X"}"#),
        identity: Some(Identity {
            academic_record: format!("XJ-{n}"),
            masked: MaskedIdentity {
                masked_name: "王*明".into(),
                masked_id: "4403**********8x1X".into(),
                school: "示范大学".into(),
                level: "本科".into(),
                major: "测绘工程".into(),
                year: 2026,
            },
            token: Some(Secret::new(format!("token-of-{n}"))),
        }),
        school: "示范大学".into(),
        school_id: Some("demo".into()),
        vendor: "biyezhengzhao".into(),
        spec: "chsi".into(),
        original: [b"ORIGINAL-PICTURE-BYTES".as_slice(), &photo(n, 30_000)].concat(),
        standard: [
            b"STANDARD-PICTURE-BYTES".as_slice(),
            &photo(n.wrapping_add(128), 5_000),
        ]
        .concat(),
        report: serde_json::json!({ "accepted": true, "note": "REPORT-IN-PLAIN-WORDS" }),
        candidates: 2,
        forced_reason: None,
        payment: Payment::Free,
        consent_at: at(-20),
        started_at: at(-30),
        captured_at: at(-5),
    }
}

pub(crate) fn receipt_for(new: &NewRecord) -> AttemptResult {
    let n = new.code_tag.trim_start_matches("TAG-");
    AttemptResult::Delivered(Receipt {
        number: format!("R-00{n}"),
        bytes: format!("signed receipt {n}").into_bytes(),
        standard_sha256: hex::encode(Sha256::digest(&new.standard)),
    })
}
