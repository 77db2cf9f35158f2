// The browser's core says what every vector of the contract says (SPEC §1–§6).
import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toBase64url, fromBase64url, toHex, utf8 } from "../../../src/ecoklit/web/field/core/bytes.js";
import * as canonical from "../../../src/ecoklit/web/field/core/canonical.js";
import { covers } from "../../../src/ecoklit/web/field/core/causality.js";
import { Malformed } from "../../../src/ecoklit/web/field/core/event.js";
import * as ids from "../../../src/ecoklit/web/field/core/ids.js";
import { leafHash, treeHead } from "../../../src/ecoklit/web/field/core/merkle.js";
import { Replica } from "../../../src/ecoklit/web/field/core/replica.js";
import { digestsOf, leavesOf } from "../../../src/ecoklit/web/field/core/roll.js";
import { lineOf } from "../../../src/ecoklit/web/field/core/voter.js";
import { read, write } from "../../../src/ecoklit/web/field/core/wire.js";
import { histories, policies, vectors } from "./contract.js";

const SOUND = new Set(["counted", "parked", "not_on_roll", "unknown_policy"]);
const bytesOf = (one) => (one.line === undefined ? fromHex(one.hex) : utf8(one.line));

function alone(line) {
  const held = read(line);
  const replica = new Replica(policies());
  replica.receive([held]);
  return { held, standing: replica.standing(held).name };
}

function assertTold(story, held, replica) {
  assert.deepEqual(replica.states().map(lineOf), story.states);
  const digests = Object.fromEntries([...digestsOf(leavesOf(replica.states()))].map(([code, digest]) => [code, toHex(digest)]));
  assert.deepEqual(digests, story.digests);
  assert.deepEqual(held.map((one) => replica.standing(one).name), story.events.map((event) => event.standing));
  assert.equal(replica.parkedCount(), story.parked);
}

test("a value has one form, and other bytes are the form of nothing", () => {
  const { valid, invalid } = vectors("canonical.json");
  for (const one of valid) {
    assert.equal(toHex(canonical.encode(one.value)), one.hex, one.note);
    assert.deepEqual(canonical.decode(fromHex(one.hex)), one.value, one.note);
    assert.equal(toHex(ids.sha256(fromHex(one.hex))), one.sha256, one.note);
  }
  for (const one of invalid) assert.throws(() => canonical.decode(fromHex(one.hex)), canonical.NotCanonical, one.note);
});

test("devices, voters and hashes have the contract's names, and no other spelling fits a form", () => {
  const { devices, voters, hashes, invalid } = vectors("names.json");
  for (const one of devices) assert.equal(ids.deviceId(one.algorithm, fromHex(one.public_key)), one.device);
  for (const one of invalid.key) assert.throws(() => ids.deviceId(one.algorithm, fromHex(one.public_key)), RangeError, one.note);
  for (const one of voters) assert.equal(ids.birthId(one.election, one.device, one.seq, one.person), one.voter);
  for (const one of hashes) {
    const hash = ids.sha256(utf8(one.text));
    assert.equal(toBase64url(hash), one.hash);
    assert.equal(ids.markOf(hash), one.mark);
    assert.deepEqual(fromBase64url(one.hash), hash);
  }
  const forms = { device: ids.isDevice, hash: ids.isHash, mark: ids.isMark, voter: ids.isVoter, tps: ids.isTps, area: ids.isArea, word: ids.isWord };
  for (const [form, fits] of Object.entries(forms)) {
    for (const text of invalid[form]) assert.equal(fits(text), false, `${form}: ${JSON.stringify(text)}`);
  }
});

test("a tree has one head, and an area the head of its children", () => {
  const { trees, of_one_leaf: single, order_matters: ordered, areas } = vectors("digests.json");
  for (const one of [...trees, ...single, ordered]) {
    assert.equal(toHex(treeHead(one.inputs.map((leaf) => leafHash(fromHex(leaf))))), one.head);
  }
  const leaves = Object.entries(areas.rolls).flatMap(([tps, roll]) =>
    roll.map((leaf, place) => ({ tps, voter: String(place).padStart(3, "0"), leaf: leafHash(fromHex(leaf)) })),
  );
  assert.deepEqual(Object.fromEntries([...digestsOf(leaves)].map(([code, digest]) => [code, toHex(digest)])), areas.digests);
});

test("a line is read and written back, or is malformed", () => {
  const { valid, malformed } = vectors("lines.json");
  for (const one of valid) {
    const held = read(bytesOf(one));
    const expected = held.personFault === null ? bytesOf(one) : write(held.bytes, null);
    assert.deepEqual(write(held.bytes, held.personBytes), expected, one.note);
  }
  for (const one of [...malformed, ...vectors("events.json").malformed]) assert.throws(() => read(bytesOf(one)), Malformed, one.note);
});

test("an event has the contract's name for what is wrong with it", () => {
  const { valid, bad_event: bad } = vectors("events.json");
  for (const one of valid) {
    const { held, standing } = alone(bytesOf(one));
    assert.ok(SOUND.has(standing) && held.fault === null && held.personFault === null, `${one.note}: ${standing} ${held.fault} ${held.personFault}`);
  }
  for (const one of bad) assert.equal(alone(bytesOf(one)).standing, "bad_event", one.note);
});

test("a right person is kept, and a bad one dropped while its event counts", () => {
  const { valid, bad_person: bad } = vectors("persons.json");
  for (const one of valid) {
    const { held, standing } = alone(bytesOf(one));
    assert.ok(SOUND.has(standing), one.note);
    assert.deepEqual(write(held.bytes, held.personBytes), bytesOf(one), one.note);
  }
  for (const one of bad) {
    const { held, standing } = alone(bytesOf(one));
    assert.ok(SOUND.has(standing) && held.person === null && held.personBytes === null && held.personFault, one.note);
  }
});

test("a clock is sound or bad by itself, and covers what it knows", () => {
  const { valid, bad_clock: bad, covers: pairs } = vectors("clocks.json");
  for (const one of valid) assert.ok(SOUND.has(alone(bytesOf(one)).standing), one.note);
  for (const one of bad) assert.equal(alone(bytesOf(one)).standing, "bad_clock", one.note);
  for (const one of pairs) assert.equal(covers(one.f, one.e), one.covers, one.note);
});

for (const { name, story } of histories()) {
  test(`${name} ends as told, in any order, at once, one by one, or joined from halves`, () => {
    const known = policies(story.policies);
    const held = story.events.map((event) => read(utf8(event.line)));
    for (const [place, event] of story.events.entries()) {
      if (event.hash !== undefined) assert.equal(held[place].name, event.hash); // histories carry none
    }
    const whole = new Replica(known);
    whole.receive(held);
    assertTold(story, held, whole);
    for (const order of story.orders) {
      const replica = new Replica(known);
      for (const place of order) replica.receive([held[place]]);
      assertTold(story, held, replica);
    }
    const [left, right] = [new Replica(known), new Replica(known)];
    left.receive(story.orders[2].filter((_, at) => at % 2 === 0).map((place) => held[place]));
    right.receive(story.orders[2].filter((_, at) => at % 2 === 1).map((place) => held[place]));
    left.join(right);
    right.join(left);
    assertTold(story, held, left);
    assertTold(story, held, right);
    for (const [place, one] of held.entries()) {
      const standing = whole.standing(one).name;
      const fault = standing === "counted" || standing === "parked" ? (one.personFault ? "bad_person" : null) : standing;
      assert.equal(fault, story.events[place].line_fault);
    }
  });
}
