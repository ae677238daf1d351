//! `backend.toml`: everything `serve` can be told, in a file. An argument goes before the environment, the environment
//! before the file.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vendor::Secret;
use vendor_backend::payment::{Payment, WechatPay};
use vendor_backend::{BackendError, Limits};

/// The file. A field nobody reads is refused: a misspelt rule is a rule not kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    pub(crate) data: Option<PathBuf>,
    pub(crate) database: Option<Secret>,
    pub(crate) photos: Option<String>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) operations: Option<SocketAddr>,
    pub(crate) public_url: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) auto_review: Option<String>,
    pub(crate) log: Option<Log>,
    pub(crate) four_eyes: bool,
    payment: Option<Till>,
    wechat_pay: Option<WechatPayFile>,
    behind_proxy: bool,
    station_per_second: Option<NonZeroU32>,
    station_burst: Option<NonZeroU32>,
    address_per_second: Option<NonZeroU32>,
    address_burst: Option<NonZeroU32>,
}

/// Who takes the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Till {
    /// The backend's own page: no money flows.
    Page,
    /// Nobody: free of charge.
    Free,
    /// WeChat Pay, as the table `wechat-pay` of the file says.
    Wechat,
}

/// What a merchant has of WeChat Pay. Keys stand in files of their own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WechatPayFile {
    mchid: String,
    appid: String,
    serial: String,
    key_file: PathBuf,
    platform_serial: String,
    platform_key_file: PathBuf,
    api_v3_key_file: Option<PathBuf>,
    url: Option<String>,
}

fn text_of(path: &Path) -> Result<String, BackendError> {
    std::fs::read_to_string(path).map_err(|source| BackendError::Io {
        what: path.display().to_string(),
        source,
    })
}

/// How the log is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Log {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    pub(crate) fn read(path: Option<&Path>) -> Result<Settings, BackendError> {
        let Some(path) = path else {
            return Ok(Settings::default());
        };
        let what = path.display().to_string();
        let text = text_of(path)?;
        // The line itself may hold a password: its number and the complaint say enough.
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].lines().count());
            BackendError::Settings(format!("{what}, line {line}: {}", error.message()))
        })
    }

    /// Who takes the money; the API v3 key may come from the environment.
    pub(crate) fn payment(
        &self,
        till: Option<Till>,
        api_v3_key: Option<&Secret>,
    ) -> Result<Payment, BackendError> {
        let missing = |what: &str| BackendError::Settings(format!("payment = \"wechat\": {what} is missing"));
        match till.or(self.payment).unwrap_or(Till::Page) {
            Till::Page => Ok(Payment::Page),
            Till::Free => Ok(Payment::Free),
            Till::Wechat => {
                let file = self
                    .wechat_pay
                    .clone()
                    .ok_or_else(|| missing("the table wechat-pay"))?;
                let api_v3_key = match (api_v3_key, &file.api_v3_key_file) {
                    (Some(key), _) => key.clone(),
                    (None, Some(path)) => Secret::new(text_of(path)?.trim()),
                    (None, None) => return Err(missing("api-v3-key-file")),
                };
                Ok(Payment::WechatPay(Box::new(WechatPay {
                    key: Secret::new(text_of(&file.key_file)?),
                    platform_key: text_of(&file.platform_key_file)?,
                    api_v3_key,
                    mchid: file.mchid,
                    appid: file.appid,
                    serial: file.serial,
                    platform_serial: file.platform_serial,
                    url: file.url,
                })))
            }
        }
    }

    pub(crate) fn limits(&self, behind_proxy: bool) -> Limits {
        let mut limits = Limits {
            behind_proxy: behind_proxy || self.behind_proxy,
            ..Limits::default()
        };
        for (place, value) in [
            (&mut limits.station.per_second, self.station_per_second),
            (&mut limits.station.burst, self.station_burst),
            (&mut limits.address.per_second, self.address_per_second),
            (&mut limits.address.burst, self.address_burst),
        ] {
            *place = value.unwrap_or(*place);
        }
        limits
    }
}
