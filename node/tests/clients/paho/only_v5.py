"""What only MQTT 5.0 has."""

import time

from check import equal
from client import properties
from paho.mqtt.subscribeoptions import SubscribeOptions

NO_MATCHING_SUBSCRIBERS = 0x10
NO_SUBSCRIPTION_EXISTED = 0x11


def message_properties(broker, name):
    answering = broker.client(f"{name}-answering")
    answering.subscribe(f"{name}/question", 1)
    asking = broker.client(f"{name}-asking")
    asking.subscribe(f"{name}/answer", 1)
    pairs = [("a", "1"), ("b", ""), ("a", "2"), ("ключ", "значение")]
    asking.publish(
        f"{name}/question",
        "wie spät?".encode(),
        UserProperty=pairs,
        ResponseTopic=f"{name}/answer",
        CorrelationData=bytes(range(256)),
        ContentType="text/plain",
        PayloadFormatIndicator=1,
    )
    question = answering.receive().properties
    equal(question.UserProperty, pairs)
    equal((question.ContentType, question.PayloadFormatIndicator), ("text/plain", 1))
    answering.publish(
        question.ResponseTopic, b"12", CorrelationData=question.CorrelationData
    )
    answer = asking.receive()
    equal((answer.topic, answer.payload), (f"{name}/answer", b"12"))
    equal(answer.properties.CorrelationData, bytes(range(256)))
    assert not hasattr(answer.properties, "UserProperty"), answer.properties
    for client in [answering, asking]:
        client.disconnect()


def message_expiry(broker, name):
    publisher = broker.client(f"{name}-publisher")
    away = broker.client(f"{name}-away", clean=False, expiry_s=600)
    away.subscribe(f"{name}/#", 1)
    away.disconnect()
    publisher.publish(f"{name}/a", b"brief", MessageExpiryInterval=1)
    publisher.publish(f"{name}/a", b"long", MessageExpiryInterval=500)
    publisher.publish(f"{name}/r", b"brief", retain=True, MessageExpiryInterval=1)
    time.sleep(2.5)
    back = broker.client(f"{name}-away", clean=False, expiry_s=600)
    message = back.receive()
    equal(message.payload, b"long")
    left = message.properties.MessageExpiryInterval
    assert 0 < left <= 498, left
    late = broker.client(f"{name}-late")
    late.subscribe(f"{name}/#", 1)
    publisher.publish(f"{name}/a", b"end")
    for client in [back, late]:
        equal(client.receive_until(b"end"), [])
    for client in [publisher, back, late]:
        client.disconnect()


def subscription_identifiers(broker, name):
    client = broker.client(name)
    client.subscribe(f"{name}/#", 0, SubscriptionIdentifier=7)
    client.subscribe(f"{name}/a", 1, SubscriptionIdentifier=268_435_455)
    client.publish(f"{name}/a", b"x")
    message = client.receive()
    equal(sorted(message.properties.SubscriptionIdentifier), [7, 268_435_455])
    equal(message.qos, 1)
    client.publish(f"{name}/b", b"x")
    equal(client.receive().properties.SubscriptionIdentifier, [7])
    client.disconnect()


def no_local(broker, name):
    client = broker.client(name)
    other = broker.client(f"{name}-other")
    equal(client.subscribe(f"{name}/a", options=SubscribeOptions(qos=1, noLocal=True)), 1)
    client.publish(f"{name}/a", b"own")
    other.publish(f"{name}/a", b"other's")
    equal(client.receive().payload, b"other's")
    for one in [client, other]:
        one.disconnect()


def retain_handling(broker, name):
    client = broker.client(name)
    client.publish(f"{name}/a", b"kept", retain=True)

    def subscribe(handling):
        options = SubscribeOptions(qos=1, retainHandling=handling)
        equal(client.subscribe(f"{name}/+", options=options), 1)
        client.publish(f"{name}/b", b"end")
        return [message.payload for message in client.receive_until(b"end")]

    equal(subscribe(SubscribeOptions.RETAIN_DO_NOT_SEND), [])
    equal(subscribe(SubscribeOptions.RETAIN_SEND_IF_NEW_SUB), [])
    equal(subscribe(SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE), [b"kept"])
    equal(subscribe(SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE), [b"kept"])
    equal(client.unsubscribe(f"{name}/+"), [0])
    equal(subscribe(SubscribeOptions.RETAIN_SEND_IF_NEW_SUB), [b"kept"])
    client.publish(f"{name}/a", b"", retain=True)
    client.disconnect()


def retain_as_published(broker, name):
    client = broker.client(name)
    options = SubscribeOptions(qos=1, retainAsPublished=True)
    client.subscribe(f"{name}/a", options=options)
    client.publish(f"{name}/a", b"kept", retain=True)
    client.publish(f"{name}/a", b"passing")
    equal([client.receive().retain for _ in range(2)], [True, False])
    client.publish(f"{name}/a", b"", retain=True)
    client.disconnect()


def topic_alias_to_broker(broker, name):
    subscriber = broker.client(f"{name}-subscriber")
    subscriber.subscribe(f"{name}/#", 1)
    publisher = broker.client(f"{name}-publisher")
    assert publisher.connack_properties.TopicAliasMaximum >= 2
    steps = [("a", 1), ("", 1), ("b", 2), ("", 2), ("c", 1), ("", 1)]
    for level, alias in steps:
        topic = f"{name}/{level}" if level else ""
        publisher.publish(topic, b"x", TopicAlias=alias)
    came = [subscriber.receive().topic for _ in steps]
    equal(came, [f"{name}/{level}" for level in "aabbcc"])
    for client in [subscriber, publisher]:
        client.disconnect()


def topic_alias_to_client(broker, name):
    subscriber = broker.client(f"{name}-subscriber", TopicAliasMaximum=2)
    subscriber.subscribe(f"{name}/#", 1)
    publisher = broker.client(f"{name}-publisher")
    topics = [f"{name}/{level}" for level in "abcabc"]
    for topic in topics:
        publisher.publish(topic, b"x")
    # paho leaves it to its users to put the topic in place of the alias.
    names, came = {}, []
    for _ in topics:
        message = subscriber.receive()
        alias = getattr(message.properties, "TopicAlias", None)
        if message.topic:
            names[alias] = message.topic
        came.append(message.topic or names[alias])
    equal(came, topics)
    equal(sorted(alias for alias in names if alias is not None), [1, 2])
    for client in [subscriber, publisher]:
        client.disconnect()


def reason_codes(broker, name):
    client = broker.client(name)
    # At QoS 2, paho tells the code of the PUBCOMP, not that of the PUBREC.
    equal(client.publish(f"{name}/a", b"x", 1), NO_MATCHING_SUBSCRIBERS)
    equal(client.unsubscribe(f"{name}/a"), [NO_SUBSCRIPTION_EXISTED])
    equal(client.subscribe(f"{name}/a", 2), 2)
    for qos in [1, 2]:
        equal(client.publish(f"{name}/a", b"x", qos), 0)
        equal(client.receive().qos, qos)
    equal(client.unsubscribe(f"{name}/a"), [0])
    client.disconnect()


def will_properties(broker, name):
    witness = broker.client(f"{name}-witness")
    witness.subscribe(f"{name}/#", 1)

    def mortal(number, delay_s):
        given = properties(
            "WILLMESSAGE",
            WillDelayInterval=delay_s,
            UserProperty=[("why", "killed")],
            ContentType="text/plain",
        )
        return broker.client(
            f"{name}-mortal-{number}",
            clean=False,
            expiry_s=600,
            will={
                "topic": f"{name}/will-{number}",
                "payload": b"gone",
                "qos": 1,
                "properties": given,
            },
        )

    # Whose delay is not over has not died, and comes back to its session.
    lucky = mortal(1, 600)
    lucky.kill()
    lucky = mortal(1, 600)
    equal(lucky.session_present, True)
    killed = time.monotonic()
    mortal(2, 3).kill()
    message = witness.receive()
    equal((message.topic, message.payload), (f"{name}/will-2", b"gone"))
    equal(message.properties.UserProperty, [("why", "killed")])
    equal(message.properties.ContentType, "text/plain")
    waited = time.monotonic() - killed
    assert waited > 2, f"{waited} s"
    for client in [witness, lucky]:
        client.disconnect()


def assigned_client_id(broker, _name):
    first = broker.client("")
    second = broker.client("")
    ids = [one.connack_properties.AssignedClientIdentifier for one in (first, second)]
    assert all(ids) and ids[0] != ids[1], ids
    for client in [first, second]:
        client.disconnect()
