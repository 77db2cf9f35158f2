// What the field app says and works out by itself: texts, families, checks, pushes.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { RECORD_FIELDS } from "../../../src/ecoklit/web/field/core/event.js";
import { ageOn, checksOf, fitsBirth } from "../../../src/ecoklit/web/field/phone/checks.js";
import { emptyDraft, entriesOf, familiesOf, isSought, soundOf } from "../../../src/ecoklit/web/field/phone/family.js";
import { LANGUAGES, TEXTS, t } from "../../../src/ecoklit/web/field/texts.js";

const FOLDER = fileURLToPath(new URL("../../../src/ecoklit/web/field/", import.meta.url));
const sources = ["", "phone/", "screens/"].flatMap((folder) =>
  readdirSync(FOLDER + folder).filter((file) => file.endsWith(".js") && file !== "texts.js").map((file) => readFileSync(FOLDER + folder + file, "utf8")),
);

test("every text is there in both languages, with the same places for values", () => {
  const placesOf = (text) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort().join();
  for (const [key, texts] of Object.entries(TEXTS)) {
    assert.equal(texts.length, LANGUAGES.length, key);
    for (const text of texts) assert.ok(text.trim() !== "", key);
    assert.equal(placesOf(texts[0]), placesOf(texts[1]), key);
  }
});

test("every text that a screen asks for is in the catalogue, and none is for nobody", () => {
  const whole = sources.join("\n");
  for (const [, key] of whole.matchAll(/\bt\("([^"]+)"/g)) assert.ok(key in TEXTS, key);
  for (const [, key] of whole.matchAll(/new (?:NotSaid|Trouble)\("([^"]+)"/g)) assert.ok(key in TEXTS, key);
  for (const [, key] of whole.matchAll(/code: "(news_\w+)"/g)) assert.ok(key in TEXTS, key);
  const families = [...whole.matchAll(/[`(]([a-z_]+_)\$\{/g)].map(([, beginning]) => beginning);
  const isWord = (key) => RECORD_FIELDS.some((name) => key.startsWith(`${name}_`));
  const isUsed = (key) => isWord(key) || whole.includes(`"${key}"`) || families.some((beginning) => key.startsWith(beginning)) || key.includes("/");
  // A BadEnrolment and a removal are named by their own words.
  const named = new Set(["bad_code", "late_code", "bad_invitation", "away", "try_later", "wrong_service", "not_entitled"]);
  assert.deepEqual(Object.keys(TEXTS).filter((key) => !isUsed(key) && !named.has(key)), []);
  assert.equal(t("state_unsent", { unsent: 3, held: 4 }), "3 entri tersimpan di HP ini dan belum terkirim; 4 sudah ada di layanan.");
});

const person = (voter, fields, decision = {}) => ({
  decision: { voter, verdict: "unvisited", proposed: [], alive: [], attempts: 0, on_list: true, ...decision },
  record: { fields: { nkk: null, nik: null, name: "", address: "", rt: "", rw: "", birth_date: "", ...fields } },
});

test("families are known by their card, else by their house, and those with somebody to visit come first", () => {
  const states = [
    person("b", { nkk: "1", name: "Budi", rw: "002", birth_date: "1990-01-01" }, { verdict: "confirmed" }),
    person("a", { nkk: "1", name: "Ani", rw: "002", birth_date: "1960-01-01" }, { verdict: "confirmed" }),
    person("c", { name: "Cici", address: "Jl. Nuri", rt: "001", rw: "009" }),
    person("d", { name: "Dodi", address: "Jl. Nuri", rt: "001", rw: "009" }, { proposed: ["deceased"] }),
  ];
  const families = familiesOf(states);
  assert.deepEqual(families.map(({ key, head, openCount }) => [key, head, openCount]), [["house:009/001/Jl. Nuri", "Cici", 1], ["1", "Ani", 0]]);
});

test("the rest of a family is whoever is open and not marked; how they were met stands in each entry that has it", () => {
  const [family] = familiesOf([person("a", { nkk: "1" }), person("b", { nkk: "1" }), person("c", { nkk: "1" }, { verdict: "confirmed" })]);
  const draft = { ...emptyDraft("1"), how: "family", marks: { b: { type: "deceased" } }, births: [{ type: "new", how: "", document: "ktp_el", person: { record: {} } }] };
  const said = (rest) => entriesOf(family, draft, rest).map(({ voter, mark }) => [voter, mark.type, mark.how]);
  assert.deepEqual(said(true), [["a", "found", "family"], ["b", "deceased", undefined], [null, "new", "family"]]);
  assert.deepEqual(said(false), [["b", "deceased", undefined], [null, "new", "family"]]);
});

test("a name is found however it is spelled, and a number by its digits", () => {
  for (const [one, other] of [["Soekarno", "Sukarno"], ["Djoko", "Joko"], ["Muhammad", "Muhamad"], ["Yohana", "Johana"], ["Fitri", "Vitri"]]) assert.equal(soundOf(one), soundOf(other));
  assert.notEqual(soundOf("Siti"), soundOf("Sari"));
  const [family] = familiesOf([person("a", { nkk: "9404921606160001", nik: "9404922702910001", name: "Djoko Soesilo" })]);
  for (const [sought, found] of [["", true], ["susil", true], ["joko su", true], ["2702", true], ["budi", false], ["999", false]]) assert.equal(isSought(family, sought), found, sought);
});

test("a number that looks wrong is warned of, and kept", () => {
  assert.equal(fitsBirth("9404922702910001", "1991-02-27", "L"), true);
  assert.equal(fitsBirth("9404926702910001", "1991-02-27", "P"), true);
  assert.equal(fitsBirth("9404922702910001", "1991-02-27", "P"), false);
  assert.deepEqual(checksOf({ nik: "940492270291001" }), ["check_nik_digits"]);
  assert.deepEqual(checksOf({ nik: "9404922702910001", birth_date: "1991-02-28", sex: "L" }), ["check_nik_birth"]);
  assert.deepEqual(checksOf({ nik: "9404922702910001" }, ["9404922702910001"]), ["check_nik_double"]);
  assert.deepEqual(checksOf({ nik: null, nkk: "12" }), ["check_nkk_digits"]);
  assert.deepEqual([ageOn("2007-11-27", "2024-11-27"), ageOn("2007-11-28", "2024-11-27"), ageOn("", "2024-11-27")], [17, 16, null]);
});
