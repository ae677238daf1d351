//! Approved photos go to the school: in batches, by the program the vendor's staff use.

use std::path::Path;
use std::process::{Command, Output};

use uuid::Uuid;
use vendor_backend::{Decision, DemoCase, DemoPerson};

use crate::booth::Booth;

/// Delivers the first school's photos as the vendor's staff do.
pub(crate) fn deliver(booth: &Booth, to: &Path, more: &[&str]) -> Output {
    deliver_of("demo-1", booth, to, more)
}

fn deliver_of(school: &str, booth: &Booth, to: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vendor-backend"))
        .args(["deliver", "--school", school, "--to"])
        .arg(to)
        .args(booth.storage.arguments())
        .envs(booth.storage.environment())
        .args(more)
        .output()
        .unwrap()
}

fn says(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A photo of this student, with the reviewer's word or without.
async fn photo(booth: &Booth, person: &DemoPerson, shade: u8, word: Option<Decision>) -> Uuid {
    let identity = booth.resolve(person).await;
    let record = Uuid::now_v7();
    let capture = booth.capture(&identity, shade);
    booth.station.put_capture(record, &capture).await.unwrap();
    if let Some(word) = word {
        assert!(booth.backend.review(record, word).await.unwrap());
    }
    record
}

/// Every file below, with its bytes.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_school_gets_each_approved_photo_once_and_in_numbered_batches() {
    let booth = Booth::open_with("binyu", |_| ()).await;
    let people = booth.backend.people();
    let ordinary: Vec<_> = people
        .iter()
        .filter(|person| person.case == DemoCase::Ordinary)
        .collect();
    let (yes, no) = (Some(Decision::Approve), Some(Decision::reject(["blurred"])));
    let first = photo(&booth, ordinary[0], 10, yes.clone()).await;
    let second = photo(&booth, ordinary[1], 11, yes.clone()).await;
    photo(&booth, ordinary[2], 12, no).await;
    photo(&booth, ordinary[3], 13, None).await;
    // Another school's.
    photo(&booth, &booth.person(DemoCase::ClassPayment), 14, yes.clone()).await;

    let folder = tempfile::tempdir().unwrap();
    let told = says(&deliver(&booth, folder.path(), &[]));
    assert!(told.starts_with("batch 1: 2 photos written"), "{told}");
    let batch = files(&folder.path().join("batch-001"));
    let names: Vec<&str> = batch.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "SHA256SUMS",
            "manifest.csv",
            "示例大学（演示）/2026/ar-000-0.jpg",
            "示例大学（演示）/2026/ar-008-0.jpg",
        ]
    );
    for (record, (_, bytes)) in [first, second].into_iter().zip(&batch[2..]) {
        let sha256 = vendor::api::sha256_hex(bytes);
        let receipt = booth.station.capture(record).await.unwrap().receipt;
        assert_eq!(
            sha256, receipt.standard_sha256,
            "the very photo that was reviewed"
        );
        let manifest = String::from_utf8(batch[1].1.clone()).unwrap();
        let line = manifest.lines().find(|line| line.contains(&sha256)).unwrap();
        assert!(line.contains(&receipt.receipt_number) && line.contains(&record.to_string()));
    }

    // Again: nothing changes. Later: only what is new, as a batch of its own.
    let told = says(&deliver(&booth, folder.path(), &[]));
    assert!(told.starts_with("nothing new"), "{told}");
    photo(&booth, ordinary[4], 15, yes).await;
    let told = says(&deliver(&booth, folder.path(), &["--zip"]));
    assert!(told.starts_with("batch 2: 1 photos written"), "{told}");
    assert_eq!(files(&folder.path().join("batch-001")), batch);
    assert!(folder.path().join("batch-002.zip").is_file());

    // The stick was lost: the first batch as it was, elsewhere; and where it is, nothing is written.
    let other = tempfile::tempdir().unwrap();
    says(&deliver(&booth, other.path(), &["--batch", "1"]));
    assert_eq!(files(&other.path().join("batch-001")), batch);
    let told = says(&deliver(&booth, other.path(), &["--batch", "1"]));
    assert!(
        told.starts_with("batch 1: 0 photos written, 2 were there already"),
        "{told}"
    );
    for wrong in [&["--batch", "7"][..], &["--naming", "../{record}.jpg"]] {
        assert!(
            !deliver(&booth, other.path(), wrong).status.success(),
            "{wrong:?}"
        );
    }
    assert!(!deliver_of("demo-9", &booth, other.path(), &[]).status.success());
    booth.backend.stop().await;
}

#[tokio::test]
async fn a_batch_that_was_hindered_goes_on_where_it_stopped_and_overwrites_nothing() {
    let booth = Booth::open_with("binyu", |_| ()).await;
    let people = booth.backend.people();
    let ordinary = people.iter().filter(|person| person.case == DemoCase::Ordinary);
    for (shade, person) in (20..).zip(ordinary.take(3)) {
        photo(&booth, person, shade, Some(Decision::Approve)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("batch-001/示例大学（演示）/2026");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("ar-008-0.jpg"), b"somebody else's").unwrap();
    let hindered = deliver(&booth, folder.path(), &[]);
    assert!(!hindered.status.success());
    let told = String::from_utf8(hindered.stdout).unwrap();
    assert!(
        told.contains("batch 1: 2 photos written, 0 were there already, 1 left out"),
        "{told}"
    );
    assert_eq!(
        std::fs::read(place.join("ar-008-0.jpg")).unwrap(),
        b"somebody else's"
    );

    // A name that two photos would have is nobody's.
    let all_alike = deliver(&booth, folder.path(), &["--naming", "{school}.jpg"]);
    assert!(!all_alike.status.success());

    std::fs::remove_file(place.join("ar-008-0.jpg")).unwrap();
    let told = says(&deliver(&booth, folder.path(), &[]));
    assert!(
        told.starts_with("batch 1: 1 photos written, 2 were there already, 0 left out"),
        "{told}"
    );
    assert!(says(&deliver(&booth, folder.path(), &[])).starts_with("nothing new"));
    booth.backend.stop().await;
}
