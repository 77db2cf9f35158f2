/**
 * The nine events of coklit, and what can be wrong with one by itself (SPEC §1, §2). Twin of `core/event.py`.
 *
 * Bytes that are nobody's event are Malformed; everything else is held, and an event that breaks a rule of its own is
 * held as a bad event, by the six fields that place it in its device's log.
 */

import * as ids from "./ids.js";
import { ATTEMPTS_MAX, INTEGER_MAX } from "./limits.js";

/** @typedef {Record<string, any>} Event */
/** @typedef {{clock: Record<string, number>, device: string, prev: string, seq: number, tps: string, voter: string}} Place */
/** @typedef {{place: Place, event: Event | null, fault: string | null}} Parsed */
/** @typedef {(value: unknown) => boolean} Check */

export class Malformed extends Error {}

export const RECORD_FIELDS = Object.freeze([
  "address", "birth_date", "birth_place", "disability", "ektp", "marital", "name", "nik", "nkk", "rt", "rw", "sex",
]);
export const ROLES = Object.freeze(["pantarlih", "pps", "ppk", "kpu"]);
export const HOWS = Object.freeze(["in_person", "family", "video_call", "document"]);
export const DOCUMENTS = Object.freeze(["ktp_el", "ikd", "family_card", "biodata"]);
export const REASONS = Object.freeze([
  "duplicate", "underage", "foreign", "military", "police", "revoked", "unknown", "entry_error",
]);
export const VERDICTS = Object.freeze(["confirmed", "unvisited", "moved_away", "deceased", "disqualified"]);
export const WHYS = Object.freeze(["absent", "refused", "unreachable"]);

/** @type {Check} */
export const isText = (value) => typeof value === "string";
/** @type {Check} */
export const isInteger = (value) => Number.isInteger(value) && Math.abs(/** @type {number} */ (value)) <= INTEGER_MAX;
/** @type {Check} */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {readonly string[]} words @returns {Check} */
export const oneOf = (words) => (value) => words.includes(/** @type {string} */ (value));
/** @param {Check} check @returns {Check} */
export const listOf = (check) => (value) => Array.isArray(value) && value.every(check);
/** @type {Check} */
const isClock = (value) => isObject(value) && Object.values(/** @type {object} */ (value)).every(isInteger);

/** @typedef {{needs: Record<string, Check>, may: Record<string, Check>}} Form */

/** What every event has. @type {Form} */
const COMMON = {
  needs: {
    at: isText, clock: isClock, device: isText, election: isText, officer: isText, policy: isText, prev: isText,
    role: oneOf(ROLES), seq: isInteger, tps: isText, type: isText, v: (value) => value === 1, voter: isText,
  },
  may: { entry: oneOf(["phone", "paper"]), person: isText, saw: listOf(isText), visited: isText },
};

/** What each type has of its own. @type {Readonly<Record<string, Form>>} */
const OWN = {
  listed: { needs: { source: isText }, may: {} },
  new: { needs: { document: oneOf(DOCUMENTS), how: oneOf(HOWS) }, may: {} },
  found: { needs: { how: oneOf(HOWS) }, may: { changed: listOf(oneOf(RECORD_FIELDS)) } },
  moved: { needs: {}, may: { evidence: isText, to: isText, to_area: isText } },
  deceased: { needs: {}, may: { evidence: isText } },
  disqualified: { needs: { reason: oneOf(REASONS) }, may: { duplicate_of: isText, evidence: isText } },
  not_met: { needs: { nth: isInteger, why: oneOf(WHYS) }, may: {} },
  reopened: { needs: {}, may: { changed: listOf(oneOf(RECORD_FIELDS)), to: isText } },
  ruled: {
    needs: {},
    may: {
      changed: listOf(oneOf(RECORD_FIELDS)), duplicate_of: isText, reason: oneOf(REASONS), to: isText, verdict: oneOf(VERDICTS),
    },
  },
};
export const EVENT_TYPES = Object.freeze(Object.keys(OWN));

const PLACE = { clock: isClock, device: isText, prev: isText, seq: isInteger, tps: isText, voter: isText };
const CLOCK_TIME = /^T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$/;
const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;

/** What the canonical value of an event's bytes is; throws Malformed when it is nobody's. @param {unknown} value @returns {Parsed} */
export function parse(value) {
  const place = placeOf(value);
  const event = /** @type {Event} */ (value);
  const fault = faultOfForm(event) ?? faultOfWords(event) ?? RULES[event.type](event);
  return { place, event: fault === null ? event : null, fault };
}

/** @param {unknown} value @returns {Place} */
function placeOf(value) {
  if (!isObject(value)) throw new Malformed("the event is no object");
  const event = /** @type {Event} */ (value);
  for (const [name, check] of Object.entries(PLACE)) {
    if (!Object.hasOwn(event, name) || !check(event[name])) throw new Malformed(`the event has no well-formed ${name}`);
  }
  if (!ids.isDevice(event.device)) throw new Malformed("the event's device is not well formed");
  if (event.seq < 1) throw new Malformed("the event's seq is not well formed");
  if (!ids.isHash(event.prev)) throw new Malformed("the event's prev is not well formed");
  if (!ids.isVoter(event.voter)) throw new Malformed("the event's voter is not well formed");
  if (!ids.isTps(event.tps)) throw new Malformed("the event's tps is not well formed");
  return { clock: event.clock, device: event.device, prev: event.prev, seq: event.seq, tps: event.tps, voter: event.voter };
}

/** @param {Event} event @returns {string | null} */
function faultOfForm(event) {
  if (!Object.hasOwn(OWN, event.type)) return "the type is none of this version";
  const own = OWN[event.type];
  return faultOfMembers(event, { needs: { ...COMMON.needs, ...own.needs }, may: { ...COMMON.may, ...own.may } });
}

/** What an object has that its form does not give it, or lacks. @param {Record<string, unknown>} value @param {Form} form @returns {string | null} */
export function faultOfMembers(value, form) {
  for (const name of Object.keys(form.needs)) {
    if (!Object.hasOwn(value, name)) return `${name} is missing`;
  }
  for (const name of Object.keys(value)) {
    const check = Object.hasOwn(form.needs, name) ? form.needs[name] : Object.hasOwn(form.may, name) ? form.may[name] : null;
    if (check === null) return "there is a member that is unknown";
    if (!check(value[name])) return `${name} is not of its form`;
  }
  return null;
}

/** @param {Event} event @returns {string | null} */
function faultOfWords(event) {
  for (const name of ["election", "officer", "policy"]) {
    if (!ids.isWord(event[name])) return `${name} is no word of 1 to 32 characters a-z, 0-9, _ and -`;
  }
  if (!isTime(event.at)) return "at is no RFC 3339 time with whole seconds and an offset";
  if (event.visited !== undefined && !isDate(event.visited)) return "visited is no date YYYY-MM-DD";
  if (event.person !== undefined && !ids.isHash(event.person)) return "person is no hash of 32 bytes in base64url";
  if (event.saw !== undefined && !event.saw.every(ids.isMark)) return "saw holds something that is not 16 bytes in base64url";
  return null;
}

/** A moment as RFC 3339, with whole seconds, upper-case T and Z or an offset. @param {string} text */
export const isTime = (text) => isDate(text.slice(0, 10)) && CLOCK_TIME.test(text.slice(10));

/** A day that the calendar has, as YYYY-MM-DD. @param {string} text */
export function isDate(text) {
  if (!DATE.test(text)) return false;
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10))];
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
}

/** @param {number} year @param {number} month */
function daysOf(year, month) {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

// --- the rules of each type (SPEC §2) ------------------------------------------------------------------------------

/** @type {Readonly<Record<string, (event: Event) => string | null>>} */
const RULES = {
  listed(event) {
    if (event.role !== "kpu") return "only kpu lists voters";
    if (!ids.isWord(event.source)) return "source is no word of 1 to 32 characters a-z, 0-9, _ and -";
    return noPerson(event);
  },
  new(event) {
    if (event.person === undefined) return noPerson(event);
    // Always a birth: nobody can make one on someone else's voter (SPEC §1).
    const born = ids.birthId(event.election, event.device, event.seq, event.person);
    return event.voter === born ? null : "voter is not the id that this birth gives";
  },
  found: changes,
  moved(event) {
    if ((event.to === undefined) === (event.to_area === undefined)) return "moved has exactly one of to and to_area";
    if (event.to_area !== undefined && !isBeyond(event.to_area, ids.regencyOf(event.tps))) {
      return "to_area is no area outside the regency of tps";
    }
    return destination(event) ?? evidence(event);
  },
  deceased: evidence,
  disqualified: (event) => duplicate(event) ?? evidence(event),
  not_met: (event) => (event.nth >= 1 && event.nth <= ATTEMPTS_MAX ? null : `nth is not within 1 and ${ATTEMPTS_MAX}`),
  reopened: (event) => destination(event) ?? changes(event),
  ruled(event) {
    if (event.role === "pantarlih") return "a pantarlih does not rule";
    if (event.verdict === undefined && event.to === undefined && event.changed === undefined) {
      return "ruled names none of verdict, to and changed";
    }
    if ((event.verdict === "disqualified") !== (event.reason !== undefined)) {
      return "reason goes with the verdict disqualified, and only with it";
    }
    return duplicate(event) ?? destination(event) ?? changes(event);
  },
};

/** @param {Event} event */
function noPerson(event) {
  return event.person === undefined ? `${event.type} commits to no person` : null;
}

/** @param {Event} event */
function changes(event) {
  if (event.changed === undefined) return null;
  const sorted = event.changed.every((/** @type {string} */ name, /** @type {number} */ place) => place === 0 || event.changed[place - 1] < name);
  if (event.changed.length === 0 || !sorted) return "changed is not sorted, without doubles and not empty";
  return event.person === undefined ? "changed needs the person that holds the changes" : null;
}

/** @param {Event} event */
function destination(event) {
  if (event.to === undefined) return null;
  return ids.isTps(event.to) && ids.regencyOf(event.to) === ids.regencyOf(event.tps) ? null : "to is no tps in the regency of tps";
}

/** @param {string} area @param {string} regency */
function isBeyond(area, regency) {
  return ids.isArea(area) && !area.startsWith(regency) && !regency.startsWith(area);
}

/** @param {Event} event */
function duplicate(event) {
  if ((event.reason === "duplicate") !== (event.duplicate_of !== undefined)) return "duplicate_of goes with the reason duplicate, and only with it";
  if (event.duplicate_of === undefined) return null;
  // The larger id is struck, whoever rules: so two rulings never remove both (SPEC §2).
  return ids.isVoter(event.duplicate_of) && event.duplicate_of < event.voter ? null : "duplicate_of is no voter id smaller than the voter's";
}

/** @param {Event} event */
function evidence(event) {
  return event.evidence === undefined || ids.isWord(event.evidence) ? null : "evidence is no word of 1 to 32 characters a-z, 0-9, _ and -";
}
