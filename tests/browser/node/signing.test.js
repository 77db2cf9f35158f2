// What counts as signed in the browser is what counts at the service (SPEC §7.2, §7.9).
import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64url, fromHex, toBase64url, utf8 } from "../../../src/ecoklit/web/field/core/bytes.js";
import { Malformed } from "../../../src/ecoklit/web/field/core/event.js";
import { append, clockAndSaw, endAfter } from "../../../src/ecoklit/web/field/core/device-log.js";
import { headLine, headSignedBy, signHead } from "../../../src/ecoklit/web/field/core/head.js";
import { ZERO_HASH } from "../../../src/ecoklit/web/field/core/ids.js";
import { readReceipt, receiptSignedBy } from "../../../src/ecoklit/web/field/core/receipt.js";
import { deviceOf, headMessage, makeKey, verifies, verify } from "../../../src/ecoklit/web/field/core/signing.js";
import { read, write } from "../../../src/ecoklit/web/field/core/wire.js";
import { histories, vectors } from "./contract.js";

test("signatures on which libraries differ get the contract's verdict", async () => {
  const { message, cases } = vectors("verifiers.json");
  for (const one of cases) {
    const found = await verify(one.algorithm, fromHex(one.public_key), fromHex(message), fromHex(one.signature));
    assert.equal(found, one.valid, `${one.algorithm}: ${one.note}`);
  }
});

test("a head is signed or not, as the contract says", async () => {
  for (const one of vectors("signatures.json").cases) {
    const key = { algorithm: one.algorithm, public_key: toBase64url(fromHex(one.public_key)) };
    const message = headMessage(one.election, one.device, one.seq, one.hash);
    assert.equal(await verifies(key, message, one.signature), one.valid, `${one.algorithm}: ${one.note}`);
  }
});

test("a receipt is signed by a service that the election names, or proves nothing; nothing else is one", async () => {
  const { services, cases, invalid } = vectors("receipts.json");
  const keys = new Map(services.map((key) => [deviceOf(key), key]));
  for (const one of cases) {
    const signed = readReceipt(utf8(one.line));
    assert.equal(signed.receipt.seq, one.seq, one.note);
    assert.equal(await receiptSignedBy(signed, keys), one.valid, one.note);
  }
  for (const one of invalid) assert.throws(() => readReceipt(utf8(one.line)), Malformed, one.note);
});

for (const algorithm of ["ed25519", "p256"]) {
  test(`a new ${algorithm} key signs a head that verifies, and whose secret cannot be read`, async () => {
    const key = await makeKey([algorithm]);
    assert.equal(key.secret.extractable, false);
    const head = await signHead(key, "pilkada-2024", 3, ZERO_HASH);
    const publicKey = { algorithm, public_key: key.publicKey };
    assert.equal(await headSignedBy(head, publicKey, "pilkada-2024"), true);
    assert.equal(await headSignedBy(head, publicKey, "pemilu-2029"), false);
    assert.equal(await headSignedBy({ ...head, seq: 4 }, publicKey, "pilkada-2024"), false);
    assert.deepEqual(JSON.parse(headLine(head)), { head: { device: key.device, hash: ZERO_HASH, seq: 3 }, signature: head.signature });
    assert.equal(fromBase64url(head.signature).length, 64);
  });
}

test("what the browser appends is, byte for byte, what the contract's authors wrote", () => {
  let appended = 0;
  for (const { story } of histories()) {
    for (const { line } of story.events) {
      let held;
      try {
        held = read(utf8(line));
      } catch {
        continue;
      }
      const event = held.event;
      if (event === null || held.personFault !== null || Object.keys(event.clock).length > 1) continue;
      const { at, clock, device, election, officer, person: _, policy, prev, role, seq, tps, type, v, voter, changed, ...own } = event;
      if (clock[device] !== seq || (event.person !== undefined && held.person === null)) continue;
      const end = { election, device, officer, role, policy, seq: seq - 1, prev };
      const again = append(end, { type, tps, at, voter, person: held.person ?? undefined, ...own });
      assert.deepEqual(write(again.bytes, again.personBytes), utf8(line));
      assert.deepEqual([endAfter(end, again).seq, endAfter(end, again).prev], [seq, held.name]);
      appended += 1;
    }
  }
  assert.ok(appended > 150, `${appended} events were written again`);
});

test("a clock names the latest of each other device, and never falls", () => {
  const held = (device, seq, clock, mark) => ({ mark, place: { device, seq, clock } });
  const [a, b] = ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"];
  assert.deepEqual(clockAndSaw(a, 1, []), { clock: { [a]: 1 } });
  assert.deepEqual(clockAndSaw(a, 4, [held(b, 2, { [b]: 2 }, "two"), held(b, 9, { [b]: 9 }, "nine"), held(a, 3, { [a]: 3, [b]: 2 }, "own")]), {
    clock: { [a]: 4, [b]: 9 },
    saw: ["nine"],
  });
  assert.throws(() => clockAndSaw(a, 4, [held(a, 3, { [a]: 3, [b]: 2 }, "own")]), /had seen/);
});
