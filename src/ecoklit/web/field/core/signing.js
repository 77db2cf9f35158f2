/**
 * Signatures: what exactly is signed, and what counts as signed (SPEC §1.3, §7.2, §7.9, §8.1). Twin of `core/signing.py`.
 *
 * Ed25519 libraries disagree on edge cases, and browsers from before 2025 have none: so one verifier decides here, by
 * the equation that the service's own uses, and its verdicts are the contract's vectors. P-256 is the browser's.
 */

import { Point, getPublicKey, hashes, sign as signBySeed } from "../vendor/noble-ed25519/index.js";
import { sha512 } from "../vendor/noble-hashes/sha2.js";
import { concat, equal, fromBase64url, toBase64url, utf8 } from "./bytes.js";
import { KEY_BYTES, deviceId } from "./ids.js";

export const ED25519 = "ed25519";
export const P256 = "p256";
const SIGNATURE_BYTES = 64;
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The public half of a key as on the wire. @typedef {{algorithm: string, public_key: string}} PublicKey */

/** The id that a key gives its device; throws when it is none. @param {PublicKey} key */
export const deviceOf = (key) => deviceId(key.algorithm, fromBase64url(key.public_key));

/** Whether `signature` (base64url) is this key's over `message`. @param {PublicKey} key @param {Uint8Array} message @param {string} signature @returns {Promise<boolean>} */
export async function verifies(key, message, signature) {
  let raw;
  try {
    raw = [fromBase64url(key.public_key), fromBase64url(signature)];
  } catch {
    return false;
  }
  return verify(key.algorithm, raw[0], message, raw[1]);
}

/** Whether `signature` is that key's over `message`; false for a key or a signature that is none. @param {string} algorithm @param {Uint8Array} publicKey @param {Uint8Array} message @param {Uint8Array} signature @returns {Promise<boolean>} */
export async function verify(algorithm, publicKey, message, signature) {
  if (signature.length !== SIGNATURE_BYTES || !Object.hasOwn(KEY_BYTES, algorithm) || KEY_BYTES[algorithm] !== publicKey.length) return false;
  return algorithm === ED25519 ? verifyEd25519(publicKey, message, signature) : verifyP256(publicKey, message, signature);
}

/** RFC 8032 without the cofactor, no point of small order, nothing that is not reduced. @param {Uint8Array} publicKey @param {Uint8Array} message @param {Uint8Array} signature */
function verifyEd25519(publicKey, message, signature) {
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  if (s >= ED25519_ORDER) return false;
  const key = point(publicKey);
  const nonce = point(r);
  if (key === null || nonce === null || key.isSmallOrder() || nonce.isSmallOrder()) return false;
  const challenge = littleEndian(sha512(concat(r, publicKey, message))) % ED25519_ORDER;
  const found = times(Point.BASE, s).subtract(times(key, challenge));
  return equal(found.toBytes(), r);
}

/** @param {Uint8Array} bytes */
function point(bytes) {
  try {
    return Point.fromBytes(bytes, false);
  } catch {
    return null;
  }
}

/** @param {Point} base @param {bigint} scalar */
const times = (base, scalar) => (scalar === 0n ? Point.ZERO : base.multiply(scalar, false));

/** @param {Uint8Array} bytes */
function littleEndian(bytes) {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** @param {Uint8Array} publicKey @param {Uint8Array} message @param {Uint8Array} signature */
async function verifyP256(publicKey, message, signature) {
  try {
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("raw", buffer(publicKey), curve, false, ["verify"]);
    return await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, buffer(signature), buffer(message));
  } catch {
    return false; // no point of the curve
  }
}

/** @param {Uint8Array} bytes @returns {Uint8Array<ArrayBuffer>} */
const buffer = (bytes) => new Uint8Array(bytes);

// --- keys of this device -----------------------------------------------------------------------------------------------

/**
 * A key that signs here and whose secret nobody can read, not even this page.
 * @typedef {{algorithm: string, publicKey: string, device: string, secret: CryptoKey}} DeviceKey
 */

/** A new key: Ed25519 where the browser knows it, else P-256. @param {string[]} [algorithms] in the order of preference @returns {Promise<DeviceKey>} */
export async function makeKey(algorithms = [ED25519, P256]) {
  for (const algorithm of algorithms) {
    try {
      return await generated(algorithm);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotSupportedError") throw error;
    }
  }
  throw new DOMException("this browser makes neither Ed25519 nor P-256 keys", "NotSupportedError");
}

/** @param {string} algorithm @returns {Promise<DeviceKey>} */
async function generated(algorithm) {
  const kind = algorithm === ED25519 ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256" };
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(kind, false, ["sign", "verify"]));
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { algorithm, publicKey: toBase64url(raw), device: deviceId(algorithm, raw), secret: pair.privateKey };
}

/** The signature over `message` as it stands on the wire. @param {DeviceKey} key @param {Uint8Array} message @returns {Promise<string>} */
export async function sign(key, message) {
  const how = key.algorithm === ED25519 ? { name: "Ed25519" } : { name: "ECDSA", hash: "SHA-256" };
  return toBase64url(new Uint8Array(await crypto.subtle.sign(how, key.secret, buffer(message))));
}

/** The ed25519 key of a 32-byte seed, as a code stands for one: it signs once or twice and is forgotten. @param {Uint8Array} seed */
export function keyOfSeed(seed) {
  hashes.sha512 = sha512;
  const raw = getPublicKey(seed);
  return {
    device: deviceId(ED25519, raw),
    publicKey: toBase64url(raw),
    /** @param {Uint8Array} message */
    sign: (message) => toBase64url(signBySeed(message, seed)),
  };
}

// --- what is signed ----------------------------------------------------------------------------------------------------

/** What a device signs of its log, by its last event (SPEC §7.2). @param {string} election @param {string} device @param {number} seq @param {string} hash */
export const headMessage = (election, device, seq, hash) => messageOf("ecoklit-head-v1", election, device, String(seq), hash);
/** What a device signs of one registry event (SPEC §8.1). @param {string} election @param {string} regency @param {string} device @param {number} seq @param {string} hash */
export const registryMessage = (election, regency, device, seq, hash) => messageOf("ecoklit-registry-v1", election, regency, device, String(seq), hash);
/** What the service signs of a receipt (SPEC §7.9). @param {string} hash */
export const receiptMessage = (hash) => messageOf("ecoklit-receipt-v1", hash);
/** What a device signs to be given the voters of a TPS (SPEC §7.11). @param {string} election @param {string} device @param {string} nonce @param {string} tps @param {string} cursor */
export const pullMessage = (election, device, nonce, tps, cursor) => messageOf("ecoklit-pull-v1", election, device, nonce, tps, cursor);

/** Each word is ended by a line break, and none can hold one: no two messages have the same bytes. @param {...string} words */
function messageOf(...words) {
  return utf8(words.map((word) => `${word}\n`).join(""));
}
