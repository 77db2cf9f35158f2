/** The receipt: what the service answers for, signed; a phone says "held" because it verified that (SPEC §7.9). Twin of `core/receipt.py`. */

import * as canonical from "./canonical.js";
import { toBase64url } from "./bytes.js";
import { Malformed, isInteger, isObject, isText, listOf, oneOf } from "./event.js";
import * as ids from "./ids.js";
import { receiptMessage, verifies } from "./signing.js";

/** @typedef {{device: string, election: string, epoch: number, head: string, log: string, position: Record<string, number>, regency: string, registry: number, seq: number, standings: {seq: number, standing: string, why?: string}[], as_of?: number, erased?: number[], v: number}} Receipt */
/** @typedef {{receipt: Receipt, bytes: Uint8Array, service: string, signature: string}} SignedReceipt */

const NO_RECEIPT = "that is no receipt of this service";
/** @type {import("./event.js").Check} */
const isStood = (value) => has(value, { seq: isInteger, standing: isText }) && may(value, { why: isText });
/** @type {import("./event.js").Check} */
const isPosition = (value) => isObject(value) && Object.values(/** @type {object} */ (value)).every(isInteger);
const NEEDS = {
  device: isText, election: isText, epoch: isInteger, head: isText, position: isPosition, regency: isText,
  registry: isInteger, seq: isInteger, standings: listOf(isStood),
};
const MAY = { as_of: isInteger, erased: listOf(isInteger), log: oneOf(["voters", "registry"]), v: (/** @type {unknown} */ value) => value === 1 };

/** The receipt on one line, its signature unchecked; throws Malformed when it is none. Members that are not known are ignored. @param {Uint8Array} line without its line break @returns {SignedReceipt} */
export function readReceipt(line) {
  const value = valueOf(line);
  const { receipt, service, signature } = value;
  const isOne =
    Object.keys(value).length === 3 && has(receipt, NEEDS) && may(receipt, MAY) && ids.isDevice(receipt.device) && ids.isHash(receipt.head) &&
    isText(service) && ids.isDevice(service) && isText(signature) && ids.isSignature(signature);
  if (!isOne) throw new Malformed(NO_RECEIPT);
  return { receipt: { log: "voters", ...receipt }, bytes: canonical.encode(receipt), service, signature };
}

/** @param {Uint8Array} line @returns {Record<string, any>} */
function valueOf(line) {
  try {
    const value = canonical.decode(line);
    if (isObject(value)) return /** @type {Record<string, any>} */ (value);
  } catch (error) {
    if (!(error instanceof canonical.NotCanonical)) throw error;
  }
  throw new Malformed(NO_RECEIPT);
}

/** @param {any} value @param {Record<string, import("./event.js").Check>} members */
const has = (value, members) => isObject(value) && Object.entries(members).every(([name, check]) => Object.hasOwn(value, name) && check(value[name]));
/** @param {any} value @param {Record<string, import("./event.js").Check>} members */
const may = (value, members) => Object.entries(members).every(([name, check]) => !Object.hasOwn(value, name) || check(value[name]));

/** Whether one of the election's `services` (device id → key) signed it. @param {SignedReceipt} signed @param {Map<string, import("./signing.js").PublicKey>} services */
export async function receiptSignedBy(signed, services) {
  const key = services.get(signed.service);
  return key !== undefined && verifies(key, receiptMessage(toBase64url(ids.sha256(signed.bytes))), signed.signature);
}
