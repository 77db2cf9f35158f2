/**
 * The personal part of an event: whether a copy is the one that the event commits to, and fits it (SPEC §1). Twin of
 * `core/person.py`. A wrong copy is a fault of that copy, never of the event.
 */

import { toBase64url } from "./bytes.js";
import { RECORD_FIELDS, faultOfMembers, isDate, isInteger, isObject, isText, listOf, oneOf } from "./event.js";
import * as ids from "./ids.js";

/** @typedef {Record<string, any>} Person */
/** @typedef {import("./event.js").Check} Check */
/** @typedef {import("./event.js").Form} Form */

export const DISABILITIES = Object.freeze(["physical", "intellectual", "mental", "speech", "hearing", "visual"]);
/** @type {Readonly<Record<string, readonly string[]>>} */
const CLOSED = { disability: DISABILITIES, ektp: ["S", "B"], marital: ["B", "S", "P"], sex: ["L", "P"] };
const LATITUDE_E6_MAX = 90_000_000;
const LONGITUDE_E6_MAX = 180_000_000;

/** @type {Record<string, Check>} */
const FIELDS = Object.fromEntries(RECORD_FIELDS.map((name) => [name, particular(name)]));
/** @type {Record<string, Form>} */
const FORMS = {
  record: { needs: FIELDS, may: {} },
  changes: { needs: {}, may: FIELDS },
  place: { needs: { accuracy_m: isInteger, lat_e6: isInteger, lon_e6: isInteger }, may: {} },
};
FORMS.visit = {
  needs: {},
  may: { photos: listOf(isText), place: formed("place"), slip: isBoolean, sticker: isBoolean },
};
FORMS.person = {
  needs: { salt: isText },
  may: { changes: formed("changes"), death_date: isText, note: isText, record: formed("record"), visit: formed("visit") },
};

/** @param {string} name @returns {Check} */
function particular(name) {
  const check = Object.hasOwn(CLOSED, name) ? oneOf(CLOSED[name]) : isText;
  return (value) => value === null || check(value);
}

/** @param {string} name @returns {Check} */
function formed(name) {
  return (value) => isObject(value) && faultOfMembers(/** @type {Record<string, unknown>} */ (value), FORMS[name]) === null;
}

/** @type {Check} */
function isBoolean(value) {
  return typeof value === "boolean";
}

/**
 * Why the canonical `value` is a bad person for `event` (null of a bad event, of which none is known to fit); null when
 * it is the right one.
 * @param {unknown} value @param {import("./event.js").Event | null} event @param {Uint8Array} hash of its bytes
 * @returns {string | null}
 */
export function faultOfPerson(value, event, hash) {
  if (!formed("person")(value)) return "the person has not the form of one";
  if (event === null || event.person === undefined) return "the event commits to no person";
  if (toBase64url(hash) !== event.person) return "the person is not the one that the event commits to";
  return misfit(/** @type {Person} */ (value), event);
}

/** @param {Person} person @param {import("./event.js").Event} event */
function misfit(person, event) {
  if (!ids.isMark(person.salt)) return "salt is not 16 bytes in base64url";
  const isBirth = event.type === "listed" || event.type === "new";
  if ((person.record !== undefined) !== isBirth) return "record goes with listed and new, and only with them";
  // Empty changes are none that an event could name, so they fit nothing.
  const changed = person.changes === undefined ? "" : Object.keys(person.changes).sort().join();
  const named = event.changed === undefined ? "" : event.changed.join();
  if (changed !== named || (person.changes !== undefined && changed === "")) return "the keys of changes are not the event's changed";
  if (person.death_date !== undefined && !(event.type === "deceased" && isDate(person.death_date))) {
    return "death_date is a date, and goes with deceased only";
  }
  return person.visit === undefined ? null : misfitOfVisit(person.visit);
}

/** @param {Record<string, any>} visit */
function misfitOfVisit(visit) {
  if (visit.photos !== undefined && !visit.photos.every(ids.isHash)) return "photos are not hashes of 32 bytes in base64url";
  const place = visit.place;
  const onEarth =
    place === undefined ||
    (Math.abs(place.lat_e6) <= LATITUDE_E6_MAX && Math.abs(place.lon_e6) <= LONGITUDE_E6_MAX && place.accuracy_m >= 0);
  return onEarth ? null : "place is nowhere on earth";
}
