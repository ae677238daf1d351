//! The reference backend with its people, to be examined by the conformance suite.

use std::time::Duration;

use uuid::Uuid;
use vendor::api::Order;
use vendor::{Clock, Profile};
use vendor_backend::conform::{ConformOptions, Done, Hands, Report, Student, conform};
use vendor_backend::{Backend, BackendOptions, Decision, Running};

use crate::storage::Storage;

/// The vendor's people: a telephone that pays, a reviewer, an office.
pub(crate) struct Vendor {
    pub(crate) backend: Running,
    _storage: Storage,
}

impl Hands for Vendor {
    fn pay<'a>(&'a self, order: &'a Order) -> Done<'a> {
        Box::pin(async { self.backend.pay(&order.payment_url).await.is_ok() })
    }

    fn review<'a>(&'a self, record_id: Uuid, _shoot_number: &'a str, approve: bool) -> Done<'a> {
        let decision = if approve {
            Decision::Approve
        } else {
            Decision::reject(["glasses-glare"])
        };
        Box::pin(async move { self.backend.review(record_id, decision).await.unwrap() })
    }

    fn revoke<'a>(&'a self, station_id: &'a str) -> Done<'a> {
        Box::pin(async { self.backend.revoke(station_id).await.unwrap() })
    }
}

pub(crate) async fn vendor(profile: &str) -> Vendor {
    let storage = Storage::fresh();
    let mut options = BackendOptions::demo(profile).unwrap();
    storage.choose(&mut options);
    Vendor {
        backend: Backend::start(options).await.unwrap(),
        _storage: storage,
    }
}

pub(crate) async fn examined(vendor: &Vendor, url: &str, profile: &str) -> Report {
    let mut activation = Vec::new();
    for _ in 0..4 {
        activation.push(vendor.backend.activation_code().await.unwrap());
    }
    let people = vendor.backend.people();
    let students = people.iter().map(|person| {
        let line = serde_json::to_string(person).unwrap();
        serde_json::from_str::<Student>(&line).unwrap()
    });
    let options = ConformOptions {
        url: url.to_owned(),
        activation,
        profile: Profile::built_in(profile),
        students: students.collect(),
        patience: Duration::from_millis(300),
        clock: Clock::system(),
    };
    conform(&options, vendor).await.unwrap()
}
