/**
 * Registry events: who may do what, each signed by itself, in one chain for each device (SPEC §8.1, §8.2). Twin of
 * `core/registry_event.py`.
 */

import * as canonical from "./canonical.js";
import { fromUtf8, utf8 } from "./bytes.js";
import { Malformed, ROLES, faultOfMembers, isDate, isInteger, isObject, isText, isTime, listOf, oneOf } from "./event.js";
import * as ids from "./ids.js";
import { LINE_BYTES_MAX, REGISTRY_TPS_MAX } from "./limits.js";
import { deviceOf, registryMessage, verifies } from "./signing.js";

/** @typedef {Record<string, any>} RegistryEvent */
/** @typedef {import("./event.js").Check} Check */
/** @typedef {import("./event.js").Form} Form */
/** @typedef {import("./signing.js").PublicKey} PublicKey */
/**
 * One registry event as held: its exact bytes, their hash (`name` as text), and the signature, which nobody has checked
 * yet. `event` is null for a bad event, and `fault` says what is wrong with it.
 * @typedef {{bytes: Uint8Array, name: string, signature: string, device: string, election: string, prev: string, regency: string, seq: number, event: RegistryEvent | null, fault: string | null}} SignedRegistry
 */

export const ROLES_ASSIGNED = Object.freeze([...ROLES, "operator"]);
const STAGES = ["DPHP", "DPS", "DPSHP", "DPT"];
const SERVICES_MAX = 8;
const NKEY = /^U[A-Z2-7]{55}$/;
/** How many digits the area of each role has: a tps, a village, a district, a regency. @type {Readonly<Record<string, readonly number[]>>} */
const AREA_DIGITS_OF = Object.freeze({ pantarlih: [13], pps: [10], ppk: [6], kpu: [4], operator: [4, 6, 10, 13] });

/** @type {Check} */
const isKey = (value) => fits(value, { needs: { algorithm: isText, public_key: isText }, may: {} });
/** @type {Check} */
const isHead = (value) => fits(value, { needs: { device: isText, hash: isText, seq: isInteger, signature: isText }, may: {} });
/** @type {Check} */
const isCounts = (value) => isObject(value) && Object.values(/** @type {object} */ (value)).every(isInteger);

/** @param {unknown} value @param {Form} form */
function fits(value, form) {
  return isObject(value) && faultOfMembers(/** @type {Record<string, unknown>} */ (value), form) === null;
}

const COMMON = {
  at: isText, device: isText, election: isText, officer: isText, prev: isText, regency: isText, role: oneOf(ROLES),
  seq: isInteger, type: isText, v: (/** @type {unknown} */ value) => value === 1,
};

/** What each type has of its own. @type {Readonly<Record<string, Form>>} */
const OWN = {
  election_opened: { needs: { root: isKey, services: listOf(isKey) }, may: {} },
  tps_set: { needs: { tps: listOf(isText) }, may: {} },
  device_enrolled: { needs: { enrolled: isText, holder: isText, key: isKey }, may: { nkey: isText } },
  assigned: { needs: { area: isText, officer_assigned: isText, role_assigned: oneOf(ROLES_ASSIGNED) }, may: { to_device: isText } },
  vouched: {
    needs: { area: isText, key: isKey, officer_assigned: isText, role_assigned: oneOf(ROLES_ASSIGNED), until: isText, voucher: isText },
    may: {},
  },
  revoked: { needs: { from_seq: isInteger, revoked: isText }, may: { area: isText } },
  readmitted: {
    needs: {},
    may: { events: listOf(isText), of_device: isText, of_officer: isText, of_tps: isText, since: isText, until: isText },
  },
  cloned: { needs: { at_seq: isInteger, cloned: isText, head: isHead, held: isText, other: isText }, may: {} },
  window_opened: { needs: { area: isText }, may: {} },
  window_extended: { needs: { area: isText }, may: {} },
  window_closed: { needs: { area: isText }, may: {} },
  policy_set: { needs: { area: isText, policy: isText }, may: {} },
  tps_reported: { needs: { digest: isText, last: isInteger, totals: isCounts, tps: isText }, may: {} },
  stage_set: { needs: { area: isText, digest: isText, position: isCounts, stage: oneOf(STAGES) }, may: {} },
  dots_lost: { needs: { after: isInteger, lost: isText }, may: {} },
  erased: { needs: { order: isText }, may: { voter: isText } },
  log_key: { needs: { key: isKey, log: oneOf(["voters", "registry"]), origin: isText }, may: {} },
};

/** The registry event on one line, its signature unchecked; throws Malformed when it is nobody's. @param {Uint8Array} line @returns {SignedRegistry} */
export function readLine(line) {
  if (line.length > LINE_BYTES_MAX) throw new Malformed(`the line has ${line.length} bytes, more than ${LINE_BYTES_MAX}`);
  let envelope;
  let source;
  try {
    source = fromUtf8(line);
    envelope = JSON.parse(source);
  } catch {
    throw new Malformed('the line is not {"registry":…,"signature":…}');
  }
  if (!isObject(envelope) || Object.keys(envelope).sort().join() !== "registry,signature" || !ids.isSignature(String(envelope.signature))) {
    throw new Malformed('the line is not {"registry":…,"signature":…} with a signature of 64 bytes');
  }
  let signed;
  try {
    signed = hold(canonical.encode(envelope.registry), envelope.signature);
  } catch (error) {
    throw error instanceof canonical.NotCanonical ? new Malformed(error.message) : error;
  }
  if (lineText(signed) !== source) throw new Malformed("the line is not canonical JSON");
  return signed;
}

/** The registry event as held, from its two parts; throws Malformed when it is nobody's. @param {Uint8Array} bytes canonical @param {string} signature @returns {SignedRegistry} */
export function hold(bytes, signature) {
  const value = canonical.decode(bytes);
  if (!isObject(value)) throw new Malformed("the registry event is no object");
  const event = /** @type {RegistryEvent} */ (value);
  const { device, election, prev, regency, seq } = event;
  const isPlaced =
    isText(device) && ids.isDevice(device) && isText(election) && ids.isWord(election) && isText(prev) && ids.isHash(prev) &&
    isText(regency) && ids.isRegency(regency) && isInteger(seq) && seq >= 1;
  if (!isPlaced) throw new Malformed("the registry event has no well-formed place");
  const fault = faultOf(event);
  const name = ids.hashName(ids.sha256(bytes));
  return { bytes, name, signature, device, election, prev, regency, seq, event: fault === null ? event : null, fault };
}

/** The line as it is stored and sent, without its line break. @param {SignedRegistry} signed */
export const lineText = (signed) => `{"registry":${fromUtf8(signed.bytes)},"signature":"${signed.signature}"}`;

/** Whether `key` signed it. @param {SignedRegistry} signed @param {PublicKey} key */
export const signedBy = (signed, key) => verifies(key, messageOf(signed), signed.signature);

/** @param {SignedRegistry} signed */
const messageOf = ({ election, regency, device, seq, name }) => registryMessage(election, regency, device, seq, name);

// --- what can be wrong with one by itself (SPEC §8.2) --------------------------------------------------------------------

/** @param {RegistryEvent} event @returns {string | null} */
function faultOf(event) {
  if (!Object.hasOwn(OWN, event.type)) return "the type is none that this program knows";
  const own = OWN[event.type];
  const fault = faultOfMembers(event, { needs: { ...COMMON, ...own.needs }, may: own.may });
  if (fault !== null) return fault;
  if (!ids.isWord(event.officer)) return "officer is no word of 1 to 32 characters a-z, 0-9, _ and -";
  if (!isTime(event.at)) return "at is no RFC 3339 time with whole seconds and an offset";
  return RULES[event.type](event);
}

/** @param {PublicKey} key @param {string} device */
function key(key, device) {
  try {
    return deviceOf(key) === device ? null : `the key is not that of ${device}`;
  } catch {
    return "the key is no public key";
  }
}

/** @param {string} area @param {string} regency */
function area(area, regency) {
  return (ids.isTps(area) || ids.isArea(area)) && area.startsWith(regency) ? null : "area is no area of the regency";
}

/** @param {string} tps @param {string} regency */
function tps(tps, regency) {
  return ids.isTps(tps) && ids.regencyOf(tps) === regency ? null : "the tps is no tps of the regency";
}

/** @param {RegistryEvent} event */
function right(event) {
  if (!ids.isWord(event.officer_assigned)) return "officer_assigned is no word of 1 to 32 characters a-z, 0-9, _ and -";
  if (!AREA_DIGITS_OF[event.role_assigned].includes(event.area.length)) return `area is no area of a ${event.role_assigned}`;
  return area(event.area, event.regency);
}

/** @param {readonly string[]} words */
const rises = (words) => words.every((word, place) => place === 0 || words[place - 1] < word);
/** @param {RegistryEvent} event */
const ofArea = (event) => area(event.area, event.regency);
/** @param {boolean} holds @param {string} fault */
const demand = (holds, fault) => (holds ? null : fault);

/** @type {Readonly<Record<string, (event: RegistryEvent) => string | null>>} */
const RULES = {
  election_opened(event) {
    if (event.seq !== 1) return "an election is opened by the first event of its root key";
    let devices;
    try {
      devices = event.services.map(deviceOf);
    } catch {
      return "services holds something that is no public key";
    }
    if (devices.length < 1 || devices.length > SERVICES_MAX || new Set(devices).size < devices.length) {
      return `services are 1 to ${SERVICES_MAX} different keys`;
    }
    return key(event.root, event.device);
  },
  tps_set(event) {
    if (event.tps.length < 1 || event.tps.length > REGISTRY_TPS_MAX || !rises(event.tps)) {
      return `tps are 1 to ${REGISTRY_TPS_MAX} codes, sorted, without doubles`;
    }
    return event.tps.every((/** @type {string} */ one) => tps(one, event.regency) === null) ? null : "tps holds something that is no tps of the regency";
  },
  device_enrolled(event) {
    if (!ids.isWord(event.holder)) return "holder is no word of 1 to 32 characters a-z, 0-9, _ and -";
    if (event.nkey !== undefined && !NKEY.test(event.nkey)) return "nkey is no public key of a broker's user";
    return key(event.key, event.enrolled);
  },
  assigned(event) {
    if (event.role_assigned === "operator" && event.to_device === undefined) return "an operator is assigned to a device";
    if (event.to_device !== undefined && !ids.isDevice(event.to_device)) return "to_device is no device";
    return right(event);
  },
  vouched(event) {
    if (!isTime(event.until)) return "until is no RFC 3339 time with whole seconds and an offset";
    return key(event.key, event.voucher) ?? right(event);
  },
  revoked(event) {
    if (!ids.isDevice(event.revoked)) return "revoked is no device";
    if (event.from_seq < 1) return "from_seq is not a seq";
    return event.area === undefined ? null : ofArea(event);
  },
  readmitted(event) {
    const { events, of_device: device, of_officer: officer, of_tps: ofTps, since, until } = event;
    if ([events, device, officer, ofTps, since, until].every((one) => one === undefined)) {
      return "readmitted names none of events, of_device, of_officer, of_tps, since and until";
    }
    if (events !== undefined && !(events.length > 0 && rises(events) && events.every(ids.isHash))) return "events are hashes, sorted, without doubles and not none";
    if (device !== undefined && !ids.isDevice(device)) return "of_device is no device";
    if (officer !== undefined && !ids.isWord(officer)) return "of_officer is no word of 1 to 32 characters a-z, 0-9, _ and -";
    if ([since, until].some((day) => day !== undefined && !isDate(day))) return "since and until are dates YYYY-MM-DD";
    return ofTps === undefined ? null : tps(ofTps, event.regency);
  },
  cloned(event) {
    if (!ids.isDevice(event.cloned) || event.head.device !== event.cloned) return "cloned and the head's device are not one device";
    if (![event.held, event.other, event.head.hash].every(ids.isHash) || event.head.seq < 1) return "held, other and the head's hash are not all hashes";
    if (!ids.isSignature(event.head.signature)) return "the head has no signature of 64 bytes";
    if (event.held === event.other) return "held and other are one event";
    return demand(event.at_seq >= 1 && event.at_seq <= event.head.seq, "at_seq is no seq that the head covers");
  },
  window_opened: ofArea,
  window_extended: ofArea,
  window_closed: ofArea,
  policy_set: (event) => (ids.isWord(event.policy) ? ofArea(event) : "policy is no word of 1 to 32 characters a-z, 0-9, _ and -"),
  tps_reported(event) {
    if (event.last < 0) return "last is no seq";
    if (!Object.keys(event.totals).every(ids.isWord)) return "totals have names of 1 to 32 characters a-z, 0-9, _ and -";
    if (!ids.isHash(event.digest)) return "digest is no hash";
    return tps(event.tps, event.regency);
  },
  stage_set: (event) => (ids.isHash(event.digest) ? ofArea(event) : "digest is no hash"),
  dots_lost: (event) => (ids.isDevice(event.lost) ? demand(event.after >= 0, "after is no seq") : "lost is no device"),
  erased(event) {
    if (!ids.isHash(event.order)) return "order is no hash";
    return demand(event.voter === undefined || ids.isVoter(event.voter), "voter is no voter");
  },
  log_key(event) {
    if (!/^[!-*,-~]{1,255}$/.test(event.origin)) return "origin is no name of 1 to 255 characters from ! to ~ without +";
    try {
      deviceOf(event.key);
    } catch {
      return "the key is no public key";
    }
    return demand(event.key.algorithm === "ed25519", "a transparency log is signed by an ed25519 key");
  },
};

// --- the author's side ---------------------------------------------------------------------------------------------------

/** The end of a device's log in the registry, and in whose name it writes. @typedef {{election: string, regency: string, device: string, officer: string, role: string, seq: number, prev: string}} RegistryEnd */

/**
 * The next event of a registry log, signed; throws a RangeError when it would be bad by itself.
 * @param {RegistryEnd} end @param {(message: Uint8Array) => string | Promise<string>} sign
 * @param {{type: string, at: string} & Record<string, any>} said @returns {Promise<SignedRegistry>}
 */
export async function appendLine(end, sign, said) {
  const body = { ...said, device: end.device, election: end.election, officer: end.officer, prev: end.prev, regency: end.regency, role: end.role, seq: end.seq + 1, v: 1 };
  const unsigned = hold(canonical.encode(body), "");
  if (unsigned.fault !== null) throw new RangeError(`${said.type} would be no good registry event: ${unsigned.fault}`);
  const signed = { ...unsigned, signature: await sign(messageOf(unsigned)) };
  if (utf8(lineText(signed)).length > LINE_BYTES_MAX) throw new RangeError(`${said.type} would have more than ${LINE_BYTES_MAX} bytes: say it in several events`);
  return signed;
}
