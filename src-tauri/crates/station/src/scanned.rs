//! Codes that come another way than before the camera: typed by a hand-held scanner, or in a picture file.

use std::sync::PoisonError;

use code::{CodeText, Kind, Pattern, Reader, classify};
use image::DynamicImage;
use portrait::Original;

use crate::station::Station;
use crate::view::ScanSight;
use crate::visit::Event;

/// A scanner's longest text: a QR code holds 2,953 bytes.
const LONGEST: usize = 3000;

impl Station {
    /// Takes what a hand-held scanner typed, as if the camera had read it. Says what it is.
    pub fn scanned(&self, text: Vec<u8>) -> ScanSight {
        if text.is_empty() || text.len() > LONGEST {
            return ScanSight::Nothing;
        }
        self.take(CodeText::new(text))
    }

    /// Reads the code of a picture, as if the camera had read it. Says what it is: [`ScanSight::Unclear`] for a file
    /// that is no picture, [`ScanSight::Nothing`] for one without a code.
    pub fn scan_picture(&self, file: Vec<u8>) -> ScanSight {
        let Ok(picture) = Original::decode(file) else {
            return ScanSight::Unclear;
        };
        let luma = DynamicImage::ImageRgb8(picture.image().clone()).into_luma8();
        let mut found = Reader::new().read(&luma);
        match found.len() {
            0 => ScanSight::Nothing,
            1 => self.take(found.remove(0).text),
            _ => {
                // A poster beside the phone is no reason to refuse the one collection code.
                let pattern = self.pattern();
                found.retain(|one| classify(&one.text, &pattern) == Kind::Collection);
                match found.len() {
                    1 => self.take(found.remove(0).text),
                    _ => ScanSight::Several,
                }
            }
        }
    }

    fn pattern(&self) -> Pattern {
        let lens = &self.inner().lens;
        lens.read()
            .unwrap_or_else(PoisonError::into_inner)
            .pattern
            .clone()
    }

    fn take(&self, text: CodeText) -> ScanSight {
        let kind = classify(&text, &self.pattern());
        let _ = self.inner().events.send(Event::Code(kind, text));
        ScanSight::of(kind)
    }
}

impl ScanSight {
    /// What a code of this kind looks like to the scan page.
    pub(crate) fn of(kind: Kind) -> ScanSight {
        match kind {
            Kind::Collection => ScanSight::Steady,
            Kind::Payment => ScanSight::Payment,
            Kind::MiniProgram => ScanSight::MiniProgram,
            Kind::Health => ScanSight::Health,
            Kind::Web => ScanSight::Web,
            Kind::PlainText => ScanSight::OtherText,
        }
    }
}
