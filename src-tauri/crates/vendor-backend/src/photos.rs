//! Photos: bytes at a place that is used once.
//!
//! A place tells the hour, the photo's hash and a word of chance: `2026113008/<sha256>-<word>`. It is written and answered
//! for before the transaction that names it commits, and nobody else ever writes there: what no transaction came to name
//! can be taken away without a look at who may be about to name it. Reading compares the hash.

use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore as _, ObjectStoreExt as _, RetryConfig};
use uuid::Uuid;
use vendor::Secret;
use vendor::api::sha256_hex;
use vendor::problem::ProblemCode;

use crate::BackendError;
use crate::database::{Database, Optional as _, Tx};
use crate::fault::Fault;

/// What a photo's place does, some time.
pub(crate) type Done<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Where photos are kept.
pub(crate) trait Photos: Send + Sync {
    /// Keeps the bytes; when it is done they survive a power cut.
    fn put<'a>(&'a self, place: &'a str, bytes: &'a [u8]) -> Done<'a, ()>;
    /// The bytes; `None` where there is nothing.
    fn get<'a>(&'a self, place: &'a str) -> Done<'a, Option<Vec<u8>>>;
    /// Takes the bytes away, if there are any.
    fn delete<'a>(&'a self, place: &'a str) -> Done<'a, ()>;
    /// Every place of an hour.
    fn list<'a>(&'a self, hour: &'a str) -> Done<'a, Vec<String>>;
}

/// A photo that is kept; whether anything names it, the database tells.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) place: String,
    pub(crate) media_type: String,
    pub(crate) sha256: String,
    pub(crate) length: i64,
}

/// The hour of a time, as places begin.
pub(crate) fn hour(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%Y%m%d%H")
        .to_string()
}

/// Hours that are over for good: no request lasts as long, and no two clocks differ so much.
pub(crate) const OVER_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// Keeps a photo.
pub(crate) async fn keep(
    photos: &dyn Photos,
    media_type: &str,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Kept, Fault> {
    let sha256 = sha256_hex(bytes);
    let kept = Kept {
        place: format!("{}/{sha256}-{}", hour(now), Uuid::new_v4().simple()),
        media_type: media_type.to_owned(),
        sha256,
        length: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
    };
    photos.put(&kept.place, bytes).await?;
    Ok(kept)
}

/// The bytes of a photo that is named, compared with its hash.
pub(crate) async fn read(photos: &dyn Photos, kept: &Kept) -> Result<Vec<u8>, Fault> {
    let bytes = photos.get(&kept.place).await?;
    let bytes = bytes.ok_or(Fault::Broken("a photo vanished"))?;
    if sha256_hex(&bytes) != kept.sha256 {
        return Err(Fault::Broken("a photo was changed where it is kept"));
    }
    Ok(bytes)
}

/// Takes away what is not going to be named. What cannot be taken away now, the next sweep finds.
pub(crate) async fn discard<'a>(photos: &dyn Photos, kept: impl IntoIterator<Item = &'a Kept>) {
    for kept in kept {
        if let Err(fault) = photos.delete(&kept.place).await {
            tracing::warn!(%fault, "a leftover stays for now");
        }
    }
}

/// In the database itself, beside everything else: one file holds a campus, and one copy is a copy of all.
pub(crate) struct Embedded(pub(crate) Database);

impl Photos for Embedded {
    fn put<'a>(&'a self, place: &'a str, bytes: &'a [u8]) -> Done<'a, ()> {
        let (place, bytes) = (place.to_owned(), bytes.to_vec());
        Box::pin(self.0.run(move |tx| {
            tx.execute(
                "INSERT INTO photos (place, bytes) VALUES (?1, ?2)",
                (&place, &bytes),
            )?;
            Ok(())
        }))
    }

    fn get<'a>(&'a self, place: &'a str) -> Done<'a, Option<Vec<u8>>> {
        let place = place.to_owned();
        Box::pin(self.0.run(move |tx| {
            let found = tx.query_row("SELECT bytes FROM photos WHERE place = ?1", [&place], |row| {
                row.get(0)
            });
            Ok(found.optional()?)
        }))
    }

    fn delete<'a>(&'a self, place: &'a str) -> Done<'a, ()> {
        let place = place.to_owned();
        Box::pin(self.0.run(move |tx| {
            tx.execute("DELETE FROM photos WHERE place = ?1", [&place])?;
            Ok(())
        }))
    }

    fn list<'a>(&'a self, hour: &'a str) -> Done<'a, Vec<String>> {
        let (from, to) = within(hour);
        Box::pin(self.0.run(move |tx| {
            let sql = "SELECT place FROM photos WHERE place >= ?1 AND place < ?2";
            Ok(tx.rows(sql, (&from, &to), |row| row.get(0))?)
        }))
    }
}

/// The first place of an hour, and the first text after its last. `0` follows `/`.
pub(crate) fn within(hour: &str) -> (String, String) {
    (format!("{hour}/"), format!("{hour}0"))
}

/// Does the database name photos that it does not hold itself?
pub(crate) fn are_elsewhere(tx: &Tx<'_>) -> Result<bool, Fault> {
    let latest = "SELECT place FROM files ORDER BY place DESC LIMIT 1";
    let latest: Option<String> = tx.query_row(latest, (), |row| row.get(0)).optional()?;
    let Some(place) = latest else { return Ok(false) };
    let here = "SELECT EXISTS (SELECT 1 FROM photos WHERE place = ?1)";
    let here: bool = tx.query_row(here, [&place], |row| row.get(0))?;
    Ok(!here)
}

/// A bucket of an S3-compatible store, and how it is reached.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// `s3://bucket`, or `s3://bucket/folder`.
    pub url: String,
    /// `AWS_ENDPOINT`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, …: the names every S3 program knows.
    pub settings: Vec<(String, Secret)>,
}

impl Bucket {
    /// With what the environment says.
    pub fn from_env(url: &str) -> Bucket {
        let ours = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
        Bucket {
            url: url.to_owned(),
            settings: ours.map(|(name, value)| (name, Secret::new(value))).collect(),
        }
    }
}

/// Beside the database, in a bucket.
pub(crate) struct Remote {
    store: AmazonS3,
    folder: Path,
}

/// A store that does not answer is asked so often, and waited for so long: the station asks again by itself.
const ASKED_AGAIN: usize = 4;
const WAITED_FOR: Duration = Duration::from_secs(20);

/// Tells the database whose photos a bucket holds. Beside the hours, where no sweep looks.
const OWNER: &str = "owner";

impl Remote {
    pub(crate) fn open(bucket: &Bucket) -> Result<Remote, BackendError> {
        let bad = |what: &str| BackendError::Settings(format!("photos: {what}"));
        // Where there is one already, it stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let path = bucket
            .url
            .strip_prefix("s3://")
            .ok_or_else(|| bad("s3://bucket"))?;
        let (name, folder) = path.split_once('/').unwrap_or((path, ""));
        let mut builder = AmazonS3Builder::new()
            // The store itself compares what arrives.
            .with_checksum_algorithm(Checksum::SHA256)
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: ASKED_AGAIN,
                retry_timeout: WAITED_FOR,
            });
        for (setting, value) in &bucket.settings {
            if let Ok(key) = setting.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                // A server beside this one needs no TLS; elsewhere the address says https.
                let plain = key == AmazonS3ConfigKey::Endpoint && value.expose().starts_with("http://");
                builder = builder.with_config(key, value.expose());
                if plain {
                    builder = builder.with_allow_http(true);
                }
            }
        }
        let store = builder
            .with_bucket_name(name)
            .build()
            .map_err(|_| bad("AWS_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"))?;
        Ok(Remote {
            store,
            folder: Path::from(folder),
        })
    }

    /// Is this the bucket of the database with this name? An empty one becomes it. Two databases in one bucket would
    /// sweep each other's photos away, and a process with another bucket would not find any.
    pub(crate) async fn claim(&self, database: &Database, owner: &str) -> Result<(), BackendError> {
        let wrong = |what: &str| BackendError::Settings(format!("photos: {what}"));
        let marked = self.get(OWNER).await;
        match marked.map_err(|_| wrong("the bucket does not answer, or these keys do not open it"))? {
            Some(name) if name == owner.as_bytes() => return Ok(()),
            Some(_) => return Err(wrong("this bucket holds another database's photos")),
            None => {}
        }
        let has_photos =
            |tx: &Tx<'_>| Ok(tx.query_row("SELECT EXISTS (SELECT 1 FROM files)", (), |row| row.get(0))?);
        if database.run(has_photos).await? {
            return Err(wrong("this bucket does not hold this database's photos"));
        }
        self.put(OWNER, owner.as_bytes()).await?;
        Ok(())
    }

    fn at(&self, place: &str) -> Path {
        place.split('/').fold(self.folder.clone(), Path::join)
    }
}

impl Photos for Remote {
    fn put<'a>(&'a self, place: &'a str, bytes: &'a [u8]) -> Done<'a, ()> {
        Box::pin(async move {
            let put = self.store.put(&self.at(place), bytes.to_vec().into()).await;
            put.map(|_| ()).map_err(|error| failed(&error))
        })
    }

    fn get<'a>(&'a self, place: &'a str) -> Done<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let found = match self.store.get(&self.at(place)).await {
                Ok(found) => found.bytes().await,
                Err(error) => Err(error),
            };
            match found {
                Ok(bytes) => Ok(Some(bytes.to_vec())),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(failed(&error)),
            }
        })
    }

    fn delete<'a>(&'a self, place: &'a str) -> Done<'a, ()> {
        Box::pin(async move {
            match self.store.delete(&self.at(place)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(failed(&error)),
            }
        })
    }

    fn list<'a>(&'a self, hour: &'a str) -> Done<'a, Vec<String>> {
        Box::pin(async move {
            let listed = self.store.list_with_delimiter(Some(&self.at(hour))).await;
            let names = listed.map_err(|error| failed(&error))?.objects.into_iter();
            let names = names.filter_map(|object| Some(format!("{hour}/{}", object.location.filename()?)));
            Ok(names.collect())
        })
    }
}

/// A store that fails is busy for the station. Its own words may hold keys and addresses: only what kind of failure it
/// is goes to the log.
fn failed(error: &object_store::Error) -> Fault {
    let kind = match error {
        object_store::Error::NotFound { .. } => "not found",
        object_store::Error::PermissionDenied { .. } => "permission denied",
        object_store::Error::Unauthenticated { .. } => "the keys are not known",
        _ => "no answer, or an unexpected one",
    };
    tracing::error!(kind, "photo store");
    ProblemCode::Unavailable.into()
}
