//! The service over HTTP: its calls, what it refuses, and how it is run.
//!
//! `diurnal serve STORE` is the service as a program; `http::Service` (feature `http`) is the same as a `Router` to nest
//! in one's own axum application, and `http::serve` answers a listener with it. There is HTTP/1.1 and no TLS.
//!
//! Whoever logs is answered once the events are on disk. Calls that come together share one commit, so that many
//! clients cost few syncs. What waits to be logged is bounded; what does not fit is refused with 503 and `Retry-After`,
//! and was not logged. A status of 503 with the kind `outcome_unknown` says that the event may have been logged or not: a
//! write has failed, or the call took longer than the patience. Every other failure says that nothing was logged. The time
//! of an event is always the service's; what a client knows is `client_time`.
//!
#![doc = include_str!("http_roundware.md")]
//!
#![doc = include_str!("http_api.md")]
//!
//! # What is refused
//!
//! Under `/v1` a failure is `{"error":{"kind":"invalid_input","message":"session_id: …"}}`; version 2 of Roundware has
//! `{"detail":"…"}`; version 1 has `{"error_message":"…"}`, with status 200 where the request is wrong.
//!
//! | status | kind | |
//! |---|---|---|
//! | 400 | `invalid_input` | a field breaks a rule; the message names both |
//! | 401 | `unauthorized` | no token, or not one that may do this |
//! | 403 | `forbidden`, `read_only` | a page of another origin may not log; the store is open for reading |
//! | 404, 405 | `not_found`, `method_not_allowed` | |
//! | 408 | `timeout` | the request took too long to come, or to be answered |
//! | 409, 422 | `conflict` | the batch of a key is under way, or was another one |
//! | 413, 414, 415, 431 | `too_large`, `unsupported_media_type` | body, address, type, head |
//! | 421 | `misdirected` | the service is called by a name that is not its own |
//! | 429 | `too_many_requests` | this client asks too often; `Retry-After` |
//! | 500 | `corrupt`, `version`, `io`, `internal` | the store or the service is at fault; its log says how |
//! | 503 | `busy`, `locked`, `poisoned`, `outcome_unknown`, `too_many_files` | `Retry-After` |
//! | 507 | `disk_full` | nothing was logged; there is no room |
//!
//! Beyond what a client did wrong, an answer says the kind alone: no path, no word of the system, nothing of others.
//! Answers to heads that cannot be read (400, 414, 431) have no body, and none of the headers of the others.
//!
//! # Limits
//!
//! | | |
//! |---|---|
//! | connections | 512 (`--connections`), of which one client of another machine has a quarter; where all are taken, the next that is answered is closed for one that waits |
//! | requests a second of one client | 200, with bursts of twice as many (`--rate`); none on a loopback address. Addresses of version 6 count by their first 64 bits |
//! | head of a request | 128 KiB and 64 lines; its address 64 KiB |
//! | body | 1 MiB; a batch 32 MiB, packed or not, in 65,536 lines of 1 MiB |
//! | time for a request to come and be answered | 30 s (the patience); a batch twice as long |
//! | time for a client to take 16 KiB of an answer | the patience |
//! | silence between requests, or the head of one | 10 s, at most the patience |
//! | a client that is gone without a word | is noticed within a minute |
//! | events that wait to be logged | 16 MiB |
//! | questions and queries read at once | 2; others wait for half the patience |
//! | clients that follow live events | 64 |
//!
//! Those of events and filters are in [`limits`](crate::limits). Settings of the library has those that can be set.
//!
//! # Safety
//!
//! - **Tokens.** `--token-file` guards what logs and `--read-token-file` what reads; neither opens the other's door. They
//!   are compared in constant time, and no answer or log repeats one. Without them everyone on this machine may do all:
//!   that is for loopback addresses, and any other address is refused without both files or `--open`. `/healthz` and
//!   `/readyz` need none.
//! - **Names.** On a loopback address a request must call the service `localhost`, `127.0.0.1`, `[::1]` or as `--allow-host`
//!   says: a page elsewhere could otherwise reach it by a name of its own that it has led to this machine.
//! - **Origins.** A page of another origin reads nothing unless `--allow-origin` names it, and its browser logs nothing
//!   either, not by a plain form or the address of a picture.
//! - **What is not stored.** A client's address is held in memory for its pace and its connections, and is in no file and
//!   no log; neither are headers. Of what a client says of itself when it starts a session, its kind, language and time zone
//!   are logged.
//! - **Browsers.** Every answer of a call has `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy`, `Cache-Control`,
//!   `Cross-Origin-Resource-Policy` and a `Content-Security-Policy`; the page's allows nothing from elsewhere and no script
//!   within the page. What came from clients is shown as text.
//!
//! # Metrics
//!
//! `GET /metrics`, in the text of OpenMetrics, with the read token where there is one.
//!
//! | name | |
//! |---|---|
//! | `diurnal_events_logged_total` | events that were made durable |
//! | `diurnal_commits_total`, `diurnal_commits_failed_total` | commits, each of many events |
//! | `diurnal_commit_duration_seconds` | a histogram of their time, the sync included |
//! | `diurnal_requests_total{call,status}` | requests, by the path of the call as above |
//! | `diurnal_request_duration_seconds` | a histogram of the time until an answer begins |
//! | `diurnal_connections`, `diurnal_followers` | now |
//! | `diurnal_queue_bytes` | events that wait to be logged |
//! | `diurnal_store_events`, `diurnal_store_days`, `diurnal_store_size_bytes` | the store |
//! | `diurnal_ready` | 1 where events are taken |
//!
//! # Running it
//!
//! `examples/diurnal.service` is a unit for systemd: a user of its own, one directory to write to, bounded memory. What
//! logs takes 20 to 50 MB; a question takes memory for each session it tells of, so that a page that asks for everything over
//! 10 million events of 125,000 sessions has had the service take 400 MB. The unit sets `MALLOC_ARENA_MAX=2`: of
//! itself glibc keeps free memory apart for each thread.
//!
//! The service says `listening on http://…/` on standard error, and tells systemd, once it answers; its log goes there too
//! (`--log-format json`, `--log-level`). On SIGTERM and SIGINT it accepts nothing more, answers what was asked for at most the
//! patience, and closes the store with exit status 0; a second signal ends it at once, which loses nothing that was
//! acknowledged. Where the store has failed, it ends with status 1: started again, it opens the store anew.
//!
//! While it runs, other processes read the store as ever: `diurnal query`, `tail`, `backup`. What writes, as `erase` and
//! `prune`, waits until it has ended, with exit status 4.
//!
//! Before a proxy that speaks TLS it listens on a loopback address, with `--allow-host` for the name that the proxy passes
//! on. All clients have the proxy's address then: the proxy sets their paces, and must not buffer `/v1/live`.
//!
//! # The page
//!
//! At `/`: events over time, sessions alive now, the list of sessions and each with its map, timeline and errors, a heatmap,
//! tags, errors by message, clocks, the store and its health. Its filters are in its address, so that a look at the log
//! can be kept as a link. It is part of the program, loads nothing from elsewhere, and asks with the calls above alone.
//! With a read token set, it asks for that once and keeps it until the tab is closed.
