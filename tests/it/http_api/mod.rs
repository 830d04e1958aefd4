//! Goal: the calls under `/v1` are the library's, over a socket: the same answers, refusals that name the place, and
//! nothing that one client does harms another. The modules: `reads`, `live`, `batches` and `keys`.
//!
//! Method: a service on a port of its own is asked as a client would, and what it says is compared with what the
//! store says.

mod batches;
mod keys;
mod live;
mod reads;
