//! A store over HTTP: nested in an axum application of one's own beside another route, and alone.
//!
//! Run it with `cargo run --example serve --features http`. It listens on free ports of the loopback address, asks
//! itself as a client would, and ends.

#![allow(clippy::print_stdout, reason = "what it finds is printed")]

use std::error::Error;

use axum::Router;
use axum::routing::get;
use diurnal::http::{self, Service, Settings};
use diurnal::{Filter, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::in_memory()?;
    let service = Service::new(store.clone(), Settings::new())?;

    // Nested: axum's own `serve` answers, and its limits are one's own to set. With `nest`, what ends with the slash,
    // as the page does, would not be found.
    let application = Router::new()
        .route("/", get(|| async { "welcome to the walk\n" }))
        .nest_service("/log", service.router());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answering = tokio::spawn(async move { axum::serve(listener, application).await });
    for path in ["/", "/log/?operation=log_event&session_id=1&event_type=heartbeat", "/log/readyz"]
    {
        println!("GET {path}\n{}\n", get_text(&address.to_string(), path).await?);
    }
    answering.abort();

    // Alone: `http::serve` limits connections and patience, and ends gracefully.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (end, ended) = oneshot::channel::<()>();
    let until = async { drop(ended.await) };
    let serving = tokio::spawn(http::serve(listener, service, until));
    let path = "/?operation=log_event&session_id=1&event_type=end_session";
    println!("GET {path}\n{}\n", get_text(&address.to_string(), path).await?);
    drop(end);
    serving.await??;

    println!("{} events are in the store", store.count(&Filter::session(1))?);
    store.close()?;
    Ok(())
}

/// What is answered to a `GET`, without its head.
async fn get_text(address: &str, path: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_head, body) = answer.split_once("\r\n\r\n").ok_or("an answer has a head")?;
    Ok(body.to_owned())
}
