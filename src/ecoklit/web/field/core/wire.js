/** The wire line, and an event as held: its exact bytes, its hash, and what is known to be wrong with it (SPEC §1). Twin of `core/wire.py`. */

import * as canonical from "./canonical.js";
import { utf8 } from "./bytes.js";
import { Malformed, isObject, parse } from "./event.js";
import * as ids from "./ids.js";
import { LINE_BYTES_MAX, NESTING_MAX } from "./limits.js";
import { faultOfPerson } from "./person.js";

/**
 * One event as held. `event` is null for a bad event, and `fault` says what is wrong. `person` is null when the right
 * copy is absent; `personFault` says why a copy that came with it was dropped. `name` is `hash` as text.
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
 * @property {Uint8Array | null} personBytes
 * @property {import("./person.js").Person | null} person
 * @property {string | null} personFault
 */

/** The event on one wire line, without its line break; throws Malformed when it is nobody's. @param {Uint8Array} line @returns {Held} */
export function read(line) {
  if (line.length > LINE_BYTES_MAX) throw new Malformed(`the line has ${line.length} bytes, more than ${LINE_BYTES_MAX}`);
  let envelope;
  try {
    // The envelope is one more object around the event and the person.
    envelope = canonical.decode(line, NESTING_MAX + 1);
  } catch (error) {
    throw malformed(error);
  }
  if (!isEnvelope(envelope)) throw new Malformed('the line is not {"event":…} or {"event":…,"person":…}');
  const parts = /** @type {{event: unknown, person?: unknown}} */ (envelope);
  return holdValues(parts.event, utf8(canonical.write(parts.event)), parts.person);
}

/** The event as held, from its two parts; throws Malformed when it is nobody's. @param {Uint8Array} eventBytes @param {Uint8Array | null} personBytes @returns {Held} */
export function hold(eventBytes, personBytes) {
  try {
    return holdValues(canonical.decode(eventBytes), eventBytes, personBytes === null ? undefined : canonical.decode(personBytes));
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
  return isObject(value) && ["event", "event,person"].includes(Object.keys(/** @type {object} */ (value)).sort().join());
}

/** @param {unknown} value @param {Uint8Array} bytes @param {unknown} person undefined when none came @returns {Held} */
function holdValues(value, bytes, person) {
  const { place, event, fault } = parse(value);
  const hash = ids.sha256(bytes);
  const personBytes = person === undefined ? null : canonical.encode(person);
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
    personBytes: isRight ? personBytes : null,
    person: isRight ? /** @type {import("./person.js").Person} */ (person) : null,
    personFault,
  };
}

/** One wire line, without its line break. @param {Uint8Array} eventBytes @param {Uint8Array | null} personBytes @returns {Uint8Array} */
export function write(eventBytes, personBytes) {
  const text = new TextDecoder();
  const event = text.decode(eventBytes);
  return utf8(personBytes === null ? `{"event":${event}}` : `{"event":${event},"person":${text.decode(personBytes)}}`);
}
