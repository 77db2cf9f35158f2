// The registry keeps out of the count in the browser what it keeps out at the service (SPEC §8.6).
import assert from "node:assert/strict";
import { test } from "node:test";

import { utf8 } from "../../../src/ecoklit/web/field/core/bytes.js";
import { append } from "../../../src/ecoklit/web/field/core/device-log.js";
import { QUARANTINES, faultOf, mayRead, quarantineOf } from "../../../src/ecoklit/web/field/core/entitlement.js";
import { ZERO_HASH } from "../../../src/ecoklit/web/field/core/ids.js";
import { Registry, foldRegistry } from "../../../src/ecoklit/web/field/core/registry.js";
import { readLine } from "../../../src/ecoklit/web/field/core/registry-event.js";
import { deviceOf } from "../../../src/ecoklit/web/field/core/signing.js";
import { vectors } from "./contract.js";

const BOOK = vectors("registry.json");
const LINES = BOOK.lines.map((one) => utf8(one.line));
const REGISTRY = await foldRegistry(LINES, BOOK.root);

function eventOf(one) {
  const end = { election: BOOK.election, device: one.device, officer: one.officer, role: one.role, policy: one.policy, seq: one.seq - 1, prev: ZERO_HASH };
  return append(end, { type: "found", tps: one.tps, at: one.at, voter: "00000000-0000-8000-8000-000000000000", how: "in_person" });
}

test("the registry keeps an event out by exactly the vector's name, or not at all", () => {
  for (const one of BOOK.judged) {
    const held = eventOf(one);
    assert.equal(faultOf(REGISTRY, held, one.stamp)?.name ?? null, one.name, one.note);
    assert.equal(quarantineOf(REGISTRY, [{ held, stamp: one.stamp }]).get(held.name)?.name ?? null, one.name, one.note);
  }
  assert.deepEqual(new Set(BOOK.judged.map((one) => one.name)), new Set([null, ...QUARANTINES]), "every name has a case");
});

test("an event whose latest cause came after the window was closed is late, whenever it came itself", () => {
  const on_time = BOOK.judged.find((one) => one.name === "late");
  const before = BOOK.positions.closed - 1;
  const cause = eventOf(on_time);
  const later = append(
    { election: BOOK.election, device: on_time.device, officer: on_time.officer, role: on_time.role, policy: on_time.policy, seq: cause.place.seq, prev: cause.name },
    { type: "found", tps: on_time.tps, at: on_time.at, voter: cause.place.voter, how: "in_person", seen: [cause] },
  );
  const told = { ...later, place: { ...later.place, clock: { ...later.place.clock, [cause.place.device]: cause.place.seq } } };
  const isLate = (stamp) => quarantineOf(REGISTRY, [{ held: cause, stamp }, { held: told, stamp: before }]).get(told.name)?.name === "late";
  assert.deepEqual([isLate(before), isLate(BOOK.positions.closed)], [false, true]);
});

test("an unopened registry says nothing about anybody, and nothing is asked of a bad event", () => {
  const held = eventOf(BOOK.judged[0]);
  assert.equal(faultOf(new Registry(BOOK.election, BOOK.regency), held, 0), null);
  assert.equal(faultOf(REGISTRY, { ...held, event: null }, 0), null);
});

test("what was judged at one position is judged anew at the next", async () => {
  const grown = new Registry(BOOK.election, BOOK.regency);
  const first = BOOK.judged.find((one) => one.name === null);
  const judged = [];
  for (const [place, line] of LINES.entries()) {
    await grown.take(place + 1, readLine(line), true);
    judged.push(faultOf(grown, eventOf(first), first.stamp)?.name ?? null);
  }
  assert.equal(judged[0], "not_entitled");
  assert.equal(judged[judged.length - 1], null);
});

test("what was ordered to be erased, and whose key signs the logs, is what the vectors say", () => {
  assert.deepEqual(REGISTRY.erasures.map(({ position, event }) => ({ position, order: event.order, voter: event.voter ?? null })), BOOK.erased);
  const keys = REGISTRY.logKeys.map(({ position, event }) => ({ position, log: event.log, origin: event.origin, device: deviceOf(event.key) }));
  assert.deepEqual(keys, BOOK.log_keys);
  for (const one of keys) assert.equal(REGISTRY.logKeyOf(one.log).event.origin, one.origin);
  assert.equal(REGISTRY.logKeyOf("registry"), undefined);
});

test("a voter is erased from the order on, and everybody from the order that names nobody", async () => {
  const grown = new Registry(BOOK.election, BOOK.regency);
  const [one, all] = BOOK.erased;
  const somebody = "00000000-0000-8000-8000-00000000ffff";
  const seen = [];
  for (const [place, line] of LINES.entries()) {
    await grown.take(place + 1, readLine(line), true);
    seen.push([grown.isErased(one.voter), grown.isErased(somebody)]);
  }
  assert.deepEqual(seen, LINES.map((_, place) => [place + 1 >= one.position, place + 1 >= all.position]));
});

test("a device reads the village of its right, and none without a right or when it was revoked", () => {
  const sari = BOOK.judged.find((one) => one.officer === "sari" && one.name === null);
  const neighbour = sari.tps.slice(0, 10) + "009";
  assert.deepEqual([sari.tps, neighbour, "9404022001001"].map((tps) => mayRead(REGISTRY, sari.device, tps)), [true, true, false]);
  assert.equal(mayRead(REGISTRY, "aaaaaaaaaaaaaaaa", sari.tps), false);
  const revoked = BOOK.judged.find((one) => one.name === "revoked_device");
  assert.equal(mayRead(REGISTRY, revoked.device, revoked.tps), false);
});
