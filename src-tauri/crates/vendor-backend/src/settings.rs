//! `backend.toml`: everything `serve` can be told, in a file. An argument goes before the environment, the environment
//! before the file.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vendor::Secret;
use vendor_backend::{BackendError, Limits};

/// The file. A field nobody reads is refused: a misspelt rule is a rule not kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    pub(crate) data: Option<PathBuf>,
    pub(crate) database: Option<Secret>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) operations: Option<SocketAddr>,
    pub(crate) public_url: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) auto_review: Option<String>,
    pub(crate) log: Option<Log>,
    pub(crate) four_eyes: bool,
    behind_proxy: bool,
    station_per_second: Option<NonZeroU32>,
    station_burst: Option<NonZeroU32>,
    address_per_second: Option<NonZeroU32>,
    address_burst: Option<NonZeroU32>,
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
        let text = std::fs::read_to_string(path).map_err(|source| BackendError::Io {
            what: what.clone(),
            source,
        })?;
        // The line itself may hold a password: its number and the complaint say enough.
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].lines().count());
            BackendError::Settings(format!("{what}, line {line}: {}", error.message()))
        })
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
