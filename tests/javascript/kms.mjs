// The AWS SDK for JavaScript as a process: one call per line of standard input, one answer per line of standard output.
//
//   {"region": "us-east-1", "command": "Encrypt", "input": {...}}  ->  {"output": {...}} or {"error": {...}}
//
// Bytes are {"$bytes": "<base64>"} in both directions. MERIDIAN_HTTP=2 chooses HTTP/2; the SDK's environment variables
// (AWS_ENDPOINT_URL_KMS, AWS_ACCESS_KEY_ID, ...) say the rest.

import { createInterface } from "node:readline";
import * as sdk from "@aws-sdk/client-kms";
import { NodeHttp2Handler, NodeHttpHandler } from "@smithy/node-http-handler";

const clients = new Map();

function client(region) {
  if (!clients.has(region)) {
    const requestHandler = process.env.MERIDIAN_HTTP === "2" ? new NodeHttp2Handler() : new NodeHttpHandler();
    clients.set(region, new sdk.KMSClient({ region, requestHandler }));
  }
  return clients.get(region);
}

function toBytes(_name, value) {
  return typeof value?.$bytes === "string" ? new Uint8Array(Buffer.from(value.$bytes, "base64")) : value;
}

function fromBytes(_name, value) {
  return value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString("base64") } : value;
}

async function call({ region, command, input }) {
  try {
    const { $metadata, ...output } = await client(region).send(new sdk[`${command}Command`](input));
    return { output, requestId: $metadata.requestId };
  } catch (error) {
    // A modelled error is an instance of the class of that name; anything else ends the process, and so the test.
    if (!(error instanceof sdk.KMSServiceException)) throw error;
    const modelled = typeof sdk[error.name] === "function" && error instanceof sdk[error.name];
    return { error: { name: error.name, message: error.message, status: error.$metadata.httpStatusCode, modelled } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await call(JSON.parse(line, toBytes)), fromBytes));
}
for (const each of clients.values()) each.destroy();
