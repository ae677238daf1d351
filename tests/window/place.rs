//! Where a story happens: a backend, the people who come, the station's folder.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::runtime::Runtime;
use vendor::Step;
use vendor_backend::{Backend, BackendOptions, DemoCase, DemoPerson, Running};

use crate::driven::{Scene, Stage, set_pin};

/// A backend on threads of its own: with them its connections go, those that are kept open, too.
struct Network {
    backend: Running,
    threads: Runtime,
}

/// A backend, the people it knows, and a station with a PIN.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    known: tempfile::TempDir,
    address: SocketAddr,
    short: bool,
    network: Option<Network>,
    people: Vec<DemoPerson>,
}

impl Place {
    /// Visits of the built-in vendor `biyezhengzhao`, whose backend forgets all when its network goes.
    pub(crate) async fn usual() -> Place {
        Place::new(false).await
    }

    /// Its visits without the search for the school, which begin with the code; the backend keeps what it was given.
    pub(crate) async fn code_first() -> Place {
        Place::new(true).await
    }

    /// These come to the virtual booth, in this order.
    pub(crate) fn come(&self, people: &[DemoPerson]) {
        std::fs::write(self.people(), serde_json::to_vec(people).unwrap()).unwrap();
    }

    async fn new(short: bool) -> Place {
        let mut place = Place {
            folder: tempfile::tempdir().unwrap(),
            // What the test itself knows of the students is not among what is searched.
            known: tempfile::tempdir().unwrap(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            short,
            network: None,
            people: Vec::new(),
        };
        place.network_comes().await;
        place.people = place.backend().people();
        place.come(&place.people);
        set_pin(&place.station(), &place.people());
        place
    }

    pub(crate) fn station(&self) -> PathBuf {
        self.folder.path().join("station")
    }

    pub(crate) fn people(&self) -> PathBuf {
        self.known.path().join("people.json")
    }

    /// The first one of this case.
    pub(crate) fn person(&self, case: DemoCase) -> DemoPerson {
        self.people
            .iter()
            .find(|person| person.case == case)
            .unwrap()
            .clone()
    }

    /// All of this case.
    pub(crate) fn crowd(&self, case: DemoCase) -> Vec<DemoPerson> {
        self.people
            .iter()
            .filter(|person| person.case == case)
            .cloned()
            .collect()
    }

    /// The backend, while the network is there.
    pub(crate) fn backend(&self) -> &Running {
        &self.network.as_ref().expect("the network is away").backend
    }

    pub(crate) fn network_goes(&mut self) {
        if let Some(Network { backend, threads }) = self.network.take() {
            drop(backend);
            threads.shutdown_background();
        }
    }

    /// The same backend at the same address.
    pub(crate) async fn network_comes(&mut self) {
        let mut options = BackendOptions {
            data: self.short.then(|| self.known.path().join("backend")),
            listen: self.address,
            ..BackendOptions::demo("biyezhengzhao").unwrap()
        };
        if self.short {
            options.profile.steps.retain(|step| *step != Step::FindSchool);
        }
        let threads = Runtime::new().unwrap();
        let started = threads.spawn(Backend::start(options)).await.unwrap();
        let backend = started.unwrap();
        self.address = backend.addr;
        self.network = Some(Network { backend, threads });
    }

    /// The program, started; it tells all.
    pub(crate) async fn opens(&self, camera: &str) -> Stage {
        self.opens_with(Scene::on(camera)).await
    }

    pub(crate) async fn opens_with(&self, scene: Scene<'_>) -> Stage {
        let url = format!("http://{}", self.address);
        Stage::start(self.folder.path(), &self.station(), &url, &self.people(), scene).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.network_goes();
    }
}
