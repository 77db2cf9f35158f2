/** A phone's log as pushes: what is sent, and what a file carries, are the same bytes (SPEC §7.1). Twin of `field/parts.py`. */

import { utf8 } from "../core/bytes.js";
import { headLine, signHead } from "../core/head.js";
import { PUSH_BYTES_MAX, PUSH_EVENTS_MAX } from "../core/limits.js";
import { write } from "../core/wire.js";

/** @typedef {import("../core/wire.js").Held} Held */
/** One push: the seqs `first` to `last` of the log, both 0 when it has registry lines only. @typedef {{body: Uint8Array, first: number, last: number}} Part */
/** A verified receipt as kept. @typedef {{seq: number, line: string}} Proof */

const HEAD_BYTES_MAX = 256;
const BREAK = utf8("\n");

/**
 * The next push that brings `held`, consecutive events of `key`'s log; the registry lines go ahead. What was receipted
 * before and is sent again brings the receipt of that time (SPEC §7.12), so a part never reaches over a receipt's seq.
 * Null when there is nothing to bring.
 * @param {import("../core/signing.js").DeviceKey} key @param {string} election @param {readonly Held[]} held
 * @param {{registry?: readonly string[], receipts?: readonly Proof[], eventsMax?: number}} [with_] @returns {Promise<Part | null>}
 */
export async function nextPart(key, election, held, { registry = [], receipts = [], eventsMax = PUSH_EVENTS_MAX } = {}) {
  if (held.length === 0) return registry.length === 0 ? null : { body: bodyOf(registry, [], []), first: 0, last: 0 };
  const proof = receipts.filter(({ seq }) => seq >= held[0].place.seq).sort((one, other) => one.seq - other.seq)[0];
  const ahead = proof === undefined ? registry : [...registry, proof.line];
  const upto = proof === undefined ? Infinity : proof.seq;
  const lines = [];
  let size = HEAD_BYTES_MAX + ahead.reduce((sum, line) => sum + utf8(line).length + 1, 0);
  let last = held[0];
  for (const one of held) {
    const line = write(one.bytes, one.personBytes);
    if (lines.length > 0 && (one.place.seq > upto || lines.length >= Math.min(eventsMax, PUSH_EVENTS_MAX) || size + line.length >= PUSH_BYTES_MAX)) break;
    lines.push(line);
    size += line.length + 1;
    last = one;
  }
  const head = headLine(await signHead(key, election, last.place.seq, last.name));
  return { body: bodyOf(ahead, lines, [head]), first: held[0].place.seq, last: last.place.seq };
}

/** @param {readonly string[]} ahead @param {readonly Uint8Array[]} events @param {readonly string[]} after */
function bodyOf(ahead, events, after) {
  return joined([...ahead.map(utf8), ...events, ...after.map(utf8)].flatMap((line) => [line, BREAK]));
}

/** @param {readonly Uint8Array[]} pieces */
function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
