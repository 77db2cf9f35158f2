/**
 * How a phone comes to its rights: by a code that it redeems itself, or by the office's file (SPEC §8.5). Twin of
 * `field/enrolment.py`. Either way it holds the registry's lines against the root key, and carries them: its first push
 * shows them to whatever service it reaches.
 */

import { fromUtf8, utf8 } from "../core/bytes.js";
import { chainOf, redeem, voucherKey } from "../core/enrolment.js";
import { PUSH_REGISTRY_LINES_MAX } from "../core/limits.js";
import { lineText, readLine } from "../core/registry-event.js";
import { foldRegistry, policyOf } from "../core/registry.js";
import { makeKey } from "../core/signing.js";
import { read } from "../core/wire.js";
import { linesOf } from "./page.js";
import { Trouble, WrongService } from "./trouble.js";

/** @typedef {import("../core/registry.js").Registry} Registry */
/** @typedef {import("../core/registry.js").Grant} Grant */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./store.js").About} About */

/** What a phone's officer works under where the registry sets no other. */
export const POLICY = "2024-1";
const TPS_DIGITS = 13;
/** @type {Readonly<Record<string, number>>} */
const NARROWEST = { pantarlih: 0, operator: 1, pps: 2, ppk: 3, kpu: 4 };

/** An officer who has several roles works at the door first of all. @param {Grant} one @param {Grant} other */
export const byNarrowness = (one, other) => NARROWEST[one.role] - NARROWEST[other.role] || other.area.length - one.area.length || one.position - other.position;

/** The phone's key; made once. @param {Store} store */
export async function keyOf(store) {
  return (await store.identity()) ?? store.makeIdentity(await makeKey());
}

/**
 * Enrol this phone by a code that the office gave; nobody is told yet. `root` is the root key's id where an invitation
 * names it, "" where only the code was typed. Throws Trouble, Away, TryLater, WrongService.
 * @param {Store} store @param {import("./transport.js").Transport} transport @param {string} code @param {{root: string, at: string}} options
 */
export async function enrolByCode(store, transport, code, { root, at }) {
  const key = await keyOf(store);
  const lines = await wholeRegistry(transport, 0);
  if (lines.length === 0) throw new Trouble("no_election");
  const registry = await folded(lines, root);
  const voucher = await voucherKey(code, registry.election, registry.regency);
  const terms = registry.vouchers.get(voucher.device);
  if (terms === undefined) throw new Trouble("no_such_code");
  if (terms.usedBy !== null && terms.usedBy !== key.device) throw new Trouble("code_used", { device: terms.usedBy });
  if (terms.usedBy === null) {
    // What was said by the code before is not said in other words again: it would be two events of one name.
    const kept = (await store.chain()).filter((line) => readLine(utf8(line)).device === voucher.device);
    const own = kept.length > 0 ? kept : (await redeem(voucher, terms, key, { election: registry.election, regency: registry.regency, at })).map(lineText);
    lines.push(...own.map(utf8));
  }
  await take(store, await folded(lines, root), lines, key.device, []);
}

/** Enrol this phone by the file that the office made for its key: registry lines, and the list. @param {Store} store @param {Uint8Array} file @param {string} root */
export async function enrolByFile(store, file, root) {
  const key = await keyOf(store);
  let lines;
  let held;
  try {
    const texts = linesOf(file);
    lines = texts.filter((text) => text.startsWith('{"registry":')).map(utf8);
    held = texts.filter((text) => text.startsWith('{"event":')).map((text) => read(utf8(text)));
    if (lines.length === 0) throw new Trouble("bad_file");
    lines.forEach(readLine);
  } catch {
    throw new Trouble("bad_file");
  }
  await take(store, await folded(lines, root), lines, key.device, held);
}

/** @param {readonly Uint8Array[]} lines @param {string} root */
async function folded(lines, root) {
  try {
    return await foldRegistry(lines, root);
  } catch (error) {
    throw new WrongService(error instanceof Error ? error.message : String(error));
  }
}

/** The registry's lines beyond a position, page after page. @param {import("./transport.js").Transport} transport @param {number} after */
export async function wholeRegistry(transport, after) {
  /** @type {Uint8Array[]} */
  const lines = [];
  for (;;) {
    const page = linesOf(await transport.registry(after + lines.length)).map(utf8);
    try {
      page.forEach(readLine);
    } catch {
      throw new WrongService("what answers there is no registry");
    }
    if (page.length === 0) return lines;
    lines.push(...page);
  }
}

/** @param {Store} store @param {Registry} registry @param {readonly Uint8Array[]} lines @param {string} device @param {readonly import("../core/wire.js").Held[]} held */
async function take(store, registry, lines, device, held) {
  const enrolled = registry.devices.get(device);
  if (enrolled === undefined) throw new Trouble("other_phone", { device });
  if (registry.isRevoked(device)) throw new Trouble("revoked_phone");
  const grants = registry.grantsOf(device).sort(byNarrowness);
  if (grants.length === 0) throw new Trouble("no_right", { officer: enrolled.holder });
  const known = await store.about();
  if (known.election !== "" && (known.election !== registry.election || known.regency !== registry.regency || known.root !== registry.rootDevice)) {
    throw new Trouble("other_election", { election: known.election, regency: known.regency });
  }
  const withFile = held.filter((one) => grants.some(({ area }) => one.place.tps.startsWith(area))).map((one) => one.place.tps);
  const places = [...new Set([...grants.map(({ area }) => area).filter((area) => area.length === TPS_DIGITS), ...withFile])].sort();
  /** @type {About} */
  const about = {
    election: registry.election, regency: registry.regency, root: registry.rootDevice, officer: enrolled.holder,
    role: grants[0].role, policy: policyOf(registry, grants[0].area, POLICY), device, epoch: known.epoch,
  };
  await store.enrol(about, places, chainOf(lines, device).map(fromUtf8), held);
}

/**
 * The registry lines that go ahead of a push by `device`: the logs nearest to it, as many as one push may bring. A log is
 * brought whole where it fits; of one that does not fit the end is brought, because whoever writes so much syncs by itself.
 * @param {readonly string[]} chain @param {string} device @returns {string[]}
 */
export function aheadOf(chain, device) {
  const lines = chain.map((text) => ({ text, ...readLine(utf8(text)) }));
  /** @type {Map<string, number>} author → the seq after which its log is brought */
  const chosen = new Map();
  let room = PUSH_REGISTRY_LINES_MAX;
  for (const author of authorsOf(lines, device)) {
    const log = lines.filter((line) => line.device === author);
    if (room === 0 || (chosen.size > 0 && log.length > room)) break;
    const count = Math.min(log.length, room);
    chosen.set(author, Math.max(...log.map(({ seq }) => seq)) - count);
    room -= count;
  }
  return lines.filter((line) => line.seq > (chosen.get(line.device) ?? Infinity)).map(({ text }) => text);
}

/** Who gave the device a right, then who gave those one, and so on up to the root. @param {readonly import("../core/registry-event.js").SignedRegistry[]} lines @param {string} device @returns {string[]} */
function authorsOf(lines, device) {
  const names = new Set([device]);
  const known = new Set([device]);
  /** @type {string[]} */
  const authors = [];
  for (;;) {
    for (const { event } of lines) if (event?.type === "device_enrolled" && names.has(event.enrolled)) names.add(event.holder);
    const level = [...new Set(lines.filter(({ event, device: author }) => gives(event, names) && !known.has(author)).map((line) => line.device))];
    if (level.length === 0) return authors;
    authors.push(...level);
    for (const author of level) {
      known.add(author);
      names.add(author);
    }
  }
}

/** @param {import("../core/registry-event.js").RegistryEvent | null} event @param {ReadonlySet<string>} names */
function gives(event, names) {
  if (event?.type === "assigned") return names.has(event.to_device ?? event.officer_assigned);
  if (event?.type === "device_enrolled") return names.has(event.enrolled);
  return event?.type === "vouched" && names.has(event.voucher);
}
