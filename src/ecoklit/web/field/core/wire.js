/** The wire line, and an event as held: its exact bytes, its hash, and what is known to be wrong with it (SPEC §1). Twin of `core/wire.py`. */

import * as canonical from "./canonical.js";
import { fromUtf8, utf8 } from "./bytes.js";
import { clockFault, isBirth, sumOf } from "./causality.js";
import { Malformed, isObject, parse } from "./event.js";
import * as ids from "./ids.js";
import { LINE_BYTES_MAX } from "./limits.js";
import { faultOfPerson } from "./person.js";

/**
 * One event as held. `event` is null for a bad event, and `fault` says what is wrong. `person` is null when the right
 * copy is absent; `personFault` says why a copy that came with it was dropped. `name` is `hash` as text. All of it follows
 * from the bytes, and is plain data: a store may keep it as it is, and need not read the bytes again.
 * @typedef {object} Held
 * @property {Uint8Array} bytes
 * @property {Uint8Array} hash
 * @property {string} name
 * @property {string} mark
 * @property {string} dot device:seq
 * @property {string} key regency:voter
 * @property {import("./event.js").Place} place
 * @property {import("./event.js").Event | null} event
 * @property {string | null} fault
 * @property {string | null} clockFault what is wrong with its clock, whatever else is held
 * @property {number | bigint} sum of its clock
 * @property {boolean} isBirth
 * @property {Uint8Array | null} personBytes
 * @property {import("./person.js").Person | null} person
 * @property {string | null} personFault
 */

/** The event on one wire line, without its line break; throws Malformed when it is nobody's. @param {Uint8Array} line @returns {Held} */
export function read(line) {
  if (line.length > LINE_BYTES_MAX) throw new Malformed(`the line has ${line.length} bytes, more than ${LINE_BYTES_MAX}`);
  const source = textOf(line);
  const envelope = parsed(source);
  if (!isEnvelope(envelope)) throw new Malformed('the line is not {"event":…} or {"event":…,"person":…}');
  const { event, person } = /** @type {{event: unknown, person?: unknown}} */ (envelope);
  const eventText = written(event);
  const personText = person === undefined ? null : written(person);
  if (lineText(eventText, personText) !== source) throw new Malformed("the line is not canonical JSON");
  return held(event, utf8(eventText), person, personText === null ? null : utf8(personText));
}

/** The event as held, from its two parts; throws Malformed when it is nobody's. @param {Uint8Array} eventBytes @param {Uint8Array | null} personBytes @returns {Held} */
export function hold(eventBytes, personBytes) {
  return held(canonicalValue(eventBytes), eventBytes, personBytes === null ? undefined : canonicalValue(personBytes), personBytes);
}

/** @param {Uint8Array} bytes */
function canonicalValue(bytes) {
  try {
    return canonical.decode(bytes);
  } catch (error) {
    throw malformed(error);
  }
}

/** @param {Uint8Array} bytes */
function textOf(bytes) {
  try {
    return fromUtf8(bytes);
  } catch {
    throw new Malformed("the line is not UTF-8");
  }
}

/** @param {string} source @returns {unknown} */
function parsed(source) {
  try {
    return JSON.parse(source);
  } catch {
    throw new Malformed("the line is not JSON");
  }
}

/** @param {unknown} value */
function written(value) {
  try {
    return canonical.write(value);
  } catch (error) {
    throw malformed(error);
  }
}

/** @param {unknown} error */
function malformed(error) {
  return error instanceof canonical.NotCanonical ? new Malformed(error.message) : error;
}

/** @param {unknown} value */
function isEnvelope(value) {
  if (!isObject(value)) return false;
  const keys = Object.keys(/** @type {object} */ (value));
  return keys[0] === "event" && (keys.length === 1 || (keys.length === 2 && keys[1] === "person"));
}

/** @param {unknown} value @param {Uint8Array} bytes @param {unknown} person undefined when none came @param {Uint8Array | null} personBytes @returns {Held} */
function held(value, bytes, person, personBytes) {
  const { place, event, fault } = parse(value);
  const hash = ids.sha256(bytes);
  const personFault = personBytes === null ? null : faultOfPerson(person, event, ids.sha256(personBytes));
  const isRight = personBytes !== null && personFault === null;
  return {
    bytes,
    hash,
    name: ids.hashName(hash),
    mark: ids.markOf(hash),
    dot: `${place.device}:${place.seq}`,
    key: `${ids.regencyOf(place.tps)}:${place.voter}`,
    place,
    event,
    fault,
    clockFault: clockFault(place, event),
    sum: sumOf(place.clock),
    isBirth: event !== null && isBirth(event),
    personBytes: isRight ? personBytes : null,
    person: isRight ? /** @type {import("./person.js").Person} */ (person) : null,
    personFault,
  };
}

/** One wire line, without its line break. @param {Uint8Array} eventBytes @param {Uint8Array | null} personBytes @returns {Uint8Array} */
export function write(eventBytes, personBytes) {
  return utf8(lineText(fromUtf8(eventBytes), personBytes === null ? null : fromUtf8(personBytes)));
}

/** @param {string} event @param {string | null} person */
function lineText(event, person) {
  return person === null ? `{"event":${event}}` : `{"event":${event},"person":${person}}`;
}
