//! What stands on a receipt. The state is the record's own at this moment: paper does not change afterwards, so it says
//! what is known and what is still to come.
//!
//! Chinese comes first, whatever the student speaks: the desk the receipt is shown at reads it. A visit in English has
//! the English beside it.

use jiff::Timestamp;
use portrait::slip::Row;

use crate::staff::RecordPage;
use crate::view::Support;

/// Height of the sentences at the end, in millimetres: Chinese, and English below it.
const SENTENCE: f64 = 3.5;
const ENGLISH_SENTENCE: f64 = 2.8;

/// What there is to say.
pub(super) struct Said<'a> {
    pub(super) page: &'a RecordPage,
    /// What people call the booth.
    pub(super) booth: &'a str,
    /// Hours until the review is done, as the vendor promises.
    pub(super) review_hours: Option<u32>,
    pub(super) support: &'a Support,
}

impl Said<'_> {
    /// The receipt's rows; with English where the visit spoke it.
    pub(super) fn rows(&self, english: bool) -> Vec<Row> {
        let page = self.page;
        let mut slip = Pen {
            english,
            rows: vec![Row::Title("毕业证照采集凭条".into(), 6.0)],
        };
        if english {
            slip.rows.push(Row::Title("Graduation photo receipt".into(), 3.5));
        }
        slip.rows.push(Row::Title(page.row.school.clone(), 4.0));
        slip.rows.push(Row::Rule);
        slip.entry(["拍摄号", "Shoot number"], &page.row.shoot_number, 10.0);
        if !page.row.masked_name.is_empty() {
            slip.entry(["姓名", "Name"], &page.row.masked_name, 5.0);
        }
        let [zh, en] = state_in_words(&page.row.state);
        slip.entry(["状态", "State"], zh, 4.5);
        if english {
            slip.rows.push(Row::Words(en.into(), ENGLISH_SENTENCE));
        }
        match &page.receipt {
            Some(number) => slip.entry(["回执号", "Receipt"], number, 4.0),
            None => slip.sentence(
                "回执号在送达后生成，可凭拍摄号查询。",
                "The receipt number comes with the delivery; ask by the shoot number.",
            ),
        }
        if let Ok(at) = page.row.submitted_at.parse::<Timestamp>() {
            let at = at.to_zoned(jiff::tz::TimeZone::system());
            slip.entry(
                ["提交时间", "Submitted"],
                &at.strftime("%Y-%m-%d %H:%M").to_string(),
                4.0,
            );
        }
        slip.entry(["采集点", "Booth"], self.booth, 4.0);
        slip.rows.push(Row::Rule);
        if let Some(hours) = self.review_hours {
            slip.sentence(
                &format!("送达后约{hours}小时内完成审核。"),
                &format!("Reviewed within about {hours} hours of the delivery."),
            );
        }
        let Support { phone, hours } = self.support;
        slip.sentence(
            &format!("咨询电话：{phone}（{hours}）"),
            "The line for questions.",
        );
        slip.sentence(
            "请保留本凭条，查询时请出示拍摄号。",
            "Keep this receipt and show the shoot number when you ask.",
        );
        slip.rows
    }
}

struct Pen {
    english: bool,
    rows: Vec<Row>,
}

impl Pen {
    fn entry(&mut self, [zh, en]: [&str; 2], value: &str, size: f64) {
        self.rows.push(Row::Entry {
            name: if self.english {
                format!("{zh} · {en}")
            } else {
                zh.to_owned()
            },
            value: value.to_owned(),
            size,
        });
    }

    fn sentence(&mut self, zh: &str, en: &str) {
        self.rows.push(Row::Words(zh.to_owned(), SENTENCE));
        if self.english {
            self.rows.push(Row::Words(en.to_owned(), ENGLISH_SENTENCE));
        }
    }
}

/// A record's state as its student needs to know it.
fn state_in_words(state: &str) -> [&'static str; 2] {
    match state.split('/').next().unwrap_or_default() {
        "saved" | "sending" => ["已保存在本机，等待上传", "Kept at this booth, to be sent"],
        "delivered" | "under-review" => ["已送达，等待审核", "Delivered, to be reviewed"],
        "approved" => ["审核通过", "Approved"],
        "rejected" => ["审核未通过，请重新拍摄", "Not approved, please come again"],
        "purged" => ["已送达并结束", "Delivered and closed"],
        "withdrawn" => ["已撤回", "Withdrawn"],
        _ => [
            "已保存在本机，工作人员将处理",
            "Kept at this booth, staff will look at it",
        ],
    }
}

#[cfg(test)]
mod tests {
    use portrait::Font;
    use portrait::slip::{Paper, Slip};
    use records::RecordState;

    use super::*;
    use crate::staff::QueueRow;

    fn page(state: &str, receipt: Option<&str>) -> RecordPage {
        RecordPage {
            row: QueueRow {
                id: "0190".into(),
                tag: "K7Q2-9F".into(),
                shoot_number: "A-0137".into(),
                state: state.into(),
                masked_name: "林*禾".into(),
                school: "示例大学".into(),
                submitted_at: "2027-10-09T01:00:00Z".into(),
                attempts: 1,
                note: None,
            },
            studies: String::new(),
            spec: String::new(),
            started_at: String::new(),
            captured_at: String::new(),
            candidates: 1,
            forced_reason: None,
            paid: true,
            history: Vec::new(),
            attempts: Vec::new(),
            checks: Vec::new(),
            report: String::new(),
            original_sha256: String::new(),
            standard_sha256: String::new(),
            receipt: receipt.map(str::to_owned),
            reasons: Vec::new(),
            photos: true,
        }
    }

    fn rows(page: &RecordPage, english: bool) -> Vec<Row> {
        let support = Support {
            phone: "010-00000000".into(),
            hours: "9:00–17:00".into(),
        };
        Said {
            page,
            booth: "图书馆1号机",
            review_hours: Some(48),
            support: &support,
        }
        .rows(english)
    }

    fn words(rows: &[Row]) -> String {
        format!("{rows:?}")
    }

    #[test]
    fn a_receipt_says_delivered_only_with_a_receipt_number_to_prove_it() {
        let saved = words(&rows(&page("saved", None), false));
        assert!(
            saved.contains("已保存在本机，等待上传") && !saved.contains("已送达，"),
            "{saved}"
        );
        assert!(saved.contains("回执号在送达后生成"), "{saved}");
        let delivered = words(&rows(&page("under-review", Some("R-1")), false));
        for said in [
            "A-0137",
            "林*禾",
            "R-1",
            "已送达，等待审核",
            "010-00000000",
            "图书馆1号机",
            "约48小时",
        ] {
            assert!(delivered.contains(said), "{said} is not on {delivered}");
        }
        assert!(
            !delivered.contains("K7Q2-9F"),
            "the code's tag is staff's business"
        );
    }

    #[test]
    fn a_visit_in_english_has_both_languages_and_still_fits_the_paper() {
        let page = page("needs-person/payment", None);
        let (zh, both) = (rows(&page, false), rows(&page, true));
        for row in &zh {
            let said = match row {
                Row::Entry { name, .. } => name,
                Row::Words(words, _) | Row::Title(words, _) => words,
                _ => continue,
            };
            assert!(
                words(&both).contains(said.as_str()),
                "{said} is missing in English"
            );
        }
        assert!(!words(&zh).contains("receipt") && words(&both).contains("Graduation photo receipt"));
        let font = Font::installed_for(&words(&both)).expect("a Chinese font is installed by the set-up");
        for paper in [Paper::ROLL_80, Paper::A6] {
            Slip::lay_out(&both, paper, &font).unwrap();
        }
    }

    #[test]
    fn every_state_a_record_can_have_is_said_in_words_of_its_own() {
        // The words of needs-person are the ones for everything unknown.
        let unknown = state_in_words("needs-person/payment");
        for state in [
            "saved",
            "delivered",
            "approved",
            "rejected",
            "purged",
            "withdrawn",
        ] {
            assert!(!RecordState::named(state).is_empty(), "{state} is no state");
            let said = state_in_words(state);
            assert!(said[0] != unknown[0] && said[1] != unknown[1], "{state}");
        }
    }
}
