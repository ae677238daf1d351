//! What lies between a station and its backend: a TCP listener that passes everything on, or does what networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Mutex};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What the network does.
#[derive(Clone)]
pub(crate) enum Weather {
    /// Everything passes.
    Fair,
    /// Nobody listens.
    Refused,
    /// The connection breaks after so many bytes of a request.
    ResetInRequest(usize),
    /// The backend has answered, and the connection breaks after so many bytes of the answer.
    ResetInReply(usize),
    /// Connections stand and nothing comes back.
    HalfOpen,
    /// A request passes a byte a second.
    DripRequest,
    /// An answer passes a byte a second.
    DripReply,
    /// Somebody else answers, always the same.
    Canned(String),
    /// Somebody else answers the first so many requests.
    Storm(usize, String),
    /// Every answer comes twice.
    DoubledReply,
    /// Every request reaches the backend twice; the answer to the second comes back.
    DoubledRequest,
    /// The answer to a capture is lost, and comes as the answer to the next one.
    Late,
    /// In every answer this text stands as that one.
    Altered(String, String),
    /// A capture is passed on once as many as the barrier is for are under way.
    Together(Arc<Barrier>),
}

/// A whole HTTP answer.
pub(crate) fn page(status: &str, header: &str, media_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{header}content-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What a [`Weather`] must remember from one request to the next.
#[derive(Default)]
struct Memory {
    requests: usize,
    late: Option<Vec<u8>>,
}

/// The listener; its address stays while the weather changes.
pub(crate) struct Wire {
    address: SocketAddr,
    backend: SocketAddr,
    tasks: JoinSet<()>,
}

impl Wire {
    pub(crate) async fn to(backend: SocketAddr) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut wire = Wire {
            address,
            backend,
            tasks: JoinSet::new(),
        };
        wire.set(Weather::Fair).await;
        wire
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on. Connections that stand are broken, so that none lives by older rules.
    pub(crate) async fn set(&mut self, weather: Weather) {
        self.tasks.shutdown().await;
        // The station's connections that lay ready are gone; it must have seen so before it asks the next thing.
        tokio::time::sleep(Duration::from_millis(200)).await;
        if matches!(weather, Weather::Refused) {
            return;
        }
        let listener = TcpListener::bind(self.address).await.unwrap();
        let (backend, memory) = (self.backend, Arc::new(Mutex::new(Memory::default())));
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (weather, memory) = (weather.clone(), Arc::clone(&memory));
                connections.spawn(async move {
                    let _ = connection(client, backend, weather, memory).await;
                });
            }
        });
    }
}

async fn connection(
    mut client: TcpStream,
    backend: SocketAddr,
    weather: Weather,
    memory: Arc<Mutex<Memory>>,
) -> std::io::Result<()> {
    match &weather {
        Weather::ResetInRequest(bytes) => {
            let mut start = vec![0; *bytes];
            client.read_exact(&mut start).await?;
            return reset(&client);
        }
        Weather::DripRequest => {
            let mut backend = TcpStream::connect(backend).await?;
            loop {
                backend.write_u8(client.read_u8().await?).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Weather::HalfOpen => {
            let mut sink = vec![0; 1 << 16];
            while client.read(&mut sink).await? > 0 {}
            return Ok(());
        }
        _ => {}
    }
    while let Some(request) = message(&mut client).await? {
        let capture = request.starts_with(b"PUT ");
        let number = {
            let mut memory = memory.lock().await;
            memory.requests += 1;
            memory.requests
        };
        if let Weather::Together(barrier) = &weather
            && capture
        {
            barrier.wait().await;
        }
        let reply = match &weather {
            Weather::Canned(reply) => reply.clone().into_bytes(),
            Weather::Storm(first, reply) if number <= *first => reply.clone().into_bytes(),
            Weather::DoubledRequest => {
                forward(backend, &request).await?;
                forward(backend, &request).await?
            }
            _ => forward(backend, &request).await?,
        };
        match &weather {
            Weather::ResetInReply(bytes) => {
                client.write_all(&reply[..reply.len().min(*bytes)]).await?;
                client.flush().await?;
                return reset(&client);
            }
            Weather::DripReply => {
                for byte in reply {
                    client.write_u8(byte).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Weather::DoubledReply => {
                client.write_all(&reply).await?;
                client.write_all(&reply).await?;
            }
            Weather::Late if capture => {
                let mut memory = memory.lock().await;
                let Some(late) = memory.late.replace(reply) else {
                    return reset(&client);
                };
                client.write_all(&late).await?;
            }
            Weather::Altered(from, to) => {
                assert_eq!(from.len(), to.len(), "the length stands in the head");
                let text = String::from_utf8_lossy(&reply).replace(from, to);
                client.write_all(text.as_bytes()).await?;
            }
            _ => client.write_all(&reply).await?,
        }
    }
    Ok(())
}

/// Ends a connection so that the other side reads an error, not an end.
fn reset(client: &TcpStream) -> std::io::Result<()> {
    client.set_zero_linger()
}

async fn forward(backend: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut backend = TcpStream::connect(backend).await?;
    backend.write_all(request).await?;
    Ok(message(&mut backend).await?.unwrap_or_default())
}

/// One HTTP message with its body by `content-length`, as both sides here send them; `None` at the end.
async fn message(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

/// A TLS server in front of the backend, with a certificate nobody vouches for. Returns its port.
pub(crate) async fn self_signed(backend: SocketAddr) -> u16 {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await?;
                let mut backend = TcpStream::connect(backend).await?;
                tokio::io::copy_bidirectional(&mut client, &mut backend).await
            });
        }
    });
    port
}
