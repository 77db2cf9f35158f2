/** The Merkle tree of RFC 6962 §2.1: one digest over a list of leaf inputs, in order. Twin of `core/merkle.py`. */

import { concat } from "./bytes.js";
import { sha256 } from "./ids.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
export const EMPTY_HEAD = sha256(new Uint8Array(0));

/** @param {Uint8Array} leaf */
export const leafHash = (leaf) => sha256(concat(LEAF, leaf));
/** @param {Uint8Array} left @param {Uint8Array} right */
export const nodeHash = (left, right) => sha256(concat(NODE, left, right));

/** The head over leaves of these hashes; of none, the hash of nothing. @param {readonly Uint8Array[]} leafHashes @returns {Uint8Array} */
export function treeHead(leafHashes) {
  if (leafHashes.length === 0) return EMPTY_HEAD;
  let level = leafHashes;
  // Pairing level by level, an odd last node carried up, gives RFC 6962's split at the largest power of two.
  while (level.length > 1) {
    const paired = [];
    for (let place = 0; place + 1 < level.length; place += 2) paired.push(nodeHash(level[place], level[place + 1]));
    if (level.length % 2 === 1) paired.push(level[level.length - 1]);
    level = paired;
  }
  return level[0];
}
