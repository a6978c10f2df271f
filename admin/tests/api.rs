//! The client against the servers: each endpoint, each kind of failure.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "common/http.rs"]
mod http;

use common::scripted_node::{ScriptedNode, status};
use common::{Served, event, token_info, work};
use quorate_admin::api::{Code, CreateTokenRequest, JoinRequest, Problem, Secret, TokenRole};
use quorate_admin::{AdminClient, ClientError, Metric};

async fn call_everything(client: &AdminClient) {
    assert_eq!(client.status().await.unwrap(), status());
    assert_eq!(client.history(7).await.unwrap(), [event()]);
    client.force_leave("core2@127.0.0.1").await.unwrap();
    client.init().await.unwrap();
    let join = JoinRequest {
        core: "core1@127.0.0.1:4370".to_owned(),
        token: Some(Secret::new("hush")),
        wipe: true,
    };
    client.join(&join).await.unwrap();
    client.leave().await.unwrap();
    assert_eq!(client.work().await.unwrap(), Some(work()));
    let wanted = CreateTokenRequest {
        role: TokenRole::Replicant,
        ttl_s: 60,
    };
    let token = client.create_token(wanted).await.unwrap();
    assert_eq!(token.token.expose(), "hush");
    assert_eq!(token.role, TokenRole::Replicant);
    assert_eq!(client.list_tokens().await.unwrap(), [token_info()]);
    client.revoke_token("t1").await.unwrap();
    client.rotate_authority().await.unwrap();
    client.finish_rotation().await.unwrap();
}

const ALL_CALLS: [&str; 12] = [
    "status",
    "history 7",
    "force_leave core2@127.0.0.1",
    "init",
    "join core1@127.0.0.1:4370 Some(\"hush\") true",
    "leave",
    "work",
    "create_token 60",
    "list_tokens",
    "revoke_token t1",
    "rotate_authority",
    "finish_rotation",
];

#[tokio::test]
async fn every_call_over_the_socket() {
    let mut served = Served::start().await;
    call_everything(&served.unix_client()).await;
    assert_eq!(served.node.calls(), ALL_CALLS);
    served.stop().await;
}

#[tokio::test]
async fn every_call_over_tcp() {
    let mut served = Served::start().await;
    call_everything(&served.tcp_client()).await;
    assert_eq!(served.node.calls(), ALL_CALLS);
    served.stop().await;
}

#[tokio::test]
async fn each_problem_comes_back_as_it_was() {
    let mut served = Served::start().await;
    for code in Code::ALL {
        let problem = Problem::new(code, "it failed").with_hint("mend it");
        served.node.script.lock().unwrap().problem = Some(problem.clone());
        let error = served.unix_client().leave().await.unwrap_err();
        assert_eq!(Problem::from(error), problem);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_limit_out_of_bounds_is_refused() {
    let mut served = Served::start().await;
    for limit in [0, 1_001] {
        let problem = Problem::from(served.unix_client().history(limit).await.unwrap_err());
        assert_eq!(problem.code, Code::Usage, "{problem:?}");
    }
    assert!(served.node.calls().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn what_is_no_token_id_is_not_sent() {
    let mut served = Served::start().await;
    for id in ["", "../cluster", "a/b", "qt1.hush"] {
        let error = served.unix_client().revoke_token(id).await.unwrap_err();
        assert_eq!(Problem::from(error).code, Code::Usage, "{id}");
    }
    assert!(served.node.calls().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn no_node_behind_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("admin.sock");
    let error = AdminClient::unix(&absent).status().await.unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");
    assert!(error.to_string().contains("admin.sock"), "{error}");
    let problem = Problem::from(error);
    assert_eq!(problem.code, Code::Unavailable);
    assert!(problem.hint.unwrap().contains("quorate node start"));

    let left_behind = folder.path().join("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left_behind).unwrap());
    let error = AdminClient::unix(&left_behind).status().await.unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");

    let long = folder.path().join("x".repeat(120));
    let error = AdminClient::unix(long).status().await.unwrap_err();
    assert!(matches!(error, ClientError::PathTooLong(_)), "{error}");
}

#[tokio::test]
async fn no_node_behind_the_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = AdminClient::http(&url).unwrap().status().await.unwrap_err();
    assert!(
        matches!(error, ClientError::NothingListens { .. }),
        "{error}"
    );
}

/// `"METHOD /path"` of all that is in the description.
fn described(openapi: &serde_json::Value) -> Vec<String> {
    let paths = openapi["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let mut operations: Vec<_> = operations.collect();
    operations.sort_unstable();
    operations
}

#[tokio::test]
async fn the_description_lists_every_route() {
    let mut served = Served::start().await;
    let answer = http::get(&served, "/api/v1/openapi.json").await;
    let openapi: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        described(&openapi),
        [
            "DELETE /api/v1/tokens/{id}",
            "GET /api/v1/cluster/history",
            "GET /api/v1/cluster/status",
            "GET /api/v1/node/work",
            "GET /api/v1/openapi.json",
            "GET /api/v1/tokens",
            "GET /livez",
            "GET /metrics",
            "GET /readyz",
            "POST /api/v1/cluster/authority/finish",
            "POST /api/v1/cluster/authority/rotate",
            "POST /api/v1/cluster/force-leave",
            "POST /api/v1/node/init",
            "POST /api/v1/node/join",
            "POST /api/v1/node/leave",
            "POST /api/v1/tokens",
        ]
    );
    let schemas = &openapi["components"]["schemas"];
    for name in [
        "ClusterStatus",
        "NodeState",
        "Problem",
        "Code",
        "Finished",
        "NewToken",
    ] {
        assert!(schemas[name].is_object(), "{name} is missing: {schemas}");
    }
    assert_eq!(schemas["NewToken"]["properties"]["token"]["type"], "string");
    served.stop().await;
}

#[tokio::test]
async fn metrics_are_text_for_prometheus() {
    let mut served = Served::start().await;
    let reasons = [("queue_full", 3), ("expired", 0)];
    served.node.script.lock().unwrap().metrics = vec![
        Metric::new("quorate_clients", "Connected clients.", 12),
        Metric::labelled("quorate_dropped_total", "Lost.", "reason", reasons),
    ];
    let answer = http::get(&served, "/metrics").await;
    assert_eq!(answer.status, 200);
    let kind = "content-type: text/plain; version=0.0.4";
    assert!(answer.head.contains(kind), "{}", answer.head);
    let expected = "# HELP quorate_clients Connected clients.\n\
                    # TYPE quorate_clients gauge\n\
                    quorate_clients 12\n\
                    # HELP quorate_dropped_total Lost.\n\
                    # TYPE quorate_dropped_total counter\n\
                    quorate_dropped_total{reason=\"queue_full\"} 3\n\
                    quorate_dropped_total{reason=\"expired\"} 0\n";
    assert_eq!(answer.body, expected);
    served.stop().await;
}

#[tokio::test]
async fn probes() {
    let mut served = Served::start().await;
    let check = |name: &str, ok, detail: Option<&str>| quorate_admin::Check {
        name: name.to_owned(),
        ok,
        detail: detail.map(str::to_owned),
    };
    let set = |node: &ScriptedNode, quorum| {
        node.script.lock().unwrap().checks = vec![
            check("joined", true, None),
            check("quorum", quorum, Some("1 of 3 cores answer")),
        ];
    };
    set(&served.node, true);
    let ready = http::get(&served, "/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));

    set(&served.node, false);
    let ready = http::get(&served, "/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "not ready\n"));
    let ready = http::get(&served, "/readyz?verbose").await;
    let expected = "[+] joined\n[-] quorum: 1 of 3 cores answer\nnot ready\n";
    assert_eq!((ready.status, ready.body.as_str()), (503, expected));

    let alive = http::get(&served, "/livez").await;
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok\n"));
    served.stop().await;
}
