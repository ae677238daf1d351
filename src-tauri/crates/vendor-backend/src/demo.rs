//! The demo schools and their students. Nobody here is real: names are 测试 and a cyclical sign, ID numbers lie
//! in the region 000000, which does not exist, and schools have names no school bears.
//!
//! Everything follows from the seed, so that a demo, a test and a printed sheet of codes agree without asking
//! the backend.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::database::Tx;
use crate::fault::Fault;
use crate::people::{code_mac, last_four_mac, number_mac};

/// What is special about a demo student.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DemoCase {
    /// Nothing: one academic record, open.
    Ordinary,
    /// An open academic record and another that was collected years ago.
    SeveralRecords,
    /// A photo was rejected, the fee is paid: shoot again for nothing.
    RejectedBefore,
    /// The school's window is over.
    OutsideWindow,
    /// Collected and approved.
    AlreadyCollected,
    /// The school has not opened this academic record.
    NotEligible,
    /// The class pays: nothing is due at the booth.
    ClassPayment,
    /// The ID number ends in X.
    EndsInX,
}

/// A demo student.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoPerson {
    /// What is special.
    pub case: DemoCase,
    /// Full name.
    pub name: String,
    /// Invented ID number.
    pub id_number: String,
    /// Last four characters of the ID number: the proof.
    pub last_four: String,
    /// Invented telephone number.
    pub phone: String,
    /// The academic records; the first is the one to collect.
    pub records: Vec<DemoRecord>,
}

impl DemoPerson {
    /// The text of the collection code for the record to collect.
    pub fn code(&self) -> &str {
        &self.record().code
    }

    /// The academic record to collect.
    pub fn record(&self) -> &DemoRecord {
        &self.records[0]
    }
}

/// A demo student's academic record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoRecord {
    /// Identifier at the backend.
    pub id: String,
    /// School's identifier.
    pub school_id: String,
    /// School's name.
    pub school: String,
    /// Level.
    pub level: String,
    /// Major.
    pub major: String,
    /// Year of graduation.
    pub year: u32,
    /// Student number.
    pub student_number: String,
    /// Text of the collection code (`CHSI1:` and 64 characters).
    pub code: String,
}

struct DemoSchool {
    id: &'static str,
    name: &'static str,
    session_code: &'static str,
    window: Window,
    class_payment: bool,
}

enum Window {
    Open,
    Over,
}

const SCHOOLS: [DemoSchool; 3] = [
    DemoSchool {
        id: "demo-1",
        name: "示例大学（演示）",
        session_code: "DEMO01",
        window: Window::Open,
        class_payment: false,
    },
    DemoSchool {
        id: "demo-2",
        name: "虚构职业技术学院（演示）",
        session_code: "DEMO02",
        window: Window::Open,
        class_payment: true,
    },
    DemoSchool {
        id: "demo-3",
        name: "样例师范学院（演示）",
        session_code: "DEMO03",
        window: Window::Over,
        class_payment: false,
    },
];

const LEVELS: [&str; 4] = ["专科", "本科", "硕士研究生", "博士研究生"];
const MAJORS: [&str; 6] = [
    "计算机科学与技术",
    "汉语言文学",
    "护理学",
    "机械工程",
    "会计学",
    "美术学",
];
const STEMS: [char; 10] = ['甲', '乙', '丙', '丁', '戊', '己', '庚', '辛', '壬', '癸'];
const BRANCHES: [char; 12] = [
    '子', '丑', '寅', '卯', '辰', '巳', '午', '未', '申', '酉', '戌', '亥',
];

/// How many students the demo has: the ten special ones and the sixty of the cycle.
pub const PEOPLE: usize = 70;

/// The activation code of the demo; unlike real ones it may be used again, so that a station whose data was
/// thrown away can enrol anew.
pub const ACTIVATION_CODE: &str = "DEMO-0000-0000";

/// Every demo student, in a fixed order. Same seed, same people.
pub fn people(seed: u64) -> Vec<DemoPerson> {
    (0..PEOPLE).map(|i| person(seed, i)).collect()
}

fn person(seed: u64, i: usize) -> DemoPerson {
    // The sixty of the traditional cycle: stem and branch advance together.
    let name = match i.checked_sub(10) {
        None => format!("测试{}", STEMS[i]),
        Some(n) => format!("测试{}{}", STEMS[n % 10], BRANCHES[n % 12]),
    };
    let case = match i {
        1 => DemoCase::SeveralRecords,
        2 => DemoCase::RejectedBefore,
        3 => DemoCase::OutsideWindow,
        4 => DemoCase::AlreadyCollected,
        5 => DemoCase::NotEligible,
        6 => DemoCase::ClassPayment,
        7 => DemoCase::EndsInX,
        _ => DemoCase::Ordinary,
    };
    let school = match case {
        DemoCase::ClassPayment => &SCHOOLS[1],
        DemoCase::OutsideWindow => &SCHOOLS[2],
        _ => &SCHOOLS[0],
    };
    let last_four = if case == DemoCase::EndsInX {
        "107X".to_owned()
    } else {
        format!("{:04}", 1001 + i * 7)
    };
    let record = |n: usize, school: &DemoSchool, level: &str, year: u32| DemoRecord {
        id: format!("ar-{i:03}-{n}"),
        school_id: school.id.to_owned(),
        school: school.name.to_owned(),
        level: level.to_owned(),
        major: MAJORS[(i + n) % MAJORS.len()].to_owned(),
        year,
        student_number: format!("{}{n}{i:04}", year - 4),
        code: code(seed, i, n),
    };
    let level = if case == DemoCase::ClassPayment {
        "专科"
    } else {
        "本科"
    };
    let mut records = vec![record(0, school, level, 2026)];
    if case == DemoCase::SeveralRecords {
        records.push(record(1, &SCHOOLS[1], "专科", 2023));
    }
    DemoPerson {
        case,
        name,
        id_number: format!("00000020040101{last_four}"),
        last_four,
        phone: format!("000{i:08}"),
        records,
    }
}

/// 48 bytes of the seed as 64 characters: as opaque as the real ones.
fn code(seed: u64, person: usize, record: usize) -> String {
    let half = |n: u8| Sha256::digest(format!("photo-station demo code {seed} {person} {record} {n}"));
    let mut bytes = half(0).to_vec();
    bytes.extend_from_slice(&half(1)[..16]);
    format!("CHSI1:{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// A collection code that the student fetched before the one that is valid now.
pub fn expired_code(seed: u64, person: usize) -> String {
    // No student has as many academic records.
    code(seed, person, usize::from(u8::MAX))
}

fn masked_name(name: &str) -> String {
    let last = name.chars().count().saturating_sub(1);
    name.chars()
        .enumerate()
        .map(|(i, c)| if i == 0 || (i == last && last > 1) { c } else { '*' })
        .collect()
}

fn masked_id(id: &str) -> String {
    let count = id.chars().count();
    id.chars()
        .enumerate()
        .map(|(i, c)| {
            if (6..count.saturating_sub(1)).contains(&i) {
                '*'
            } else {
                c
            }
        })
        .collect()
}

/// Writes schools and students where they are not yet, and moves the schools' windows around `today`.
pub(crate) fn seed(tx: &Tx<'_>, mac_key: &[u8], seed: u64, today: Date) -> Result<(), Fault> {
    let day = |days: i32| today.saturating_add(jiff::Span::new().days(days)).to_string();
    let levels = crate::database::written(&LEVELS)?;
    for school in &SCHOOLS {
        let (from, to) = match school.window {
            Window::Open => (day(-7), day(60)),
            Window::Over => (day(-40), day(-30)),
        };
        tx.execute(
            "INSERT INTO schools (id, name, levels, session_code, window_from, window_to, class_payment)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET window_from = ?5, window_to = ?6",
            (
                school.id,
                school.name,
                &levels,
                school.session_code,
                from,
                to,
                school.class_payment,
            ),
        )?;
    }
    tx.execute(
        "INSERT INTO activation_codes (code_mac, reusable) VALUES (?1, TRUE) ON CONFLICT DO NOTHING",
        [crate::stations::activation_mac(mac_key, ACTIVATION_CODE)],
    )?;
    for (i, person) in people(seed).iter().enumerate() {
        let student = format!("st-{i:03}");
        tx.execute(
            "INSERT INTO students (id, masked_name, masked_id, last_four_mac) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
            (
                &student,
                masked_name(&person.name),
                masked_id(&person.id_number),
                last_four_mac(mac_key, &student, &person.last_four),
            ),
        )?;
        tx.execute(
            "INSERT INTO expired_codes (code_mac) VALUES (?1) ON CONFLICT DO NOTHING",
            [code_mac(mac_key, expired_code(seed, i).as_bytes())],
        )?;
        for (n, record) in person.records.iter().enumerate() {
            let collected = person.case == DemoCase::AlreadyCollected || n > 0;
            let rejected = person.case == DemoCase::RejectedBefore;
            let rejection = rejected
                .then(|| vendor::api::Rejection {
                    reasons: crate::review::reasons(["glasses-glare"]),
                    note: None,
                    at: jiff::tz::TimeZone::UTC
                        .to_timestamp(today.to_datetime(jiff::civil::Time::midnight()))
                        .unwrap_or(jiff::Timestamp::UNIX_EPOCH),
                })
                .map(|rejection| crate::database::written(&rejection))
                .transpose()?;
            tx.execute(
                "INSERT INTO academic_records (id, student_id, school_id, level, major, year, eligible,
                     code_mac, number_mac, paid, collection, rejection)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
                (
                    &record.id,
                    &student,
                    &record.school_id,
                    &record.level,
                    &record.major,
                    record.year,
                    person.case != DemoCase::NotEligible,
                    code_mac(mac_key, record.code.as_bytes()),
                    number_mac(
                        mac_key,
                        &record.school_id,
                        &record.level,
                        &person.name,
                        &record.student_number,
                    ),
                    collected || rejected,
                    if collected {
                        "approved"
                    } else if rejected {
                        "rejected"
                    } else {
                        "none"
                    },
                    rejection,
                ),
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_real() {
        for person in people(7) {
            assert_eq!(person.id_number.len(), 18);
            assert!(person.id_number.starts_with("000000"), "there is no such region");
            assert!(person.name.starts_with("测试") && person.phone.starts_with("000"));
            assert!(
                person
                    .records
                    .iter()
                    .all(|record| record.school.ends_with("（演示）"))
            );
        }
    }

    #[test]
    fn people_are_told_apart_and_follow_from_the_seed() {
        let all = people(7);
        let codes: std::collections::HashSet<_> = all
            .iter()
            .flat_map(|p| p.records.iter().map(|r| r.code.clone()))
            .collect();
        assert_eq!(codes.len(), PEOPLE + 1);
        assert!(codes.iter().all(|code| code.len() == 6 + 64));
        assert_eq!(all, people(7));
        assert_ne!(all[0].code(), people(8)[0].code());
        assert_eq!(masked_name("测试甲"), "测*甲");
        assert_eq!(masked_id("00000020040101107X"), "000000***********X");
    }
}
