//! The store over HTTP: Roundware's calls, an API of its own, and a page to look at the log.
//!
//! A [`Service`] is a store with [`Settings`]; [`Service::router`] is nested in an axum application, and [`serve`]
//! answers a listener with it, with limits on connections and patience.
//!
//! ```no_run
//! use diurnal::Store;
//! use diurnal::http::{Service, Settings, serve};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let service = Service::new(Store::open("events")?, Settings::default())?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8888").await?;
//! serve(listener, service, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Owns: [`Service`], and how its parts are put together. The rooms below: `settings` (what can be set), `state` (what
//! requests share), `recorder` (the way to the writer), `answer` (errors as answers), `access` (tokens), `pace` (how
//! much a client may ask), `layers` (what holds for every request), `server` and `patient` (connections), `health` and `metrics`
//! (what a watcher asks), `roundware` (its calls of both versions), `api` (the calls under `/v1`), `page`.
//!
//! Invariants: an event is answered for once it is durable, not before; what is held for requests is bounded, and what
//! does not fit is refused with the time to wait; an answer holds nothing of the machine or of other clients.

mod access;
mod answer;
mod api;
mod health;
mod layers;
mod metrics;
mod pace;
mod page;
mod patient;
mod recorder;
mod roundware;
mod server;
mod settings;
mod state;

use std::sync::Arc;

use axum::Router;

use crate::error::{Error, Result};
use crate::store::Store;
use state::{Shared, State};

pub use server::serve;
pub use settings::{Settings, Tokens};

/// A store that is asked over HTTP. A clone is the same service.
///
/// Once the last clone and every router of it are dropped, the store is free to be closed: events that wait are
/// logged before.
#[derive(Debug, Clone)]
pub struct Service {
    state: Shared,
}

impl Service {
    /// A service of this store. It starts a thread that logs; where the store was opened for reading only, calls
    /// that log are refused.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where a setting breaks its limits; `Io` where the thread cannot be started.
    pub fn new(store: Store, settings: Settings) -> Result<Self> {
        settings.validate()?;
        Ok(Self { state: Arc::new(State::new(store, settings)?) })
    }

    /// Every call and the page, to be served at `/`, or nested with `nest_service`: axum's `nest` leaves out the address
    /// that ends with a slash, where the page and calls of Roundware are.
    ///
    /// To have clients paced, serve it with `axum::extract::ConnectInfo<SocketAddr>` in the requests' extensions, as
    /// [`serve`] does.
    pub fn router(&self) -> Router {
        let calls = Router::new()
            .merge(roundware::routes())
            .merge(api::routes(&self.state))
            .merge(health::routes(&self.state))
            .merge(page::routes());
        layers::around(calls, &self.state).with_state(Arc::clone(&self.state))
    }

    /// Waits until the store has failed and takes no more events: it must be opened anew. Never ends otherwise.
    pub async fn failed(&self) -> Error {
        self.state.recorder.failed().await
    }
}
