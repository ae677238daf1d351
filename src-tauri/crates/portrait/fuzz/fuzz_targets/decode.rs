//! From a file's bytes to a picture or a refusal: whatever comes in, one of the two comes out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portrait::{MAX_PIXELS, MIN_SIDE, Original, PortraitError};

fuzz_target!(|data: &[u8]| {
    match Original::decode(data.to_vec()) {
        Ok(original) => {
            let (w, h) = original.image().dimensions();
            assert!(w >= MIN_SIDE && h >= MIN_SIDE && u64::from(w) * u64::from(h) <= MAX_PIXELS);
            assert_eq!(original.bytes(), data);
        }
        Err(PortraitError::Picture(why)) => assert!(!why.zh().is_empty() && !why.en().is_empty()),
        Err(other) => panic!("{other}"),
    }
});
