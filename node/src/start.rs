//! `quorate node start`: one node, in the foreground.

use std::future::Future;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use quorate_admin::api::{Code, Problem};
use quorate_admin::{AdminSocket, Control, serve_tcp, serve_unix};
use quorate_conf::{Config, Loaded};
use quorate_core::tier::{CoreNode, NodeError, NodeSettings, Surroundings};
use quorate_core::{NoObserver, SystemClock, TokioRuntime};
use quorate_transport::{CookieKey, Credentials, Environment, TransportConfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::cli::{Failure, Output, SOCKET, StartArgs};
use crate::control::NodeControl;
use crate::data_dir::{DataDir, keep_new_files_private};
use crate::machine::Machine;
use crate::mqtt::BrokerMetrics;
use crate::{config, logging, mqtt, pki, problems, process};

/// How long the admin API may take to answer what it is asked when it stops.
const ADMIN_PATIENCE: Duration = Duration::from_secs(8);

/// Runs the node, and returns when a signal ends it.
pub(crate) fn run(args: &StartArgs, output: &Output) -> Result<(), Failure> {
    let loaded = config::load(args.config.as_deref(), &args.set, args.dir.as_deref())?;
    let logging = logging::init(&loaded.config.log);
    logging.map_err(|error| Failure::internal(error.to_string()))?;
    let Loaded {
        config, warnings, ..
    } = loaded;
    output.configuration_warnings(&warnings);
    // Before there is a cluster that cannot be served.
    mqtt::check_files(&config)?;
    keep_new_files_private();
    process::return_freed_memory();
    let open_files = process::raise_open_files();
    tracing::debug!(
        ?open_files,
        "the most files that this process may have open"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::internal(format!("no runtime: {error}")))?;
    let result = runtime.block_on(serve(config, args.until_stdin_closes));
    // A read of standard input cannot be given up; nobody waits for it.
    runtime.shutdown_background();
    Ok(result?)
}

/// From the locked directory to the last task's end.
async fn serve(config: Config, until_stdin_closes: bool) -> Result<(), Problem> {
    let stop = stop_signal(until_stdin_closes)?;
    let dir =
        DataDir::open(&config.node.data_dir).map_err(|error| problems::of_data_dir(&error))?;
    let socket = AdminSocket::bind(&dir.path().join(SOCKET)).await;
    let socket = socket.map_err(|error| Problem::new(Code::Unavailable, error.to_string()))?;
    let listener = TcpListener::bind(config.admin.bind)
        .await
        .map_err(|error| {
            let at = config.admin.bind;
            Problem::new(
                Code::Unavailable,
                format!("the admin API cannot listen on {at}: {error}"),
            )
            .with_hint("another process has that port: set admin.bind, or stop it")
        })?;
    let pki = config.transport.pki.as_ref().map(pki::load).transpose();
    let pki = pki.map_err(|error| problems::of_pki(&error))?;
    let metrics = BrokerMetrics::default();
    let node = start_node(&config, pki, dir, metrics.clone()).await;
    let node = node.map_err(|error| problems::of_node(&error))?;
    let control: Arc<dyn Control> = Arc::new(NodeControl::new(
        node.clone(),
        config.clone(),
        metrics.clone(),
    ));
    let (stop_admin, stopping) = watch::channel(false);
    let unix = serve_unix(socket, Arc::clone(&control), stopped(stopping.clone()));
    let tcp = serve_tcp(listener, control, stopped(stopping));
    let admin = tokio::spawn(async { tokio::join!(unix, tcp).1 });
    tracing::info!(
        name = %config.node.name,
        transport = %config.transport.bind,
        admin = %config.admin.bind,
        "the node runs"
    );
    let (stop_mqtt, mqtt_stopping) = watch::channel(false);
    let mqtt = mqtt::serve(
        config.clone(),
        node.clone(),
        metrics,
        stopped(mqtt_stopping),
    );
    let mut mqtt = tokio::spawn(mqtt);
    let result = tokio::select! {
        () = stop => Ok(()),
        failure = node.failed() => Err(Problem::new(Code::Internal, failure)),
        ended = &mut mqtt => Err(mqtt::why_it_ended(ended)),
    };
    tracing::info!("the node stops");
    if !mqtt.is_finished() {
        stop_mqtt.send_replace(true);
        if let Ok(Err(problem)) = mqtt.await {
            tracing::warn!(problem = %problem.error, "MQTT clients were not seen off");
        }
    }
    stop_admin.send_replace(true);
    node.shutdown().await;
    // Whatever it still answers is not worth more than that.
    let _ = tokio::time::timeout(ADMIN_PATIENCE, admin).await;
    result
}

async fn start_node(
    config: &Config,
    pki: Option<Credentials>,
    dir: DataDir,
    metrics: BrokerMetrics,
) -> Result<CoreNode<TokioRuntime>, NodeError> {
    let machine = Arc::new(Machine::new(dir, config.transport.bind));
    // A port that is taken shows before a first start has chosen a name.
    drop(machine.bind().map_err(NodeError::Socket)?);
    // Spreads the retries of nodes that failed together.
    let seed = u64::try_from(machine.random() >> 64).unwrap_or_default();
    let cookie = config.node.cookie.as_ref();
    let cluster_name = config.cluster.name.clone();
    let settings = NodeSettings {
        name: config.node.name.clone(),
        roles: config.node.roles,
        cookie: cookie.map(|cookie| CookieKey::derive(cookie.reveal(), cluster_name.as_str())),
        pki,
        cluster_name,
        advertise: vec![config.transport.advertise.to_string()],
        version: env!("CARGO_PKG_VERSION").to_owned(),
        forms_alone: true,
        transport: TransportConfig {
            dial: config
                .transport
                .dial
                .iter()
                .map(|(name, address)| (name.clone(), address.to_string()))
                .collect(),
            ..TransportConfig::default()
        },
        environment: Environment::system(seed),
        clients: Arc::new(move || metrics.clients()),
        tune: Box::new(|core| core),
    };
    CoreNode::start(
        settings,
        machine,
        Arc::new(SystemClock),
        Arc::new(NoObserver),
    )
    .await
}

/// SIGINT and SIGTERM; and the end of standard input, where a parent process
/// holds it.
fn stop_signal(until_stdin_closes: bool) -> Result<impl Future<Output = ()>, Problem> {
    let unheard = |error| Problem::new(Code::Internal, format!("no signals are heard: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(unheard)?;
    let closed = until_stdin_closes.then(stdin_closes);
    Ok(async move {
        let closed = async {
            if let Some(closed) = closed
                && closed.await.is_ok()
            {
                return;
            }
            // Nobody holds it, or the reading thread is gone; signals remain.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            () = closed => {}
        }
    })
}

/// A thread of its own: tokio's standard input would hold up the shutdown.
fn stdin_closes() -> oneshot::Receiver<()> {
    let (sender, closed) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(read) if read > 0) {}
        // The node may have stopped before.
        let _ = sender.send(());
    });
    closed
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A closed channel means that the node is gone.
    let _ = stop.wait_for(|is_stopping| *is_stopping).await;
}
