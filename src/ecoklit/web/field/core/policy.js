/** What proves a removal: policies are data with a name, and an event is judged under its author's (SPEC §2). Twin of `core/policy.py`. */

import { isWord } from "./ids.js";

export const NO_STRENGTH = -1;

/** @typedef {{accepted: string[], never_enough: string[]}} Evidence */
/** @typedef {{name: string, removals: Record<string, Evidence>, words: Set<string>}} Policy */

/** The policy in parsed JSON; throws when it is none. @param {any} value @returns {Policy} */
export function parsePolicy(value) {
  const rows = /** @type {Evidence[]} */ (Object.values(value.removals));
  const words = rows.flatMap((row) => [...row.accepted, ...(row.never_enough ?? [])]);
  if (![value.policy, ...words].every(isWord)) throw new RangeError("a policy's name and words have 1 to 32 characters a-z, 0-9, _ and -");
  if (rows.some((row) => new Set(row.accepted).size < row.accepted.length)) throw new RangeError("a word stands twice in one row of the policy");
  return { name: value.policy, removals: value.removals, words: new Set(words) };
}

/** The place of `evidence` among the accepted words of `removal`, weakest 0; −1 where it is not accepted. @param {Policy} policy @param {string} removal @param {string | undefined} evidence */
export function strengthOf(policy, removal, evidence) {
  if (evidence === undefined || !Object.hasOwn(policy.removals, removal)) return NO_STRENGTH;
  return policy.removals[removal].accepted.indexOf(evidence);
}
