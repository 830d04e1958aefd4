//! Goal: the claims of the project, tested through its public interface alone. Method: one binary, so
//! that the crate is linked once; each module opens with its own goal and method.

mod agreement;
#[cfg(feature = "testing")]
mod backup;
mod child;
#[cfg(feature = "cli")]
mod cli;
mod common;
#[cfg(feature = "testing")]
mod crashes;
mod damage;
mod days;
mod durability;
#[cfg(feature = "testing")]
mod erase;
#[cfg(feature = "testing")]
mod faults;
mod input;
mod readers;
mod real_data;
mod tidy;
#[cfg(feature = "testing")]
mod workload;
