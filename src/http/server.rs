//! Connections.
//!
//! Owns: [`serve`]: how many connections there are, how long one may take for what it says, and how they end. Does not
//! own what they are answered (`super`).
//!
//! Invariant: a connection that says nothing, or takes nothing, ends; those that have asked are answered before the
//! service ends, as far as the patience reaches.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Layer;

use super::Service;
use crate::error::Result;

/// The head of a request, with an event in its address that is as large as a client can send.
const HEAD_BYTES_MAX: usize = 128 * 1024;
const HEADERS_MAX: usize = 64;
/// How long after a failure of the listener it is tried again: files are free by then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers what comes to a listener until `until` ends or the store fails.
///
/// Then nothing more is accepted; what was asked is answered, for as long as a request may take, and the connections
/// are closed. The store stays open until the last clone of the service is dropped.
///
/// # Errors
///
/// As what made the store fail, where it did: open it anew.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    until: impl Future<Output = ()>,
) -> Result<()> {
    let router = service.router();
    let connections = Arc::new(Semaphore::new(service.state.settings.connections));
    let graceful = GracefulShutdown::new();
    let mut until = std::pin::pin!(until);
    let failed = loop {
        let accepted = async {
            let turn = Arc::clone(&connections).acquire_owned().await;
            (turn, listener.accept().await)
        };
        tokio::select! {
            (turn, accepted) = accepted => match accepted {
                Ok((stream, address)) => {
                    let connection = connection(stream, address, &router, &service, &graceful);
                    tokio::spawn(async move {
                        let _turn = turn;
                        connection.await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            () = &mut until => break None,
            error = service.failed() => break Some(error),
        }
    };
    drop(listener);
    service.state.end();
    let patience = service.state.settings.patience;
    let ended = async {
        graceful.shutdown().await;
        service.state.released().await;
    };
    if tokio::time::timeout(patience, ended).await.is_err() {
        tracing::warn!("connections were closed before they were answered");
    }
    failed.map_or(Ok(()), Err)
}

/// Answers one connection until it ends.
fn connection(
    stream: TcpStream,
    address: SocketAddr,
    router: &Router,
    service: &Service,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    let calls = Extension(ConnectInfo(address)).layer(router.clone());
    let calls = TowerToHyperService::new(calls);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(service.state.settings.patience)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), calls);
    let served = graceful.watch(served);
    let connections = service.state.metrics.connections.clone();
    async move {
        connections.inc();
        if let Err(error) = served.await {
            tracing::debug!(%error, "a connection has ended early");
        }
        connections.dec();
    }
}
