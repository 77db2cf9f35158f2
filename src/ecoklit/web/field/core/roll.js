/** Rolls and their digests: of a TPS, and of every area above it (SPEC §6). Twin of `core/roll.py`. */

import { compare, concat, utf8 } from "./bytes.js";
import { NATION } from "./ids.js";
import { leafHash, treeHead } from "./merkle.js";

/** @type {Readonly<Record<number, number>>} */
const PARENT_DIGITS = { 13: 10, 10: 6, 6: 4, 4: 2 };

/** @typedef {{tps: string, voter: string, leaf: Uint8Array}} Leaf */

/** @param {Iterable<import("./voter.js").State>} states @returns {Leaf[]} */
export function leavesOf(states) {
  return [...states].map((state) => ({ tps: state.decision.tps, voter: state.decision.voter, leaf: leafHash(state.decisionBytes) }));
}

/**
 * code → digest for every TPS that holds one of these leaves, and for every area above it, sorted by code. Every voter
 * whose winning tps it is counts, on the list or off, so that a removal cannot hide in a digest.
 * @param {readonly Leaf[]} leaves @returns {Map<string, Uint8Array>}
 */
export function digestsOf(leaves) {
  const sorted = [...leaves].sort((one, other) => compare(one.tps, other.tps) || compare(one.voter, other.voter));
  let level = new Map([...grouped(sorted, (leaf) => leaf.tps)].map(([tps, roll]) => [tps, treeHead(roll.map((one) => one.leaf))]));
  const found = new Map(level);
  while (level.size > 0) {
    level = parentsOf(level);
    for (const [code, digest] of level) found.set(code, digest);
    if (level.has(NATION)) break;
  }
  return new Map([...found].sort(([one], [other]) => compare(one, other)));
}

/** @param {Map<string, Uint8Array>} level */
function parentsOf(level) {
  const children = [...level].sort(([one], [other]) => compare(one, other));
  const byParent = grouped(children, ([code]) => parentOf(code));
  return new Map([...byParent].map(([parent, group]) => [parent, treeHead(group.map(([code, digest]) => leafHash(concat(utf8(code), digest))))]));
}

/** The area that an area or TPS lies in; the nation, `00`, above the provinces. @param {string} code */
export function parentOf(code) {
  const digits = PARENT_DIGITS[code.length];
  return digits === undefined ? NATION : code.slice(0, digits);
}

/** @template T @param {readonly T[]} items @param {(item: T) => string} keyOf @returns {Map<string, T[]>} */
function grouped(items, keyOf) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
