//! Delivery to the school: approved standard photos, as a folder or a zip file, named by a template, with a manifest.
//! A station delivers from its own records, a vendor's backend from its store: each is a [`Shelf`].
//!
//! A delivery is idempotent and goes on where it stopped: a file that is there with the same contents is left alone,
//! one with other contents is never replaced. Names are made of what the backend says, which is outside data: whatever
//! could lead out of the folder or mean a device is neutralised ([`Template`]).

mod archive;
mod folder;
mod manifest;
mod name;
mod template;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use manifest::cell;
pub use template::{DEFAULT, FIELDS, Template, TemplateError};

/// Why nothing, or nothing more, was delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Whatever the photos come from.
    #[error("{0}")]
    Shelf(Box<dyn std::error::Error + Send + Sync>),
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A folder inside the target leads elsewhere.
    #[error("{} is a link that leads out of the folder; nothing was written through it", .0.display())]
    Link(PathBuf),
    /// The zip file or the manifest cannot be read or written.
    #[error("{}: {why}", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A zip file of this name holds another photo under a name that is to be delivered.
    #[error("{} holds another photo as {name}; nothing was changed: choose another file", path.display())]
    Other {
        /// The zip file.
        path: PathBuf,
        /// The entry.
        name: String,
    },
}

impl DeliveryError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> DeliveryError + use<> {
        let path = path.to_owned();
        move |source| DeliveryError::File { path, source }
    }
}

/// One approved photo, and what the manifest says of it. Neither the code, nor a name or a number of an ID is among it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// The record.
    pub id: Uuid,
    /// Number to ask by.
    pub shoot_number: String,
    /// Day of the shoot number, `2025-10-09`.
    pub shoot_day: String,
    /// The code's printable tag.
    pub code_tag: Option<String>,
    /// School's display name.
    pub school: String,
    /// School at the backend.
    pub school_id: Option<String>,
    /// Academic record (学籍) at the backend: what the vendor's lists name a student by.
    pub academic_record: Option<String>,
    /// Level (本科 …).
    pub level: Option<String>,
    /// Major.
    pub major: Option<String>,
    /// Year of graduation.
    pub year: Option<u32>,
    /// The backend's receipt number.
    pub receipt: Option<String>,
    /// SHA-256 of the standard photo.
    pub standard_sha256: String,
}

/// Where photos are kept.
pub trait Shelf {
    /// The standard photo's bytes; `None` where they are gone or cannot be read. Whether they are the ones that were
    /// submitted is examined by whoever asks.
    ///
    /// # Errors
    /// The shelf itself is broken.
    fn photo(&self, item: &Item) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>>;
}

/// What is to be written where.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Files to be there afterwards, by their name.
    pub files: Vec<Planned>,
    /// Records that cannot be delivered under this template.
    pub refused: Vec<Refused>,
}

/// One photo and its name.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Folders and file, with `/` between them.
    pub name: String,
    /// The record and what the manifest says of it.
    pub of: Item,
}

/// One record that is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The record.
    pub id: Uuid,
    /// Its number.
    pub shoot_number: String,
    /// Why.
    pub why: Why,
}

/// Why one record is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The template asks for something that is not known of it.
    Missing(&'static str),
    /// Another record would get the same name, at least where upper and lower case are one.
    SameName(String),
    /// A file of this name is there and holds something else.
    Exists(String),
    /// The photo here is not the one that was submitted.
    Damaged,
}

impl Why {
    /// Where the reason lies, in words.
    pub fn words(&self) -> (String, String) {
        match self {
            Why::Missing(field) => (
                format!("没有“{field}”，文件名无法确定"),
                format!("no {field} is known of it, which the file name needs"),
            ),
            Why::SameName(name) => (
                format!("与另一条记录同名（{name}），请在命名规则里加上 {{shoot_number}} 或 {{record}}"),
                format!(
                    "another record would be {name}, too: add {{shoot_number}} or {{record}} to the template"
                ),
            ),
            Why::Exists(name) => (
                format!("已有同名文件（{name}）而内容不同，没有覆盖"),
                format!("{name} is there and holds something else; it was not replaced"),
            ),
            Why::Damaged => (
                "本机的照片已损坏，没有交付".to_owned(),
                "the photo here is damaged; it was not delivered".to_owned(),
            ),
        }
    }
}

/// What a delivery did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Files written now.
    pub written: u32,
    /// Files that were there already.
    pub there: u32,
    /// Records left out.
    pub refused: Vec<Refused>,
    /// True where it was stopped before the end; doing it again goes on.
    pub stopped: bool,
}

/// Names every approved record. Those that cannot be named, or not by a name of their own, are told apart.
pub fn plan(template: &Template, approved: Vec<Item>) -> Plan {
    let mut plan = Plan::default();
    let mut named: HashMap<String, Vec<Planned>> = HashMap::new();
    let mut refuse = |of: &Item, why| {
        plan.refused.push(Refused {
            id: of.id,
            shoot_number: of.shoot_number.clone(),
            why,
        });
    };
    for of in approved {
        match template.name(&of) {
            // Windows and macOS take upper and lower case for one.
            Ok(name) => named
                .entry(name.to_lowercase())
                .or_default()
                .push(Planned { name, of }),
            Err(field) => refuse(&of, Why::Missing(field)),
        }
    }
    for mut same in named.into_values() {
        if same.len() == 1 {
            plan.files.append(&mut same);
        } else {
            for one in same {
                refuse(&one.of, Why::SameName(one.name));
            }
        }
    }
    plan.files.sort_by(|a, b| a.name.cmp(&b.name));
    plan.refused.sort_by_key(|refused| refused.id);
    plan
}

/// Delivers what is approved into `target`: a zip file where its name ends in `.zip`, a folder otherwise. `done` is told how many files
/// are over and ends the work by `false`.
///
/// # Errors
/// [`DeliveryError`]; files written before it stay, and the next delivery goes on behind them.
pub fn deliver(
    shelf: &dyn Shelf,
    plan: Plan,
    target: &Path,
    done: &mut dyn FnMut(u32) -> bool,
) -> Result<Delivered, DeliveryError> {
    if is_archive(target) {
        archive::write(shelf, plan, target, done)
    } else {
        folder::write(shelf, plan, target, done)
    }
}

/// Whether a target is a zip file.
pub fn is_archive(target: &Path) -> bool {
    target
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

/// The photo, if it is the one that was submitted.
fn photo(shelf: &dyn Shelf, of: &Item) -> Result<Option<Vec<u8>>, DeliveryError> {
    let bytes = shelf.photo(of).map_err(DeliveryError::Shelf)?;
    Ok(bytes.filter(|bytes| sha256(bytes) == of.standard_sha256))
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(n: u8, school: &str) -> Item {
        Item {
            id: Uuid::from_u128(n.into()),
            shoot_number: format!("A{n:03}"),
            shoot_day: "2025-10-09".into(),
            code_tag: Some(format!("TAG-{n:02}")),
            school: school.into(),
            school_id: None,
            academic_record: Some(format!("XJ-{n}")),
            level: Some("本科".into()),
            major: Some("测绘工程".into()),
            year: Some(2026),
            receipt: Some(format!("R-{n}")),
            standard_sha256: "00".repeat(32),
        }
    }

    #[test]
    fn names_that_would_meet_are_refused_together_and_the_others_stay() {
        let template = Template::parse("{school}/{major}.jpg").unwrap();
        let made = plan(&template, vec![one(1, "甲大"), one(2, "乙大"), one(3, "甲大")]);
        assert_eq!(made.files.len(), 1);
        assert_eq!(made.files[0].name, "乙大/测绘工程.jpg");
        let refused: Vec<_> = made.refused.iter().map(|one| one.shoot_number.as_str()).collect();
        assert_eq!(refused, ["A001", "A003"], "neither may take the other's place");
        assert!(made.refused[0].why.words().1.contains("{shoot_number}"));
    }

    #[test]
    fn upper_and_lower_case_are_one_name() {
        let template = Template::parse("{school}.jpg").unwrap();
        let made = plan(&template, vec![one(1, "Demo"), one(2, "DEMO")]);
        assert!(made.files.is_empty() && made.refused.len() == 2);
    }

    #[test]
    fn what_is_not_known_of_a_record_cannot_name_it() {
        let template = Template::parse("{school_id}/{record}.jpg").unwrap();
        let made = plan(&template, vec![one(1, "甲大")]);
        assert_eq!(made.refused[0].why, Why::Missing("school_id"));
    }
}
