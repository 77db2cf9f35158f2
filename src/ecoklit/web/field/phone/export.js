/** What leaves the phone in a file: its whole log as pushes, each with its own signed head, so that anybody may carry it (SPEC §7.1). */

import { concat } from "../core/bytes.js";
import { aheadOf } from "./enrol.js";
import { nextPart } from "./parts.js";
import { Trouble } from "./trouble.js";

/** The log of the phone's key from its first entry on, and what the file is called. @param {import("./store.js").Store} store */
export async function wholeLog(store) {
  const identity = await store.identity();
  const about = await store.about();
  if (identity === null || about.election === "") throw new Trouble("not_enrolled");
  const receipts = await store.receipts(identity.device);
  let registry = aheadOf(await store.chain(), identity.device);
  const bodies = [];
  for (let after = 0; ; ) {
    const held = await store.own(identity.device, after);
    const part = await nextPart(identity, about.election, held, { registry, receipts });
    if (part === null) break;
    bodies.push(part.body);
    registry = [];
    if (part.last === 0) break;
    after = part.last;
  }
  return { name: `ecoklit-${about.officer}-${identity.device}.ndjson`, body: concat(...bodies) };
}
