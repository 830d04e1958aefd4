//! Goal: the claims of the project, tested through its public interface alone. Method: one binary, so
//! that the crate is linked once; each module opens with its own goal and method.

mod agreement;
mod child;
#[cfg(feature = "cli")]
mod cli;
mod common;
#[cfg(feature = "testing")]
mod crashes;
#[cfg(feature = "testing")]
mod damage;
mod days;
mod durability;
#[cfg(feature = "testing")]
mod faults;
mod formats;
mod input;
mod readers;
mod real_data;
#[cfg(feature = "testing")]
mod system;
mod tidy;
#[cfg(feature = "testing")]
mod workload;
