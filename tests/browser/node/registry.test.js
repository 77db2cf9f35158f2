// The browser reads a registry, a code and a page as the service does (SPEC §7.11, §8).
import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toBase64url, toHex, utf8 } from "../../../src/ecoklit/web/field/core/bytes.js";
import { chainOf, readCode, readLink, voucherKey, voucherSeed } from "../../../src/ecoklit/web/field/core/enrolment.js";
import { Malformed } from "../../../src/ecoklit/web/field/core/event.js";
import { lineText, readLine } from "../../../src/ecoklit/web/field/core/registry-event.js";
import { foldRegistry } from "../../../src/ecoklit/web/field/core/registry.js";
import { pullMessage, verifies } from "../../../src/ecoklit/web/field/core/signing.js";
import { readPage } from "../../../src/ecoklit/web/field/phone/page.js";
import { vectors } from "./contract.js";

const book = vectors("registry.json");
const lines = book.lines.map(({ line }) => utf8(line));

test("each registry line does what it says, or is void by the vector's name", async () => {
  const registry = await foldRegistry(lines, book.root);
  const named = new Map(registry.voids.map(({ position, name }) => [position, name]));
  for (const one of book.lines) assert.equal(named.get(one.position) ?? null, one.void, `line ${one.position}: ${one.line}`);
});

test("a line is read and written back; another root key, and what is no line, are refused", async () => {
  for (const one of book.lines) assert.equal(lineText(readLine(utf8(one.line))), one.line);
  await assert.rejects(foldRegistry(lines, "aaaaaaaaaaaaaaaa"), /root key/);
  await assert.rejects(foldRegistry(lines.slice(1), book.root), /does not open/);
  for (const text of ["", "{}", "[]", '{"registry":{},"signature":""}', `${book.lines[0].line} `]) assert.throws(() => readLine(utf8(text)), Malformed);
});

test("a signature that was not checked when its line was stored is checked", async () => {
  const forged = book.lines[1].line.replace(/"signature":"(.)/, (_, first) => `"signature":"${first === "A" ? "B" : "A"}`);
  const registry = await foldRegistry([lines[0], utf8(forged)], book.root, 1);
  assert.deepEqual(registry.voids.map(({ name }) => name), ["bad_signature"]);
});

test("what a phone carries proves its rights to whoever holds nothing", async () => {
  const whole = await foldRegistry(lines, book.root);
  for (const device of whole.devices.keys()) {
    const carried = await foldRegistry(chainOf(lines, device), book.root);
    assert.ok(carried.devices.has(device), device);
  }
});

test("a code stands for the vector's key, however it is typed, and no other text is one", async () => {
  const { valid, same, invalid } = vectors("codes.json");
  for (const one of valid) {
    assert.equal(toHex(await voucherSeed(one.code, one.election, one.regency)), one.seed);
    const key = await voucherKey(one.code, one.election, one.regency);
    assert.deepEqual([key.publicKey, key.device], [one.public_key, one.device]);
    const message = utf8("x");
    assert.ok(await verifies({ algorithm: "ed25519", public_key: key.publicKey }, message, key.sign(message)));
  }
  for (const one of same) assert.equal(readCode(one.typed), one.code, one.note);
  for (const one of invalid) assert.throws(() => readCode(one.typed), { code: "bad_code" }, one.note);
});

test("a link holds an invitation whole, or is refused", () => {
  const [{ code }] = vectors("codes.json").valid;
  const invitation = { code, election: "pilkada-2024", regency: "9404", root: book.root };
  assert.deepEqual(readLink(`#${code}.pilkada-2024.9404.${book.root}`), invitation);
  for (const screen of ["#/daftar", "#/keluarga/house:001/002/Jl. Nuri No. 3. B.", ""]) assert.equal(readLink(screen), null);
  for (const bad of [`#${code}.pilkada-2024.9404.x`, `#${code}.pilkada-2024.0000.${book.root}`, `#K7QX.pilkada-2024.9404.${book.root}`]) {
    assert.throws(() => readLink(bad), /invitation|code/);
  }
});

test("a question for a page is signed as a whole, and a page says what the vector says", async () => {
  const { asks, pages, invalid } = vectors("pulls.json");
  for (const one of asks) {
    const key = { algorithm: one.algorithm, public_key: toBase64url(fromHex(one.public_key)) };
    assert.equal(await verifies(key, pullMessage(one.election, one.device, one.nonce, one.tps, one.cursor), one.signature), one.valid, one.note);
  }
  const bodyOf = (one) => utf8(one.lines.map((line) => `${line}\n`).join(""));
  for (const one of pages) {
    const page = readPage(bodyOf(one), "pilkada-2024", "ECOKLIT-pilkada-2024-9404");
    assert.deepEqual(page.standings.map(({ device, seq, name, why }) => [device, seq, name, why]), one.standings, one.note);
    assert.deepEqual([page.lost, page.policies.map(({ policy }) => policy)], [one.lost, one.policies], one.note);
    assert.deepEqual([page.digest, page.position, page.registry], [one.digest, 9, 4], one.note);
  }
  for (const one of invalid) assert.throws(() => readPage(bodyOf(one), "pilkada-2024", "ECOKLIT-pilkada-2024-9404"), { name: "Error" }, one.note);
});
