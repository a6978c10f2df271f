// One client of MQTT.js whose every step waits for the broker's answer.

"use strict";

const fs = require("node:fs");
const { once } = require("node:events");
const mqtt = require("mqtt");

// For what hangs, not for what is slow.
const PATIENCE_MS = 60_000;

const SCHEMES = { tcp: "mqtt", tls: "mqtts", ws: "ws", wss: "wss" };

async function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within a minute`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

class Broker {
  constructor(options) {
    const path = options.transport.startsWith("ws") ? "/mqtt" : "";
    this.url = `${SCHEMES[options.transport]}://127.0.0.1:${options.port}${path}`;
    this.ca = fs.readFileSync(options.ca);
    this.isV5 = options.version === "5.0";
  }

  // `asked`: clean, expiryS, will, properties.
  async client(clientId, asked = {}) {
    const properties = { ...asked.properties };
    if (asked.expiryS !== undefined) {
      properties.sessionExpiryInterval = asked.expiryS;
    }
    const client = mqtt.connect(this.url, {
      clientId,
      clean: asked.clean ?? true,
      protocolVersion: this.isV5 ? 5 : 4,
      properties: this.isV5 ? properties : undefined,
      will: asked.will,
      ca: this.ca,
      rejectUnauthorized: true,
      reconnectPeriod: 0,
      connectTimeout: PATIENCE_MS,
    });
    const made = new Client(client);
    [made.connack] = await within("CONNACK", once(client, "connect"));
    made.sessionPresent = made.connack.sessionPresent;
    return made;
  }
}

class Client {
  constructor(client) {
    this.mqtt = client;
    this.came = [];
    this.waiting = [];
    // The reason code with which the broker ends the connection.
    this.endCode = null;
    client.on("message", (topic, payload, packet) => {
      this.came.push({ ...packet, topic, payload });
      this.waiting.shift()?.();
    });
    client.on("disconnect", (packet) => {
      this.endCode = packet.reasonCode;
    });
    client.on("packetreceive", (packet) => {
      if (packet.cmd === "puback" || packet.cmd === "pubrec") {
        this.publishCode = packet.reasonCode ?? 0;
      }
    });
    this.closed = once(client, "close");
  }

  // Returns the reason code: in both versions the granted QoS, or an error.
  async subscribe(topic, qos = 0, options = {}) {
    const granted = await within(
      "SUBACK",
      this.mqtt.subscribeAsync(topic, { qos, ...options }),
    );
    return granted[0].qos;
  }

  async unsubscribe(topic) {
    const packet = await within("UNSUBACK", this.mqtt.unsubscribeAsync(topic));
    return packet.granted;
  }

  // Returns the reason code of the acknowledgement, for QoS 1 and 2.
  async publish(topic, payload, options = {}) {
    this.publishCode = null;
    const published = this.mqtt.publishAsync(topic, payload, { qos: 1, ...options });
    await within("acknowledgement", published);
    return this.publishCode;
  }

  // One after the other, without waiting for an acknowledgement between them.
  async publishAll(topic, payloads, qos) {
    const published = payloads.map((payload) => this.mqtt.publishAsync(topic, payload, { qos }));
    await within("acknowledgements", Promise.all(published));
  }

  async receive() {
    if (this.came.length === 0) {
      await within("message", new Promise((resolve) => this.waiting.push(resolve)));
    }
    return this.came.shift();
  }

  // The payloads that come before this one, which comes at last.
  async receiveUntil(payload) {
    const before = [];
    for (;;) {
      const message = await this.receive();
      if (message.payload.toString() === payload) {
        return before;
      }
      before.push(message.payload.toString());
    }
  }

  // Somebody else brings it about.
  async waitEnd() {
    await within("end", this.closed);
    return this.endCode;
  }

  async disconnect() {
    await within("end", this.mqtt.endAsync());
  }

  // Ends the connection without a word: no DISCONNECT, no close of the WebSocket.
  async kill() {
    this.mqtt.stream.destroy();
    await within("end", this.closed);
  }
}

module.exports = { Broker };
