/** RFC 8785 JSON, with integers as the only numbers (SPEC §1). Twin of `core/canonical.py`. */

import { fromUtf8, utf8 } from "./bytes.js";
import { INTEGER_MAX, NESTING_MAX } from "./limits.js";

const SURROGATE = /[\ud800-\udfff]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What is not the canonical form of anything, or has none. */
export class NotCanonical extends Error {}

/** `value` (null, boolean, integer, string, array, plain object) as canonical text. @param {unknown} value @returns {string} */
export function write(value, room = NESTING_MAX) {
  if (typeof value === "string") return text(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return integer(value);
  if (typeof value !== "object") throw new NotCanonical(`a ${typeof value} has no form`);
  if (room === 0) throw new NotCanonical(`the value nests deeper than ${NESTING_MAX}`);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, room - 1)).join(",")}]`;
  return object(/** @type {Record<string, unknown>} */ (value), room);
}

/** @param {Record<string, unknown>} value @param {number} room */
function object(value, room) {
  // RFC 8785 §3.2.3 sorts by UTF-16 code units, which is how this language compares.
  let members = "";
  for (const key of Object.keys(value).sort()) members += `${members === "" ? "" : ","}${text(key)}:${write(value[key], room - 1)}`;
  return `{${members}}`;
}

/** @param {string} value */
function text(value) {
  // The first test is the quick one, and hardly any text has what it looks for.
  if (SURROGATE.test(value) && LONE_SURROGATE.test(value)) throw new NotCanonical("a string holds half of a character");
  return JSON.stringify(value);
}

/** @param {number} value */
function integer(value) {
  if (!Number.isInteger(value) || Math.abs(value) > INTEGER_MAX) throw new NotCanonical("a number is not an integer within ±(2^53 − 1)");
  return String(value);
}

/** `value` as canonical bytes. @param {unknown} value @returns {Uint8Array} */
export function encode(value) {
  return utf8(write(value));
}

/**
 * The value of canonical `bytes`. Throws NotCanonical when they are not the canonical form of anything; `room` is how
 * deep they may nest.
 * @param {Uint8Array} bytes @returns {unknown}
 */
export function decode(bytes, room = NESTING_MAX) {
  let source;
  let value;
  try {
    source = fromUtf8(bytes);
    value = JSON.parse(source);
  } catch (error) {
    throw new NotCanonical(error instanceof Error ? error.message : "not JSON");
  }
  if (write(value, room) !== source) throw new NotCanonical("the bytes are not the canonical form (RFC 8785) of their value");
  return value;
}
