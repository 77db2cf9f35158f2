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

/** Milliseconds of each step from the disk to the digest, by what was kept: `bytes` or `held`. @param {"bytes" | "held"} kept @param {any} policy */
export async function fold(kept, policy) {
  const known = new Map([[policy.policy, parsePolicy(policy)]]);
  const started = performance.now();
  const db = await open();
  const rows = await db.getAll(kept);
  db.close();
  const fetched = performance.now();
  const held = kept === "bytes" ? rows.map((row) => hold(row.event, row.person)) : rows;
  const read = performance.now();
  const replica = new Replica(known);
  replica.receive(held);
  const folded = performance.now();
  const digests = digestsOf(leavesOf(replica.states()));
  const done = performance.now();
  const counted = held.filter((one) => replica.standing(one).name === "counted").length;
  const digest = [...digests].filter(([code]) => code.length === 13).map(([, head]) => toBase64url(head)).join();
  return { fetch: fetched - started, read: read - fetched, fold: folded - read, digest: done - folded, counted, voters: replica.states().length, head: digest };
}
