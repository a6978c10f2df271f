// What MQTT 3.1.1 and 5.0 have in common.

"use strict";

const assert = require("node:assert/strict");

const PAYLOADS = [
  Buffer.alloc(0),
  Buffer.from("x"),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  Buffer.alloc(900_000, "0123456789"),
];
const SESSION_TAKEN_OVER = 0x8e;

async function roundTrip(broker, name, qos) {
  const subscriber = await broker.client(`${name}-subscriber`);
  const lower = await broker.client(`${name}-lower`);
  const publisher = await broker.client(`${name}-publisher`);
  assert.equal(await subscriber.subscribe(`${name}/+`, qos), qos);
  assert.equal(await lower.subscribe(`${name}/+`, 0), 0);
  for (const payload of PAYLOADS) {
    await publisher.publish(`${name}/a`, payload, { qos });
  }
  for (const [receiver, granted] of [[subscriber, qos], [lower, 0]]) {
    for (const payload of PAYLOADS) {
      const message = await receiver.receive();
      assert.equal(message.topic, `${name}/a`);
      assert.equal(message.qos, granted);
      assert.deepEqual([message.retain, message.dup], [false, false]);
      assert.ok(message.payload.equals(payload), `${message.payload.length} bytes`);
    }
  }
  await end(subscriber, lower, publisher);
}

async function end(...clients) {
  for (const client of clients) {
    await client.disconnect();
  }
}

const scenarios = {
  "qos-0": (broker, name) => roundTrip(broker, name, 0),
  "qos-1": (broker, name) => roundTrip(broker, name, 1),
  "qos-2": (broker, name) => roundTrip(broker, name, 2),

  async burst(broker, name) {
    const subscriber = await broker.client(`${name}-subscriber`);
    const publisher = await broker.client(`${name}-publisher`);
    const sent = Array.from({ length: 300 }, (_, number) => String(number));
    for (const qos of [0, 1, 2]) {
      const topic = `${name}/${qos}`;
      await subscriber.subscribe(topic, qos);
      await publisher.publishAll(topic, sent, qos);
      for (const payload of sent) {
        const message = await subscriber.receive();
        assert.equal(message.payload.toString(), payload);
        assert.deepEqual([message.topic, message.qos], [topic, qos]);
      }
    }
    await publisher.publish(`${name}/2`, "end", { qos: 2 });
    assert.deepEqual(await subscriber.receiveUntil("end"), []);
    await end(subscriber, publisher);
  },

  async retained(broker, name) {
    const publisher = await broker.client(`${name}-publisher`);
    const witness = await broker.client(`${name}-witness`);
    await witness.subscribe(`${name}/#`, 1);
    for (const payload of ["old", "kept"]) {
      await publisher.publish(`${name}/a`, payload, { retain: true });
      const seen = await witness.receive();
      assert.deepEqual([seen.payload.toString(), seen.retain], [payload, false]);
    }
    const late = await broker.client(`${name}-late`);
    await late.subscribe(`${name}/+`, 1);
    const kept = await late.receive();
    assert.deepEqual([kept.topic, kept.payload.toString()], [`${name}/a`, "kept"]);
    assert.deepEqual([kept.qos, kept.retain], [1, true]);
    await publisher.publish(`${name}/a`, "", { retain: true });
    for (const client of [witness, late]) {
      assert.equal((await client.receive()).payload.length, 0);
    }
    const later = await broker.client(`${name}-later`);
    await later.subscribe(`${name}/+`, 1);
    await publisher.publish(`${name}/a`, "end");
    assert.deepEqual(await later.receiveUntil("end"), []);
    await end(publisher, witness, late, later);
  },

  async will(broker, name) {
    const witness = await broker.client(`${name}-witness`);
    await witness.subscribe(`${name}/will`, 1);
    const will = { topic: `${name}/will`, payload: Buffer.from("gone"), qos: 1, retain: true };
    const mortal = await broker.client(`${name}-mortal`, { will });
    await mortal.kill();
    const came = await witness.receive();
    assert.deepEqual([came.payload.toString(), came.qos, came.retain], ["gone", 1, false]);
    const late = await broker.client(`${name}-late`);
    await late.subscribe(`${name}/will`, 1);
    assert.equal((await late.receive()).retain, true);
    await late.publish(`${name}/will`, "", { retain: true });
    await end(witness, late);
  },

  async "no-will-after-disconnect"(broker, name) {
    const witness = await broker.client(`${name}-witness`);
    await witness.subscribe(`${name}/#`, 1);
    const will = { topic: `${name}/will`, payload: Buffer.from("gone"), qos: 1, retain: false };
    await end(await broker.client(`${name}-mortal`, { will }));
    // The broker answers this one when it is through with the one before.
    const mortal = await broker.client(`${name}-mortal`);
    await mortal.publish(`${name}/end`, "end");
    assert.deepEqual(await witness.receiveUntil("end"), []);
    await end(witness, mortal);
  },

  async "session-resume"(broker, name) {
    const publisher = await broker.client(`${name}-publisher`);
    const arrive = () => broker.client(`${name}-lasting`, { clean: false, expiryS: 600 });
    let lasting = await arrive();
    assert.equal(lasting.sessionPresent, false);
    for (const qos of [1, 2]) {
      assert.equal(await lasting.subscribe(`${name}/${qos}`, qos), qos);
    }
    for (const leave of ["disconnect", "kill"]) {
      await lasting[leave]();
      const sent = [0, 1, 2].map((number) => `${leave} ${number}`);
      for (const payload of sent) {
        for (const qos of [1, 2]) {
          await publisher.publish(`${name}/${qos}`, payload, { qos });
        }
      }
      lasting = await arrive();
      assert.equal(lasting.sessionPresent, true);
      const came = [];
      while (came.length < 2 * sent.length) {
        came.push(await lasting.receive());
      }
      for (const qos of [1, 2]) {
        const ofQos = came.filter((one) => one.topic === `${name}/${qos}`);
        assert.deepEqual(ofQos.map((one) => one.payload.toString()), sent);
        assert.ok(ofQos.every((one) => one.qos === qos));
      }
    }
    await lasting.disconnect();
    const anew = await broker.client(`${name}-lasting`);
    assert.equal(anew.sessionPresent, false);
    await publisher.publish(`${name}/1`, "to nobody");
    await anew.subscribe(`${name}/end`, 1);
    await publisher.publish(`${name}/end`, "end");
    assert.deepEqual(await anew.receiveUntil("end"), []);
    await end(publisher, anew);
  },

  async "shared-subscription"(broker, name) {
    const members = [await broker.client(`${name}-0`), await broker.client(`${name}-1`)];
    for (const member of members) {
      assert.equal(await member.subscribe(`$share/${name}/${name}/t`, 1), 1);
      await member.subscribe(`${name}/end`, 1);
    }
    const publisher = await broker.client(`${name}-publisher`);
    const sent = Array.from({ length: 20 }, (_, number) => String(number).padStart(2, "0"));
    for (const payload of sent) {
      await publisher.publish(`${name}/t`, payload);
    }
    await publisher.publish(`${name}/end`, "end");
    const came = [await members[0].receiveUntil("end"), await members[1].receiveUntil("end")];
    assert.deepEqual(came.flat().sort(), sent);
    assert.ok(came.every((one) => one.length > 0), `one had nothing: ${came}`);
    // The one that stays has all of it.
    await members[0].disconnect();
    await end(await broker.client(`${name}-0`));
    for (const payload of sent) {
      await publisher.publish(`${name}/t`, payload);
    }
    for (const payload of sent) {
      assert.equal((await members[1].receive()).payload.toString(), payload);
    }
    await end(members[1], publisher);
  },

  async "take-over"(broker, name) {
    const first = await broker.client(name);
    const second = await broker.client(name);
    const code = await first.waitEnd();
    assert.equal(code, broker.isV5 ? SESSION_TAKEN_OVER : null);
    await second.subscribe(`${name}/a`, 1);
    await second.publish(`${name}/a`, "here");
    assert.equal((await second.receive()).payload.toString(), "here");
    await end(second);
  },
};

module.exports = { end, scenarios };
