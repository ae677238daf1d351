//! The test students a vendor provides.

use std::path::Path;

use serde::Deserialize;
use vendor::api::{Proof, ResolveRequest, Subject};
use vendor::{Profile, ProofKind, Secret, SecretBytes};

use crate::BackendError;

/// A test student, as `vendor-backend demo-codes` prints them: one JSON object a line. Other fields are ignored.
#[derive(Clone, Deserialize)]
pub struct Student {
    /// What is special: `ordinary` (at least three of these, never collected), `ends-in-x`, `several-records`,
    /// `outside-window`, `already-collected`, `not-eligible`, `class-payment`.
    pub case: String,
    /// Full name.
    #[serde(default)]
    pub name: String,
    /// Last four characters of the ID number.
    #[serde(default)]
    pub last_four: String,
    /// Telephone.
    #[serde(default)]
    pub phone: String,
    /// The academic records; the first is the one to collect.
    pub records: Vec<StudentRecord>,
}

/// A test student's academic record.
#[derive(Clone, Deserialize)]
pub struct StudentRecord {
    /// School's identifier at the vendor.
    #[serde(default)]
    pub school_id: String,
    /// School's name.
    #[serde(default)]
    pub school: String,
    /// Level.
    #[serde(default)]
    pub level: String,
    /// Student number.
    #[serde(default)]
    pub student_number: String,
    /// Text of the collection code.
    pub code: String,
}

impl std::fmt::Debug for Student {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Student({})", self.case)
    }
}

impl Student {
    /// The academic record to collect; [`students`] lets nobody in without one.
    fn record(&self) -> Option<&StudentRecord> {
        self.records.first()
    }

    pub(super) fn code(&self) -> Option<SecretBytes> {
        self.record()
            .map(|record| SecretBytes::new(record.code.as_bytes()))
    }

    pub(super) fn school(&self) -> Option<&StudentRecord> {
        self.record().filter(|record| !record.school.is_empty())
    }

    /// What this student gives where the profile asks.
    pub(super) fn proof(&self, profile: &Profile) -> Proof {
        let record = self.record();
        match profile.proof {
            ProofKind::None => Proof::None,
            ProofKind::LastFour => Proof::LastFour {
                value: Secret::new(&*self.last_four),
            },
            ProofKind::NameAndNumber => Proof::NameAndNumber {
                level: record.map(|record| record.level.clone()).unwrap_or_default(),
                name: Secret::new(&*self.name),
                student_number: Secret::new(record.map_or("", |record| record.student_number.as_str())),
                phone: Some(Secret::new(&*self.phone)),
            },
        }
    }

    /// As [`proof`](Self::proof), and wrong.
    pub(super) fn wrong_proof(&self, profile: &Profile) -> Proof {
        let mut other = self.clone();
        let digits = if self.last_four == "0000" { "0001" } else { "0000" };
        digits.clone_into(&mut other.last_four);
        other.name.push('误');
        other.proof(profile)
    }

    pub(super) fn asks(&self, profile: &Profile) -> ResolveRequest {
        ResolveRequest {
            code: self.code(),
            proof: self.proof(profile),
            school_id: self.record().map(|record| record.school_id.clone()),
        }
    }

    /// Whose photo it is, where there was no network to ask.
    pub(super) fn subject(&self, profile: &Profile) -> Subject {
        let ResolveRequest {
            code,
            proof,
            school_id,
        } = self.asks(profile);
        Subject {
            code,
            proof,
            school_id,
            ..Subject::default()
        }
    }

    /// What no answer may show. The last four characters are too short to be told from a number of the answer's own.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> + '_ {
        let own = [self.name.clone(), self.phone.clone()];
        let records = self
            .records
            .iter()
            .flat_map(|record| [record.code.clone(), record.student_number.clone()]);
        own.into_iter().chain(records).filter(|secret| secret.len() >= 6)
    }
}

/// Reads test students, one JSON object a line.
///
/// # Errors
/// [`BackendError::Io`], [`BackendError::Conform`] with the line at fault, never with what stands there.
pub fn students(path: &Path) -> Result<Vec<Student>, BackendError> {
    let text = std::fs::read_to_string(path).map_err(|source| BackendError::Io {
        what: path.display().to_string(),
        source,
    })?;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(i, line)| {
            let at_fault =
                |what: &str| BackendError::Conform(format!("{}: line {}: {what}", path.display(), i + 1));
            let student: Student = serde_json::from_str(line)
                .map_err(|error| at_fault(&format!("no student, column {}", error.column())))?;
            if student.records.is_empty() {
                return Err(at_fault("no academic record"));
            }
            Ok(student)
        })
        .collect()
}

/// Who has not had a photo yet.
pub(super) struct Students {
    all: Vec<Student>,
}

impl Students {
    pub(super) fn new(all: &[Student]) -> Students {
        Students { all: all.to_vec() }
    }

    /// The first student of a kind, who is not given again.
    pub(super) fn take(&mut self, case: &str) -> Option<Student> {
        let at = self.all.iter().position(|student| student.case == case)?;
        Some(self.all.remove(at))
    }

    /// Any student of a kind, who stays.
    pub(super) fn any(&self, case: &str) -> Option<&Student> {
        self.all.iter().find(|student| student.case == case)
    }
}
