/**
 * What the registry keeps out of the count: judged apart from the merge law, by the registry alone (SPEC §8.6). Twin of
 * `core/entitlement.py`. Rights are judged by the whole registry; window and policy at the registry position that
 * admission stamped on the event, the window also at that of its latest cause.
 */

import { regencyOf, villageOf } from "./ids.js";
import { JUDGED_MAX } from "./limits.js";

/** @typedef {import("./registry.js").Registry} Registry */
/** @typedef {import("./wire.js").Held} Held */
/** @typedef {import("./causality.js").Standing} Standing */
/** An event as the journal holds it, and the registry position that its admission judged by. @typedef {{held: Held, stamp: number}} Admitted */

const REVOKED_DEVICE = "revoked_device";
const NOT_ENTITLED = "not_entitled";
/** In the order in which they are looked for: the first that fits is the one that is named. */
export const QUARANTINES = Object.freeze([REVOKED_DEVICE, NOT_ENTITLED, "equivocation", "unknown_tps", "unknown_policy", "late"]);
const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const NO_RIGHT = 0;

/**
 * Of all held events about one voter, those that the registry keeps out of the count: hash → why. An unopened registry
 * says nothing about anybody: it is the door that lets nobody in then.
 * @param {Registry} registry @param {readonly Admitted[]} admitted @returns {Map<string, Standing>}
 */
export function quarantineOf(registry, admitted) {
  /** @type {Map<string, Standing>} */
  const found = new Map();
  if (registry.root === null) return found;
  const stamps = stampsOf(admitted);
  for (const { held, stamp } of admitted) {
    const fault = faultAt(registry, held, stamp, readyAt(held, stamp, stamps));
    if (fault !== null) found.set(held.name, fault);
  }
  return found;
}

/** What the registry says of one event by itself: what can be told at once, before its causes are known. @param {Registry} registry @param {Held} held @param {number} stamp @returns {Standing | null} */
export function faultOf(registry, held, stamp) {
  return registry.root === null ? null : faultAt(registry, held, stamp, stamp);
}

/** @param {readonly Admitted[]} admitted @returns {Map<string, number>} */
function stampsOf(admitted) {
  /** @type {Map<string, number>} */
  const stamps = new Map();
  for (const { held, stamp } of admitted) stamps.set(held.dot, Math.max(stamp, stamps.get(held.dot) ?? 0));
  return stamps;
}

/** The registry position from which on all that the event names was held, itself included. @param {Held} held @param {number} stamp @param {Map<string, number>} stamps */
function readyAt(held, stamp, stamps) {
  return Object.entries(held.place.clock).reduce((ready, [device, seq]) => Math.max(ready, stamps.get(`${device}:${seq}`) ?? 0), stamp);
}

/** @param {Registry} registry @param {Held} held @param {number} stamp @param {number} ready @returns {Standing | null} */
function faultAt(registry, held, stamp, ready) {
  const event = held.event;
  if (event === null) return null; // a bad event is named as one, and nothing releases it
  const policy = faultOfPolicy(registry, held.place.tps, event.policy, stamp);
  let fault = faultOfRight(registry, held, event) ?? faultOfClone(registry, held, stamp);
  if (fault === null && policy === null) fault = faultOfWindow(registry, held.place.tps, ready);
  if (fault === null || registry.readmissions.some((one) => readmits(one, held, event, stamp))) return policy; // which nothing readmits
  return fault;
}

// --- rights, by the whole registry -----------------------------------------------------------------------------------

/** @param {Registry} registry @param {Held} held @param {import("./event.js").Event} event @returns {Standing | null} */
function faultOfRight(registry, held, event) {
  const { device, seq, tps } = held.place;
  const { revoked, entitled } = limitsOf(registry, device, event.officer, event.role, tps);
  if (seq >= revoked) return { name: REVOKED_DEVICE, why: `the device was revoked from its event ${revoked} on` };
  if (seq >= entitled) {
    return { name: NOT_ENTITLED, why: `${device} ${entitled === NO_RIGHT ? "had no" : "has no longer the"} right to say this of ${tps}` };
  }
  return registry.tps.size > 0 && !registry.tps.has(tps) ? { name: "unknown_tps", why: `the registry has no ${tps}` } : null;
}

/**
 * The seq of the device's log from which it is revoked, and the one from which it has no right to these words.
 * @param {Registry} registry @param {string} device @param {string} officer @param {string} role @param {string} tps
 * @returns {{revoked: number, entitled: number}}
 */
export function limitsOf(registry, device, officer, role, tps) {
  const asked = `${device} ${officer} ${role} ${tps}`;
  let limits = registry.judged.get(asked);
  if (limits === undefined) {
    // The words are the author's: somebody who invents an officer for each event must not fill our memory.
    if (registry.judged.size >= JUDGED_MAX) registry.judged.clear();
    limits = limitsBy(registry, device, officer, role, tps);
    registry.judged.set(asked, limits);
  }
  return limits;
}

/** @param {Registry} registry @param {string} device @param {string} officer @param {string} role @param {string} tps */
function limitsBy(registry, device, officer, role, tps) {
  const revoked = smallest(registry.revocationsOf(device).filter((one) => one.area === null));
  const holder = registry.devices.get(device)?.holder;
  if (holder === undefined || regencyOf(tps) !== registry.regency) return { revoked, entitled: NO_RIGHT };
  const over = registry.grants.filter((grant) => tps.startsWith(grant.area));
  const assigned = over.filter((grant) => grant.role !== "operator" && grant.officer === officer && grant.role === role);
  const own = assigned.filter((grant) => grant.toDevice === device || (grant.toDevice === null && holder === officer));
  const typing = over.filter((grant) => grant.role === "operator" && grant.toDevice === device);
  const ending = registry.revocationsOf(device).filter((one) => one.area !== null);
  const until = [...own, ...typing].map((grant) => smallest(ending.filter((one) => isTakenBy(grant, one))));
  return { revoked, entitled: assigned.length > 0 ? Math.max(NO_RIGHT, ...until) : NO_RIGHT };
}

/** Whether a revocation of an area takes the right: a later assignment is not touched by it. @param {import("./registry.js").Grant} grant @param {import("./registry.js").Revocation} revocation */
const isTakenBy = (grant, { area, position }) => area !== null && grant.area.startsWith(area) && position > grant.position;

/** @param {readonly import("./registry.js").Revocation[]} revocations */
const smallest = (revocations) => revocations.reduce((least, one) => Math.min(least, one.fromSeq), NO_LIMIT);

// --- by the stamp ----------------------------------------------------------------------------------------------------

/** @param {Registry} registry @param {Held} held @param {number} stamp @returns {Standing | null} */
function faultOfClone(registry, held, stamp) {
  const position = registry.clones.get(held.place.device);
  if (position === undefined || stamp < position) return null;
  return { name: "equivocation", why: "its device's key was used elsewhere, and this came after that was known" };
}

/** @param {Registry} registry @param {string} tps @param {number} ready @returns {Standing | null} */
function faultOfWindow(registry, tps, ready) {
  const ofTps = registry.windows.filter((window) => window.position <= ready && tps.startsWith(window.area));
  const isOpen = ofTps[ofTps.length - 1]?.isOpen ?? true;
  return isOpen ? null : { name: "late", why: "it came when coklit of its area was closed" };
}

/** @param {Registry} registry @param {string} tps @param {string} policy @param {number} stamp @returns {Standing | null} */
function faultOfPolicy(registry, tps, policy, stamp) {
  const set = registry.policies.filter((one) => one.position <= stamp && tps.startsWith(one.area));
  if (set.length === 0 || set.some((one) => one.policy === policy)) return null;
  return { name: "unknown_policy", why: `policy ${policy} was not set for ${tps}` };
}

// --- readmission -----------------------------------------------------------------------------------------------------

/** Whether the readmission reaches the event: it was admitted before, lies in its author's area, and is meant. @param {import("./registry.js").Readmission} readmission @param {Held} held @param {import("./event.js").Event} event @param {number} stamp */
function readmits({ position, areas, event: what }, held, event, stamp) {
  const { device, tps } = held.place;
  const day = event.at.slice(0, 10);
  return (
    stamp <= position &&
    areas.some((area) => tps.startsWith(area)) &&
    (what.events === undefined || what.events.includes(held.name)) &&
    (what.of_device === undefined || device === what.of_device) &&
    (what.of_officer === undefined || event.officer === what.of_officer) &&
    (what.of_tps === undefined || tps === what.of_tps) &&
    (what.since === undefined || day >= what.since) &&
    (what.until === undefined || day <= what.until)
  );
}

// --- reading ---------------------------------------------------------------------------------------------------------

/**
 * Whether a device may have the voters of a TPS, by the registry as it is now; a pantarlih's may have its whole village,
 * in which voters move from one TPS to another (SPEC §7.11).
 * @param {Registry} registry @param {string} device @param {string} tps
 */
export function mayRead(registry, device, tps) {
  if (!registry.devices.has(device) || registry.isRevoked(device)) return false;
  return registry.grantsOf(device).some((grant) => tps.startsWith(villageOf(grant.area)));
}
