//! Whom a station takes for its vendor's server: real TLS in front of the real backend.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use vendor::trust::{Pin, Trust};
use vendor::{Client, Failure, StationKey, Timeouts, VendorError};
use vendor_backend::{Backend, BackendOptions, Running, demo};

/// An authority of the vendor's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().clone();
        Authority {
            issuer: Issuer::new(params, key),
            root,
        }
    }

    /// Another certificate for this key each time.
    fn vouches(&self, name: &str, key: &KeyPair) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::ExplicitNoCa;
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    fn trust(&self, pins: Vec<Pin>) -> Trust {
        Trust {
            pins,
            roots: vec![self.root.clone()],
        }
    }
}

/// TLS in front of the backend.
struct Front {
    port: u16,
    /// Bytes that came through the handshake.
    received: Arc<AtomicU64>,
}

impl Front {
    async fn new(backend: SocketAddr, certificate: CertificateDer<'static>, key: &KeyPair) -> Front {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    let client = acceptor.accept(client).await?;
                    let (mut from, mut to) = tokio::io::split(client);
                    let (mut answers, mut questions) = TcpStream::connect(backend).await?.into_split();
                    let back = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut to).await });
                    let mut buffer = [0; 4096];
                    loop {
                        let read = from.read(&mut buffer).await?;
                        if read == 0 {
                            break;
                        }
                        count.fetch_add(read as u64, Ordering::Relaxed);
                        questions.write_all(&buffer[..read]).await?;
                    }
                    back.abort();
                    std::io::Result::Ok(())
                });
            }
        });
        Front { port, received }
    }

    fn client(&self, trust: &Trust) -> Client {
        let address = format!("https://localhost:{}", self.port);
        Client::with_trust(
            &address,
            StationKey::from_bytes(&[4; 32]),
            Timeouts::default(),
            trust,
        )
        .unwrap()
    }

    /// Enrols: a request with a secret in it.
    async fn enrols(&self, trust: &Trust) -> Result<(), VendorError> {
        self.client(trust)
            .enrol(demo::ACTIVATION_CODE, "1号机", "test")
            .await
            .map(|_| ())
    }
}

async fn backend() -> Running {
    Backend::start(BackendOptions::demo("binyu").unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_pinned_key_passes_with_this_certificate_and_the_next() {
    let (backend, authority) = (backend().await, Authority::new());
    let key = KeyPair::generate().unwrap();
    let first = authority.vouches("localhost", &key);
    let renewed = authority.vouches("localhost", &key);
    assert_ne!(first, renewed);
    let (pin, spare) = (
        Pin::of(&first).unwrap(),
        "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=",
    );
    for certificate in [first, renewed] {
        let front = Front::new(backend.addr, certificate, &key).await;
        front.enrols(&authority.trust(vec![pin])).await.unwrap();
        // A spare pin for a key in the safe does not shut the one in use out.
        let both = authority.trust(vec![spare.parse().unwrap(), pin]);
        front.enrols(&both).await.unwrap();
        // Without pins the authority's word is enough.
        front.enrols(&authority.trust(Vec::new())).await.unwrap();
        assert!(front.received.load(Ordering::Relaxed) > 0);
    }
}

#[tokio::test]
async fn another_key_is_refused_before_anything_is_sent_whoever_vouches_for_it() {
    let (backend, authority) = (backend().await, Authority::new());
    let (right, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let pin = Pin::of(&authority.vouches("localhost", &right)).unwrap();
    let front = Front::new(backend.addr, authority.vouches("localhost", &other), &other).await;
    let trust = authority.trust(vec![pin]);
    let error = front.enrols(&trust).await.unwrap_err();
    assert!(matches!(error, VendorError::WrongServerKey), "{error:?}");
    let said = error.to_string();
    assert!(
        said.contains("pinned") && said.contains("nothing was sent"),
        "{said}"
    );
    // It passes by itself once the right server answers: records wait, no attempt is final.
    assert_eq!(error.failure(), Failure::NeedsNetwork);
    assert!(front.client(&trust).status().await.is_err());
    assert_eq!(
        front.received.load(Ordering::Relaxed),
        0,
        "nothing left the station"
    );
}

#[tokio::test]
async fn a_pin_replaces_no_certificate() {
    let (backend, authority) = (backend().await, Authority::new());
    let key = KeyPair::generate().unwrap();
    let pin = Pin::of(&authority.vouches("localhost", &key)).unwrap();
    let trust = authority.trust(vec![pin]);
    let alone = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    for (certificate, why) in [
        (alone.der().clone(), "nobody vouches for it"),
        (authority.vouches("other.example", &key), "another name"),
    ] {
        let front = Front::new(backend.addr, certificate, &key).await;
        let error = front.enrols(&trust).await.unwrap_err();
        assert!(matches!(error, VendorError::Offline(_)), "{why}: {error:?}");
        assert_eq!(front.received.load(Ordering::Relaxed), 0, "{why}");
    }
    // Nobody whom the system does not know either.
    let front = Front::new(backend.addr, authority.vouches("localhost", &key), &key).await;
    assert!(front.enrols(&Trust::default()).await.is_err());
}

#[tokio::test]
async fn a_pin_without_tls_would_be_an_empty_promise() {
    let pin = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
    let trust = Trust {
        pins: vec![pin.parse().unwrap()],
        ..Trust::default()
    };
    let key = StationKey::from_bytes(&[4; 32]);
    let error = Client::with_trust("http://127.0.0.1:1", key, Timeouts::default(), &trust).unwrap_err();
    assert!(error.to_string().contains("https"), "{error}");
}
