//! From any frame to what the ladder and the classifier make of it: no panic outside of rqrr's thread, and
//! nothing impossible comes out.
//!
//! The first byte says what the rest is: the samples of a frame, the modules of a symbol with everything
//! that is fixed in its place (so that the decoders have something to chew on), or a text to classify.
#![no_main]

use std::cell::RefCell;

use code::{CodeText, Found, Lookout, Pattern, Reader, Sight, classify};
use image::{GrayImage, Luma};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static READER: RefCell<(Reader, Lookout)> = RefCell::default();
}

fuzz_target!(
    init: {
        // rqrr may panic on its own thread; the reader deals with it.
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() != Some("code-third") {
                abort(info);
            }
        }));
    },
    |data: &[u8]| {
        let Some((kind, data)) = data.split_first() else { return };
        let pattern = Pattern::new("^CHSI1:[A-Za-z0-9_-]{48,}$").expect("it compiles");
        match kind % 4 {
            0 => drop(classify(&CodeText::from(data), &pattern)),
            1 => frame(data).iter().for_each(|frame| look(frame, &pattern)),
            _ => symbol(data).iter().for_each(|frame| look(frame, &pattern)),
        }
    }
);

/// Samples row by row; the first byte is the width.
fn frame(data: &[u8]) -> Option<GrayImage> {
    let (width, samples) = data.split_first()?;
    let width = u32::from(*width).max(1);
    let height = samples.len() as u32 / width;
    GrayImage::from_raw(width, height, samples[..(width * height) as usize].to_vec())
}

/// Version (1–10), pixels a module, noise and slant by a byte each, then the modules.
fn symbol(data: &[u8]) -> Option<GrayImage> {
    let (&[version, module, noise, slant], bits) = data.split_first_chunk::<4>()?;
    let side = 17 + 4 * (u32::from(version) % 10 + 1);
    let module = u32::from(module) % 5 + 2;
    let dark = |x: u32, y: u32| {
        let finder = |left: u32, top: u32| {
            let (x, y) = (x.wrapping_sub(left), y.wrapping_sub(top));
            (x < 7 && y < 7).then(|| x.abs_diff(3).max(y.abs_diff(3)) != 2)
        };
        let finders = [finder(0, 0), finder(side - 7, 0), finder(0, side - 7)];
        if let Some(dark) = finders.into_iter().flatten().next() {
            return dark;
        }
        let separator = (x < 8 || x >= side - 8) && y < 8 || x < 8 && y >= side - 8;
        if separator {
            return false;
        }
        if x == 6 || y == 6 {
            return (x + y) % 2 == 0;
        }
        let bit = (y * side + x) as usize;
        bits.get(bit / 8 % bits.len().max(1)).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    };
    let size = (side + 8) * module;
    Some(GrayImage::from_fn(size + 20, size, |x, y| {
        let x = (x + y * u32::from(slant % 32) / 256).wrapping_sub(10);
        let (u, v) = ((x / module).wrapping_sub(4), (y / module).wrapping_sub(4));
        let level: u8 = if u < side && v < side && dark(u, v) { 30 } else { 220 };
        let grain = (x.wrapping_mul(7919) ^ y.wrapping_mul(104_729)).wrapping_mul(0x9e37_79b9) >> 24;
        Luma([level.wrapping_add((grain * u32::from(noise % 128) / 1024) as u8)])
    }))
}

fn look(frame: &GrayImage, pattern: &Pattern) {
    READER.with_borrow_mut(|(reader, lookout)| {
        reader.read(frame).iter().for_each(|found| check(found, pattern));
        reader.read_live(frame).iter().for_each(|found| check(found, pattern));
        if let Sight::One(seen) = lookout.look(frame, pattern) {
            check(&seen.found, pattern);
        }
    });
}

fn check(found: &Found, pattern: &Pattern) {
    assert!(found.corners.iter().flatten().all(|place| place.is_finite()));
    assert_eq!(classify(&found.text, pattern), classify(&found.text.clone(), pattern));
    assert_eq!(found.text.tag().as_str().len(), 7);
}
