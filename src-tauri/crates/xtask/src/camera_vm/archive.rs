//! A cpio archive of the kind Linux unpacks at its start (`newc`).

use std::path::Path;

use crate::command::{Outcome, or_stop};

/// Files and folders, in the order they were added.
#[derive(Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    folders: Vec<String>,
}

impl Archive {
    /// A folder and those above it, once.
    pub(super) fn folder(&mut self, name: &str) {
        let mut above = String::new();
        for part in name.split('/') {
            if !above.is_empty() {
                above.push('/');
            }
            above.push_str(part);
            if !self.folders.contains(&above) {
                self.folders.push(above.clone());
                self.entry(&above, 0o040_755, &[]);
            }
        }
    }

    /// A file with the content of one of this machine's.
    pub(super) fn file_of(&mut self, name: &str, source: &Path) -> Outcome {
        let content = or_stop(std::fs::read(source), "read", source)?;
        self.program(name, &content);
        Ok(())
    }

    /// A file.
    pub(super) fn file(&mut self, name: &str, content: &[u8]) {
        self.place(name, 0o100_644, content);
    }

    /// A file that may be run.
    pub(super) fn program(&mut self, name: &str, content: &[u8]) {
        self.place(name, 0o100_755, content);
    }

    fn place(&mut self, name: &str, mode: u32, content: &[u8]) {
        if let Some((folder, _)) = name.rsplit_once('/') {
            self.folder(folder);
        }
        self.entry(name, mode, content);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        // Number, mode, owner, group, links, time, size, four device numbers, length of the name, no checksum.
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            length(content.len()),
            0,
            0,
            0,
            0,
            length(name.len() + 1),
            0,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").into_bytes());
        }
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(content);
        self.align();
    }

    fn align(&mut self) {
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_laid_out_as_the_kernel_reads_it() {
        let mut archive = Archive::default();
        archive.file("a/b/c", b"12345");
        archive.file("a/b/d", b"");
        let bytes = archive.finish();
        let mut at = 0;
        let mut names = Vec::new();
        while at < bytes.len() {
            assert_eq!(&bytes[at..at + 6], b"070701");
            let field = |number: usize| {
                let from = at + 6 + number * 8;
                usize::from_str_radix(std::str::from_utf8(&bytes[from..from + 8]).unwrap(), 16).unwrap()
            };
            let (size, name) = (field(6), field(11));
            let name = std::str::from_utf8(&bytes[at + 110..at + 110 + name - 1]).unwrap();
            let content = (at + 110 + name.len() + 1).next_multiple_of(4);
            names.push(format!(
                "{name} {:o} {}",
                field(1),
                String::from_utf8_lossy(&bytes[content..content + size])
            ));
            at = (content + size).next_multiple_of(4);
        }
        assert_eq!(
            names,
            [
                "a 40755 ",
                "a/b 40755 ",
                "a/b/c 100644 12345",
                "a/b/d 100644 ",
                "TRAILER!!! 0 "
            ]
        );
    }
}
