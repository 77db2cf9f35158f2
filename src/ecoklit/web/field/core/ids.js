/** Names and the codes that they hang on: devices, voters, polling places and areas (SPEC §1). Twin of `core/ids.py`. */

import { sha256 as digest } from "../vendor/noble-hashes/sha2.js";
import { concat, toBase32, toBase64url, toHex, utf8 } from "./bytes.js";

export const HASH_BYTES = 32;
export const MARK_BYTES = 16;
export const NATION = "00";
/** @type {Readonly<Record<string, number>>} */
export const KEY_BYTES = { ed25519: 32, p256: 65 };
export const ZERO_HASH = "A".repeat(43);

const HASH = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const SIGNATURE = /^[A-Za-z0-9_-]{85}[AQgw]$/;
const MARK = /^[A-Za-z0-9_-]{21}[AQgw]$/;
const DEVICE = /^[a-z2-7]{16}$/;
const VOTER = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const WORD = /^[a-z0-9_-]{1,32}$/;
const TPS = /^(?:1[1-9]|[2-9][0-9])[0-9]{11}$/;
const REGENCY = /^(?:1[1-9]|[2-9][0-9])[0-9]{2}$/;
const AREA = /^(?:1[1-9]|[2-9][0-9])(?:[0-9]{2}|[0-9]{4}|[0-9]{8})?$/;

/** @param {Uint8Array} bytes @returns {Uint8Array} */
export function sha256(bytes) {
  return digest(bytes);
}

/** 32 bytes as base64url: 43 characters, unused bits zero. @param {string} text */
export const isHash = (text) => HASH.test(text);
/** 16 bytes as base64url: 22 characters, unused bits zero. @param {string} text */
export const isMark = (text) => MARK.test(text);
/** 64 bytes as base64url: 86 characters, unused bits zero. @param {string} text */
export const isSignature = (text) => SIGNATURE.test(text);
/** @param {string} text */
export const isDevice = (text) => DEVICE.test(text);
/** @param {string} text */
export const isVoter = (text) => VOTER.test(text);
/** @param {string} text */
export const isWord = (text) => WORD.test(text);
/** @param {string} text */
export const isTps = (text) => TPS.test(text);
/** @param {string} text */
export const isRegency = (text) => REGENCY.test(text);
/** A province, regency, district or village: 2, 4, 6 or 10 digits; provinces are 11 to 99. @param {string} text */
export const isArea = (text) => AREA.test(text);

/** @param {string} tps */
export const regencyOf = (tps) => tps.slice(0, 4);
/** @param {string} tps */
export const villageOf = (tps) => tps.slice(0, 10);

/** A hash as the contract writes it. @param {Uint8Array} hash */
export const hashName = (hash) => toBase64url(hash);

/** The first 16 bytes of a hash, as a later `saw` says them. @param {Uint8Array} hash */
export const markOf = (hash) => toBase64url(hash.subarray(0, MARK_BYTES));

/** The 16 characters that name a key; throws for an unknown algorithm or a key of the wrong length. @param {string} algorithm @param {Uint8Array} publicKey */
export function deviceId(algorithm, publicKey) {
  if (!Object.hasOwn(KEY_BYTES, algorithm) || KEY_BYTES[algorithm] !== publicKey.length) {
    throw new RangeError(`an ${algorithm} key of ${publicKey.length} bytes is none`);
  }
  return toBase32(sha256(concat(utf8(algorithm), Uint8Array.of(0), publicKey)).subarray(0, 10));
}

/** The voter id that this birth, and no other, gives (UUID v8). @param {string} election @param {string} device @param {number} seq @param {string} personHash as on the wire */
export function birthId(election, device, seq, personHash) {
  const text = toHex(sha256(utf8(`ecoklit-voter-v1\n${election}\n${device}\n${seq}\n${personHash}\n`)).subarray(0, 16));
  const variant = "89ab"[Number.parseInt(text[16], 16) & 3];
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-8${text.slice(13, 16)}-${variant}${text.slice(17, 20)}-${text.slice(20)}`;
}
