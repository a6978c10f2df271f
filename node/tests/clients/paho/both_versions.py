"""What MQTT 3.1.1 and 5.0 have in common."""

from check import equal

PAYLOADS = [b"", b"x", bytes(range(256)), b"0123456789" * 90_000]
SESSION_TAKEN_OVER = 0x8E


def round_trip(broker, name, qos):
    subscriber = broker.client(f"{name}-subscriber")
    publisher = broker.client(f"{name}-publisher")
    equal(subscriber.subscribe(f"{name}/+", qos), qos)
    lower = broker.client(f"{name}-lower")
    equal(lower.subscribe(f"{name}/+", 0), 0)
    for payload in PAYLOADS:
        publisher.publish(f"{name}/a", payload, qos)
    for receiver, granted in [(subscriber, qos), (lower, 0)]:
        for payload in PAYLOADS:
            message = receiver.receive()
            equal((message.topic, message.qos), (f"{name}/a", granted))
            equal((message.retain, message.dup), (False, False))
            assert message.payload == payload, f"{len(message.payload)} bytes"
    for client in [subscriber, lower, publisher]:
        client.disconnect()


def qos_0(broker, name):
    round_trip(broker, name, 0)


def qos_1(broker, name):
    round_trip(broker, name, 1)


def qos_2(broker, name):
    round_trip(broker, name, 2)


def burst(broker, name):
    subscriber = broker.client(f"{name}-subscriber")
    publisher = broker.client(f"{name}-publisher")
    sent = [b"%03d" % number for number in range(300)]
    for qos in [0, 1, 2]:
        topic = f"{name}/{qos}"
        subscriber.subscribe(topic, qos)
        publisher.publish_all(topic, sent, qos)
        came = [subscriber.receive() for _ in sent]
        equal([one.payload for one in came], sent)
        assert all((one.topic, one.qos) == (topic, qos) for one in came)
    publisher.publish(topic, b"end", 2)
    equal(subscriber.receive_until(b"end"), [])
    for client in [subscriber, publisher]:
        client.disconnect()


def retained(broker, name):
    publisher = broker.client(f"{name}-publisher")
    witness = broker.client(f"{name}-witness")
    witness.subscribe(f"{name}/#", 1)
    for payload in [b"old", b"kept"]:
        publisher.publish(f"{name}/a", payload, 1, retain=True)
        seen = witness.receive()
        equal((seen.payload, seen.retain), (payload, False))
    late = broker.client(f"{name}-late")
    late.subscribe(f"{name}/+", 1)
    kept = late.receive()
    equal((kept.topic, kept.payload), (f"{name}/a", b"kept"))
    equal((kept.qos, kept.retain), (1, True))
    publisher.publish(f"{name}/a", b"", 1, retain=True)
    equal((late.receive().payload, witness.receive().payload), (b"", b""))
    later = broker.client(f"{name}-later")
    later.subscribe(f"{name}/+", 1)
    publisher.publish(f"{name}/a", b"end")
    equal(later.receive_until(b"end"), [])
    for client in [publisher, witness, late, later]:
        client.disconnect()


def will(broker, name):
    witness = broker.client(f"{name}-witness")
    witness.subscribe(f"{name}/will", 1)
    mortal = broker.client(
        f"{name}-mortal",
        will={"topic": f"{name}/will", "payload": b"gone", "qos": 1, "retain": True},
    )
    mortal.kill()
    came = witness.receive()
    equal((came.payload, came.qos, came.retain), (b"gone", 1, False))
    late = broker.client(f"{name}-late")
    late.subscribe(f"{name}/will", 1)
    equal(late.receive().retain, True)
    late.publish(f"{name}/will", b"", 1, retain=True)
    for client in [witness, late]:
        client.disconnect()


def no_will_after_disconnect(broker, name):
    witness = broker.client(f"{name}-witness")
    witness.subscribe(f"{name}/#", 1)
    mortal = broker.client(
        f"{name}-mortal", will={"topic": f"{name}/will", "payload": b"gone", "qos": 1}
    )
    mortal.disconnect()
    # The broker answers this one when it is through with the one before.
    mortal = broker.client(f"{name}-mortal")
    mortal.publish(f"{name}/end", b"end")
    equal(witness.receive_until(b"end"), [])
    for client in [witness, mortal]:
        client.disconnect()


def session_resume(broker, name):
    publisher = broker.client(f"{name}-publisher")

    def arrive():
        return broker.client(f"{name}-lasting", clean=False, expiry_s=600)

    lasting = arrive()
    equal(lasting.session_present, False)
    for qos in [1, 2]:
        equal(lasting.subscribe(f"{name}/{qos}", qos), qos)
    for leave in ["disconnect", "kill"]:
        getattr(lasting, leave)()
        sent = [f"{leave} {number}".encode() for number in range(3)]
        for payload in sent:
            for qos in [1, 2]:
                publisher.publish(f"{name}/{qos}", payload, qos)
        lasting = arrive()
        equal(lasting.session_present, True)
        came = [lasting.receive() for _ in range(2 * len(sent))]
        for qos in [1, 2]:
            of_qos = [one.payload for one in came if one.topic == f"{name}/{qos}"]
            equal(of_qos, sent)
            assert all(one.qos == qos for one in came if one.topic == f"{name}/{qos}")
    lasting.disconnect()
    anew = broker.client(f"{name}-lasting", clean=True)
    equal(anew.session_present, False)
    publisher.publish(f"{name}/1", b"to nobody")
    anew.subscribe(f"{name}/end", 1)
    publisher.publish(f"{name}/end", b"end")
    equal(anew.receive_until(b"end"), [])
    for client in [publisher, anew]:
        client.disconnect()


def shared_subscription(broker, name):
    members = [broker.client(f"{name}-{number}") for number in range(2)]
    for member in members:
        equal(member.subscribe(f"$share/{name}/{name}/t", 1), 1)
        member.subscribe(f"{name}/end", 1)
    publisher = broker.client(f"{name}-publisher")
    sent = [b"%02d" % number for number in range(20)]
    for payload in sent:
        publisher.publish(f"{name}/t", payload)
    publisher.publish(f"{name}/end", b"end")
    came = [[one.payload for one in member.receive_until(b"end")] for member in members]
    equal(sorted(came[0] + came[1]), sent)
    assert all(came), f"one had nothing: {came}"
    # The one that stays has all of it.
    members[0].disconnect()
    broker.client(f"{name}-0").disconnect()
    for payload in sent:
        publisher.publish(f"{name}/t", payload)
    equal([members[1].receive().payload for _ in sent], sent)
    for client in [members[1], publisher]:
        client.disconnect()


def take_over(broker, name):
    first = broker.client(name)
    second = broker.client(name)
    code = first.wait_end()
    if broker.is_v5:
        equal(code, SESSION_TAKEN_OVER)
    second.subscribe(f"{name}/a", 1)
    second.publish(f"{name}/a", b"here")
    equal(second.receive().payload, b"here")
    second.disconnect()
