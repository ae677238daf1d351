//! What was shown: the collection code, or which other code of daily life.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use zeroize::Zeroizing;

use crate::CodeText;

/// Why a vendor profile's pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// The regular expression does not compile or is too large.
    #[error("the profile's code pattern is not usable: {0}")]
    Pattern(String),
}

/// The vendor profile's description of its collection codes, a regular expression over the raw bytes.
///
/// The whole text must match: a web address that merely contains a collection code is none.
#[derive(Debug, Clone)]
pub struct Pattern {
    written: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles a profile's `code_pattern`. `^` and `$` are welcome and not needed.
    ///
    /// # Errors
    /// [`CodeError::Pattern`] when the expression is malformed or compiles to more than a mebibyte.
    pub fn new(pattern: &str) -> Result<Self, CodeError> {
        let regex = RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
            .size_limit(1 << 20)
            .build()
            .map_err(|error| CodeError::Pattern(error.to_string()))?;
        Ok(Self {
            written: pattern.to_owned(),
            regex,
        })
    }

    /// The pattern as the profile wrote it.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether the whole text is one of this vendor's collection codes.
    pub fn matches(&self, text: &CodeText) -> bool {
        self.regex.is_match(text.expose())
    }
}

/// What a code is. Students confuse the collection code with the code that only starts the vendor's
/// mini-program, and show payment and health codes too; each wants its own plain message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A collection code of the profile in force.
    Collection,
    /// A code to pay or to be paid with (`WeChat`, Alipay, `UnionPay`).
    Payment,
    /// A code that starts a mini-program.
    MiniProgram,
    /// A health code or health card.
    Health,
    /// Another web address.
    Web,
    /// Anything else.
    PlainText,
}

impl Kind {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Payment => "payment",
            Self::MiniProgram => "mini-program",
            Self::Health => "health",
            Self::Web => "web",
            Self::PlainText => "plain-text",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Schemes that only payment apps use.
const PAYMENT_SCHEMES: &[&str] = &["wxp", "alipayqr", "alipay", "upwallet", "uppay"];

/// Hosts (with their subdomains) that only serve payments. Alipay and `UnionPay` print theirs in capitals,
/// so everything is compared in lower case.
const PAYMENT_HOSTS: &[&str] = &[
    "qr.alipay.com",
    "mobilecodec.alipay.com",
    "wx.tenpay.com",
    "payapp.weixin.qq.com",
    "i.qianbao.qq.com",
    "qpay.qq.com",
    "95516.com",
    "chinaums.com",
    "qrcode.cup.com.cn",
];

/// Hosts whose links start a mini-program; the path, where one is given, must begin so.
const MINI_PROGRAM_HOSTS: &[(&str, &str)] = &[
    ("mp.weixin.qq.com", "/a/"),
    ("wxaurl.cn", ""),
    ("wxmpurl.cn", ""),
    ("m.q.qq.com", "/a/"),
    ("servicewechat.com", ""),
];

/// Words in the host or path of health-code services. Each province had its own address, no list is
/// complete, and most are gone since 2023: a miss is shown as a web address, which is true as well.
const HEALTH_WORDS: &[&str] = &[
    "jkm",
    "jiankangma",
    "suishenma",
    "healthcode",
    "health-code",
    "healthcard",
    "healthact",
    "ehealth",
];

/// Says what a code is. Pure; the text is only looked at.
pub fn classify(text: &CodeText, pattern: &Pattern) -> Kind {
    if pattern.matches(text) {
        return Kind::Collection;
    }
    let Ok(written) = std::str::from_utf8(text.expose()) else {
        return Kind::PlainText;
    };
    let lower = Zeroizing::new(written.trim().to_ascii_lowercase());
    if lower.starts_with("#小程序://") {
        return Kind::MiniProgram;
    }
    if is_payment_number(&lower) {
        return Kind::Payment;
    }
    match Link::parse(&lower) {
        Some(link) => classify_link(&link),
        None => Kind::PlainText,
    }
}

fn classify_link(link: &Link) -> Kind {
    let on = |host: &str| {
        link.host
            .strip_suffix(host)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    match link.scheme {
        "weixin" if link.host == "wxpay" => Kind::Payment,
        "weixin" if link.host == "dl" && link.path.starts_with("/business") => Kind::MiniProgram,
        "alipays" if link.path.starts_with("/startapp") => Kind::MiniProgram,
        "alipays" => Kind::Payment,
        scheme if PAYMENT_SCHEMES.contains(&scheme) => Kind::Payment,
        "http" | "https" => {
            if PAYMENT_HOSTS.iter().any(|host| on(host)) {
                Kind::Payment
            } else if MINI_PROGRAM_HOSTS
                .iter()
                .any(|(host, path)| on(host) && link.path.starts_with(path))
            {
                Kind::MiniProgram
            } else if HEALTH_WORDS
                .iter()
                .any(|word| link.host.contains(word) || link.path.contains(word))
            {
                Kind::Health
            } else {
                Kind::Web
            }
        }
        _ => Kind::PlainText,
    }
}

/// A payment code that is only a number: what a shopper shows at a till, or the EMV string of a shop.
fn is_payment_number(text: &str) -> bool {
    // EMVCo merchant-presented: payload format indicator "00", length "02", version "01".
    if text.starts_with("000201") && text.len() >= 40 {
        return true;
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let two_digits = text
        .get(..2)
        .and_then(|start| start.parse::<u8>().ok())
        .unwrap_or(0);
    match (text.len(), two_digits) {
        // WeChat Pay's user-presented code: 18 digits, 10–15. The identity numbers of North China begin
        // alike, but carry a birth date and a check digit.
        (18, 10..=15) => !is_identity_number(text),
        // Alipay: 16–24 digits, 25–30. UnionPay: 19 digits, 62.
        (16..=24, 25..=30) | (19, 62) => true,
        _ => false,
    }
}

/// GB 11643: a date of birth in places 7–14, and a check digit over the first 17.
fn is_identity_number(digits: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let number = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (number(6, 10), number(10, 12), number(12, 14)) else {
        return false;
    };
    let sum: u32 = digits
        .bytes()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
        .sum();
    let check = (12 - sum % 11) % 11;
    (1900..2100).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && number(17, 18) == Some(check)
}

/// The parts of an address that classification needs. No URL library: half of these codes are not URLs.
struct Link<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
}

impl<'a> Link<'a> {
    fn parse(lower: &'a str) -> Option<Self> {
        if lower.is_empty() || lower.chars().any(char::is_whitespace) {
            return None;
        }
        let (scheme, rest) = match lower.split_once("://") {
            Some(parts) => parts,
            None if lower.starts_with("www.") => ("http", lower),
            None => return None,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if scheme.is_empty() || !scheme.bytes().all(plain) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = authority.rsplit('@').next().unwrap_or(authority);
        let host = host.split(':').next().unwrap_or(host);
        Some(Self { scheme, host, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Kind {
        let pattern = Pattern::new("^CHSI1:[A-Za-z0-9_-]{48,}$").unwrap();
        classify(&CodeText::from(text), &pattern)
    }

    #[test]
    fn a_collection_code_is_what_the_profile_says_and_nothing_more() {
        let code = format!("CHSI1:{}", "aB3_-".repeat(13));
        assert_eq!(kind(&code), Kind::Collection);
        assert_eq!(
            kind(&format!("{code}\n")),
            Kind::PlainText,
            "byte for byte: a line end is not the code"
        );
        assert_eq!(kind(&format!(" {code}")), Kind::PlainText);
        assert_eq!(kind(&format!("https://example.com/{code}")), Kind::Web);
        assert_eq!(kind("CHSI1:tooshort"), Kind::PlainText);
    }

    #[test]
    fn alternatives_in_a_pattern_are_matched_whole_too() {
        let pattern = Pattern::new("A[0-9]+|B[0-9]+").unwrap();
        assert!(pattern.matches(&CodeText::from("B12")));
        assert!(!pattern.matches(&CodeText::from("A12 and more")));
        assert!(matches!(Pattern::new("("), Err(CodeError::Pattern(_))));
    }

    #[test]
    fn payment_codes_of_every_wallet() {
        for text in [
            "wxp://f2f0example",
            "weixin://wxpay/bizpayurl?pr=example",
            "https://qr.alipay.com/fkx00000example",
            "HTTPS://QR.ALIPAY.COM/FKX00000EXAMPLE",
            "https://wx.tenpay.com/f2f?t=example",
            "https://qr.95516.com/00010000/example",
            "134567890123456789",
            "281234567890123456",
            "6212345678901234567",
            "00020101021126440014A000000000000000000000000000",
        ] {
            assert_eq!(kind(text), Kind::Payment, "{text}");
        }
    }

    #[test]
    fn an_identity_number_is_no_payment_code() {
        // Nobody's: born on the seventh of March 1990 by its digits, and its check digit is right.
        assert_eq!(kind("110101199003070011"), Kind::PlainText);
    }

    #[test]
    fn codes_that_start_a_mini_program() {
        for text in [
            "https://mp.weixin.qq.com/a/~~example~~",
            "https://wxaurl.cn/example",
            "weixin://dl/business/?t=example",
            "alipays://platformapi/startapp?appId=0",
            "#小程序://example/abc",
        ] {
            assert_eq!(kind(text), Kind::MiniProgram, "{text}");
        }
    }

    #[test]
    fn health_codes_web_addresses_and_plain_text() {
        assert_eq!(kind("https://jkm.example.gov.cn/show?id=1"), Kind::Health);
        assert_eq!(kind("https://mp.weixin.qq.com/s/article"), Kind::Web);
        assert_eq!(kind("http://example.com"), Kind::Web);
        assert_eq!(kind("www.example.com"), Kind::Web);
        assert_eq!(kind("https://notqr.alipay.com.example.com/"), Kind::Web);
        assert_eq!(
            kind("https://evilwxaurl.cn/x"),
            Kind::Web,
            "a host that merely ends alike"
        );
        assert_eq!(kind("20230123456"), Kind::PlainText);
        assert_eq!(kind("你好"), Kind::PlainText);
        assert_eq!(kind(""), Kind::PlainText);
        let pattern = Pattern::new("x").unwrap();
        assert_eq!(
            classify(&CodeText::new(vec![0xff, 0xfe, 0x00]), &pattern),
            Kind::PlainText
        );
    }
}
