//! A stream whose patience ends.
//!
//! Owns: [`Patient`]: a stream that fails where what is written to it is not taken. Does not own how long a request may
//! take to come (`server`, `layers`).
//!
//! Invariant: while there is something to write, at least [`TAKEN_BYTES_MIN`] of it are taken within each patience; a
//! stream without anything to write may be silent for ever.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What a slow phone takes in seconds: less is a reader that keeps others from theirs.
const TAKEN_BYTES_MIN: usize = 16 * 1024;

/// A stream, and since when its other end does not take what is written.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    stalled: Option<Stall>,
}

#[derive(Debug)]
struct Stall {
    end: Pin<Box<Sleep>>,
    taken_bytes: usize,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, stalled: None }
    }

    /// What became of writing, unless it takes too long.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match (&written, &mut self.stalled) {
            (Poll::Ready(Ok(bytes)), Some(stall)) => {
                stall.taken_bytes += bytes;
                if stall.taken_bytes >= TAKEN_BYTES_MIN {
                    self.stalled = None;
                }
                written
            }
            (Poll::Ready(_), _) => written,
            (Poll::Pending, stalled) => {
                let stall = stalled.get_or_insert_with(|| Stall {
                    end: Box::pin(tokio::time::sleep(self.patience)),
                    taken_bytes: 0,
                });
                ready!(stall.end.as_mut().poll(context));
                Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        // Whoever writes flushes once nothing is left to be written.
        self.stalled = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test says where")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(test);
    }

    #[test]
    fn a_reader_that_takes_nothing_or_too_little_is_let_go() {
        run(async {
            for step in [0, 1] {
                let (stream, mut reader) = duplex(1024);
                let trickle = tokio::spawn(async move {
                    let mut byte = [0; 1];
                    while step > 0 && reader.read(&mut byte).await.is_ok_and(|read| read > 0) {
                        tokio::time::sleep(PATIENCE / 50).await;
                    }
                    std::future::pending::<()>().await;
                });
                let mut stream = Patient::new(stream, PATIENCE);
                let error = stream.write_all(&[7; 64 * 1024]).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{step}");
                trickle.abort();
            }
        });
    }

    #[test]
    fn a_slow_reader_that_takes_enough_gets_all_and_silence_is_no_stall() {
        run(async {
            let (stream, mut reader) = duplex(1024);
            let mut stream = Patient::new(stream, PATIENCE);
            let all = tokio::spawn(async move {
                let mut part = vec![0; 8 * 1024];
                let mut taken = 0;
                while taken < 300 * 1024 {
                    taken += reader.read(&mut part).await.unwrap();
                    if taken % (16 * 1024) == 0 {
                        tokio::time::sleep(PATIENCE / 20).await;
                    }
                }
            });
            for _ in 0..3 {
                stream.write_all(&[7; 100 * 1024]).await.unwrap();
                stream.flush().await.unwrap();
                tokio::time::sleep(PATIENCE * 2).await;
            }
            all.await.unwrap();
        });
    }
}
