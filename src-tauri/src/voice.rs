//! Hints, spoken by the voice the operating system has: eSpeak NG on Linux, `say` on macOS, SAPI on Windows.
//!
//! Another program speaks, so that no library of speech is linked in and a stuck sound system holds nobody up. Where
//! there is no such program, or it has no voice for the language, the booth is silent.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A hint is a short sentence: nothing else is spoken.
const LONGEST: usize = 120;

/// One voice for the whole booth: what is said later interrupts what is said now.
#[derive(Default)]
pub(crate) struct Voice {
    speaking: Mutex<Option<Child>>,
}

/// A language the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tongue {
    Chinese,
    English,
}

impl Tongue {
    pub(crate) fn of(english: bool) -> Tongue {
        if english { Tongue::English } else { Tongue::Chinese }
    }
}

impl Voice {
    /// Says a sentence; false where there is no voice for it. Blocks only for as long as a program takes to start.
    pub(crate) fn say(&self, text: &str, tongue: Tongue) -> bool {
        if text.chars().count() > LONGEST || !available(tongue) {
            return false;
        }
        let mut speaking = self.speaking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut last) = speaking.take() {
            let _ = last.kill();
            let _ = last.wait();
        }
        match speaker(tongue).stdin(Stdio::piped()).spawn() {
            Ok(mut child) => {
                // Not an argument: what begins with a dash would be an option.
                if let Some(mut ear) = child.stdin.take() {
                    let _ = ear.write_all(text.as_bytes());
                }
                *speaking = Some(child);
                true
            }
            Err(error) => {
                tracing::debug!(%error, "no voice");
                false
            }
        }
    }
}

/// Whether there is a voice for this language; looked up once.
fn available(tongue: Tongue) -> bool {
    static FOUND: OnceLock<[bool; 2]> = OnceLock::new();
    let found = FOUND.get_or_init(|| [Tongue::Chinese, Tongue::English].map(look_up));
    found[usize::from(tongue == Tongue::English)]
}

fn look_up(tongue: Tongue) -> bool {
    let listing = lister()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    listing.is_ok_and(|listing| names(&listing, mark(tongue)))
}

/// Whether a listing of voices names one whose language begins so (`cmn`, `zh_CN`, `zh-CN`).
fn names(listing: &str, mark: &str) -> bool {
    listing
        .split_whitespace()
        .any(|word| word.trim_matches(['(', ')']).starts_with(mark))
}

#[cfg(target_os = "linux")]
fn lister() -> Command {
    let mut list = Command::new("espeak-ng");
    list.arg("--voices");
    list
}

#[cfg(target_os = "linux")]
fn mark(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Chinese => "cmn",
        Tongue::English => "en",
    }
}

#[cfg(target_os = "linux")]
fn speaker(tongue: Tongue) -> Command {
    let mut speak = Command::new("espeak-ng");
    speak.args(["-v", mark(tongue), "-s", "150", "--stdin"]);
    speak
}

#[cfg(target_os = "macos")]
fn lister() -> Command {
    let mut list = Command::new("say");
    list.args(["-v", "?"]);
    list
}

#[cfg(target_os = "macos")]
fn mark(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Chinese => "zh_CN",
        Tongue::English => "en_US",
    }
}

#[cfg(target_os = "macos")]
fn speaker(tongue: Tongue) -> Command {
    let mut speak = Command::new("say");
    // The voices every macOS has for these languages.
    speak.args([
        "-v",
        if tongue == Tongue::Chinese {
            "Tingting"
        } else {
            "Samantha"
        },
        "-f",
        "-",
    ]);
    speak
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn powershell(script: &str) -> Command {
    let mut run = Command::new("powershell");
    run.args([
        "-NoProfile",
        "-NonInteractive",
        "-WindowStyle",
        "Hidden",
        "-Command",
        script,
    ]);
    run
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn lister() -> Command {
    powershell(
        "Add-Type -AssemblyName System.Speech; \
         (New-Object System.Speech.Synthesis.SpeechSynthesizer).GetInstalledVoices() | \
         ForEach-Object { $_.VoiceInfo.Culture.Name }",
    )
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn mark(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Chinese => "zh-CN",
        Tongue::English => "en-",
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn speaker(tongue: Tongue) -> Command {
    powershell(&format!(
        "Add-Type -AssemblyName System.Speech; \
         [Console]::InputEncoding = [Text.Encoding]::UTF8; \
         $s = New-Object System.Speech.Synthesis.SpeechSynthesizer; \
         $v = $s.GetInstalledVoices() | Where-Object {{ $_.VoiceInfo.Culture.Name -like '{}*' }} | Select-Object -First 1; \
         $s.SelectVoice($v.VoiceInfo.Name); $s.Speak([Console]::In.ReadToEnd())",
        mark(tongue)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_found_in_each_systems_list_of_voices() {
        let espeak = "Pty Language Age/Gender VoiceName\n 5  cmn  --/M Chinese_(Mandarin) sit/cmn\n 2 en-gb --/M English";
        assert!(names(espeak, "cmn") && names(espeak, "en"));
        let say = "Tingting            zh_CN    # 你好！\nSamantha            en_US    # Hello!";
        assert!(names(say, "zh_CN") && names(say, "en_US"));
        assert!(names("en-US\r\nzh-CN\r\n", "zh-CN"));
        assert!(
            !names("Pty Language\n 2 en-gb --/M English", "cmn"),
            "an English voice cannot read Chinese"
        );
        assert!(!names("", "en"));
    }

    #[test]
    fn a_booth_without_a_voice_is_silent_and_no_letter_is_read_out() {
        let voice = Voice::default();
        assert!(!voice.say(&"长".repeat(LONGEST + 1), Tongue::Chinese));
        assert!(voice.speaking.lock().unwrap().is_none());
    }
}
