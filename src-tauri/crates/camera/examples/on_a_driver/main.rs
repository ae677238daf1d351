//! The station's own camera code on real `Video4Linux` drivers that misbehave on command.
//!
//! Not for a desk: it loads, unbinds and unloads drivers as it likes. `cargo xtask camera-vm` boots a virtual machine of
//! its own for it, with the kernel's `vivid` and `v4l2loopback` in `/mod`, and prints the rows as a table.
//! A row is a line `ROW <tab> name <tab> ok or FAILED <tab> seconds <tab> what was seen`.

#[cfg(target_os = "linux")]
mod drivers;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod feeder;
#[cfg(target_os = "linux")]
mod pictures;
#[cfg(target_os = "linux")]
mod rows;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == faults::CHILD) {
        words.remove(0);
        return faults::child(&words);
    }
    rows::run(words.first().map(String::as_str))
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("Video4Linux is Linux's.");
}
