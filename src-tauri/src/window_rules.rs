//! What the window's page may load and call, read off the files that decide it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

/// Every directive of the content security policy with its sources.
fn policy() -> Vec<(String, Vec<String>)> {
    let config = json("tauri.conf.json");
    let policy = config["app"]["security"]["csp"].as_str().unwrap().to_owned();
    policy
        .split(';')
        .map(|directive| {
            let mut words = directive.split_whitespace().map(str::to_owned);
            (words.next().unwrap(), words.collect())
        })
        .collect()
}

#[test]
fn the_page_loads_nothing_from_elsewhere_and_runs_nothing_that_is_not_in_a_file() {
    let policy = policy();
    let sources = |name: &str| -> Vec<&str> {
        let (_, sources) = policy
            .iter()
            .find(|(directive, _)| directive == name)
            .unwrap_or_else(|| panic!("{name} is not ruled"));
        sources.iter().map(String::as_str).collect()
    };
    for (directive, sources) in &policy {
        for source in sources {
            let ours = match source.as_str() {
                "'self'" | "'none'" => true,
                // Pictures of the station itself: the payment code is drawn as an SVG, the camera has its own scheme
                // (on Windows WebView2 gives it this address).
                "data:" | "cam:" | "http://cam.localhost" => directive == "img-src",
                // How Tauri's commands travel.
                "ipc:" | "http://ipc.localhost" => directive == "connect-src",
                _ => false,
            };
            assert!(ours, "{directive} {source}");
        }
    }
    assert_eq!(sources("default-src"), ["'self'"]);
    assert_eq!(sources("script-src"), ["'self'"]);
    assert_eq!(sources("style-src"), ["'self'"]);
    for shut in ["frame-src", "object-src", "base-uri", "form-action"] {
        assert_eq!(sources(shut), ["'none'"], "{shut}");
    }
    let config = json("tauri.conf.json");
    assert_eq!(config["app"]["withGlobalTauri"], false);
    let security = &config["app"]["security"];
    for open in ["dangerousDisableAssetCspModification", "assetProtocol", "devCsp"] {
        assert!(security[open].is_null(), "{open}");
    }
}

/// The commands the generated bindings call.
fn commands(bindings: &str) -> BTreeSet<&str> {
    bindings
        .split("__TAURI_INVOKE")
        .skip(1)
        .filter_map(|call| call.split_once("(\"")?.1.split('"').next())
        .collect()
}

/// `queue_list` as TypeScript writes it.
fn in_camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1);
        name + &head.to_uppercase() + tail
    })
}

/// What the pages say, without the generated bindings, the tests and the rehearsal.
fn pages(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if name != "rehearsal" {
                pages(&path, text);
            }
        } else if name != "bindings.ts" && !name.contains(".test.") {
            text.push_str(&std::fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

#[test]
fn the_page_may_call_each_of_the_programs_commands_and_nothing_else_and_calls_each() {
    let bindings = read("ui/src/bindings.ts");
    let commands = commands(&bindings);
    assert!(commands.len() > 10, "{commands:?}");
    let capability = json("src-tauri/capabilities/station.json");
    assert_eq!(capability["local"], true);
    assert!(capability["remote"].is_null(), "no remote page may call anything");
    assert_eq!(capability["windows"], serde_json::json!(["station"]));
    let granted: BTreeSet<String> = capability["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|permission| permission.as_str().unwrap().to_owned())
        .collect();
    let mut expected: BTreeSet<String> = commands
        .iter()
        .map(|command| format!("allow-{}", command.replace('_', "-")))
        .collect();
    expected.extend(["core:event:allow-listen", "core:event:allow-unlisten"].map(str::to_owned));
    assert_eq!(granted, expected);
    let windows = std::fs::read_dir(root().join("src-tauri/capabilities"))
        .unwrap()
        .count();
    assert_eq!(windows, 2, "one capability a window");
    // The student's screen beside a photographer's only looks, and says that it runs.
    let second = json("src-tauri/capabilities/student.json");
    assert_eq!(second["local"], true);
    assert!(second["remote"].is_null());
    assert_eq!(second["windows"], serde_json::json!(["student"]));
    assert_eq!(
        second["permissions"],
        serde_json::json!([
            "core:event:allow-listen",
            "core:event:allow-unlisten",
            "allow-view",
            "allow-alive"
        ])
    );

    let mut said = String::new();
    pages(&root().join("ui/src"), &mut said);
    for command in commands {
        let call = format!("commands.{}(", in_camel_case(command));
        assert!(said.contains(&call), "{command} is offered and nobody uses it");
    }
}

/// Hosts that stand in the built page as names, not as addresses: XML's namespaces, and the handbooks that error
/// messages of the libraries point to.
const NEVER_ASKED: [&str; 3] = ["www.w3.org", "vuejs.org", "element-plus.org"];

/// Whatever looks like an address elsewhere, with where it begins.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("//").filter_map(|(at, _)| {
        let before = &text[..at];
        let with_scheme = ["http:", "https:", "ws:", "wss:"]
            .iter()
            .any(|scheme| before.ends_with(scheme));
        // `src="//host"` and `url(//host)` take the page's own scheme.
        let bare = ["=\"", "='", "url(", "url(\"", "url('"]
            .iter()
            .any(|mark| before.ends_with(mark));
        (with_scheme || bare).then(|| &text[at + 2..])
    })
}

fn host(address: &str) -> &str {
    let end = address.find(|c: char| !(c.is_ascii_alphanumeric() || ".-:[]".contains(c)));
    &address[..end.unwrap_or(address.len())]
}

#[test]
fn the_built_page_names_no_place_elsewhere() {
    let (mut files, mut folders) = (0, vec![root().join("ui/dist")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let ending = path
                .extension()
                .and_then(|ending| ending.to_str())
                .unwrap_or_default();
            if !["html", "js", "css", "svg"].contains(&ending) {
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for address in addresses(&text) {
                let host = host(address);
                let only_a_name = ending == "js" || ending == "svg" || host == "www.w3.org";
                assert!(
                    only_a_name && (NEVER_ASKED.contains(&host) || host.is_empty()),
                    "{} names {host}",
                    path.display()
                );
            }
        }
    }
    assert!(files >= 3, "the built page is there");
}

#[test]
fn an_address_elsewhere_is_found_however_it_is_written() {
    for text in [
        "<script src=\"//cdn.example/x.js\">",
        "@import url(https://fonts.example/a.css)",
        "new WebSocket('wss://live.example')",
    ] {
        let found: Vec<&str> = addresses(text).map(host).collect();
        assert!(
            matches!(found.as_slice(), [host] if host.ends_with(".example")),
            "{text}: {found:?}"
        );
    }
    assert_eq!(addresses("a // b, 1 //2, './assets/x.js'").count(), 0);
}
