// What only MQTT 5.0 has.

"use strict";

const assert = require("node:assert/strict");
const { setTimeout: sleep } = require("node:timers/promises");
const { end } = require("./both_versions.js");

const NO_MATCHING_SUBSCRIBERS = 0x10;
const NO_SUBSCRIPTION_EXISTED = 0x11;

const scenarios = {
  async "message-properties"(broker, name) {
    const answering = await broker.client(`${name}-answering`);
    await answering.subscribe(`${name}/question`, 1);
    const asking = await broker.client(`${name}-asking`);
    await asking.subscribe(`${name}/answer`, 1);
    const userProperties = { a: ["1", "2"], b: "", ключ: "значение" };
    const correlationData = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await asking.publish(`${name}/question`, "wie spät?", {
      properties: {
        userProperties,
        correlationData,
        responseTopic: `${name}/answer`,
        contentType: "text/plain",
        payloadFormatIndicator: true,
      },
    });
    const question = (await answering.receive()).properties;
    assert.deepEqual({ ...question.userProperties }, userProperties);
    assert.equal(question.contentType, "text/plain");
    assert.equal(question.payloadFormatIndicator, true);
    await answering.publish(question.responseTopic, "12", {
      properties: { correlationData: question.correlationData },
    });
    const answer = await asking.receive();
    assert.deepEqual([answer.topic, answer.payload.toString()], [`${name}/answer`, "12"]);
    assert.ok(answer.properties.correlationData.equals(correlationData));
    assert.equal(answer.properties.userProperties, undefined);
    await end(answering, asking);
  },

  async "message-expiry"(broker, name) {
    const expiring = (messageExpiryInterval, retain = false) => ({
      retain,
      properties: { messageExpiryInterval },
    });
    const lasting = { clean: false, expiryS: 600 };
    const publisher = await broker.client(`${name}-publisher`);
    const away = await broker.client(`${name}-away`, lasting);
    await away.subscribe(`${name}/#`, 1);
    await away.disconnect();
    await publisher.publish(`${name}/a`, "brief", expiring(1));
    await publisher.publish(`${name}/a`, "long", expiring(500));
    await publisher.publish(`${name}/r`, "brief", expiring(1, true));
    await sleep(2_500);
    const back = await broker.client(`${name}-away`, lasting);
    const message = await back.receive();
    assert.equal(message.payload.toString(), "long");
    const left = message.properties.messageExpiryInterval;
    assert.ok(left > 0 && left <= 498, `${left}`);
    const late = await broker.client(`${name}-late`);
    await late.subscribe(`${name}/#`, 1);
    await publisher.publish(`${name}/a`, "end");
    for (const client of [back, late]) {
      assert.deepEqual(await client.receiveUntil("end"), []);
    }
    await end(publisher, back, late);
  },

  async "subscription-identifiers"(broker, name) {
    const client = await broker.client(name);
    const identified = (subscriptionIdentifier) => ({ properties: { subscriptionIdentifier } });
    await client.subscribe(`${name}/#`, 0, identified(7));
    await client.subscribe(`${name}/a`, 1, identified(268_435_455));
    await client.publish(`${name}/a`, "x");
    const both = await client.receive();
    const identifiers = new Set(both.properties.subscriptionIdentifier);
    assert.deepEqual(identifiers, new Set([7, 268_435_455]));
    assert.equal(both.qos, 1);
    await client.publish(`${name}/b`, "x");
    assert.equal((await client.receive()).properties.subscriptionIdentifier, 7);
    await end(client);
  },

  async "no-local"(broker, name) {
    const client = await broker.client(name);
    const other = await broker.client(`${name}-other`);
    assert.equal(await client.subscribe(`${name}/a`, 1, { nl: true }), 1);
    await client.publish(`${name}/a`, "own");
    await other.publish(`${name}/a`, "other's");
    assert.equal((await client.receive()).payload.toString(), "other's");
    await end(client, other);
  },

  async "retain-handling"(broker, name) {
    const always = 0;
    const ifNew = 1;
    const never = 2;
    const client = await broker.client(name);
    await client.publish(`${name}/a`, "kept", { retain: true });
    const subscribe = async (rh) => {
      assert.equal(await client.subscribe(`${name}/+`, 1, { rh }), 1);
      await client.publish(`${name}/b`, "end");
      return client.receiveUntil("end");
    };
    assert.deepEqual(await subscribe(never), []);
    assert.deepEqual(await subscribe(ifNew), []);
    assert.deepEqual(await subscribe(always), ["kept"]);
    assert.deepEqual(await subscribe(always), ["kept"]);
    assert.deepEqual(await client.unsubscribe(`${name}/+`), [0]);
    assert.deepEqual(await subscribe(ifNew), ["kept"]);
    await client.publish(`${name}/a`, "", { retain: true });
    await end(client);
  },

  async "retain-as-published"(broker, name) {
    const client = await broker.client(name);
    await client.subscribe(`${name}/a`, 1, { rap: true });
    await client.publish(`${name}/a`, "kept", { retain: true });
    await client.publish(`${name}/a`, "passing");
    const flags = [(await client.receive()).retain, (await client.receive()).retain];
    assert.deepEqual(flags, [true, false]);
    await client.publish(`${name}/a`, "", { retain: true });
    await end(client);
  },

  async "topic-alias-to-broker"(broker, name) {
    const subscriber = await broker.client(`${name}-subscriber`);
    await subscriber.subscribe(`${name}/#`, 1);
    const publisher = await broker.client(`${name}-publisher`);
    assert.ok(publisher.connack.properties.topicAliasMaximum >= 2);
    const steps = [["a", 1], ["", 1], ["b", 2], ["", 2], ["c", 1], ["", 1]];
    for (const [level, topicAlias] of steps) {
      const topic = level === "" ? "" : `${name}/${level}`;
      await publisher.publish(topic, "x", { properties: { topicAlias } });
    }
    for (const level of "aabbcc") {
      assert.equal((await subscriber.receive()).topic, `${name}/${level}`);
    }
    await end(subscriber, publisher);
  },

  async "topic-alias-to-client"(broker, name) {
    const properties = { topicAliasMaximum: 2 };
    const subscriber = await broker.client(`${name}-subscriber`, { properties });
    await subscriber.subscribe(`${name}/#`, 1);
    const publisher = await broker.client(`${name}-publisher`);
    for (const level of "abcabc") {
      await publisher.publish(`${name}/${level}`, "x");
    }
    const aliases = new Set();
    for (const level of "abcabc") {
      const message = await subscriber.receive();
      assert.equal(message.topic, `${name}/${level}`);
      aliases.add(message.properties?.topicAlias);
    }
    aliases.delete(undefined);
    assert.deepEqual([...aliases].sort(), [1, 2]);
    await end(subscriber, publisher);
  },

  async "reason-codes"(broker, name) {
    const client = await broker.client(name);
    for (const qos of [1, 2]) {
      const code = await client.publish(`${name}/a`, "x", { qos });
      assert.equal(code, NO_MATCHING_SUBSCRIBERS);
    }
    assert.deepEqual(await client.unsubscribe(`${name}/a`), [NO_SUBSCRIPTION_EXISTED]);
    assert.equal(await client.subscribe(`${name}/a`, 2), 2);
    for (const qos of [1, 2]) {
      assert.equal(await client.publish(`${name}/a`, "x", { qos }), 0);
      assert.equal((await client.receive()).qos, qos);
    }
    assert.deepEqual(await client.unsubscribe(`${name}/a`), [0]);
    await end(client);
  },

  async "will-properties"(broker, name) {
    const witness = await broker.client(`${name}-witness`);
    await witness.subscribe(`${name}/#`, 1);
    const mortal = (number, willDelayInterval) =>
      broker.client(`${name}-mortal-${number}`, {
        clean: false,
        expiryS: 600,
        will: {
          topic: `${name}/will-${number}`,
          payload: Buffer.from("gone"),
          qos: 1,
          retain: false,
          properties: {
            willDelayInterval,
            userProperties: { why: "killed" },
            contentType: "text/plain",
          },
        },
      });
    // Whose delay is not over has not died, and comes back to its session.
    let lucky = await mortal(1, 600);
    await lucky.kill();
    lucky = await mortal(1, 600);
    assert.equal(lucky.sessionPresent, true);
    const unlucky = await mortal(2, 3);
    const killed = Date.now();
    await unlucky.kill();
    const message = await witness.receive();
    assert.deepEqual([message.topic, message.payload.toString()], [`${name}/will-2`, "gone"]);
    assert.deepEqual({ ...message.properties.userProperties }, { why: "killed" });
    assert.equal(message.properties.contentType, "text/plain");
    const waitedMs = Date.now() - killed;
    assert.ok(waitedMs > 2_000, `${waitedMs} ms`);
    await end(witness, lucky);
  },

  async "assigned-client-id"(broker) {
    const clients = [await broker.client(""), await broker.client("")];
    const ids = clients.map((one) => one.connack.properties.assignedClientIdentifier);
    assert.ok(ids[0] && ids[1] && ids[0] !== ids[1], `${ids}`);
    await end(...clients);
  },
};

module.exports = { scenarios };
