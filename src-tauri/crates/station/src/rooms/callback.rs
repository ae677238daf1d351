//! Whom to call back: photos a reviewer rejected, why, and who has come since. As a page and as a file to print.

use std::io::Write;
use std::path::{Path, PathBuf};

use records::{Payment, RejectedRow};
use serde::Serialize;
use specta::Type;

use crate::delivery::cell;
use crate::station::{Station, StationError};

/// One student to call back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct CallbackRow {
    /// The rejected record.
    pub id: String,
    /// Its number.
    pub shoot_number: String,
    /// Day of the number, `2025-10-09`.
    pub shoot_day: String,
    /// Tag of the collection code.
    pub tag: String,
    /// Masked name, empty while the identity is to be resolved.
    pub masked_name: String,
    /// School.
    pub school: String,
    /// Level.
    pub level: String,
    /// Major.
    pub major: String,
    /// Year of graduation; 0 while it is not known.
    pub year: u32,
    /// The reviewer's reasons.
    pub reasons: Vec<String>,
    /// When it was rejected, RFC 3339.
    pub rejected_at: Option<String>,
    /// True where the fee was paid: it covers the next photo, too.
    pub paid: bool,
    /// The photo taken since.
    pub came_back: Option<CameBackView>,
}

/// The photo taken since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct CameBackView {
    /// Its record.
    pub id: String,
    /// Its number.
    pub shoot_number: String,
    /// Where it stands, kebab-case.
    pub state: String,
    /// When it was submitted, RFC 3339.
    pub at: String,
}

impl Station {
    /// Everybody whose photo stands rejected, oldest first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn callback_list(&self) -> Result<Vec<CallbackRow>, StationError> {
        let reader = self.with_records(|store| store.reader()).await?;
        let rows = tokio::task::spawn_blocking(move || reader.rejected())
            .await
            .map_err(|error| StationError::System(error.to_string()))??;
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Writes the list as CSV, masked as on the page. An existing file is not replaced.
    ///
    /// # Errors
    /// When the records cannot be read, or the file cannot be written.
    pub async fn callback_export(&self, path: PathBuf, only_missing: bool) -> Result<u32, StationError> {
        let rows = self.callback_list().await?;
        tokio::task::spawn_blocking(move || {
            let rows: Vec<CallbackRow> = rows
                .into_iter()
                .filter(|row| !only_missing || row.came_back.is_none())
                .collect();
            write(&path, &rows)
                .map(|()| u32::try_from(rows.len()).unwrap_or(u32::MAX))
                .map_err(|source| records::RecordsError::File { path, source })
        })
        .await
        .map_err(|error| StationError::System(error.to_string()))?
        .map_err(StationError::from)
    }
}

fn shown(row: RejectedRow) -> CallbackRow {
    let identity = row.identity;
    let of = |part: fn(&records::MaskedIdentity) -> &str| {
        identity
            .as_ref()
            .map(|identity| part(identity).to_owned())
            .unwrap_or_default()
    };
    CallbackRow {
        id: row.id.to_string(),
        shoot_number: row.shoot_number,
        shoot_day: row.shoot_day,
        tag: row.code_tag,
        masked_name: of(|identity| &identity.masked_name),
        school: row.school,
        level: of(|identity| &identity.level),
        major: of(|identity| &identity.major),
        year: identity.as_ref().map_or(0, |identity| identity.year),
        reasons: row.reasons,
        rejected_at: row.rejected_at.map(|at| at.to_string()),
        paid: matches!(row.payment, Payment::Paid { .. }),
        came_back: row.came_back.map(|back| CameBackView {
            id: back.id.to_string(),
            shoot_number: back.shoot_number,
            state: back.state.as_str().to_owned(),
            at: back.at.to_string(),
        }),
    }
}

const HEAD: [&str; 11] = [
    "拍摄日期",
    "拍摄号",
    "采集码",
    "姓名",
    "学校",
    "层次",
    "专业",
    "毕业年份",
    "未通过原因",
    "费用",
    "补拍",
];

fn write(path: &Path, rows: &[CallbackRow]) -> std::io::Result<()> {
    // Spreadsheets take a file for UTF-8 only with this mark before it.
    let mut table = csv::Writer::from_writer("\u{FEFF}".as_bytes().to_vec());
    table.write_record(HEAD)?;
    for row in rows {
        let year = if row.year == 0 {
            String::new()
        } else {
            row.year.to_string()
        };
        let back = row.came_back.as_ref().map_or_else(
            || "未到".to_owned(),
            |back| format!("已补拍 {}", back.shoot_number),
        );
        let paid = if row.paid {
            "已缴费，无需再付"
        } else {
            "无需再付"
        };
        let line = [
            &row.shoot_day,
            &row.shoot_number,
            &row.tag,
            &row.masked_name,
            &row.school,
            &row.level,
            &row.major,
            &year,
            &row.reasons.join("；"),
            paid,
            &back,
        ];
        table.write_record(line.map(|text| cell(Some(text.to_owned()))))?;
    }
    let bytes = table.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(&bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_table_that_runs_no_formula_and_is_never_written_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("补拍.csv");
        let row = CallbackRow {
            id: "r".into(),
            shoot_number: "A017".into(),
            shoot_day: "2025-10-09".into(),
            tag: "K7Q2-9F".into(),
            masked_name: "林*禾".into(),
            school: "=HYPERLINK(\"x\")".into(),
            level: "本科".into(),
            major: "测绘, 工程".into(),
            year: 2026,
            reasons: vec!["镜片反光".into(), "头发遮眉".into()],
            rejected_at: None,
            paid: true,
            came_back: None,
        };
        write(&path, &[row]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("\u{FEFF}拍摄日期,拍摄号"), "{text}");
        assert!(
            text.contains("'=HYPERLINK") && text.contains("\"测绘, 工程\""),
            "{text}"
        );
        assert!(
            text.contains("镜片反光；头发遮眉") && text.contains("未到"),
            "{text}"
        );
        assert_eq!(
            write(&path, &[]).unwrap_err().kind(),
            std::io::ErrorKind::AlreadyExists
        );
    }
}
