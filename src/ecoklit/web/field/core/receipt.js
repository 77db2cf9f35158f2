/** The receipt: what the service answers for, signed; a phone says "held" because it verified that (SPEC §7.9). Twin of `core/receipt.py`. */

import * as canonical from "./canonical.js";
import { toBase64url } from "./bytes.js";
import { Malformed, isObject } from "./event.js";
import * as ids from "./ids.js";
import { receiptMessage, verifies } from "./signing.js";

/** @typedef {{device: string, election: string, epoch: number, head: string, log: string, position: Record<string, number>, regency: string, registry: number, seq: number, standings: {seq: number, standing: string, why?: string}[], as_of?: number, v: number}} Receipt */
/** @typedef {{receipt: Receipt, bytes: Uint8Array, service: string, signature: string}} SignedReceipt */

/** The receipt on one line, its signature unchecked; throws Malformed when it is none. Members that are not known are ignored. @param {Uint8Array} line without its line break @returns {SignedReceipt} */
export function readReceipt(line) {
  let value;
  try {
    value = /** @type {Record<string, any>} */ (canonical.decode(line));
  } catch {
    throw new Malformed("that is no receipt of this service");
  }
  if (!isObject(value) || Object.keys(value).sort().join() !== "receipt,service,signature" || !isReceipt(value.receipt)) {
    throw new Malformed("that is no receipt of this service");
  }
  return { receipt: value.receipt, bytes: canonical.encode(value.receipt), service: value.service, signature: value.signature };
}

/** @param {any} receipt */
function isReceipt(receipt) {
  return (
    isObject(receipt) &&
    [receipt.epoch, receipt.seq, receipt.registry].every(Number.isInteger) &&
    [receipt.device, receipt.election, receipt.regency, receipt.head].every((word) => typeof word === "string") &&
    ids.isDevice(receipt.device) &&
    ids.isHash(receipt.head) &&
    Array.isArray(receipt.standings) &&
    isObject(receipt.position)
  );
}

/** Whether one of the election's `services` (device id → key) signed it. @param {SignedReceipt} signed @param {Map<string, import("./signing.js").PublicKey>} services */
export async function receiptSignedBy(signed, services) {
  const key = services.get(signed.service);
  return key !== undefined && verifies(key, receiptMessage(toBase64url(ids.sha256(signed.bytes))), signed.signature);
}
