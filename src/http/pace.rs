//! How much one client may ask.
//!
//! Owns: [`Pace`]: a limit for each client's address, kept in memory for as long as it matters. An address is kept
//! nowhere else. Invariant: the addresses that are kept are bounded.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Addresses after which those that have not come for a while are forgotten.
const ADDRESSES_MAX: usize = 16 * 1024;

/// A limit of requests for each address.
pub(super) struct Pace {
    limiter: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
    forgetting: Mutex<()>,
}

impl Pace {
    pub(super) fn new(requests_per_second: NonZeroU32) -> Self {
        let burst = requests_per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let quota = Quota::per_second(requests_per_second).allow_burst(burst);
        Self { limiter: RateLimiter::hashmap(quota), forgetting: Mutex::new(()) }
    }

    /// Counts a request of an address; how long it has to wait where it may not be answered now.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Duration> {
        if self.limiter.len() > ADDRESSES_MAX
            && let Ok(_forgetting) = self.forgetting.try_lock()
        {
            self.limiter.retain_recent();
        }
        let checked = self.limiter.check_key(&client_of(address));
        checked.map_err(|early| early.wait_time_from(self.limiter.clock().now()))
    }
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

/// One client has as many addresses of version 6 as it likes within its network of 64 bits.
pub(super) fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test says where")]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_that_asks_too_much_waits_and_others_do_not() {
        let pace = Pace::new(NonZeroU32::new(5).unwrap());
        let allowed = (0..100).filter(|_| pace.check(address("192.0.2.1")).is_ok()).count();
        assert_eq!(allowed, 10);
        assert!(pace.check(address("192.0.2.1")).unwrap_err() <= Duration::from_millis(200));
        assert!(pace.check(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn addresses_of_one_network_of_version_6_are_one_client() {
        let pace = Pace::new(NonZeroU32::MIN);
        assert!(pace.check(address("2001:db8::1")).is_ok());
        assert!(pace.check(address("2001:db8::2")).is_ok());
        assert!(pace.check(address("2001:db8::3")).is_err());
        assert!(pace.check(address("2001:db8:0:1::1")).is_ok());
        assert_eq!(client_of(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }
}
