//! What a student gives stands nowhere it can be read: whole visits with every crate's tracing at its most verbose,
//! panics in the middle of them, errors, backups, exports and the command line, and then a search through everything
//! that was left behind.
//!
//! The visits run in a process of their own, with folders of its own for temporary files and for whatever a program
//! keeps in a user's home; everything it says goes into files there. [`search::Needles`] says in which guises a secret
//! is sought. What a transformation hides that is not among them (a compressed copy, say) this test does not see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod search;
mod shown;
mod visits;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use search::Needles;
use shown::shown;
use visits::{PIN, Student, WAYS, Way};

const PLACE: &str = "PHOTO_STATION_SECRETS_PLACE";

/// Where things are: all of it is searched but the folder `known`.
struct Place {
    root: PathBuf,
    /// What the test itself holds of the students: pictures of their codes and the like.
    known: PathBuf,
}

impl Place {
    fn new(root: &Path, known: &Path) -> Place {
        for folder in ["tmp", "home", "said"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        Place {
            root: root.to_owned(),
            known: known.to_owned(),
        }
    }

    /// Runs a program to its end with everything it keeps and says inside; what it said.
    fn run(&self, name: &str, command: &mut Command, input: &str) -> String {
        let said = self.root.join("said").join(format!("{name}.txt"));
        let file = File::create(&said).unwrap();
        let (tmp, home) = (self.root.join("tmp"), self.root.join("home"));
        for key in ["TMPDIR", "TMP", "TEMP"] {
            command.env(key, &tmp);
        }
        for key in [
            "HOME",
            "USERPROFILE",
            "APPDATA",
            "LOCALAPPDATA",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "XDG_STATE_HOME",
            "XDG_RUNTIME_DIR",
        ] {
            command.env(key, &home);
        }
        let mut child = command
            .current_dir(&tmp)
            .env("PHOTO_STATION_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait().unwrap();
        String::from_utf8_lossy(&std::fs::read(&said).unwrap()).into_owned()
    }

    /// Runs the program on a station's folder.
    fn station(&self, name: &str, data: &Path, arguments: &[&str], input: &str) -> String {
        let mut program = Command::new(env!("CARGO_BIN_EXE_photo-station"));
        program.arg("--data").arg(data).args(arguments);
        self.run(name, &mut program, input)
    }
}

#[test]
fn what_a_student_gives_is_nowhere_to_be_read() {
    let (root, known) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = Place::new(root.path(), known.path());
    let students: Vec<Student> = WAYS.iter().map(Way::student).collect();
    let mut needles = Needles::default();
    for student in &students {
        student.tell(&mut needles);
    }
    needles.add("the staff PIN", PIN);

    let said = place.run(
        "visits",
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "role", "--ignored", "--nocapture", "--test-threads=1"])
            .env(PLACE, root.path()),
        "",
    );
    assert!(said.contains("all visits are over"), "{}", end_of(&said));
    for voice in ["TRACE", "hyper", "reqwest", "panicked at", "stack backtrace"] {
        assert!(said.contains(voice), "nothing of {voice} in what was said");
    }
    for (way, student) in WAYS.iter().zip(&students) {
        let data = way.data(root.path());
        learn_from_the_records(&data, student, &mut needles);
        staff_look(&place, way, &data, student);
    }
    mishaps(&place, &WAYS[0].data(root.path()), &students[0]);

    let report = needles.search(root.path());
    assert!(report.files > 30, "{} files are too few", report.files);
    assert!(report.bytes > 5_000_000, "{} bytes are too few", report.bytes);
    println!("{} files, {} bytes", report.files, report.bytes);
    assert!(report.found.is_empty(), "{}", report.found.join("\n"));
}

/// The last words and those of panics, for a failure that must be understood.
fn end_of(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let told = |at: &usize| {
        let panicked = at
            .checked_sub(1)
            .is_some_and(|before| lines[before].contains("panicked at"));
        panicked || at + 8 >= lines.len()
    };
    (0..lines.len())
        .filter(told)
        .map(|at| lines[at])
        .collect::<Vec<_>>()
        .join("\n")
}

/// Opens the records with their key: the secrets are inside, and those the backend gave become known.
fn learn_from_the_records(data: &Path, student: &Student, needles: &mut Needles) {
    let key = std::fs::read_to_string(data.join("records.key")).unwrap();
    needles.add("a database key", key.trim());
    let db = rusqlite::Connection::open(data.join("records.db")).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", key.trim()))
        .unwrap();
    let mut codes = 0;
    let mut rows = db.prepare("SELECT code_text, identity_token FROM paper").unwrap();
    let papers = rows
        .query_map([], |row| {
            Ok((
                row.get::<_, Option<Vec<u8>>>(0)?,
                row.get::<_, Option<Vec<u8>>>(1)?,
            ))
        })
        .unwrap();
    for paper in papers {
        let (code, token) = paper.unwrap();
        assert_eq!(code.unwrap(), student.code.as_bytes(), "the code is kept");
        codes += 1;
        if let Some(token) = token {
            needles.add("an identity token", std::str::from_utf8(&token).unwrap());
        }
    }
    assert!(codes > 0, "a record is kept in {}", data.display());
    let own: String = db
        .query_row(
            "SELECT value FROM setting WHERE name = 'station-key'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    needles.add("the station's own key", own.trim());
}

/// The commands staff use, all of them over the records of these visits.
fn staff_look(place: &Place, way: &Way, data: &Path, student: &Student) {
    let run = |name: &str, arguments: &[&str], input: &str| {
        place.station(&format!("{}-{name}", way.vendor), data, arguments, input)
    };
    let list = run("list", &["--json", "queue", "list"], "");
    let row = list.lines().find(|line| line.starts_with('{')).expect("a record");
    let row: serde_json::Value = serde_json::from_str(row).unwrap();
    let id = row["id"].as_str().unwrap();
    assert!(run("show", &["queue", "show", id], "").contains(id));
    assert!(run("show-json", &["--json", "queue", "show", id], "").contains(id));
    assert!(run("verify", &["queue", "verify"], "").contains("clean"));
    let bundle = place.root.join(format!("bundle-{}", way.vendor));
    let path = bundle.to_str().unwrap();
    run("export", &["queue", "export", "--out", path], "");
    assert!(bundle.exists(), "a bundle was written");
    // It is sealed to the vendor, not to the station that made it.
    run("import-own", &["queue", "import", path], "");
    let backups = place.root.join("backups-by-hand");
    run(
        "backup",
        &["queue", "backup", "--to", backups.to_str().unwrap()],
        "",
    );
    assert!(
        std::fs::read_dir(backups).unwrap().count() > 0,
        "a backup was made"
    );
    // The backend is gone by now: what is said about that is an error, too.
    assert!(run("sync", &["sync", "--once"], "").contains("offline"));
    run("doctor", &["doctor"], "");
    run("pin-short", &["staff-pin"], &PIN[..5]);
    run("pin", &["staff-pin"], PIN);
    let picture = place.known.join("shown.png");
    shown(&student.code).save(&picture).unwrap();
    let scanned = run("scan", &["--json", "scan", picture.to_str().unwrap()], "");
    assert!(scanned.contains("collection"), "{scanned}");
}

/// What goes wrong, and what is said then.
fn mishaps(place: &Place, data: &Path, student: &Student) {
    let other = place.root.join("another-key");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(data.join("records.db"), other.join("records.db")).unwrap();
    std::fs::write(other.join("records.key"), "5".repeat(64)).unwrap();
    place.station("another-key", &other, &["queue", "list"], "");

    // A file of people that ends in the middle of a name.
    let people = place.known.join("people.json");
    std::fs::write(
        &people,
        format!(
            "[{{\"last_four\": \"{}\", \"records\": [], \"name\": \"{}",
            student.last_four, student.name
        ),
    )
    .unwrap();
    let arguments = ["--camera", "virtual", "--rehearsal", people.to_str().unwrap()];
    let said = place.station("people", data, &arguments, "");
    assert!(said.contains("not understood"), "{}", end_of(&said));

    // A picture that is none, full of a code's text.
    let picture = place.known.join("broken.png");
    std::fs::write(&picture, student.code.repeat(9)).unwrap();
    place.station("broken-picture", data, &["scan", picture.to_str().unwrap()], "");
}

/// Not a test of its own: the process in which the visits run.
#[test]
#[ignore = "the test's own process"]
fn role() {
    if let Some(place) = std::env::var_os(PLACE) {
        visits::run(Path::new(&place));
    }
}
