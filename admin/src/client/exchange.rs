//! One request and its answer.

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::{AdminClient, ClientError, Target};
use crate::api::{Code, Problem};
use crate::socket_path;

/// A thousand events or some ten thousand nodes fit.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

struct Answer {
    status: StatusCode,
    has_retry_after: bool,
    body: Bytes,
}

impl AdminClient {
    pub(super) async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> Result<Bytes, ClientError> {
        let request = self.request(method, path, body)?;
        let answer = match timeout(limit, self.send(request)).await {
            Ok(answer) => answer?,
            Err(_) => {
                return Err(ClientError::TimedOut {
                    target: self.address(),
                    after: limit,
                });
            }
        };
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(ClientError::Problem(self.problem_of(&answer)))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let host = match &self.target {
            Target::Unix(_) => "localhost",
            Target::Tcp { authority } => authority,
        };
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|error| self.broken(error))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        match &self.target {
            Target::Unix(path) => {
                socket_path::check(path)?;
                let stream = UnixStream::connect(path).await;
                let stream = stream.map_err(|error| self.target.failed(error))?;
                self.send_over(stream, request).await
            }
            Target::Tcp { authority } => {
                let stream = TcpStream::connect(authority).await;
                let stream = stream.map_err(|error| self.target.failed(error))?;
                self.send_over(stream, request).await
            }
        }
    }

    async fn send_over<S>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, ClientError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(error))?;
        let answer = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(|error| self.broken(error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            Ok(Answer {
                status: head.status,
                has_retry_after: head.headers.contains_key(RETRY_AFTER),
                body: body.map_err(|error| self.broken(error))?.to_bytes(),
            })
        };
        // The connection does the reading and writing; how it ends, the answer
        // tells better.
        let drive = async {
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = answer => answer,
            () = drive => Err(self.broken("the connection ended")),
        }
    }

    fn problem_of(&self, answer: &Answer) -> Problem {
        serde_json::from_slice(&answer.body).unwrap_or_else(|_| {
            let code = Code::of_status(answer.status, answer.has_retry_after);
            Problem::new(code, format!("{} answered {}", self.target, answer.status))
                .with_hint("is that the admin address of a node?")
        })
    }
}

impl Target {
    fn failed(&self, source: io::Error) -> ClientError {
        match (self, source.kind()) {
            (Self::Unix(path), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                ClientError::NotRunning {
                    socket: path.clone(),
                }
            }
            (Self::Unix(path), ErrorKind::PermissionDenied) => ClientError::PermissionDenied {
                socket: path.clone(),
            },
            (Self::Tcp { .. }, ErrorKind::ConnectionRefused) => ClientError::NothingListens {
                target: self.to_string(),
            },
            _ => ClientError::Unreachable {
                target: self.to_string(),
                source,
            },
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(formatter),
            Self::Tcp { authority } => write!(formatter, "http://{authority}"),
        }
    }
}
