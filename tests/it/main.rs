//! Goal: the claims of the project, tested through its public interface alone. Method: one binary, so
//! that the crate is linked once; each module opens with its own goal and method.

mod agreement;
mod analysis;
#[cfg(feature = "testing")]
mod backup;
#[cfg(feature = "testing")]
mod check;
mod child;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "http")]
mod clients;
mod common;
mod concurrency;
#[cfg(feature = "testing")]
mod crashes;
#[cfg(feature = "testing")]
mod damage;
mod days;
#[cfg(feature = "testing")]
mod decade;
mod durability;
#[cfg(feature = "testing")]
mod erase;
mod explain;
#[cfg(all(feature = "cli", feature = "export", feature = "testing"))]
mod export;
#[cfg(feature = "testing")]
mod faults;
mod formats;
mod hostile;
#[cfg(all(feature = "http", feature = "testing"))]
mod http_api;
#[cfg(feature = "http")]
mod http_roundware;
#[cfg(feature = "http")]
mod http_server;
mod input;
#[cfg(feature = "map")]
mod map;
#[cfg(all(feature = "http", feature = "testing"))]
mod page;
mod planted;
mod progress;
mod readers;
mod real_data;
#[cfg(all(feature = "http", feature = "testing"))]
mod schema;
#[cfg(all(feature = "cli", feature = "http"))]
mod serve;
#[cfg(feature = "http")]
mod service;
#[cfg(feature = "cli")]
mod shown;
mod statemachine;
#[cfg(feature = "testing")]
mod subscribe;
#[cfg(feature = "testing")]
mod system;
#[cfg(feature = "cli")]
mod tail;
#[cfg(feature = "cli")]
mod terminal;
mod tidy;
mod time;
#[cfg(feature = "testing")]
mod workload;
