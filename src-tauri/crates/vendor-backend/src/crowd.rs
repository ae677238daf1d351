//! How much of the server anybody may have: requests a second for a station and for an address, and time for a body.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::Clock;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use vendor::problem::{Problem, ProblemCode};

use crate::Service;
use crate::fault::Fault;
use crate::serving::Peer;

/// So many at once, and so many a second after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once after a rest.
    pub burst: NonZeroU32,
}

impl Rate {
    const fn of(per_second: u32, burst: u32) -> Rate {
        const fn at_least_one(n: u32) -> NonZeroU32 {
            match NonZeroU32::new(n) {
                Some(n) => n,
                None => NonZeroU32::MIN,
            }
        }
        Rate {
            per_second: at_least_one(per_second),
            burst: at_least_one(burst),
        }
    }

    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

/// What one station and one address may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one station. A booth that sends its backlog over a fast network makes some sixty a second.
    pub station: Rate,
    /// Requests from one address: a campus with a hundred booths is one.
    pub address: Rate,
    /// For a request's head, and for a connection that asks nothing.
    pub head: Duration,
    /// For an answer to everything but a capture, from the head on.
    pub request: Duration,
    /// For an answer to a capture: longer than a station waits for it.
    pub capture: Duration,
    /// A reverse proxy stands in front: the address is the last one of `X-Forwarded-For`.
    pub behind_proxy: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            station: Rate::of(100, 1000),
            address: Rate::of(1000, 5000),
            head: Duration::from_secs(30),
            request: Duration::from_secs(30),
            capture: Duration::from_mins(3),
            behind_proxy: false,
        }
    }
}

type Counter<K> = RateLimiter<K, HashMapStateStore<K>, SinceStart>;

/// The monotonic clock: nobody sets it, so no change of the hour lets anybody in or out.
#[derive(Debug, Clone, Copy)]
struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

/// Who asked how often.
pub(crate) struct Crowd {
    limits: Limits,
    stations: Counter<String>,
    addresses: Counter<IpAddr>,
    clock: SinceStart,
}

/// Beyond so many names those that have rested are forgotten.
const MOST_NAMES: usize = 10_000;

impl Crowd {
    pub(crate) fn new(limits: Limits) -> Crowd {
        let clock = SinceStart(Instant::now());
        Crowd {
            limits,
            stations: RateLimiter::hashmap_with_clock(limits.station.quota(), clock),
            addresses: RateLimiter::hashmap_with_clock(limits.address.quota(), clock),
            clock,
        }
    }

    /// Counts a request of a station that has proved who it is: nobody may use another's share up.
    pub(crate) fn station(&self, id: &str) -> Result<(), Fault> {
        self.count(&self.stations, &id.to_owned())
    }

    fn address(&self, address: IpAddr) -> Result<(), Fault> {
        self.count(&self.addresses, &network(address))
    }

    fn count<K: std::hash::Hash + Eq + Clone>(&self, counter: &Counter<K>, key: &K) -> Result<(), Fault> {
        if counter.len() > MOST_NAMES {
            counter.retain_recent();
        }
        counter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            let mut problem = Problem::new(ProblemCode::RateLimited);
            problem.retry_after = u32::try_from(wait.as_secs() + 1).ok();
            problem.into()
        })
    }
}

/// One subscriber has a whole /64 of addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The address a request came from. What stands further left in `X-Forwarded-For` anybody can write.
fn address(request: &Request, behind_proxy: bool) -> Option<IpAddr> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let forwarded = behind_proxy.then(|| forwarded(request.headers())).flatten();
    forwarded.or(peer)
}

fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// The outermost door: counts by address, and gives up on whoever does not get on with it.
pub(crate) async fn keep_order(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let crowd = &service.crowd;
    if let Some(from) = address(&request, crowd.limits.behind_proxy)
        && let Err(fault) = crowd.address(from)
    {
        return fault.into_response();
    }
    let patience = if request.method() == Method::PUT {
        crowd.limits.capture
    } else {
        crowd.limits.request
    };
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fault::from(ProblemCode::Unavailable).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_proxy_itself_wrote_counts() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "192.0.2.1, 198.51.100.7".parse().unwrap());
        assert_eq!(forwarded(&headers), Some("198.51.100.7".parse().unwrap()));
        headers.append("x-forwarded-for", "203.0.113.9".parse().unwrap());
        assert_eq!(forwarded(&headers), Some("203.0.113.9".parse().unwrap()));
    }

    #[test]
    fn a_subscribers_addresses_are_one() {
        let [a, b, c] =
            ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|a| network(a.parse().unwrap()));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(
            network("::ffff:192.0.2.1".parse().unwrap()),
            network("192.0.2.1".parse().unwrap())
        );
    }
}
