/**
 * Which of the held events about a voter count, and by what name the others do not (SPEC §3). Twin of
 * `core/causality.py`: a function of the set of held events, so the order of arrival cannot matter.
 */

import { compare } from "./bytes.js";
import { TPS, effectOf, placeOf } from "./effect.js";
import * as ids from "./ids.js";
import { CLOCK_ENTRIES_MAX, EVENTS_PER_DEVICE_AND_VOTER_MAX } from "./limits.js";

/** @typedef {import("./wire.js").Held} Held */
/** @typedef {import("./policy.js").Policy} Policy */
/** @typedef {{name: string, why: string}} Standing */
/** @typedef {{held: Held, event: import("./event.js").Event, effect: import("./effect.js").Effect, place: string}} Counted */
/** @typedef {{counted: Counted[], faults: Map<string, Standing>, awaited: string[]}} Judgement faults by hash; dots awaited */
/**
 * What is held besides the events about the voter that is judged.
 * @typedef {object} World
 * @property {(dot: string) => boolean} holds whether any event with this name is held
 * @property {(dot: string) => boolean} isLost whether no event with this name will ever come (SPEC §8.2)
 * @property {{has: (dot: string) => boolean}} forks the names that two different held events have
 * @property {{get: (hash: string) => string | undefined}} quarantine event hash → why the registry keeps it out
 */

/** @type {Standing} */
export const COUNTS = Object.freeze({ name: "counted", why: "" });
/** @type {Standing} */
const FORKED = Object.freeze({ name: "equivocation", why: "two different events have this device and seq" });
/** @type {Readonly<Record<string, number>>} */
export const AREA_DIGITS = Object.freeze({ pantarlih: 10, pps: 10, ppk: 6, kpu: 4 });

/**
 * Whether an event with clock `later` saw all that one with clock `earlier` had seen, and itself. A strict partial order
 * whatever devices write; "names its dot" is none: two liars naming each other would kill each other's writes.
 * @param {Record<string, number>} later @param {Record<string, number>} earlier
 */
export function covers(later, earlier) {
  let isMore = false;
  let entries = 0;
  for (const device in earlier) {
    const seq = seqIn(later, device);
    if (seq < earlier[device]) return false;
    isMore ||= seq > earlier[device];
    entries += 1;
  }
  return isMore || Object.keys(later).length > entries;
}

/** @param {Record<string, number>} clock @param {string} device */
const seqIn = (clock, device) => (Object.hasOwn(clock, device) ? clock[device] : 0);

/** Whether the writes of `earlier` yield to those of `later`: it saw them, and has their standing (SPEC §4). @param {Counted} later @param {Counted} earlier */
export function supersedes(later, earlier) {
  // Whoever covers another has the larger sum, which is quicker to tell.
  return later.held.sum > earlier.held.sum && later.effect.level >= earlier.effect.level && covers(later.held.place.clock, earlier.held.place.clock);
}

/** Which of the `held` events about one voter of one regency count; no two of them have one hash. @param {readonly Held[]} held @param {Map<string, Policy>} policies @param {World} world @returns {Judgement} */
export function judge(held, policies, world) {
  /** @type {Map<string, Standing>} */
  const faults = new Map();
  /** @type {string[]} */
  const awaited = [];
  /** @type {Counted[]} */
  const counted = [];
  const own = byDot(held);
  // Whoever covers another has the larger sum, so causes come before effects.
  for (const one of soundOf(held, policies, world, faults).sort(inOrderOfCauses)) {
    let fault = faultOfCauses(one, own, world, awaited) ?? faultOfRoll(one, counted);
    if (fault === null && world.forks.has(one.held.dot)) fault = FORKED;
    if (fault === null) counted.push(one);
    else faults.set(one.held.name, fault);
  }
  return { counted, faults, awaited };
}

/** @param {readonly Held[]} held @returns {Map<string, Held[]>} */
function byDot(held) {
  const own = new Map();
  for (const one of held) {
    const twins = own.get(one.dot);
    if (twins === undefined) own.set(one.dot, [one]);
    else twins.push(one);
  }
  return own;
}

/** Sums of up to 64 clock entries may pass 2^53, where numbers lose their last digits: then they are added exactly. @param {Record<string, number>} clock @returns {number | bigint} */
export function sumOf(clock) {
  let sum = 0;
  for (const device in clock) sum += clock[device];
  if (Number.isSafeInteger(sum)) return sum;
  return Object.values(clock).reduce((exact, seq) => exact + BigInt(seq), 0n);
}

/** @param {Counted} one @param {Counted} other */
function inOrderOfCauses({ held: one }, { held: other }) {
  return one.sum < other.sum ? -1 : one.sum > other.sum ? 1 : compareBytes(one.hash, other.hash);
}

/** @param {Uint8Array} one @param {Uint8Array} other */
function compareBytes(one, other) {
  const place = one.findIndex((byte, at) => byte !== other[at]);
  return place < 0 ? 0 : one[place] - other[place];
}

// --- 1: no fault of its own ------------------------------------------------------------------------------------------

/** The events without a fault of their own; those of the others are written into `faults`. @param {readonly Held[]} held @param {Map<string, Policy>} policies @param {World} world @param {Map<string, Standing>} faults @returns {Counted[]} */
function soundOf(held, policies, world, faults) {
  /** @type {Counted[]} */
  const sound = [];
  /** @type {Map<string, number>} */
  let floor = new Map();
  let device = "";
  let rank = 0;
  for (const forks of byPlaceInLog(held)) {
    if (forks[0].place.device !== device) {
      device = forks[0].place.device;
      floor = new Map();
      rank = 0;
    }
    rank += 1;
    const raised = [];
    for (const one of forks) {
      let fault = faultOfEvent(one, policies) ?? faultOfClock(one, floor, rank);
      if (fault === null) {
        raised.push(one.place.clock);
        fault = faultOfPolicy(one, policies, world);
      }
      if (fault !== null) faults.set(one.name, fault);
      else if (one.event !== null) sound.push(count(one, one.event, /** @type {Policy} */ (policies.get(one.event.policy))));
    }
    // Two events with one seq are not each other's past, so they raise the floor only together.
    for (const clock of raised) raise(floor, clock);
  }
  return sound;
}

/** @param {readonly Held[]} held @returns {Held[][]} events of one device and seq together, in order */
function byPlaceInLog(held) {
  const sorted = [...held].sort((one, other) => compare(one.place.device, other.place.device) || one.place.seq - other.place.seq);
  /** @type {Held[][]} */
  const groups = [];
  for (const one of sorted) {
    const last = groups[groups.length - 1];
    if (last !== undefined && last[0].dot === one.dot) last.push(one);
    else groups.push([one]);
  }
  return groups;
}

/** @param {Held} held @param {import("./event.js").Event} event @param {Policy} policy @returns {Counted} */
function count(held, event, policy) {
  return { held, event, effect: effectOf(event, policy), place: placeOf(event) };
}

/** @param {Map<string, number>} floor @param {Record<string, number>} clock */
function raise(floor, clock) {
  for (const device in clock) {
    if ((floor.get(device) ?? 0) < clock[device]) floor.set(device, clock[device]);
  }
}

/** @param {Held} held @param {Map<string, Policy>} policies @returns {Standing | null} */
function faultOfEvent(held, policies) {
  const event = held.event;
  if (event === null) return { name: "bad_event", why: held.fault ?? "" };
  const policy = policies.get(event.policy);
  if (event.evidence !== undefined && policy !== undefined && !policy.words.has(event.evidence)) {
    return { name: "bad_event", why: `evidence ${event.evidence} is no word of policy ${policy.name}` };
  }
  return null;
}

/** @param {Held} held @param {Map<string, number>} floor @param {number} rank @returns {Standing | null} */
function faultOfClock(held, floor, rank) {
  let why = held.clockFault;
  if (why === null && rank > EVENTS_PER_DEVICE_AND_VOTER_MAX) {
    why = `the device has more than ${EVENTS_PER_DEVICE_AND_VOTER_MAX} events about the voter`;
  }
  if (why === null && isBelow(held.place.clock, floor)) why = "the clock falls below an earlier one of the device";
  return why === null ? null : { name: "bad_clock", why };
}

/** @param {Record<string, number>} clock @param {Map<string, number>} floor */
function isBelow(clock, floor) {
  for (const [device, seq] of floor) {
    if (seqIn(clock, device) < seq) return true;
  }
  return false;
}

/** What is wrong with a clock by itself, whatever other events are held (SPEC §3). @param {import("./event.js").Place} place @param {import("./event.js").Event | null} event @returns {string | null} */
export function clockFault({ clock, device, seq }, event) {
  if (!Object.hasOwn(clock, device) || clock[device] !== seq) return "the clock's own entry is not seq";
  const devices = Object.keys(clock);
  const others = devices.length - 1;
  const saw = event?.saw;
  if ((saw?.length ?? 0) !== others || saw?.length === 0) return `saw has ${saw?.length ?? 0} entries for ${others} other devices`;
  if (others === 0) return null;
  if (event?.type === "new") return "a new names nobody else";
  if (!devices.every(ids.isDevice)) return "the clock names something that is no device";
  if (Math.min(...Object.values(clock)) < 1) return "the clock holds a seq under 1";
  return devices.length <= CLOCK_ENTRIES_MAX ? null : `the clock names more than ${CLOCK_ENTRIES_MAX} devices`;
}

/** @param {Held} held @param {Map<string, Policy>} policies @param {World} world @returns {Standing | null} */
function faultOfPolicy(held, policies, world) {
  if (held.event !== null && !policies.has(held.event.policy)) {
    return { name: "unknown_policy", why: `no policy ${held.event.policy} is known` };
  }
  const quarantine = world.quarantine.get(held.name);
  return quarantine === undefined ? null : { name: quarantine, why: "" };
}

// --- 2 and 3: its causes are held, and are what it says they are -------------------------------------------------------

/** @param {Counted} one @param {Map<string, Held[]>} own @param {World} world @param {string[]} awaited @returns {Standing | null} */
function faultOfCauses(one, own, world, awaited) {
  const clock = one.held.place.clock;
  if (one.event.saw === undefined) return null; // a clock that names nobody else, or it would be a bad one
  const others = Object.keys(clock).filter((device) => device !== one.held.place.device).sort();
  const missing = [];
  const wrong = [];
  for (const [place, device] of others.entries()) {
    const dot = `${device}:${clock[device]}`;
    const mark = one.event.saw[place];
    const causes = own.get(dot);
    if (causes !== undefined) {
      if (causes.every((cause) => cause.mark !== mark)) wrong.push(dot);
    } else if (world.holds(dot)) wrong.push(dot);
    else if (world.isLost(dot)) awaited.push(dot); // it passes; should it come after all, this is judged anew
    else missing.push(dot);
  }
  if (missing.length > 0) {
    awaited.push(...missing);
    // It waits in vain: a fork never counts, so it is named as one at once.
    return world.forks.has(one.held.dot) ? FORKED : { name: "parked", why: `waits for ${missing.join(", ")}` };
  }
  return wrong.length > 0 ? { name: "wrong_cause", why: `${wrong.join(", ")} is not what it saw about this voter` } : null;
}

// --- 4: its author saw the voter on a roll of its area -----------------------------------------------------------------

/** @param {Counted} one @param {readonly Counted[]} counted @returns {Standing | null} */
function faultOfRoll(one, counted) {
  const event = one.event;
  if (one.held.isBirth) return null;
  const area = event.tps.slice(0, AREA_DIGITS[event.role]);
  if (!isOnRoll(one, counted, area)) return { name: "not_on_roll", why: `its author saw the voter on no roll of ${area}` };
  if (event.type === "reopened" && event.to !== undefined && !counted.some((cause) => cause.place === event.to && isSeen(one, cause))) {
    return { name: "not_on_roll", why: `its author never saw the voter on ${event.to}` };
  }
  return null;
}

/** Whether the last that the author saw of where the voter is was a roll of the area. @param {Counted} one @param {readonly Counted[]} counted causes before effects @param {string} area */
function isOnRoll(one, counted, area) {
  // From the end: the latest cause is mostly the one that was seen last, and nothing before it need be looked at.
  for (let at = counted.length - 1; at >= 0; at -= 1) {
    const cause = counted[at];
    if (!cause.place.startsWith(area) || !isSeen(one, cause)) continue;
    let isLatest = true;
    for (let later = at + 1; later < counted.length && isLatest; later += 1) isLatest = !(isSeen(one, counted[later]) && supersedes(counted[later], cause));
    if (isLatest) return true;
  }
  return false;
}

/** Whether the author saw this write of where the voter is. @param {Counted} one @param {Counted} cause */
const isSeen = (one, cause) => (cause.effect.mask & TPS) !== 0 && covers(one.event.clock, cause.held.place.clock);

/** Whether the voter is born with this event: its id is the one that this very event gives (SPEC §1). @param {import("./event.js").Event} event */
export function isBirth(event) {
  if (event.type === "new") return true; // or it would be a bad event
  return event.type === "listed" && event.voter === ids.birthId(event.election, event.device, event.seq, event.person);
}
