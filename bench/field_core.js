// What `field_core.py` has a page do: keep a made-up TPS as a phone keeps it, and in a fresh page fold what was kept.
import { openDB } from "../src/ecoklit/web/field/vendor/idb/index.js";
import { toBase64url } from "../src/ecoklit/web/field/core/bytes.js";
import { parsePolicy } from "../src/ecoklit/web/field/core/policy.js";
import { Replica } from "../src/ecoklit/web/field/core/replica.js";
import { digestsOf, leavesOf } from "../src/ecoklit/web/field/core/roll.js";
import { hold } from "../src/ecoklit/web/field/core/wire.js";

const open = () =>
  openDB("bench-core", 1, {
    upgrade(fresh) {
      fresh.createObjectStore("bytes", { keyPath: "name" });
      fresh.createObjectStore("held", { keyPath: "name" });
    },
  });

/** Keep `voters` voters with five events each, as bytes and as what was read of them. @param {number} voters */
export async function keep(voters) {
  const { madeUp } = await import("./field_world.js");
  const db = await open();
  const held = madeUp(voters);
  const tx = db.transaction(["bytes", "held"], "readwrite");
  for (const one of held) {
    await tx.objectStore("bytes").put({ name: one.name, event: one.bytes, person: one.personBytes });
    await tx.objectStore("held").put(one);
  }
  await tx.done;
  db.close();
  return held.length;
}

/** @type {any[]} */
let held = [];

/** Bring what was kept into memory, ready to be folded: `bytes` are read anew, `held` was read when it was kept. @param {"bytes" | "held"} kept */
export async function bring(kept) {
  const db = await open();
  const rows = await db.getAll(kept);
  db.close();
  held = kept === "bytes" ? rows.map((row) => hold(row.event, row.person)) : rows;
  return held.length;
}

/** Fold what was brought, and what came of it. @param {any} policy as JSON */
export function fold(policy) {
  const replica = new Replica(new Map([[policy.policy, parsePolicy(policy)]]));
  replica.receive(held);
  const digests = digestsOf(leavesOf(replica.states()));
  const counted = held.filter((one) => replica.standing(one).name === "counted").length;
  return { counted, voters: replica.states().length, digests: [...digests].map(([code, head]) => `${code} ${toBase64url(head)}`).join() };
}
