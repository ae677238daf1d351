//! Everything a backend reads before it knows who asks, and everything a station reads from a backend: bytes that are
//! none of it must be refused, not break the reader. What was read is written and read again, and is the same.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use vendor::api::{Accepted, Capture, ChangePage, EnrolRequest, Identity, OrderRequest, ResolveRequest};
use vendor::problem::Problem;
use vendor::signature::{Covered, Message, SignedRequest, verify_content_digest};
use vendor::{Profile, Receipt};

/// Reads a body as this type; what could be read is the same after it was written.
fn body<T: serde::Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&read).expect("what was read can be written");
        let again: T = serde_json::from_slice(&written).expect("what was written can be read");
        assert_eq!(serde_json::to_vec(&again).expect("and written"), written);
    }
}

/// Two headers, parted by the first line feed.
fn signature(text: &str, bytes: &[u8]) {
    let (input, signature) = text.split_once('\n').unwrap_or((text, ""));
    let _ = Covered::parse(input, signature);
    let _ = verify_content_digest(input, bytes);
    let fields = [("signature-input", input), ("signature", signature)];
    let message = Message {
        method: "POST",
        authority: "photos.example",
        path: "/v1/orders",
        query: None,
        fields: &fields,
    };
    let _ = SignedRequest::read(&message, Timestamp::UNIX_EPOCH);
}

fuzz_target!(|bytes: &[u8]| {
    body::<EnrolRequest>(bytes);
    body::<ResolveRequest>(bytes);
    body::<OrderRequest>(bytes);
    body::<Capture>(bytes);
    body::<Identity>(bytes);
    body::<Accepted>(bytes);
    body::<ChangePage>(bytes);
    body::<Receipt>(bytes);
    body::<Problem>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        signature(text, bytes);
        let _ = Profile::parse(text);
    }
    let _ = vendor::bundle::read_receipts(bytes);
});
