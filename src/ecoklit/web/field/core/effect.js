/** What an event does to a voter's registers, and with what standing (SPEC §2, §4, §5). Twin of `core/effect.py`. */

import { RECORD_FIELDS } from "./event.js";
import * as ids from "./ids.js";
import { NO_STRENGTH, strengthOf } from "./policy.js";

export const VERDICT = 1;
export const PROPOSAL = 2;
export const TPS = 4;
/** A set of registers is a mask of these bits. @type {Readonly<Record<string, number>>} */
export const FIELD = Object.freeze(Object.fromEntries(RECORD_FIELDS.map((name, place) => [name, 8 << place])));
export const RECORD = Object.values(FIELD).reduce((mask, bit) => mask | bit, 0);

export const NO_PROPOSAL = "-";
/** @type {Readonly<Record<string, number>>} */
export const RULING_LEVELS = Object.freeze({ pps: 2, ppk: 3, kpu: 4 });
const FIELD_LEVEL = 1;
const LISTED_LEVEL = 0;
/** @type {Readonly<Record<string, number>>} */
const HOW_STRENGTHS = Object.freeze({ document: 0, video_call: 1, family: 2, in_person: 3 });
const NO_HOW = -1;
/** The weights of a verdict (SPEC §5): rights first. */
const WEIGHT = Object.freeze({ listed: 0, removed: 1, kept: 2, ruled: 3, met: 4, ruledDuplicate: 5 });

/** @typedef {import("./event.js").Event} Event */
/** @typedef {import("./policy.js").Policy} Policy */
/**
 * Which registers an event writes, and the standing of the write.
 * @typedef {{mask: number, level: number, verdict: string, weight: number, evidence: number, how: number, proposal: string}} Effect
 */

/** @param {number} mask @param {number} level @param {Partial<Effect>} [more] @returns {Effect} */
function effect(mask, level, { verdict = "", weight = 0, evidence = NO_STRENGTH, how = NO_HOW, proposal = NO_PROPOSAL } = {}) {
  return { mask, level, verdict, weight, evidence, how, proposal };
}

/** What `event` writes, judged under the policy of its author. @param {Event} event @param {Policy} policy */
export const effectOf = (event, policy) => EFFECTS[event.type](event, policy);

/** The tps that `event` puts its voter on, when it writes that register. @param {Event} event @returns {string} */
export const placeOf = (event) => event.to ?? event.tps;

/** A verdict as one word: each disqualification with its reason is a removal of its own. @param {string} verdict @param {string | undefined} reason */
export const opinionOf = (verdict, reason) => (reason === undefined ? verdict : `${verdict}/${reason}`);

/** Whether a voter with this verdict is on the list. @param {string} verdict */
export const stays = (verdict) => verdict === "confirmed" || verdict === "unvisited";

/** @param {string[] | undefined} changed */
function maskOf(changed) {
  return (changed ?? []).reduce((mask, name) => mask | FIELD[name], 0);
}

/** @type {Readonly<Record<string, (event: Event, policy: Policy) => Effect>>} */
const EFFECTS = {
  listed: () => effect(VERDICT | TPS | RECORD, LISTED_LEVEL, { verdict: "unvisited", weight: WEIGHT.listed }),
  new: (event) =>
    effect(VERDICT | PROPOSAL | TPS | RECORD, FIELD_LEVEL, { verdict: "confirmed", weight: WEIGHT.met, how: HOW_STRENGTHS[event.how] }),
  found: (event) =>
    effect(VERDICT | PROPOSAL | TPS | maskOf(event.changed), FIELD_LEVEL, {
      verdict: "confirmed",
      weight: event.how === "document" ? WEIGHT.kept : WEIGHT.met,
      how: HOW_STRENGTHS[event.how],
    }),
  moved: (event, policy) =>
    event.to !== undefined && movesWithin(event, policy)
      ? effect(VERDICT | PROPOSAL | TPS, FIELD_LEVEL, { verdict: "unvisited", weight: WEIGHT.kept })
      : removal("moved_away", event.evidence, policy),
  deceased: (event, policy) => removal("deceased", event.evidence, policy),
  disqualified: (event, policy) => removal(opinionOf("disqualified", event.reason), event.evidence, policy),
  not_met: () => effect(0, FIELD_LEVEL),
  reopened: (event) =>
    effect(VERDICT | PROPOSAL | (event.to === undefined ? 0 : TPS) | maskOf(event.changed), FIELD_LEVEL, {
      verdict: "unvisited",
      weight: WEIGHT.kept,
    }),
  ruled(event) {
    const mask = (event.to === undefined ? 0 : TPS) | maskOf(event.changed);
    const level = RULING_LEVELS[event.role];
    if (event.verdict === undefined) return effect(mask, level);
    const verdict = opinionOf(event.verdict, event.reason);
    return effect(mask | VERDICT | PROPOSAL, level, { verdict, weight: weightOfRuling(verdict) });
  },
};

/** @param {Event} event @param {Policy} policy */
function movesWithin(event, policy) {
  // Inside the village the officer's word places the voter, since nobody leaves a list by it (SPEC §2).
  return ids.villageOf(event.to) === ids.villageOf(event.tps) || strengthOf(policy, "moved_away", event.evidence) >= 0;
}

/** @param {string} verdict @param {string | undefined} evidence @param {Policy} policy */
function removal(verdict, evidence, policy) {
  const strength = strengthOf(policy, verdict, evidence);
  // Without accepted evidence a removal only proposes: a proposal never touches the verdict.
  if (strength < 0) return effect(PROPOSAL, FIELD_LEVEL, { proposal: verdict });
  return effect(VERDICT | PROPOSAL, FIELD_LEVEL, { verdict, weight: WEIGHT.removed, evidence: strength });
}

/** @param {string} verdict */
function weightOfRuling(verdict) {
  // A visit says nothing about being listed twice.
  if (verdict === "disqualified/duplicate") return WEIGHT.ruledDuplicate;
  return verdict === "confirmed" ? WEIGHT.met : WEIGHT.ruled;
}
