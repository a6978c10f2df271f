"""One client of paho-mqtt whose every step waits for the broker's answer."""

import queue
import socket
import ssl
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

# For what hangs, not for what is slow.
PATIENCE_S = 60


def properties(packet, **values):
    """`values` with the names that paho gives them. A list is a property that is
    there several times."""
    made = Properties(getattr(PacketTypes, packet))
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            setattr(made, name, one)
    return made


class Broker:
    def __init__(self, options):
        self.port = options.port
        self.transport = options.transport
        self.ca = options.ca
        self.is_v5 = options.version == "5.0"
        self.protocol = paho.MQTTv5 if self.is_v5 else paho.MQTTv311

    def client(self, client_id, **options):
        return Client(self, client_id, **options)


class Client:
    """Connected, once it is made."""

    def __init__(self, broker, client_id, clean=True, expiry_s=None, will=None, **asked):
        self.broker = broker
        self.messages = queue.Queue()
        self._answers = {}
        self._answered = threading.Condition()
        self.connack = None
        self.ended = None
        is_websocket = broker.transport in ("ws", "wss")
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if broker.is_v5 else clean,
            protocol=broker.protocol,
            transport="websockets" if is_websocket else "tcp",
            reconnect_on_failure=False,
        )
        self.paho.connect_timeout = PATIENCE_S
        if is_websocket:
            self.paho.ws_set_options(path="/mqtt")
        if broker.transport in ("tls", "wss"):
            self.paho.tls_set(ca_certs=broker.ca, cert_reqs=ssl.CERT_REQUIRED)
        if will is not None:
            self.paho.will_set(**will)
        self.paho.on_connect = self._on_connect
        self.paho.on_disconnect = self._on_disconnect
        self.paho.on_message = lambda _client, _data, message: self.messages.put(message)
        self.paho.on_subscribe = lambda _c, _d, mid, codes, _p: self._answer(mid, codes)
        self.paho.on_unsubscribe = lambda _c, _d, mid, codes, _p: self._answer(mid, codes)
        self.paho.on_publish = lambda _c, _d, mid, code, _p: self._answer(mid, code)
        if broker.is_v5:
            if expiry_s is not None:
                asked["SessionExpiryInterval"] = expiry_s
            self.paho.connect(
                "127.0.0.1",
                broker.port,
                clean_start=clean,
                properties=properties("CONNECT", **asked),
            )
        else:
            self.paho.connect("127.0.0.1", broker.port)
        self.paho.loop_start()
        self._wait("CONNACK", lambda: self.connack)
        flags, code, self.connack_properties = self.connack
        assert code == "Success", code
        self.session_present = flags.session_present

    def _on_connect(self, _client, _data, flags, code, properties):
        with self._answered:
            self.connack = (flags, code, properties)
            self._answered.notify_all()

    def _on_disconnect(self, _client, _data, _flags, code, _properties):
        with self._answered:
            self.ended = code
            self._answered.notify_all()

    def _answer(self, mid, answer):
        with self._answered:
            self._answers[mid] = answer
            self._answered.notify_all()

    def _wait(self, what, find):
        with self._answered:
            came = self._answered.wait_for(lambda: find() is not None, PATIENCE_S)
            assert came, f"no {what} within {PATIENCE_S} s"
            return find()

    def _wait_answer(self, what, mid):
        self._wait(what, lambda: self._answers.get(mid))
        return self._answers.pop(mid)

    def subscribe(self, topic, qos=0, options=None, **asked):
        """Returns the reason code: in both versions the granted QoS, or an error."""
        extra = {"properties": properties("SUBSCRIBE", **asked)} if asked else {}
        if options is None:
            result, mid = self.paho.subscribe(topic, qos, **extra)
        else:
            result, mid = self.paho.subscribe(topic, options=options, **extra)
        assert result == paho.MQTT_ERR_SUCCESS, result
        (code,) = self._wait_answer("SUBACK", mid)
        return code.value

    def unsubscribe(self, topic):
        result, mid = self.paho.unsubscribe(topic)
        assert result == paho.MQTT_ERR_SUCCESS, result
        codes = self._wait_answer("UNSUBACK", mid)
        return [code.value for code in codes]

    def publish(self, topic, payload, qos=1, retain=False, **given):
        """Returns the reason code of the acknowledgement, for QoS 1 and 2."""
        extra = {"properties": properties("PUBLISH", **given)} if given else {}
        info = self.paho.publish(topic, payload, qos, retain, **extra)
        assert info.rc == paho.MQTT_ERR_SUCCESS, info.rc
        code = self._wait_answer("acknowledgement", info.mid)
        return code.value

    def publish_all(self, topic, payloads, qos):
        """One after the other, without waiting for an acknowledgement between them."""
        infos = [self.paho.publish(topic, payload, qos) for payload in payloads]
        for info in infos:
            self._wait_answer("acknowledgement", info.mid)

    def receive(self):
        return self.messages.get(timeout=PATIENCE_S)

    def receive_until(self, payload):
        """What comes before the message with that payload, which comes at last."""
        before = []
        while True:
            message = self.receive()
            if message.payload == payload:
                return before
            before.append(message)

    def wait_end(self):
        """The code of the end that somebody else brought about."""
        code = self._wait("end", lambda: self.ended)
        self.paho.loop_stop()
        return code.value

    def disconnect(self):
        self.paho.disconnect()
        self.wait_end()

    def kill(self):
        """Ends the connection below TLS and WebSocket, without a word."""
        duplicate = socket.fromfd(
            self.paho.socket().fileno(), socket.AF_INET, socket.SOCK_STREAM
        )
        duplicate.shutdown(socket.SHUT_RDWR)
        duplicate.close()
        self.wait_end()
