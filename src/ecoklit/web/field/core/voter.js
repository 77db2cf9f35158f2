/**
 * Reading a voter: the merge law, and the one state that follows from the events that count (SPEC §4–§6). Twin of
 * `core/voter.py`. A write yields only to one that saw it and has at least its standing; what is left is alive, and the
 * greatest alive write wins, rights first.
 */

import { compare } from "./bytes.js";
import * as canonical from "./canonical.js";
import { judge, supersedes } from "./causality.js";
import { FIELD, NO_PROPOSAL, PROPOSAL, RECORD, RULING_LEVELS, TPS, VERDICT, stays } from "./effect.js";

/** @typedef {import("./causality.js").Counted} Counted */
/** @typedef {{one: Counted, mask: number}} Alive an event, and the registers in which its write is alive */
/** @typedef {{alive: string[], attempts: number, clock: Record<string, number>, conflicts: string[], on_list: boolean, proposed: string[], reason: string | null, regency: string, tps: string, verdict: string, voter: string}} Decision */
/** @typedef {{conflicts: string[], fields: Record<string, string | null>, salts: string[]}} Particulars */
/** @typedef {{decision: Decision, record: Particulars | null, firstTps: string, decisionBytes: Uint8Array}} State */

const FIELDS = Object.entries(FIELD);
const RULING_LEVEL_MIN = Math.min(...Object.values(RULING_LEVELS));

/**
 * The state of one voter of one regency from all held events about it, null when none counts, and how they were judged.
 * @param {readonly import("./wire.js").Held[]} held @param {Map<string, import("./policy.js").Policy>} policies @param {import("./causality.js").World} world
 */
export function foldVoter(held, policies, world) {
  const judgement = judge(held, policies, world);
  return { state: judgement.counted.length > 0 ? stateOf(judgement.counted) : null, judgement };
}

/** The state as `fold` prints it, without a line break. @param {State} state @returns {string} */
export function lineOf(state) {
  return canonical.write({ decision: state.decision, record: state.record });
}

/** The state that these events give: at least one, all about one voter, causes before effects. @param {readonly Counted[]} counted @returns {State} */
function stateOf(counted) {
  const alive = aliveOf(counted);
  const decision = decide(counted, alive);
  // Whatever counts covers a counted write of tps, and so in the end the birth: causes first, the birth is the first.
  return { decision, record: particularsOf(alive), firstTps: counted[0].event.tps, decisionBytes: canonical.encode(decision) };
}

/** The events that still hold a register, each with the registers that it holds (SPEC §4). @param {readonly Counted[]} counted @returns {Alive[]} */
export function aliveOf(counted) {
  const alive = [];
  for (const [at, one] of counted.entries()) {
    let mask = one.effect.mask;
    // Causes come before effects, and only an effect supersedes.
    for (let later = at + 1; later < counted.length && mask !== 0; later += 1) {
      const other = counted[later];
      if ((mask & other.effect.mask) !== 0 && supersedes(other, one)) mask &= ~other.effect.mask;
    }
    if (mask !== 0) alive.push({ one, mask });
  }
  return alive;
}

/** @param {readonly Alive[]} alive @param {number} register @returns {Counted[]} */
function holding(alive, register) {
  const found = [];
  for (const { one, mask } of alive) if ((mask & register) !== 0) found.push(one);
  return found;
}

// --- who wins (SPEC §5) ------------------------------------------------------------------------------------------------

/** @param {readonly Counted[]} counted @param {readonly Alive[]} alive @returns {Decision} */
function decide(counted, alive) {
  const verdicts = holding(alive, VERDICT);
  const places = holding(alive, TPS);
  const [verdict, reason] = winnerOf(verdicts, verdictStanding).effect.verdict.split("/");
  const attempts = lastAttempts(counted);
  const first = counted[0].event;
  return {
    alive: namesOf([...alive.map(({ one }) => one), ...attempts]),
    attempts: attempts.reduce((sum, attempt) => sum + attempt.event.nth, 0),
    clock: joined(counted),
    conflicts: conflictsOf(verdicts, places),
    on_list: stays(verdict),
    proposed: distinct(holding(alive, PROPOSAL).map((one) => one.effect.proposal)).filter((proposal) => proposal !== NO_PROPOSAL),
    reason: reason ?? null,
    regency: first.tps.slice(0, 4),
    tps: winnerOf(places, placeStanding).place,
    verdict,
    voter: first.voter,
  };
}

/** @typedef {readonly (number | string)[]} Rank compared member by member */

/** @param {readonly Counted[]} writers @param {(one: Counted) => Rank} standing @returns {Counted} */
function winnerOf(writers, standing) {
  if (writers.length === 1) return writers[0];
  // Of alive rulings only those of the highest level take part; every other write does.
  const ruling = Math.max(...writers.map((one) => one.effect.level));
  const rivals = writers.filter((one) => one.effect.level < RULING_LEVEL_MIN || one.effect.level === ruling);
  return rivals.reduce((best, one) => (compareRanks(standing(one), standing(best)) > 0 ? one : best));
}

/** @param {Rank} left @param {Rank} right */
function compareRanks(left, right) {
  const place = left.findIndex((member, at) => member !== right[at]);
  if (place < 0) return 0;
  return left[place] < right[place] ? -1 : 1;
}

/** @param {Counted} one @returns {Rank} */
const verdictStanding = ({ effect, held }) => [effect.weight, effect.level, effect.evidence, effect.how, held.place.device, held.place.seq];
/** @param {Counted} one @returns {Rank} */
const placeStanding = ({ effect, held }) => [effect.level, effect.how, held.place.device, held.place.seq];

/** @param {readonly Counted[]} verdicts @param {readonly Counted[]} places */
function conflictsOf(verdicts, places) {
  const conflicts = [];
  if (differ(places, (one) => one.place)) conflicts.push("tps");
  // Confirmed and unvisited are one opinion: the voter stays.
  if (differ(verdicts, ({ effect }) => (stays(effect.verdict) ? "" : effect.verdict))) conflicts.push("verdict");
  return conflicts;
}

/** Whether two of the writers write different values. @param {readonly Counted[]} writers @param {(one: Counted) => unknown} written */
const differ = (writers, written) => writers.length > 1 && writers.some((one) => written(one) !== written(writers[0]));

/** @param {readonly Counted[]} counted @returns {Counted[]} each device's last counted not_met */
function lastAttempts(counted) {
  /** @type {Map<string, Counted>} */
  const last = new Map();
  for (const one of counted) {
    const known = last.get(one.event.device);
    if (one.event.type === "not_met" && (known === undefined || known.event.seq < one.event.seq)) last.set(one.event.device, one);
  }
  return [...last.values()];
}

/** @param {readonly Counted[]} counted @returns {string[]} */
function namesOf(counted) {
  const sorted = [...counted].sort((one, other) => compare(one.event.device, other.event.device) || one.event.seq - other.event.seq);
  return sorted.map((one) => one.held.dot);
}

/** @param {readonly Counted[]} counted @returns {Record<string, number>} */
function joined(counted) {
  /** @type {Record<string, number>} */
  const joint = {};
  for (const { held: { place: { clock } } } of counted) {
    for (const device in clock) {
      if ((joint[device] ?? 0) < clock[device]) joint[device] = clock[device];
    }
  }
  return joint;
}

/** @param {readonly string[]} words */
const distinct = (words) => [...new Set(words)].sort();

// --- the record --------------------------------------------------------------------------------------------------------

/** @param {readonly Alive[]} alive @returns {Particulars | null} null while a person behind it is absent */
function particularsOf(alive) {
  const writers = alive.filter(({ mask }) => (mask & RECORD) !== 0);
  if (writers.some(({ one }) => one.held.person === null)) return null;
  /** @type {Record<string, string | null>} */
  const fields = {};
  const conflicts = [];
  for (const [name, bit] of FIELDS) {
    const rivals = writers.length === 1 ? [writers[0].one] : holding(writers, bit); // of every field somebody's write is alive
    fields[name] = valueOf(winnerOf(rivals, placeStanding), name);
    if (differ(rivals, (one) => valueOf(one, name))) conflicts.push(name);
  }
  return { conflicts, fields, salts: distinct(writers.map(({ one }) => one.held.person?.salt)) };
}

/** What the event's person writes to this field, which the event says that it writes. @param {Counted} one @param {string} name @returns {string | null} */
export function valueOf(one, name) {
  const person = /** @type {import("./person.js").Person} */ (one.held.person);
  return (person.record ?? person.changes)[name];
}
