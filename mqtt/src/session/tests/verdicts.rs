//! What the broker decides about a client's messages, whenever that is.

use super::harness::{v3, v5};
use crate::reason::ReasonCode;
use crate::session::Accepted;

#[test]
fn a_message_is_acknowledged_when_the_broker_has_it() {
    for mut client in [v3().open(), v5().open()] {
        assert_eq!(client.publish("a", 1, 7), "arrives a q1 #7");
        assert_eq!(client.accept(7), "PUBACK #7");
        assert_eq!(client.publish("a", 2, 7), "arrives a q2 #7");
        assert_eq!(client.accept(7), "PUBREC #7");
    }
}

#[test]
fn verdicts_may_come_in_any_order() {
    let mut client = v5().open();
    client.publish("a", 1, 1);
    client.publish("a", 2, 2);
    client.publish("a", 1, 3);
    assert_eq!(client.accept(3), "PUBACK #3");
    assert_eq!(client.accept(2), "PUBREC #2");
    assert_eq!(client.accept(1), "PUBACK #1");
}

#[test]
fn a_verdict_after_the_connection_is_gone_is_for_nobody() {
    for qos in [1, 2] {
        let mut client = v5().open();
        client.publish("a", qos, 1);
        client.publish("a", qos, 2);
        assert_eq!(client.close(), "detached");
        assert_eq!(client.accept(1), "");
        assert_eq!(client.refuse(2, ReasonCode::QuotaExceeded), "");
    }
}

#[test]
fn a_verdict_while_the_connection_is_closing_is_for_nobody() {
    for qos in [1, 2] {
        let mut client = v5().open();
        client.publish("a", qos, 1);
        client.disconnect(ReasonCode::Success);
        assert_eq!(client.accept(1), "");
        assert_eq!(client.close(), "detached");
    }
}

#[test]
fn a_verdict_of_qos_1_does_not_reach_the_next_connection() {
    let mut client = v5().open();
    client.publish("a", 1, 1);
    client.close();
    client.reconnect();
    client.publish("b", 1, 1);
    assert_eq!(client.accept(1), "");
    assert_eq!(client.accept(1), "PUBACK #1");
}

#[test]
fn nobody_subscribed() {
    let nobody = Ok(Accepted { is_matched: false });
    let mut client = v5().open();
    client.publish("a", 1, 1);
    client.publish("a", 2, 2);
    assert_eq!(
        client.decide(1, nobody),
        "PUBACK #1 (no matching subscribers)"
    );
    assert_eq!(
        client.decide(2, nobody),
        "PUBREC #2 (no matching subscribers)"
    );
}

#[test]
fn a_message_of_qos_2_is_decided_once_however_often_it_is_sent() {
    let mut client = v5().open();
    assert_eq!(client.publish("a", 2, 1), "arrives a q2 #1");
    client.close();
    client.reconnect();
    assert_eq!(client.publish("a", 2, 1), "");
    assert_eq!(client.accept(1), "PUBREC #1");
    assert_eq!(client.publish("a", 2, 1), "PUBREC #1");
    assert_eq!(client.pubrel(1), "PUBCOMP #1");
}

#[test]
fn a_message_of_qos_2_that_was_not_sent_again_is_answered_when_it_is() {
    let mut client = v5().open();
    client.publish("a", 2, 1);
    client.close();
    client.reconnect();
    assert_eq!(client.accept(1), "");
    assert_eq!(client.publish("a", 2, 1), "PUBREC #1");
}

#[test]
fn a_message_of_qos_2_that_was_refused_meanwhile_has_another_chance() {
    let mut client = v5().open();
    client.publish("a", 2, 1);
    client.close();
    assert_eq!(client.refuse(1, ReasonCode::QuotaExceeded), "");
    client.reconnect();
    assert_eq!(client.publish("a", 2, 1), "arrives a q2 #1");
}

#[test]
fn a_refusal_of_qos_2_reaches_the_client_that_asked_again() {
    let mut client = v5().open();
    client.publish("a", 2, 1);
    client.close();
    client.reconnect();
    client.publish("a", 2, 1);
    assert_eq!(
        client.refuse(1, ReasonCode::QuotaExceeded),
        "PUBREC #1 (quota exceeded)"
    );
    assert_eq!(client.publish("b", 2, 1), "arrives b q2 #1");
}

#[test]
fn a_refusal_is_told_in_a_code_that_its_packet_may_have() {
    use ReasonCode::{ImplementationSpecificError, NotAuthorized, ServerBusy, Success};
    for (reason, told) in [
        (NotAuthorized, NotAuthorized),
        (ImplementationSpecificError, ImplementationSpecificError),
        (ServerBusy, ImplementationSpecificError),
        (Success, ImplementationSpecificError),
    ] {
        let mut client = v5().open();
        client.publish("a", 1, 1);
        client.publish("a", 2, 2);
        assert_eq!(client.refuse(1, reason), format!("PUBACK #1 ({told})"));
        assert_eq!(client.refuse(2, reason), format!("PUBREC #2 ({told})"));
    }
}

#[test]
fn version_3_has_no_word_for_a_refusal() {
    for (qos, taken) in [(1, "PUBACK #1"), (2, "PUBREC #1")] {
        let mut client = v3().open();
        client.publish("a", qos, 1);
        assert_eq!(client.refuse(1, ReasonCode::NotAuthorized), taken);
        client.publish("a", qos, 2);
        assert_eq!(
            client.refuse(2, ReasonCode::QuotaExceeded),
            "close (quota exceeded)"
        );
    }
}

/// Whoever sends it again does not know that its receivers have it.
#[test]
fn a_message_that_was_not_kept_comes_again_only_to_be_kept() {
    for mut client in [v3().open(), v5().open()] {
        client.publish("a", 2, 7);
        client.close();
        assert_eq!(client.not_kept(7), "");
        client.reconnect();
        assert_eq!(client.publish("a", 2, 7), "arrives again a q2 #7");
        assert_eq!(client.publish("a", 2, 7), "");
        assert_eq!(client.accept(7), "PUBREC #7");
        assert_eq!(client.pubrel(7), "PUBCOMP #7");
        assert_eq!(client.publish("a", 2, 7), "arrives a q2 #7");
    }
}

#[test]
fn version_5_has_words_for_what_was_not_kept() {
    for (qos, answer) in [
        (1, "PUBACK #7 (quota exceeded)"),
        (2, "PUBREC #7 (quota exceeded)"),
    ] {
        let mut client = v5().open();
        client.publish("a", qos, 7);
        assert_eq!(client.not_kept(7), answer);
        // It is another message.
        assert_eq!(client.publish("b", qos, 7), format!("arrives b q{qos} #7"));
    }
}
