//! rumqttc, in this process.

mod both_versions;
mod client;
mod only_v5;
mod v3;
mod v5;

use std::path::Path;
use std::sync::Arc;

use client::Way;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinSet;

use crate::matrix::{Scenario, Transport, Version};
use crate::served::Served;

#[test]
fn rumqttc_over_tcp() {
    check(Transport::Tcp);
}

#[test]
fn rumqttc_over_tls() {
    check(Transport::Tls);
}

#[test]
fn rumqttc_over_websocket() {
    check(Transport::Ws);
}

#[test]
fn rumqttc_over_secure_websocket() {
    check(Transport::Wss);
}

fn check(transport: Transport) {
    let served = Served::shared();
    let tls = trusting(&served.ca());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let failed = runtime.block_on(async {
        // Side by side: some of them wait for time to pass.
        let mut running = JoinSet::new();
        for version in Version::ALL {
            let way = Way {
                transport,
                version,
                port: served.port(transport),
                tls: Arc::clone(&tls),
            };
            for scenario in Scenario::all_of(version) {
                let way = way.clone();
                running.spawn(async move {
                    let what = format!(
                        "{} over {} in {}",
                        scenario.name(),
                        transport.name(),
                        version.name()
                    );
                    let ended = tokio::spawn(run(scenario, way)).await;
                    let has_failed = ended.is_err();
                    println!("{} {what}", if has_failed { "FAILED" } else { "ok" });
                    has_failed.then_some(what)
                });
            }
        }
        running.join_all().await
    });
    let failed: Vec<_> = failed.into_iter().flatten().collect();
    assert_eq!(failed, Vec::<String>::new());
}

fn trusting(ca: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

async fn run(scenario: Scenario, way: Way) {
    let name = format!(
        "{}-{}-{}",
        scenario.name(),
        way.transport.name(),
        way.version.name()
    );
    let name = name.as_str();
    match scenario {
        Scenario::Qos0 => both_versions::round_trip(&way, name, 0).await,
        Scenario::Qos1 => both_versions::round_trip(&way, name, 1).await,
        Scenario::Qos2 => both_versions::round_trip(&way, name, 2).await,
        Scenario::Burst => both_versions::burst(&way, name).await,
        Scenario::Retained => both_versions::retained(&way, name).await,
        Scenario::Will => both_versions::will(&way, name).await,
        Scenario::NoWillAfterDisconnect => {
            both_versions::no_will_after_disconnect(&way, name).await;
        }
        Scenario::SessionResume => both_versions::session_resume(&way, name).await,
        Scenario::SharedSubscription => both_versions::shared_subscription(&way, name).await,
        Scenario::TakeOver => both_versions::take_over(&way, name).await,
        Scenario::MessageProperties => only_v5::message_properties(&way, name).await,
        Scenario::MessageExpiry => only_v5::message_expiry(&way, name).await,
        Scenario::SubscriptionIdentifiers => {
            only_v5::subscription_identifiers(&way, name).await;
        }
        Scenario::NoLocal => only_v5::no_local(&way, name).await,
        Scenario::RetainHandling => only_v5::retain_handling(&way, name).await,
        Scenario::RetainAsPublished => only_v5::retain_as_published(&way, name).await,
        Scenario::TopicAliasToBroker => only_v5::topic_alias_to_broker(&way, name).await,
        Scenario::TopicAliasToClient => only_v5::topic_alias_to_client(&way, name).await,
        Scenario::ReasonCodes => only_v5::reason_codes(&way, name).await,
        Scenario::WillProperties => only_v5::will_properties(&way, name).await,
        Scenario::AssignedClientId => only_v5::assigned_client_id(&way).await,
    }
}
