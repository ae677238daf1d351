//! A network camera before the virtual booth: the test says what the student does, and pulls the cable.
//!
//! Each act is rendered once and then sent over and over as MJPEG over HTTP, so that the camera costs next to nothing
//! and the program's own way to its frames is the one of a real camera.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use virtual_booth::{Act, Booth, BoothOptions};

/// JPEGs of an act: they differ by the sensor's noise, as those of a student who sits still.
pub(crate) type Pictures = Arc<Vec<Vec<u8>>>;

/// How the camera sees.
pub(crate) struct Seeing {
    pub(crate) booth: BoothOptions,
    /// Frames a second.
    pub(crate) rate: f64,
    /// Different pictures of an act.
    pub(crate) pictures: u64,
}

struct Scene {
    pictures: Pictures,
    plugged: bool,
    over: bool,
}

pub(crate) struct Lens {
    address: SocketAddr,
    booth: Booth,
    pictures: u64,
    scene: Arc<Mutex<Scene>>,
}

impl Lens {
    /// On an empty wall; slow enough to leave a test its two cores.
    pub(crate) fn start() -> Lens {
        Lens::seeing(Seeing {
            booth: BoothOptions {
                alive: false,
                ..BoothOptions::default()
            },
            rate: 15.0,
            pictures: 4,
        })
    }

    /// On an empty wall.
    pub(crate) fn seeing(seeing: Seeing) -> Lens {
        let mut booth = Booth::new(seeing.booth);
        let scene = Arc::new(Mutex::new(Scene {
            pictures: drawn(&mut booth, &Act::EmptyWall, 1),
            plugged: true,
            over: false,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::clone(&scene);
        let pause = Duration::from_secs_f64(1.0 / seeing.rate);
        thread::spawn(move || serve(&served, listener, address, pause));
        Lens {
            address,
            booth,
            pictures: seeing.pictures,
            scene,
        }
    }

    /// What stands for it in the set-up.
    pub(crate) fn camera(&self) -> String {
        format!("http://{}/video", self.address)
    }

    /// From now on the student does this; the old picture stands until the new one is rendered.
    pub(crate) fn shows(&mut self, act: &Act) {
        let pictures = self.rendered(act);
        self.shows_these(pictures);
    }

    /// For later.
    pub(crate) fn rendered(&mut self, act: &Act) -> Pictures {
        drawn(&mut self.booth, act, self.pictures)
    }

    pub(crate) fn shows_these(&self, pictures: Pictures) {
        self.scene.lock().unwrap().pictures = pictures;
    }

    /// The cable, pulled or back in.
    pub(crate) fn plugged(&self, plugged: bool) {
        self.scene.lock().unwrap().plugged = plugged;
    }
}

impl Drop for Lens {
    fn drop(&mut self) {
        self.scene.lock().unwrap().over = true;
    }
}

fn drawn(booth: &mut Booth, act: &Act, pictures: u64) -> Pictures {
    let pictures = (0..pictures).map(|n| {
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 92)
            .encode_image(&booth.frame(act, n))
            .unwrap();
        jpeg
    });
    Arc::new(pictures.collect())
}

/// One viewer at a time, as the program is. Without its cable nothing listens there.
fn serve(scene: &Mutex<Scene>, first: TcpListener, address: SocketAddr, pause: Duration) {
    let mut listener = Some(first);
    loop {
        let (plugged, over) = {
            let scene = scene.lock().unwrap();
            (scene.plugged, scene.over)
        };
        if over {
            return;
        }
        if !plugged {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).ok();
        }
        if let Some(listener) = &listener {
            listener.set_nonblocking(true).unwrap();
            if let Ok((viewer, _)) = listener.accept() {
                let _ = send(scene, viewer, pause);
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends until the viewer, the cable or the test is gone.
fn send(scene: &Mutex<Scene>, mut viewer: TcpStream, pause: Duration) -> std::io::Result<()> {
    viewer.set_nonblocking(false)?;
    viewer.set_write_timeout(Some(Duration::from_secs(5)))?;
    viewer.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n")?;
    viewer.set_nodelay(true)?;
    let mut due = Instant::now();
    for n in 0.. {
        let pictures = {
            let scene = scene.lock().unwrap();
            if !scene.plugged || scene.over {
                break;
            }
            Arc::clone(&scene.pictures)
        };
        let picture = &pictures[n % pictures.len()];
        let head = format!(
            "--next\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            picture.len()
        );
        viewer.write_all(head.as_bytes())?;
        viewer.write_all(picture)?;
        viewer.write_all(b"\r\n")?;
        due = (due + pause).max(Instant::now());
        thread::sleep(due - Instant::now());
    }
    Ok(())
}
