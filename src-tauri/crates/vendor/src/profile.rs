//! What a vendor wants, as data: the order of the steps, the proof, the fee, the requirements.
//!
//! Profiles are TOML files in `assets/vendors/`; three are built in. A backend sends its own under
//! `GET /v1/profile`, with the same fields as JSON. A file with a field nobody reads is refused, since a
//! misspelt rule is a rule not kept; over the wire unknown fields are ignored, so that a newer backend does
//! not stop an older station.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Window;
use crate::bundle::BundleRecipient;

/// A profile cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, or a field is missing or of the wrong kind.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A field nobody reads.
    #[error("unknown field {0}")]
    UnknownField(String),
    /// The fields contradict each other or leave their range.
    #[error("{0}")]
    Contradiction(String),
}

/// One vendor's way of collecting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// Identifier, also the file's name.
    pub id: String,
    /// Display name in Chinese.
    pub name: String,
    /// Display name in English.
    pub name_en: String,
    /// The visit, in order. [`Step::Pay`] is passed over where nothing is due.
    pub steps: Vec<Step>,
    /// How a student shows that the code is theirs.
    pub proof: ProofKind,
    /// Whether a telephone number is asked for with [`ProofKind::NameAndNumber`].
    #[serde(default)]
    pub ask_phone: bool,
    /// Regular expression of a collection code's text.
    pub code_pattern: String,
    /// What a student pays.
    pub fee: Fee,
    /// Photo spec, a name in `assets/specs/`.
    pub spec: String,
    /// Print sheet, a name in `assets/sheets/`.
    pub sheet: String,
    /// Whom to ask for help.
    pub support: SupportLine,
    /// Hours until a reviewer has decided, as promised to the student (1..=720).
    pub review_hours: u32,
    /// Days a delivered record stays on the station (1..=365).
    pub retention_days: u32,
    /// Shots a visit may take at most (1..=100): a guard against a stuck button, not a vendor's rule.
    pub max_shots: u32,
    /// Finished photos to choose among (1..=6).
    pub candidates: u32,
    /// When collection is open; absent where each school has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// To whom bundles carried by hand are sealed; a backend adds it, no profile file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_recipient: Option<BundleRecipient>,
    /// Levels a school may have, as offered to the student.
    pub levels: Vec<String>,
    /// What the student reads before the shooting.
    pub requirements: Vec<Requirement>,
}

/// A step of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Type the school's name, choose the level.
    FindSchool,
    /// Show the collection code.
    Scan,
    /// Give the proof.
    Prove,
    /// Choose the academic record where there are several.
    ChooseRecord,
    /// Is this you?
    Confirm,
    /// Read the requirements and consent.
    Requirements,
    /// Pay, where something is due.
    Pay,
    /// The shooting.
    Shoot,
    /// Choose one of the finished photos.
    Choose,
    /// Last look and submission.
    Submit,
}

/// How a student shows that the code is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofKind {
    /// Not at all.
    None,
    /// Last four characters of the ID number.
    LastFour,
    /// Level, name and student number.
    NameAndNumber,
}

/// What a student pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fee {
    /// Amount in fen; 0 with [`FeeWhen::Never`].
    pub amount_fen: u32,
    /// When.
    pub when: FeeWhen,
}

/// When a student pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeeWhen {
    /// Never.
    Never,
    /// Once, before the shooting.
    BeforeShooting,
    /// Once, after the photo was uploaded.
    AfterUpload,
    /// Only to replace a photo that was uploaded before.
    OnlyForChange,
}

/// Whom to ask for help, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupportLine {
    /// Telephone number as dialled.
    pub phone: String,
    /// Opening hours in words.
    pub hours: String,
}

/// One thing to heed before the shooting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Requirement {
    /// Names the drawing: `ears`, `forehead`, `collar`, `clothes`, `jewellery`, `glasses`, …
    pub id: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

const BUILT_IN: [(&str, &str); 3] = [
    (
        "biyezhengzhao",
        include_str!("../../../../assets/vendors/biyezhengzhao.toml"),
    ),
    ("yipai", include_str!("../../../../assets/vendors/yipai.toml")),
    ("binyu", include_str!("../../../../assets/vendors/binyu.toml")),
];

impl Profile {
    /// Identifiers of the built-in profiles.
    pub const BUILT_IN: [&str; 3] = ["biyezhengzhao", "yipai", "binyu"];

    /// A profile that comes with the program: `biyezhengzhao` (毕业证照), `yipai` (易拍毕业证照采集) or
    /// `binyu` (宾宇毕业生图像采集).
    pub fn built_in(id: &str) -> Option<Profile> {
        let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == id)?;
        // A test reads all three, so this cannot fail in a program that was tested.
        Profile::parse(text).ok()
    }

    /// Reads and validates a profile file.
    ///
    /// # Errors
    /// [`ProfileError`] with the line or field at fault.
    pub fn parse(text: &str) -> Result<Profile, ProfileError> {
        let unreadable = |error: toml::de::Error| ProfileError::Unreadable(error.to_string());
        let profile: Profile = toml::from_str(text).map_err(unreadable)?;
        let written: toml::Table = toml::from_str(text).map_err(unreadable)?;
        let read =
            toml::Table::try_from(&profile).map_err(|error| ProfileError::Unreadable(error.to_string()))?;
        if let Some(field) = unread(&toml::Value::Table(written), &toml::Value::Table(read), "") {
            return Err(ProfileError::UnknownField(field));
        }
        profile.validate()?;
        Ok(profile)
    }

    /// Can a visit be run by this profile? Also for profiles that came over the wire.
    ///
    /// # Errors
    /// [`ProfileError::Contradiction`].
    pub fn validate(&self) -> Result<(), ProfileError> {
        let no = |what: &str| Err(ProfileError::Contradiction(what.to_owned()));
        let at = |step: Step| self.steps.iter().position(|s| *s == step);
        let before =
            |first: Step, second: Step| matches!((at(first), at(second)), (Some(a), Some(b)) if a < b);

        if self.id.is_empty()
            || !self
                .id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            return no("id: lower-case letters, digits and hyphens");
        }
        if (1..self.steps.len()).any(|i| self.steps[..i].contains(&self.steps[i])) {
            return no("steps: each at most once");
        }
        if !(before(Step::Scan, Step::Shoot)
            && before(Step::Shoot, Step::Choose)
            && before(Step::Choose, Step::Submit))
        {
            return no("steps: scan, shoot, choose and submit are needed, in this order");
        }
        if !before(Step::Requirements, Step::Shoot) {
            return no("steps: requirements (and with them the consent) come before shoot");
        }
        if at(Step::Confirm).is_none_or(|confirm| at(Step::Shoot).is_none_or(|shoot| confirm > shoot)) {
            return no("steps: confirm comes before shoot");
        }
        match self.proof {
            ProofKind::None if at(Step::Prove).is_some() => return no("steps: prove without a proof"),
            ProofKind::LastFour
                if !(before(Step::Scan, Step::Prove) && before(Step::Prove, Step::Confirm)) =>
            {
                return no("steps: the last four characters are asked for between scan and confirm");
            }
            ProofKind::NameAndNumber
                if !(before(Step::FindSchool, Step::Prove) && before(Step::Prove, Step::Confirm)) =>
            {
                return no("steps: name and number are asked for between find-school and confirm");
            }
            _ => {}
        }
        let paid_in_time = match self.fee.when {
            FeeWhen::Never => at(Step::Pay).is_none(),
            FeeWhen::BeforeShooting | FeeWhen::OnlyForChange => {
                before(Step::Confirm, Step::Pay) && before(Step::Pay, Step::Shoot)
            }
            FeeWhen::AfterUpload => before(Step::Submit, Step::Pay),
        };
        if !paid_in_time {
            return no("steps: pay stands where fee.when does not want it");
        }
        if (self.fee.amount_fen == 0) != (self.fee.when == FeeWhen::Never) {
            return no("fee: an amount, or never");
        }
        // The bound keeps a profile from the wire from building an automaton of any size.
        let pattern = regex::RegexBuilder::new(&self.code_pattern)
            .size_limit(1 << 20)
            .build();
        if pattern.is_err() || !self.code_pattern.starts_with('^') || !self.code_pattern.ends_with('$') {
            return no("code_pattern: a regular expression from ^ to $");
        }
        let ranges = [
            (self.review_hours, 1, 720, "review_hours: 1 to 720"),
            (self.retention_days, 1, 365, "retention_days: 1 to 365"),
            (self.max_shots, 1, 100, "max_shots: 1 to 100"),
            (self.candidates, 1, 6, "candidates: 1 to 6"),
        ];
        if let Some((.., text)) = ranges
            .iter()
            .find(|(value, least, most, _)| value < least || value > most)
        {
            return no(text);
        }
        if self.window.is_some_and(|window| window.from > window.to) {
            return no("window: from comes before to");
        }
        if self.levels.is_empty() || self.requirements.is_empty() {
            return no("levels and requirements: at least one each");
        }
        let words = [
            &self.name,
            &self.name_en,
            &self.spec,
            &self.sheet,
            &self.support.phone,
            &self.support.hours,
        ];
        if words.iter().any(|word| word.trim().is_empty()) {
            return no("name, name_en, spec, sheet, support: not empty");
        }
        Ok(())
    }

    /// True where the visit has this step.
    pub fn has(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }

    /// The step after this one.
    pub fn after(&self, step: Step) -> Option<Step> {
        let at = self.steps.iter().position(|s| *s == step)?;
        self.steps.get(at + 1).copied()
    }
}

/// The first field that was written but not read, as a path.
fn unread(written: &toml::Value, read: &toml::Value, path: &str) -> Option<String> {
    match (written, read) {
        (toml::Value::Table(written), toml::Value::Table(read)) => {
            written.iter().find_map(|(name, value)| {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match read.get(name) {
                    Some(same) => unread(value, same, &path),
                    None => Some(path),
                }
            })
        }
        (toml::Value::Array(written), toml::Value::Array(read)) => written
            .iter()
            .zip(read)
            .enumerate()
            .find_map(|(i, (w, r))| unread(w, r, &format!("{path}[{i}]"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_vendors_are_as_the_field_describes_them() {
        for id in Profile::BUILT_IN {
            let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == id).unwrap();
            let profile = Profile::parse(text).unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(profile.id, id);
            assert!(
                regex::Regex::new(&profile.code_pattern)
                    .unwrap()
                    .is_match(&format!("CHSI1:{}", "a_-9".repeat(16)))
            );
        }
        let xinhua = Profile::built_in("biyezhengzhao").unwrap();
        assert_eq!(
            (xinhua.proof, xinhua.fee.when),
            (ProofKind::LastFour, FeeWhen::BeforeShooting)
        );
        let yipai = Profile::built_in("yipai").unwrap();
        assert_eq!(
            (yipai.proof, yipai.after(Step::Submit)),
            (ProofKind::NameAndNumber, Some(Step::Pay))
        );
        let binyu = Profile::built_in("binyu").unwrap();
        assert_eq!(
            (binyu.proof, binyu.fee),
            (
                ProofKind::None,
                Fee {
                    amount_fen: 600,
                    when: FeeWhen::OnlyForChange
                }
            )
        );
        assert!(Profile::built_in("nobody").is_none());
    }

    #[test]
    fn a_misspelt_rule_is_refused_by_its_name() {
        let (_, text) = BUILT_IN[0];
        let typo = |from: &str, to: &str| Profile::parse(&text.replace(from, to)).unwrap_err().to_string();
        assert_eq!(typo("ask_phone", "ask_fone"), "unknown field ask_fone");
        assert_eq!(
            typo("hours = \"9", "ours = 1\nhours = \"9"),
            "unknown field support.ours"
        );
        assert!(
            typo("last-four", "last-five").contains("proof"),
            "the line is shown"
        );
    }

    #[test]
    fn contradictions_are_named() {
        let broken = |change: fn(&mut Profile)| {
            let mut profile = Profile::built_in("biyezhengzhao").unwrap();
            change(&mut profile);
            profile.validate().unwrap_err().to_string()
        };
        assert!(broken(|p| p.steps.retain(|s| *s != Step::Scan)).starts_with("steps"));
        assert!(broken(|p| p.steps.push(Step::Pay)).contains("at most once"));
        assert!(broken(|p| p.fee.when = FeeWhen::AfterUpload).contains("pay"));
        assert!(broken(|p| p.fee.amount_fen = 0).starts_with("fee"));
        assert!(broken(|p| p.proof = ProofKind::None).contains("without a proof"));
        assert!(broken(|p| p.code_pattern = "^(".into()).starts_with("code_pattern"));
        assert!(broken(|p| p.code_pattern = "CHSI1:.*".into()).starts_with("code_pattern"));
        assert!(broken(|p| p.max_shots = 0).starts_with("max_shots"));
    }

    #[test]
    fn a_newer_backend_may_say_more() {
        let mut wire = serde_json::to_value(Profile::built_in("yipai").unwrap()).unwrap();
        wire["colour_of_the_curtain"] = "grey".into();
        assert_eq!(
            serde_json::from_value::<Profile>(wire).unwrap(),
            Profile::built_in("yipai").unwrap()
        );
    }
}
