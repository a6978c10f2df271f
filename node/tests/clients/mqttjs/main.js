// Runs scenarios over one transport in one version, and prints `ok NAME` for each
// that went well. The test that calls it says which; see matrix.rs.

"use strict";

const { randomBytes } = require("node:crypto");
const { parseArgs } = require("node:util");
const { Broker } = require("./client.js");

const scenarios = {
  ...require("./both_versions.js").scenarios,
  ...require("./only_v5.js").scenarios,
};

async function main() {
  const text = { type: "string" };
  const { values, positionals } = parseArgs({
    options: { transport: text, version: text, port: text, ca: text },
    allowPositionals: true,
  });
  const broker = new Broker(values);
  let hasFailed = false;
  for (const scenario of positionals) {
    try {
      // Others run against the same broker.
      await scenarios[scenario](broker, `${scenario}-${randomBytes(6).toString("hex")}`);
      console.log("ok", scenario);
    } catch (error) {
      hasFailed = true;
      console.log("FAILED", scenario);
      console.log(error.stack);
    }
  }
  // A scenario that failed leaves its connections open.
  process.exit(hasFailed ? 1 : 0);
}

main();
