//! PINGREQ and PINGRESP.

use quorate_model::retained::QoS;

use crate::bytes::{PINGREQ, PINGRESP};
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    every_pingreq_is_answered: v5 ["3.12.4-1"], v3 ["3.12.4-1"];
}

fn every_pingreq_is_answered() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        client.send_bytes(&PINGREQ.repeat(50));
        let mut answers = vec![0; 2 * 50];
        client.read_exact(&mut answers);
        assert_eq!(answers, PINGRESP.repeat(50));
        client.subscribe_to("t", QoS::AtMostOnce);
        client.publish(&message("t", QoS::AtMostOnce, b"x"));
        client.expect_message("t", b"x");
        // No answer comes of itself.
        client.expect_silence();
    }
}
