//! Photos in a bucket: whose it is, what happens to one that was changed there, and to those that nothing names.

use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;
use vendor::ProblemCode;
use vendor::api::DeliverableKind;
use vendor_backend::{Backend, BackendError, BackendOptions, Decision, DemoCase};

use crate::booth::{Booth, why};
use crate::storage::Storage;

/// Every photo of the bucket.
fn kept(storage: &Storage) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![storage.folder()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap().to_str().unwrap().len() > 64 {
                found.push(path);
            }
        }
    }
    found.retain(|path| path.extension().is_none_or(|end| end != "json"));
    found
}

fn with_hash<'a>(kept: &'a [PathBuf], sha256: &str) -> &'a Path {
    let named = |path: &&PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(sha256);
    kept.iter().find(named).unwrap()
}

#[tokio::test]
async fn photos_are_in_the_bucket_byte_by_byte_and_nothing_else_is() {
    let booth = Booth::open("binyu").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let capture = booth.capture(&identity, 40);
    let record = Uuid::now_v7();
    booth.station.put_capture(record, &capture).await.unwrap();
    let found = kept(&booth.storage);
    assert_eq!(found.len(), 2, "{found:?}");
    for photo in [&capture.standard, &capture.original] {
        assert_eq!(fs::read(with_hash(&found, &photo.sha256)).unwrap(), photo.bytes.0);
    }
    // A repetition and a refusal leave nothing behind.
    booth.station.put_capture(record, &capture).await.unwrap();
    let other = booth.capture(&identity, 41);
    let conflict = booth.station.put_capture(record, &other).await;
    assert_eq!(why(conflict), ProblemCode::CaptureConflict);
    assert_eq!(kept(&booth.storage).len(), 2);
    // The sheet joins them when it is asked for.
    assert!(booth.backend.review(record, Decision::Approve).await.unwrap());
    let list = booth.station.deliverables(record).await.unwrap().deliverables;
    let again = booth.station.deliverables(record).await.unwrap().deliverables;
    assert_eq!(list, again);
    assert_eq!(kept(&booth.storage).len(), 3);

    // A photo that was changed where it is kept is not handed out.
    let standard = list
        .iter()
        .find(|d| d.kind == DeliverableKind::StandardPhoto)
        .unwrap();
    let path = with_hash(&found, &capture.standard.sha256);
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
    let changed = booth.station.deliverable(record, standard).await;
    assert_eq!(why(changed), ProblemCode::Internal);
}

#[tokio::test]
async fn what_nothing_names_is_swept_when_its_hour_is_over_and_what_is_named_stays() {
    let booth = Booth::open("binyu").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let capture = booth.capture(&identity, 40);
    let record = Uuid::now_v7();
    booth.station.put_capture(record, &capture).await.unwrap();
    // A process was killed between the photo and its transaction.
    let named = with_hash(&kept(&booth.storage), &capture.original.sha256).to_owned();
    let leftover = named.with_file_name(format!("{}-leftover", "0".repeat(64)));
    fs::write(&leftover, b"half a visit").unwrap();
    booth.hand.forward(90 * 60);
    assert_eq!(
        booth.backend.sweep().await.unwrap(),
        0,
        "its request may be under way"
    );
    booth.hand.forward(2 * 3600);
    assert_eq!(booth.backend.sweep().await.unwrap(), 1);
    assert!(!leftover.exists() && named.exists());
    assert_eq!(booth.backend.sweep().await.unwrap(), 0);
    let receipt = booth.station.put_capture(record, &capture).await.unwrap().receipt;
    assert_eq!(receipt.original_sha256, capture.original.sha256);
    assert_eq!(kept(&booth.storage).len(), 2);
}

#[tokio::test]
async fn a_bucket_belongs_to_one_database() {
    let booth = Booth::open("binyu").await;
    let refused = async |storage: &Storage| {
        let mut options = BackendOptions::demo("binyu").unwrap();
        storage.choose(&mut options);
        match Backend::start(options).await {
            Err(BackendError::Settings(why)) => why,
            other => panic!("{:?}", other.map(|_| ())),
        }
    };
    let mut other = Storage::fresh();
    other.bucket = booth.storage.bucket.clone();
    assert!(refused(&other).await.contains("another database's"));

    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let capture = booth.capture(&identity, 40);
    booth.station.put_capture(Uuid::now_v7(), &capture).await.unwrap();
    let mut moved = Storage::fresh();
    moved.database = booth.storage.database.clone();
    assert!(refused(&moved).await.contains("does not hold"));
    moved
        .bucket
        .settings
        .retain(|(name, _)| name != "AWS_SECRET_ACCESS_KEY");
    moved.bucket.settings.push((
        "AWS_SECRET_ACCESS_KEY".to_owned(),
        vendor::Secret::new("a wrong one"),
    ));
    let why = refused(&moved).await;
    assert!(
        why.contains("these keys") && !why.contains("a wrong one"),
        "{why}"
    );
    let mut options = BackendOptions::demo("binyu").unwrap();
    options.database = Some(booth.storage.database.clone());
    let without = Backend::start(options).await.map(|_| ());
    assert!(without.unwrap_err().to_string().contains("in a bucket"));
}
