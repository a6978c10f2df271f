//! Visits of those who are no members yet: the joiner's end and the member's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig};
use quorate_model::ids::Timestamp;

use crate::config::TransportConfig;
use crate::connection::Line;
use crate::credentials::{Credentials, CredentialsError, stranger_config};
use crate::dialing;
use crate::environment::Environment;
use crate::frame::Preface;
use crate::greeting::{self, GreetingError};
use crate::guests::{Attended, Place};
use crate::identity::PeerIdentity;
use crate::lane::Lane;
use crate::remarks::Remarks;
use crate::service::{Caller, Serve, Service};
use crate::serving::Host;
use crate::tasks::TaskGroup;
use crate::token::SessionBinding;
use crate::verifier::{Distrust, Trust};

/// A request to be let in and its answer are small.
const MESSAGE_BYTES: usize = 64 * 1024;
/// Being let in takes a commit.
const VISIT: Duration = Duration::from_secs(30);
const BINDING_LABEL: &[u8] = b"EXPORTER-quorate-admission-v1";

/// A joiner's connection to a member. Closed when dropped.
#[derive(Debug)]
pub struct Visit {
    binding: SessionBinding,
    host: PeerIdentity,
    lane: Lane,
    quic: quinn::Connection,
    endpoint: Endpoint,
    /// The lane's tasks end with it.
    _tasks: TaskGroup,
}

/// Why there is no answer from a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VisitError {
    #[error("nobody answered: {tried}")]
    NobodyAnswers { tried: String },
    /// Whoever answered is not of the cluster that the token was made for.
    #[error("whoever answered does not belong to the cluster that the token names ({tried})")]
    OtherAuthority { tried: String },
    #[error("its certificate is none of a node: {0}")]
    NoNode(String),
    #[error("it closed the connection: {0}")]
    Closed(String),
    #[error("it did not answer within {seconds} s")]
    Timeout { seconds: u64 },
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("the endpoint did not start: {0}")]
    Endpoint(String),
}

impl Visit {
    /// Dials the addresses of one node; nothing secret is sent. Who answers
    /// has been checked as far as `trust` says.
    pub async fn begin(
        environment: &Environment,
        config: &TransportConfig,
        socket: Arc<dyn AsyncUdpSocket>,
        addresses: &[String],
        trust: Trust,
    ) -> Result<Self, VisitError> {
        let mut endpoint_config = EndpointConfig::default();
        endpoint_config.rng_seed(environment.quic_seed);
        let endpoint = Endpoint::new_with_abstract_socket(
            endpoint_config,
            None,
            socket,
            Arc::clone(&environment.runtime),
        )
        .map_err(|error| VisitError::Endpoint(error.to_string()))?;
        let crypto = stranger_config(trust, Arc::clone(&environment.time))?;
        let mut client = quinn::ClientConfig::new(crypto);
        client.transport_config(config.quic_to_peers());
        let dialed = dialing::race(environment, config, addresses, |address| {
            let connecting = endpoint.connect_with(client.clone(), address, dialing::SERVER_NAME);
            async move {
                let connecting =
                    connecting.map_err(|error| GreetingError::Connection(error.to_string()))?;
                Ok(connecting.await?)
            }
        });
        let quic = dialed.await.map_err(|(tried, error)| match error {
            Some(GreetingError::OtherAuthority) => VisitError::OtherAuthority { tried },
            _ => VisitError::NobodyAnswers { tried },
        })?;
        let host =
            greeting::identity(&quic).map_err(|error| VisitError::NoNode(error.to_string()))?;
        let closed = |error: quinn::ConnectionError| VisitError::Closed(error.to_string());
        let stream = quic.open_bi().await.map_err(closed)?;
        let tasks = TaskGroup::new(Arc::clone(&environment.runtime));
        let preface = Preface {
            service: Service::Admission,
        };
        let line = Line {
            quic: quic.clone(),
            remarks: Arc::default(),
        };
        Ok(Self {
            binding: binding(&quic).map_err(VisitError::Closed)?,
            host,
            lane: Lane::open(&tasks, &line, preface, stream, MESSAGE_BYTES),
            quic,
            endpoint,
            _tasks: tasks,
        })
    }

    /// What a proof has to be bound to.
    pub fn binding(&self) -> &SessionBinding {
        &self.binding
    }

    /// Whom the certificate of the visited node speaks for.
    pub fn host(&self) -> &PeerIdentity {
        &self.host
    }

    /// Whether a member with these credentials would accept the visited node.
    pub fn check_host(&self, ours: &Credentials, now: Timestamp) -> Result<(), Distrust> {
        ours.check(&greeting::shown_chain(&self.quic), now)
    }

    pub async fn ask(&self, request: Bytes, timeout: Duration) -> Result<Bytes, VisitError> {
        let answer = tokio::time::timeout(timeout, self.lane.call(request)).await;
        let answer = answer.map_err(|_| VisitError::Timeout {
            seconds: timeout.as_secs(),
        })?;
        answer.map_err(|_| {
            let reason = self.quic.close_reason();
            VisitError::Closed(reason.map_or_else(String::new, |reason| reason.to_string()))
        })
    }
}

/// For tests of the other side.
#[doc(hidden)]
impl Visit {
    /// Opens a stream, writes what is no protocol of ours, and says how the
    /// connection ended.
    pub async fn misbehave(&self, bytes: Bytes) -> String {
        if let Ok((mut send, _receive)) = self.quic.open_bi().await {
            // The other side may close in the midst of it.
            let _ = send.write_all(&bytes).await;
            return self.quic.closed().await.to_string();
        }
        String::from("no stream was opened")
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.endpoint.close(0_u32.into(), b"done");
    }
}

/// Serves a stranger for as long as it takes to be let in.
pub(crate) async fn serve(
    quic: quinn::Connection,
    place: Place,
    serve: Arc<dyn Serve>,
    remarks: Arc<Remarks>,
    tasks: TaskGroup,
) {
    let Ok(binding) = binding(&quic) else {
        return quic.close(0_u32.into(), b"no session binding");
    };
    let host = Host {
        line: Line {
            quic: quic.clone(),
            remarks,
        },
        caller: Caller::Stranger(binding),
        serve: Arc::new(Attended {
            guest: Arc::clone(&place.guest),
            serve,
        }),
        limit: MESSAGE_BYTES,
    };
    let served = host.run(tasks);
    // Whoever stays longer is none who wants to join.
    let _ = tokio::time::timeout(VISIT, served).await;
    quic.close(0_u32.into(), b"the visit is over");
}

fn binding(quic: &quinn::Connection) -> Result<SessionBinding, String> {
    let mut bytes = [0; 32];
    quic.export_keying_material(&mut bytes, BINDING_LABEL, b"")
        .map_err(|error| format!("{error:?}"))?;
    Ok(SessionBinding(bytes))
}
