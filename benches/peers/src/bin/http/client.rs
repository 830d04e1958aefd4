//! One keep-alive connection: a request's bytes out, an answer back.
//!
//! Owns: as much of HTTP/1.1 as the services answer with: a head, then a body of a known length or in
//! chunks. Does not own what is asked (`requests`), nor what is made of an answer (`load`).
//!
//! Invariants: one request at a time, and nothing follows its answer. The generator shares its processors
//! with what it measures, so that nothing here is allocated anew for each call.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::machine::Result;

const HEADERS_MAX: usize = 32;
const READ_BYTES: usize = 16 * 1024;

/// What a slow client takes at a time, and how long it rests: 20 KB a second.
const SLOW_BYTES: usize = 2048;
const SLOW_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Client {
    stream: TcpStream,
    /// The answer as it arrived.
    bytes: Vec<u8>,
    /// A body that came in chunks.
    joined: Vec<u8>,
}

pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    /// The service ends the connection after this answer.
    pub(crate) last: bool,
}

enum Body {
    Known(usize),
    Chunked,
}

struct Head {
    status: u16,
    bytes: usize,
    body: Body,
    last: bool,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        Self::over(TcpStream::connect(address).await?)
    }

    /// A connection of which the system takes little before it is read.
    pub(crate) async fn connect_narrow(address: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(READ_BYTES as u32)?;
        Self::over(socket.connect(address).await?)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, bytes: Vec::with_capacity(READ_BYTES), joined: Vec::new() })
    }

    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.bytes.clear();
        let head = loop {
            self.more().await?;
            if let Some(head) = head(&self.bytes)? {
                break head;
            }
        };
        let body = match head.body {
            Body::Known(length) => {
                self.until(head.bytes + length).await?;
                &self.bytes[head.bytes..]
            }
            Body::Chunked => {
                self.join(head.bytes).await?;
                &self.joined[..]
            }
        };
        Ok(Answer { status: head.status, body, last: head.last })
    }

    /// Sends the beginning of a request, and waits for the service to lose patience.
    pub(crate) async fn hang(&mut self, beginning: &[u8]) -> Result<()> {
        self.stream.write_all(beginning).await?;
        self.bytes.clear();
        while self.stream.read_buf(&mut self.bytes).await? > 0 {}
        Ok(())
    }

    /// Takes an answer slowly, though not so slowly that the service loses patience, until it ends the connection.
    pub(crate) async fn dawdle(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        let mut bytes = [0; SLOW_BYTES];
        while self.stream.read(&mut bytes).await? > 0 {
            sleep(SLOW_PAUSE).await;
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<()> {
        if self.bytes.capacity() - self.bytes.len() < READ_BYTES / 4 {
            self.bytes.reserve(READ_BYTES);
        }
        match self.stream.read_buf(&mut self.bytes).await? {
            0 => Err("the connection ended within an answer".into()),
            _ => Ok(()),
        }
    }

    /// Reads up to an answer's end.
    async fn until(&mut self, end: usize) -> Result<()> {
        while self.bytes.len() < end {
            self.more().await?;
        }
        match self.bytes.len() == end {
            true => Ok(()),
            false => Err("bytes follow an answer".into()),
        }
    }

    /// Reads chunks from here to the last.
    async fn join(&mut self, mut at: usize) -> Result<()> {
        self.joined.clear();
        loop {
            let Some(chunk) = chunk(&self.bytes, at)? else {
                self.more().await?;
                continue;
            };
            let end = chunk.end + 2;
            if chunk.is_empty() {
                return self.until(end).await;
            }
            while self.bytes.len() < end {
                self.more().await?;
            }
            self.joined.extend_from_slice(&self.bytes[chunk]);
            at = end;
        }
    }
}

/// The head, once it is there as a whole.
fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes)? else {
        return Ok(None);
    };
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let body = match (value("content-length"), value("transfer-encoding")) {
        (Some(length), _) => Body::Known(length.parse()?),
        (None, Some("chunked")) => Body::Chunked,
        (None, _) => return Err("an answer does not say where it ends".into()),
    };
    Ok(Some(Head {
        status: response.code.ok_or("an answer without a status")?,
        bytes: length,
        body,
        last: value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
    }))
}

/// Where the data of the chunk lies that begins here, once its size is known.
fn chunk(bytes: &[u8], at: usize) -> Result<Option<Range<usize>>> {
    match httparse::parse_chunk_size(&bytes[at..]) {
        Ok(httparse::Status::Complete((head, size))) => {
            let from = at + head;
            Ok(Some(from..from + usize::try_from(size)?))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err("a chunk without a size".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    /// Answers with these parts, each sent on its own, and gives what the client made of them.
    async fn answered(parts: &'static [&'static str]) -> Result<(u16, String, bool)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut client = Client::connect(listener.local_addr()?).await?;
        let serve = async {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            for part in parts {
                stream.write_all(part.as_bytes()).await?;
                tokio::task::yield_now().await;
            }
            std::io::Result::Ok(())
        };
        let (answer, served) = tokio::join!(client.ask(b"GET / HTTP/1.1\r\n\r\n"), serve);
        served?;
        let answer = answer?;
        let body = std::str::from_utf8(answer.body)?.to_owned();
        Ok((answer.status, body, answer.last))
    }

    #[tokio::test]
    async fn a_body_of_a_known_length_is_read_whole() {
        let parts = &["HTTP/1.1 200 OK\r\nContent-", "Length: 5\r\n\r\nhe", "llo"];
        assert_eq!(answered(parts).await.unwrap(), (200, "hello".to_owned(), false));
    }

    #[tokio::test]
    async fn a_body_in_chunks_is_joined() {
        let parts = &[
            "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5",
            "\r\nhel",
            "lo\r\n6\r\n world\r\n0\r",
            "\n\r\n",
        ];
        assert_eq!(answered(parts).await.unwrap(), (503, "hello world".to_owned(), true));
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_none() {
        assert!(answered(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"]).await.is_err());
    }
}
