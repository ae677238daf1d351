//! The virtual display's own memory: what stands on the screen, whatever the driver says, and at once. The driver's
//! pictures are drawn anew for it, which takes a machine without a graphics card seconds, and a page that died never.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};

/// Where `Xvfb -fbdir` keeps its first screen.
pub(crate) struct Screen(PathBuf);

impl Screen {
    pub(crate) fn in_folder(folder: &Path) -> Screen {
        Screen(folder.join("Xvfb_screen0"))
    }

    /// A window dump (X11/XWDFile.h): a head of big-endian numbers, colours of twelve bytes each, and four bytes a pixel,
    /// blue first.
    pub(crate) fn picture(&self) -> RgbImage {
        let dump = std::fs::read(&self.0).unwrap();
        let head = |n: usize| u32::from_be_bytes(dump[4 * n..4 * n + 4].try_into().unwrap());
        let (width, height, line) = (head(4), head(5), head(12) as usize);
        assert_eq!(head(11), 32, "bits a pixel");
        let pixels = &dump[head(0) as usize + 12 * head(19) as usize..];
        RgbImage::from_fn(width, height, |x, y| {
            let at = y as usize * line + 4 * x as usize;
            Rgb([pixels[at + 2], pixels[at + 1], pixels[at]])
        })
    }
}
