/**
 * The author's side: how a device says something, so that it is canonical, chained and knows its causes (SPEC §1, §3).
 * Twin of `core/device_log.py`.
 */

import * as canonical from "./canonical.js";
import { toBase64url } from "./bytes.js";
import * as ids from "./ids.js";
import { hold } from "./wire.js";

/** @typedef {import("./wire.js").Held} Held */
/** The end of a device's log, and in whose name it writes. @typedef {{election: string, device: string, officer: string, role: string, policy: string, seq: number, prev: string}} LogEnd */

/**
 * The next event of a log, as held; throws a RangeError when it would be bad by itself. `seen` is every event about the
 * voter that the author holds, its own included; without `voter` it is a birth; `person` is the personal part with its
 * salt, and `changed` follows from its changes.
 * @param {LogEnd} end
 * @param {{type: string, tps: string, at: string, voter?: string, seen?: readonly Held[], person?: Record<string, any>} & Record<string, any>} said
 * @returns {Held}
 */
export function append(end, { type, tps, at, voter, seen = [], person, ...own }) {
  const seq = end.seq + 1;
  const personBytes = person === undefined ? null : canonical.encode(person);
  /** @type {Record<string, any>} */
  const body = {
    at, device: end.device, election: end.election, officer: end.officer, policy: end.policy, prev: end.prev,
    role: end.role, seq, tps, type, v: 1, ...own, ...clockAndSaw(end.device, seq, seen),
  };
  if (person !== undefined && personBytes !== null) {
    body.person = toBase64url(ids.sha256(personBytes));
    if (person.changes !== undefined) body.changed = Object.keys(person.changes).sort();
  }
  body.voter = voter ?? birth(end, seq, body);
  const held = hold(canonical.encode(body), personBytes);
  if (held.fault !== null || held.personFault !== null) throw new RangeError(`${type} would be no good event: ${held.fault ?? held.personFault}`);
  return held;
}

/** The end of the log after `held` was appended to it. @param {LogEnd} end @param {Held} held @returns {LogEnd} */
export const endAfter = (end, held) => ({ ...end, seq: held.place.seq, prev: held.name });

/** @param {LogEnd} end @param {number} seq @param {Record<string, any>} body */
function birth(end, seq, body) {
  if (body.person === undefined) throw new RangeError("a birth needs its person");
  return ids.birthId(end.election, end.device, seq, body.person);
}

/**
 * The `clock` of a new event (device, seq) whose author holds `seen` about the voter, and its `saw` if any. Of each
 * other device the latest event is named, by its hash: the clock never falls, since what is held stays held.
 * @param {string} device @param {number} seq @param {readonly Held[]} seen
 * @returns {{clock: Record<string, number>, saw?: string[]}}
 */
export function clockAndSaw(device, seq, seen) {
  /** @type {Map<string, Held>} */
  const latest = new Map();
  /** @type {Map<string, number>} */
  const named = new Map();
  for (const held of seen) {
    const author = held.place.device;
    if (author === device) {
      // What the device itself had seen stays seen, even what it holds no longer.
      for (const [other, at] of Object.entries(held.place.clock)) named.set(other, Math.max(named.get(other) ?? 0, at));
    } else if ((latest.get(author)?.place.seq ?? 0) < held.place.seq) latest.set(author, held);
  }
  for (const [other, at] of named) {
    if (other !== device && (latest.get(other)?.place.seq ?? 0) < at) {
      throw new RangeError(`${other}:${at}, which the device had seen, is missing from what it holds`);
    }
  }
  if (latest.size === 0) return { clock: { [device]: seq } };
  const others = [...latest.keys()].sort();
  const clock = Object.fromEntries(others.map((other) => [other, /** @type {Held} */ (latest.get(other)).place.seq]));
  return { clock: { ...clock, [device]: seq }, saw: others.map((other) => /** @type {Held} */ (latest.get(other)).mark) };
}
