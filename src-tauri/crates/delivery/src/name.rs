//! File names out of outside words: what could lead out of a folder, mean a device, or fool an eye becomes `_`.

/// Longest part of a name: file systems take 255 bytes, and the manifest's own tools some less.
const LONGEST_BYTES: usize = 200;

/// Characters no file name may hold on one of the three systems.
pub(super) const FORBIDDEN: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// Names that mean a device on Windows, whatever follows a dot.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Characters that cannot be seen or turn the reading round: `gpj.exe` must not read `exe.jpg`.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        )
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
}

/// A field's value as it may stand inside a name.
pub(super) fn value(text: &str) -> String {
    let safe = |c| {
        if FORBIDDEN.contains(&c) || is_unseen(c) {
            '_'
        } else {
            c
        }
    };
    text.trim().chars().map(safe).collect()
}

/// One folder's or file's name, safe on every system; `ending` stays whole.
pub(super) fn part(text: &str, ending: &str) -> String {
    let mut name = text.trim().to_owned();
    while name.len() + ending.len() > LONGEST_BYTES {
        name.pop();
    }
    // Windows drops dots and spaces at the end, and then two names are one.
    let kept = name.trim_end_matches(['.', ' ']).len();
    name.truncate(kept);
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    // A dot hides it, the others are read as a formula by a spreadsheet or as an option by a shell.
    if name.is_empty() || name.starts_with(['.', '~', '-', '=', '+', '@', '\'']) || is_device(stem) {
        name.insert(0, '_');
    }
    name + ending
}

fn is_device(stem: &str) -> bool {
    let upper = stem.to_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|port| {
        upper.strip_prefix(port).is_some_and(|number| {
            matches!(number, "0" | "¹" | "²" | "³") || matches!(number.as_bytes(), [b'1'..=b'9'])
        })
    });
    numbered || DEVICES.contains(&upper.as_str())
}

/// Whether this is a relative path of ordinary parts, as [`part`] makes them.
pub(super) fn is_plain(path: &str) -> bool {
    path.split('/').all(|name| {
        !name.is_empty()
            && part(name, "") == name
            && !name.chars().any(|c| FORBIDDEN.contains(&c) || is_unseen(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_of_the_folder_or_means_a_device_becomes_a_plain_name() {
        for (outside, inside) in [
            ("..", "_"),
            (".", "_"),
            ("", "_"),
            ("   ", "_"),
            ("...", "_"),
            ("CON", "_CON"),
            ("con", "_con"),
            ("Nul.txt", "_Nul.txt"),
            ("aux .x", "_aux .x"),
            ("COM1", "_COM1"),
            ("LPT9.log", "_LPT9.log"),
            ("com²", "_com²"),
            ("CONSERVATORY", "CONSERVATORY"),
            ("COM10", "COM10"),
            ("大学. . .", "大学"),
            (".ssh", "_.ssh"),
            ("-rf", "_-rf"),
            ("=1+1", "_=1+1"),
        ] {
            assert_eq!(part(&value(outside), ""), inside, "{outside:?}");
        }
        assert_eq!(value("../../etc/passwd"), ".._.._etc_passwd");
        assert_eq!(part(&value("../../etc/passwd"), ".jpg"), "_.._.._etc_passwd.jpg");
        assert_eq!(value("C:\\Windows"), "C__Windows");
        assert_eq!(value("a\u{202E}gpj.exe\0\n"), "a_gpj.exe_");
    }

    #[test]
    fn a_long_name_is_cut_between_characters_and_keeps_its_ending() {
        let name = part(&"测".repeat(500), ".jpg");
        assert!(
            name.len() <= LONGEST_BYTES && name.ends_with("测.jpg"),
            "{}",
            name.len()
        );
    }

    #[test]
    fn only_plain_relative_paths_are_taken_from_a_manifest() {
        assert!(is_plain("示范大学/2026/XJ-1.jpg"));
        for path in [
            "/etc/passwd",
            "../x.jpg",
            "a//b",
            "a/../b",
            "a\\b",
            "C:x",
            "a/CON",
            "",
            "a/b.",
        ] {
            assert!(!is_plain(path), "{path:?}");
        }
    }
}
