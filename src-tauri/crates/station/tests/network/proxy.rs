//! The system's own proxy between the station and an https backend. Which proxy there is stands in the environment, and
//! this process' environment is everybody's: the station behind it is a process of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use records::RecordState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Campus, open};

const PLACE: &str = "PHOTO_STATION_TEST_BEHIND_A_PROXY";
/// Reserved for never existing (RFC 6761): whoever connects to it without the proxy finds nobody.
const BACKEND: &str = "https://backend.invalid";

/// Asks everybody for a password; the first line of each request it was sent.
async fn proxy() -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                match caller.read_u8().await {
                    Ok(byte) => request.push(byte),
                    Err(_) => break,
                }
            }
            let text = String::from_utf8_lossy(&request);
            let first = text.lines().next().unwrap_or_default().to_owned();
            let over = first.starts_with("STOP");
            if over {
                break;
            }
            asked.push(first);
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\
                           content-length: 0\r\nconnection: close\r\n\r\n";
            let _ = caller.write_all(refusal.as_bytes()).await;
        }
        asked
    });
    (port, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_asks_for_a_password_is_no_backend() {
    let mut campus = Campus::new().await;
    let (port, asked) = proxy().await;
    let mut behind = Command::new(std::env::current_exe().unwrap());
    behind
        .args([
            "--exact",
            "proxy::behind_the_proxy",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(PLACE, campus.station_data.path())
        .env("HTTPS_PROXY", format!("http://127.0.0.1:{port}"))
        .env_remove("https_proxy")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .stdin(Stdio::null());
    let station = tokio::task::spawn_blocking(move || behind.output());
    let station = station.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&station.stdout);
    assert!(station.status.success() && said.contains("1 passed"), "{said}");
    let mut stop = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stop.write_all(b"STOP\r\n\r\n").await.unwrap();
    let asked = asked.await.unwrap();
    assert!(!asked.is_empty(), "the system's proxy is used");
    for line in asked {
        assert_eq!(
            line, "CONNECT backend.invalid:443 HTTP/1.1",
            "nothing is told before TLS"
        );
    }
    assert!(campus.at_backend().is_empty());
    campus.all_is_well("without the proxy").await;
}

/// Not a test of its own: the process behind the proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the proxy's test starts it"]
async fn behind_the_proxy() {
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else {
        return;
    };
    let station = open(&place, BACKEND).await;
    let round = station.sync_once().await.unwrap();
    assert_eq!((round.online, round.delivered), (false, 0), "{round:?}");
    let due = Timestamp::now() + std::time::Duration::from_hours(2);
    let waiting = station
        .with_records(move |store| store.next_due(due, 10))
        .await
        .unwrap();
    assert_eq!(waiting.len(), 2);
    for outgoing in waiting {
        let detail = station
            .with_records(move |store| store.show(outgoing.id))
            .await
            .unwrap();
        assert_eq!(detail.row.state, RecordState::Saved);
        let trouble = detail.row.trouble.unwrap_or_default();
        assert!(trouble.contains("no connection"), "{trouble}");
    }
}
