//! What the command line and tests talk to a node with.

mod error;
mod exchange;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::error::ClientError;
pub use self::url::UrlError;
use crate::api::{
    ClusterStatus, Code, CreateTokenRequest, ForceLeaveRequest, HistoryEvent, JoinRequest,
    NewToken, Problem, TokenInfo, Work,
};

/// Answered from the node's memory.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Needs a commit, and perhaps an election before it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// One node's admin API. Each call makes its own connection: they are few, and
/// nothing is left behind between them.
#[derive(Debug, Clone)]
pub struct AdminClient {
    target: Target,
}

#[derive(Debug, Clone)]
enum Target {
    Unix(PathBuf),
    Tcp { authority: String },
}

impl AdminClient {
    /// The socket of a node on this machine.
    pub fn unix(socket: impl Into<PathBuf>) -> Self {
        Self {
            target: Target::Unix(socket.into()),
        }
    }

    /// `http://HOST[:PORT]`; the port is 18083 unless given.
    pub fn http(url: &str) -> Result<Self, UrlError> {
        let authority = url::authority(url)?;
        Ok(Self {
            target: Target::Tcp { authority },
        })
    }

    /// Where the node is, for messages.
    pub fn address(&self) -> String {
        self.target.to_string()
    }

    pub async fn status(&self) -> Result<ClusterStatus, ClientError> {
        self.get("/api/v1/cluster/status").await
    }

    pub async fn history(&self, limit: u32) -> Result<Vec<HistoryEvent>, ClientError> {
        self.get(&format!("/api/v1/cluster/history?limit={limit}"))
            .await
    }

    pub async fn force_leave(&self, name: &str) -> Result<(), ClientError> {
        let request = ForceLeaveRequest {
            name: name.to_owned(),
        };
        self.post("/api/v1/cluster/force-leave", &request).await
    }

    pub async fn init(&self) -> Result<(), ClientError> {
        self.post("/api/v1/node/init", &Nothing {}).await
    }

    /// Starts it; [`AdminClient::work`] tells how it goes.
    pub async fn join(&self, request: &JoinRequest) -> Result<(), ClientError> {
        self.post("/api/v1/node/join", request).await
    }

    /// Starts it; [`AdminClient::work`] tells how it goes.
    pub async fn leave(&self) -> Result<(), ClientError> {
        self.post("/api/v1/node/leave", &Nothing {}).await
    }

    pub async fn work(&self) -> Result<Option<Work>, ClientError> {
        self.get("/api/v1/node/work").await
    }

    pub async fn create_token(&self, request: CreateTokenRequest) -> Result<NewToken, ClientError> {
        self.post("/api/v1/tokens", &request).await
    }

    pub async fn list_tokens(&self) -> Result<Vec<TokenInfo>, ClientError> {
        self.get("/api/v1/tokens").await
    }

    pub async fn revoke_token(&self, id: &str) -> Result<(), ClientError> {
        // It becomes a part of the path; and a token pasted in its place must
        // not end up in a log as one.
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if id.is_empty() || !id.bytes().all(is_id) {
            let problem = Problem::new(Code::Usage, "that is not the id of a token")
                .with_hint("`quorate token list` shows the ids");
            return Err(ClientError::Problem(problem));
        }
        let path = format!("/api/v1/tokens/{id}");
        let answer = self
            .exchange(Method::DELETE, &path, None, WRITE_TIMEOUT)
            .await?;
        self.decode(&answer)
    }

    pub async fn rotate_authority(&self) -> Result<(), ClientError> {
        self.post("/api/v1/cluster/authority/rotate", &Nothing {})
            .await
    }

    pub async fn finish_rotation(&self) -> Result<(), ClientError> {
        self.post("/api/v1/cluster/authority/finish", &Nothing {})
            .await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.exchange(Method::GET, path, None, READ_TIMEOUT).await?;
        self.decode(&answer)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(request).map_err(|error| self.broken(error))?;
        let answer = self
            .exchange(Method::POST, path, Some(body), WRITE_TIMEOUT)
            .await?;
        self.decode(&answer)
    }

    fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        // `204 No Content` is what JSON calls null, and serde `()`.
        let body = if body.is_empty() { b"null" } else { body };
        serde_json::from_slice(body).map_err(|error| self.broken(error))
    }

    fn broken(&self, reason: impl ToString) -> ClientError {
        ClientError::Broken {
            target: self.address(),
            reason: reason.to_string(),
        }
    }
}

/// The body of a POST that has nothing to say.
#[derive(Serialize)]
struct Nothing {}
