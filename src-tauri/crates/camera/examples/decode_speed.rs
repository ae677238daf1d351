//! How long a 1280x720 frame takes to RGB and to luma, by format.
//!
//! `cargo run -p camera --example decode_speed`

use std::time::Instant;

use camera::{Frame, PixelFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const ROUNDS: u32 = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scene: Vec<u8> = (0..WIDTH * HEIGHT * 3)
        .map(|i| ((i / 3 % WIDTH) / 6 + (i / 3 / WIDTH) / 8 + (i % 1009 * 7919) % 23) as u8)
        .collect();
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 85);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
    encoder.encode(&scene, WIDTH as u16, HEIGHT as u16, ColorType::Rgb)?;
    println!("MJPEG frame of {} KB", jpeg.len() / 1024);

    let formats = [
        PixelFormat::Rgb8,
        PixelFormat::Gray8,
        PixelFormat::Yuyv,
        PixelFormat::Nv12,
        PixelFormat::Mjpeg,
    ];
    for format in formats {
        let bytes = if format == PixelFormat::Mjpeg {
            &jpeg
        } else {
            &scene
        };
        let frame = Frame::new(format, WIDTH, HEIGHT, bytes.as_slice())?;
        let start = Instant::now();
        for _ in 0..ROUNDS {
            frame.to_rgb()?;
        }
        let rgb = start.elapsed() / ROUNDS;
        let start = Instant::now();
        for _ in 0..ROUNDS {
            frame.to_luma()?;
        }
        println!(
            "{format:>6}: RGB {rgb:>8.1?}  luma {:>8.1?}",
            start.elapsed() / ROUNDS
        );
    }
    Ok(())
}
