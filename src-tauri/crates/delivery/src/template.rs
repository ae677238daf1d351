//! A naming template: folders and a file name, with fields in braces.

use super::{Item, name};

/// The template where none is given. The academic record is what the vendor's lists name a student by: the station
/// knows neither a name nor a student number.
pub const DEFAULT: &str = "{school}/{year}/{academic_record}.jpg";

/// What a name may be made of. Nothing secret is among it: no code, no name, no digit of an ID.
pub const FIELDS: [&str; 11] = [
    "school",
    "school_id",
    "level",
    "major",
    "year",
    "academic_record",
    "shoot_day",
    "shoot_number",
    "tag",
    "receipt",
    "record",
];

const ENDING: &str = ".jpg";

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Empty, or a part of it is.
    #[error("the template is empty, or has nothing between two /")]
    Empty,
    /// Not a JPEG file's name.
    #[error("the template must end in .jpg")]
    NotJpg,
    /// A brace is not closed or not opened.
    #[error("a brace in the template has no other half")]
    Brace,
    /// No such field.
    #[error("there is no field {{{0}}}; there are {{{list}}}", list = FIELDS.join("}, {"))]
    Unknown(String),
    /// Two records would always meet.
    #[error("without a field every photo would have the same name")]
    NoField,
    /// A character no file name may hold, or a part that leads elsewhere.
    #[error("{0:?} cannot stand in a file name")]
    Unsafe(String),
}

impl TemplateError {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            TemplateError::Empty => "命名规则是空的，或两个 / 之间没有内容".to_owned(),
            TemplateError::NotJpg => "命名规则必须以 .jpg 结尾".to_owned(),
            TemplateError::Brace => "命名规则里的花括号没有成对".to_owned(),
            TemplateError::Unknown(field) => {
                format!("没有 {{{field}}} 这一项；可以用 {{{}}}", FIELDS.join("}、{"))
            }
            TemplateError::NoField => "命名规则里没有任何项目，所有照片会同名".to_owned(),
            TemplateError::Unsafe(part) => format!("“{part}”不能用在文件名里"),
        }
    }
}

/// A template that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(&'static str),
}

impl Template {
    /// Reads a template such as [`DEFAULT`].
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let text = text.trim();
        let stem = text
            .len()
            .checked_sub(ENDING.len())
            .and_then(|at| text.split_at_checked(at))
            .filter(|(_, ending)| ending.eq_ignore_ascii_case(ENDING));
        let (stem, _) = stem.ok_or(if text.is_empty() {
            TemplateError::Empty
        } else {
            TemplateError::NotJpg
        })?;
        let parts = stem.split('/').map(pieces).collect::<Result<Vec<_>, _>>()?;
        if !parts
            .iter()
            .flatten()
            .any(|piece| matches!(piece, Piece::Field(_)))
        {
            return Err(TemplateError::NoField);
        }
        Ok(Template { parts })
    }

    /// The name of this record's photo.
    ///
    /// # Errors
    /// The field that is not known of it.
    pub fn name(&self, of: &Item) -> Result<String, &'static str> {
        let last = self.parts.len().saturating_sub(1);
        let mut names = Vec::with_capacity(self.parts.len());
        for (place, pieces) in self.parts.iter().enumerate() {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(words) => text.push_str(words),
                    Piece::Field(field) => {
                        let found = value(of, field).filter(|value| !value.trim().is_empty());
                        text.push_str(&name::value(&found.ok_or(*field)?));
                    }
                }
            }
            names.push(name::part(&text, if place == last { ENDING } else { "" }));
        }
        Ok(names.join("/"))
    }
}

fn pieces(part: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut found = Vec::new();
    let mut rest = part;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, braced) = rest.split_at(at);
        let inner = braced.strip_prefix('{').ok_or(TemplateError::Brace)?;
        let (field, after) = inner.split_once('}').ok_or(TemplateError::Brace)?;
        push_text(&mut found, text)?;
        let known = FIELDS.into_iter().find(|known| *known == field.trim());
        found.push(Piece::Field(
            known.ok_or_else(|| TemplateError::Unknown(field.trim().to_owned()))?,
        ));
        rest = after;
    }
    push_text(&mut found, rest)?;
    match found.as_slice() {
        [] => Err(TemplateError::Empty),
        [Piece::Text(text)] if name::part(text, "") != *text => Err(TemplateError::Unsafe(text.clone())),
        _ => Ok(found),
    }
}

fn push_text(found: &mut Vec<Piece>, text: &str) -> Result<(), TemplateError> {
    if let Some(bad) = text
        .chars()
        .find(|c| name::FORBIDDEN.contains(c) || name::is_unseen(*c))
    {
        return Err(TemplateError::Unsafe(bad.to_string()));
    }
    if !text.is_empty() {
        found.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

/// What is known of a record under this name.
pub(super) fn value(of: &Item, field: &str) -> Option<String> {
    match field {
        "school" => Some(of.school.clone()),
        "school_id" => of.school_id.clone(),
        "level" => of.level.clone(),
        "major" => of.major.clone(),
        "year" => of.year.map(|year| year.to_string()),
        "academic_record" => of.academic_record.clone(),
        "shoot_day" => Some(of.shoot_day.clone()),
        "shoot_number" => Some(of.shoot_number.clone()),
        "tag" => of.code_tag.clone(),
        "receipt" => of.receipt.clone(),
        "record" => Some(of.id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Item {
        Item {
            id: uuid::Uuid::from_u128(1),
            shoot_number: "A017".into(),
            shoot_day: "2025-10-09".into(),
            code_tag: Some("K7Q2-9F".into()),
            school: "示范大学".into(),
            school_id: Some("demo".into()),
            academic_record: Some("ar-001-1".into()),
            level: Some("本科".into()),
            major: Some("测绘工程".into()),
            year: Some(2026),
            receipt: Some("R-20251009-000017".into()),
            standard_sha256: "00".repeat(32),
        }
    }

    #[test]
    fn a_record_gets_its_folders_and_its_name() {
        let name = |text: &str| Template::parse(text).unwrap().name(&one()).unwrap();
        assert_eq!(name(DEFAULT), "示范大学/2026/ar-001-1.jpg");
        assert_eq!(
            name(" {level}{year}级/{ major }_{shoot_number}.JPG "),
            "本科2026级/测绘工程_A017.jpg"
        );
        for field in FIELDS {
            assert!(!name(&format!("{{{field}}}.jpg")).contains(['{', '}']), "{field}");
        }
    }

    #[test]
    fn a_template_that_cannot_name_is_refused_with_what_is_wrong() {
        let wrong = |text: &str| Template::parse(text).unwrap_err();
        assert_eq!(wrong(""), TemplateError::Empty);
        assert_eq!(wrong("{school}/{year}"), TemplateError::NotJpg);
        assert_eq!(wrong("{school}//{record}.jpg"), TemplateError::Empty);
        assert_eq!(
            wrong("/{record}.jpg"),
            TemplateError::Empty,
            "never from the root"
        );
        assert_eq!(wrong("{school.jpg"), TemplateError::Brace);
        assert_eq!(wrong("school}.jpg"), TemplateError::Brace);
        assert_eq!(wrong("photo.jpg"), TemplateError::NoField);
        assert_eq!(wrong("../{record}.jpg"), TemplateError::Unsafe("..".into()));
        assert_eq!(wrong("con/{record}.jpg"), TemplateError::Unsafe("con".into()));
        assert_eq!(wrong("C:{record}.jpg"), TemplateError::Unsafe(":".into()));
        assert_eq!(wrong("a\\{record}.jpg"), TemplateError::Unsafe("\\".into()));
        let TemplateError::Unknown(field) = wrong("{student_name}.jpg") else {
            panic!("a name is no field");
        };
        assert_eq!(field, "student_name");
        assert!(
            wrong("{id}.jpg").to_string().contains("{academic_record}"),
            "the fields are listed"
        );
    }

    #[test]
    fn a_school_whose_name_is_a_path_stays_inside() {
        let mut tricky = one();
        tricky.school = "../../../root".into();
        tricky.academic_record = Some("..".into());
        let name = Template::parse(DEFAULT).unwrap().name(&tricky).unwrap();
        assert_eq!(name, "_.._.._.._root/2026/_.jpg");
    }
}
