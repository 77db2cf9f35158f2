/**
 * Families as an officer visits them, and what the taps at one door mean: marks in a draft, which become entries when the
 * family is closed. Pure: no store, no clock.
 */

import { compare } from "../core/bytes.js";
import { stays } from "../core/effect.js";

/** @typedef {import("../core/voter.js").State} State */
/** @typedef {import("../core/wire.js").Held} Held */
/**
 * What a tap says of one voter: `type` and the event's own fields as they will stand in the entry, and `person` without its salt.
 * @typedef {{type: string, person?: Record<string, any>} & Record<string, any>} Mark
 */
/** Marks by voter id, and people who are not on the list. @typedef {{family: string, marks: Record<string, Mark>, births: Mark[], how: string}} Draft */
/** @typedef {{key: string, nkk: string | null, head: string, address: string, rt: string, rw: string, states: State[], openCount: number}} Family */

/** How the people of a family were met, unless it is said otherwise. */
export const HOW = "in_person";

/** @param {string} family @returns {Draft} */
export const emptyDraft = (family) => ({ family, marks: {}, births: [], how: HOW });

/** What the family of a voter is known by: the family card, else the house. @param {State} state */
export function familyOf(state) {
  const fields = state.record?.fields;
  if (fields === undefined) return `voter:${state.decision.voter}`;
  return fields.nkk ?? `house:${fields.rw ?? ""}/${fields.rt ?? ""}/${fields.address ?? ""}`;
}

/** The families of a roll, those with somebody to visit first, in the order in which an officer walks. @param {readonly State[]} states @returns {Family[]} */
export function familiesOf(states) {
  /** @type {Map<string, State[]>} */
  const byKey = new Map();
  for (const state of states) byKey.set(familyOf(state), [...(byKey.get(familyOf(state)) ?? []), state]);
  const families = [...byKey].map(([key, members]) => family(key, members));
  return families.sort((one, other) => Number(one.openCount === 0) - Number(other.openCount === 0) || compare(walkOf(one), walkOf(other)));
}

/** @param {string} key @param {State[]} members @returns {Family} */
function family(key, members) {
  const states = [...members].sort((one, other) => compare(fieldOf(one, "birth_date") || "9999", fieldOf(other, "birth_date") || "9999") || compare(one.decision.voter, other.decision.voter));
  const first = states[0];
  return {
    key, states, nkk: first.record?.fields.nkk ?? null, head: fieldOf(first, "name"), address: fieldOf(first, "address"),
    rt: fieldOf(first, "rt"), rw: fieldOf(first, "rw"), openCount: states.filter(isOpen).length,
  };
}

/** @param {Family} one */
const walkOf = ({ rw, rt, address, key }) => [rw, rt, address, key].join("\u0000");

/** A particular of a voter, "" where it is not known. @param {State} state @param {string} name @returns {string} */
export const fieldOf = (state, name) => state.record?.fields[name] ?? "";

/** Whether the voter is still to be visited. @param {State} state */
export const isOpen = ({ decision }) => decision.verdict === "unvisited" && decision.proposed.length === 0;

/** @typedef {"open" | "match" | "changed" | "new" | "proposed" | "removed"} Category */

/** What coklit found about a voter, by the words of the daily report. @param {State} state @param {readonly Held[]} about @returns {Category} */
export function categoryOf({ decision }, about) {
  if (!stays(decision.verdict)) return "removed";
  if (decision.proposed.length > 0) return "proposed";
  if (decision.verdict === "unvisited") return "open";
  if (about.some(({ event }) => event?.type === "new")) return "new";
  const alive = new Set(decision.alive);
  return about.some(({ event, dot }) => alive.has(dot) && event?.changed !== undefined) ? "changed" : "match";
}

/** @typedef {{listed: number, visited: number, open: number, attempted: number, disabled: number, by: Record<Category, number>, reasons: Record<string, number>}} Progress */

/** How far coklit of a roll is. @param {readonly State[]} states @param {(state: State) => readonly Held[]} aboutOf @returns {Progress} */
export function progressOf(states, aboutOf) {
  /** @type {Progress} */
  const progress = {
    listed: 0, visited: 0, open: 0, attempted: 0, disabled: 0,
    by: { open: 0, match: 0, changed: 0, new: 0, proposed: 0, removed: 0 }, reasons: {},
  };
  for (const state of states) {
    const category = categoryOf(state, aboutOf(state));
    progress.by[category] += 1;
    progress.listed += state.decision.on_list ? 1 : 0;
    progress.open += category === "open" ? 1 : 0;
    progress.attempted += category === "open" && state.decision.attempts > 0 ? 1 : 0;
    progress.disabled += state.decision.on_list && fieldOf(state, "disability") !== "" ? 1 : 0;
    for (const reason of reasonsOf(state)) progress.reasons[reason] = (progress.reasons[reason] ?? 0) + 1;
  }
  progress.visited = states.length - progress.open;
  return progress;
}

/** Why a voter leaves, or is said to: each removal as one word. @param {State} state */
export function reasonsOf({ decision }) {
  if (stays(decision.verdict)) return decision.proposed;
  return [decision.reason === null ? decision.verdict : `${decision.verdict}/${decision.reason}`];
}

/** Names as they are said: without accents, doubled letters and the spellings that are heard alike. @param {string} name */
export function soundOf(name) {
  return name
    .toLowerCase()
    .normalize("NFD")
    .replace(/[^a-z ]/g, "")
    .replace(/oe/g, "u").replace(/dj/g, "j").replace(/tj/g, "c").replace(/sj/g, "sy").replace(/ph/g, "f").replace(/[yj]/g, "i").replace(/h/g, "").replace(/[vp]/g, "f").replace(/[kq]/g, "c").replace(/z/g, "s")
    .replace(/(.)\1+/g, "$1")
    .trim();
}

/** Whether somebody of the family is called so, however it is spelled, or has the number. @param {Family} family @param {string} sought */
export function isSought(family, sought) {
  const digits = sought.replace(/\s/g, "");
  if (/^\d{3,}$/.test(digits)) return family.states.some((state) => `${fieldOf(state, "nik")} ${fieldOf(state, "nkk")}`.includes(digits));
  const words = soundOf(sought).split(/\s+/).filter(Boolean);
  return words.length === 0 || family.states.some((state) => {
    const names = soundOf(fieldOf(state, "name")).split(" ");
    return words.every((word) => names.some((name) => name.startsWith(word)));
  });
}

/** The entries that closing a family makes, in order: what was marked, those who are new, and *Sisanya sesuai* for the rest. @param {Family} family @param {Draft} draft @param {boolean} rest whether whoever is open and not marked is as listed @returns {{voter: string | null, mark: Mark}[]} */
export function entriesOf(family, draft, rest) {
  /** @type {{voter: string | null, mark: Mark}[]} */
  const entries = [];
  for (const state of family.states) {
    const { voter } = state.decision;
    const mark = draft.marks[voter] ?? (rest && isOpen(state) ? { type: "found", how: draft.how } : undefined);
    if (mark !== undefined) entries.push({ voter, mark: mark.how === undefined ? mark : { ...mark, how: draft.how } });
  }
  return [...entries, ...draft.births.map((birth) => ({ voter: null, mark: { ...birth, how: draft.how } }))];
}
