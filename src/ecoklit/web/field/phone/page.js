/** The answer to a pull, line by line: events, standings, and the page's own line, which ends it (SPEC §7.11). Twin of `field/page.py`. */

import { fromUtf8, toBase64url, utf8 } from "../core/bytes.js";
import { isInteger, isObject, isText } from "../core/event.js";
import { isDevice, isHash } from "../core/ids.js";
import { EMPTY_HEAD } from "../core/merkle.js";
import { parsePolicy } from "../core/policy.js";
import { read } from "../core/wire.js";
import { Away, WrongService } from "./trouble.js";

/** @typedef {{device: string, seq: number, name: string, why: string}} Told */
/** @typedef {{held: import("../core/wire.js").Held[], standings: Told[], lost: [string, number][], cursor: string, digest: string, position: number, more: boolean, registry: number, policies: any[]}} Page `policies` as parsed JSON */

/** The tree of no voters, which stands for no digest at all (SPEC §6.6). */
const NOBODY = toBase64url(EMPTY_HEAD);

/** The page in `body`; its position is that of the events' `stream`. Throws Away when it was cut off, WrongService when it is none. @param {Uint8Array} body @param {string} election @param {string} stream @returns {Page} */
export function readPage(body, election, stream) {
  const lines = linesOf(body);
  const end = endOf(lines);
  /** @type {import("../core/wire.js").Held[]} */
  const held = [];
  /** @type {Told[]} */
  const standings = [];
  for (const line of lines.slice(0, -1)) {
    if (line.startsWith('{"event":')) held.push(eventOf(line, election));
    else standings.push(...standingOf(line));
  }
  const digest = end.digest === undefined || end.digest === null || end.digest === NOBODY ? "" : end.digest;
  if (digest !== "" && !(isText(digest) && isHash(digest))) throw new WrongService("the digest in the answer is none");
  const at = end.position ?? 0;
  return {
    held, standings, digest, lost: (end.lost ?? []).map(lostOf), cursor: end.cursor, more: end.more,
    position: isInteger(at) ? at : (at[stream] ?? 0), registry: end.registry ?? 0, policies: (end.policies ?? []).map(policyOf),
  };
}

/** The lines of NDJSON as text; throws WrongService where they are none. @param {Uint8Array} body @returns {string[]} */
export function linesOf(body) {
  let text;
  try {
    text = fromUtf8(body);
  } catch {
    throw new WrongService("the answer is no text");
  }
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** @param {string[]} lines @returns {Record<string, any>} the line that ends a page */
function endOf(lines) {
  if (lines.length > 0 && !lines[0].startsWith("{")) throw new WrongService("the answer is not one of this election's service");
  const end = lines.length > 0 ? valueOf(lines[lines.length - 1])?.page : undefined;
  if (end === undefined) throw new Away(); // it broke off in the middle
  const isEnd =
    isObject(end) && isText(end.cursor) && typeof end.more === "boolean" && isInteger(end.registry ?? 0) &&
    (isInteger(end.position ?? 0) || isObject(end.position)) && Array.isArray(end.lost ?? []) && Array.isArray(end.policies ?? []);
  if (!isEnd) throw new WrongService("the answer ends with something that is no page");
  return end;
}

/** @param {string} line @returns {Record<string, any> | undefined} */
function valueOf(line) {
  try {
    const value = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} line @returns {Told[]} none for a line that is not known (SPEC §10.2) */
function standingOf(line) {
  const value = valueOf(line);
  if (value === undefined) throw new WrongService("the answer is not one of this election's service");
  if (value.standing === undefined) return [];
  const { device, seq, name, why = "" } = value.standing;
  if (!isText(device) || !isInteger(seq) || !isText(name) || !isText(why)) throw new WrongService("the answer holds something that is no standing");
  return [{ device, seq, name, why }];
}

/** @param {any} one @returns {[string, number]} */
function lostOf(one) {
  if (!isObject(one) || !isText(one.device) || !isDevice(one.device) || !isInteger(one.after)) throw new WrongService("the answer names lost entries that are none");
  return [one.device, one.after];
}

/** @param {any} value */
function policyOf(value) {
  try {
    parsePolicy(value);
  } catch {
    throw new WrongService("the answer holds something that is no policy");
  }
  return value;
}

/** @param {string} line @param {string} election */
function eventOf(line, election) {
  let held;
  try {
    held = read(utf8(line));
  } catch {
    throw new WrongService("the answer holds something that is no event");
  }
  if (held.event !== null && held.event.election !== election) throw new WrongService(`the service is of ${held.event.election}, this phone of ${election}`);
  return held;
}
