//! People nobody ever was, enough for every station to have its own, and their photos.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use postgres::{Client, NoTls};
use sha2::{Digest as _, Sha256};
use vendor::Secret;

/// The code of a student.
pub(crate) fn code(n: usize) -> String {
    format!("CHSI1:bench-{n:06}")
}

/// Writes so many students beside the demo's, as a vendor's own import would: the backend keeps no code, only its digest
/// under the database's key.
pub(crate) fn enrol(database: &Secret, count: usize) {
    let mut client = Client::connect(database.expose(), NoTls).unwrap();
    let key: Vec<u8> = client
        .query_one("SELECT value FROM meta WHERE name = 'mac_key'", &[])
        .unwrap()
        .get(0);
    let ids: Vec<String> = (0..count).map(|n| format!("bench-{n:06}")).collect();
    let macs: Vec<Vec<u8>> = (0..count).map(|n| digest(&key, code(n).as_bytes())).collect();
    client
        .execute(
            "INSERT INTO students SELECT id, '测*某', '000000', '\\x00' FROM unnest($1::text[]) AS new (id)",
            &[&ids],
        )
        .unwrap();
    client
        .execute(
            "INSERT INTO academic_records (id, student_id, school_id, level, major, year, code_mac, number_mac)
             SELECT new.id, new.id, (SELECT school_id FROM academic_records WHERE id = 'ar-000-0'), '本科', '测绘', 2026,
                 new.mac, new.mac
             FROM unnest($1::text[], $2::bytea[]) AS new (id, mac)",
            &[&ids, &macs],
        )
        .unwrap();
    client.batch_execute("ANALYZE").unwrap();
}

fn digest(key: &[u8], code: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [key, b"code", code] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// A noisy picture whose file is about as large as asked.
pub(crate) fn jpeg(w: u32, h: u32, bytes: usize) -> Vec<u8> {
    let mut state = 1u32;
    let picture = RgbImage::from_fn(w, h, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grey = 110 + (state >> 27) as u8;
        Rgb([grey, grey, grey + 40])
    });
    let encoded = |quality| {
        let mut file = std::io::Cursor::new(Vec::new());
        JpegEncoder::new_with_quality(&mut file, quality)
            .encode_image(&picture)
            .unwrap();
        file.into_inner()
    };
    let mut qualities = (10..=95).rev().step_by(5).map(encoded);
    qualities.find(|file| file.len() <= bytes).unwrap()
}

/// The picture with a comment behind its first marker: unlike every other.
pub(crate) fn commented(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xFE], &length, comment.as_bytes(), &jpeg[2..]].concat()
}
