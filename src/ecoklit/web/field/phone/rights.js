/** What the registry says of this phone, learned at each sync: its rights, its policy, what was taken from it (SPEC §8). Twin of `field/rights.py`. */

import { utf8, fromUtf8 } from "../core/bytes.js";
import { DAMAGED, foldRegistry, isOpenAt, policyOf } from "../core/registry.js";
import { POLICY, byNarrowness, wholeRegistry } from "./enrol.js";
import { WrongService } from "./trouble.js";

/** @typedef {import("../core/registry.js").Registry} Registry */
/** A sentence of `texts.js` and what goes into it. @typedef {{code: string, values: Record<string, string | number>}} News */

/** Take the registry lines that the phone lacks, and say what they change for it. `told` is the position that a page named, null when none did. @param {import("./store.js").Store} store @param {import("./transport.js").Transport} transport @param {number | null} told @returns {Promise<News[]>} */
export async function learn(store, transport, told) {
  const known = (await store.known()).map(utf8);
  if (told === known.length) return [];
  // One that knows fewer lines was restored from an older copy: what it lost is no longer known here either.
  const after = told !== null && told < known.length ? 0 : known.length;
  const fresh = await wholeRegistry(transport, after);
  if (fresh.length === 0) return [];
  const about = await store.about();
  const places = (await store.places()).map(({ tps }) => tps);
  const before = known.length > 0 ? await folded(known, about, known.length) : await folded((await store.chain()).map(utf8), about, 0);
  const now = await folded([...known.slice(0, after), ...fresh], about, after);
  if (!now.devices.has(about.device)) return []; // it does not know the phone yet, which shows its enrolment with its next push
  const grants = now.grantsOf(about.device).sort(byNarrowness);
  const at = [...new Set([...places, ...grants.map(({ area }) => area).filter((area) => area.length === 13)])].sort();
  const area = grants[0]?.area ?? at[0] ?? about.regency;
  await store.learn(fresh.map(fromUtf8), after, {
    // One without any right stays who it was, for what it still has to send.
    role: grants[0]?.role ?? about.role, policy: policyOf(now, area, POLICY), places: at,
    policies: new Map(at.map((tps) => [tps, policyOf(now, tps, POLICY)])),
    isErased: (voter) => now.isErased(voter),
  });
  return [...changes(before, now, about.device, places)];
}

/** @param {readonly Uint8Array[]} lines @param {import("./store.js").About} about @param {number} checked */
async function folded(lines, about, checked) {
  let registry;
  try {
    registry = await foldRegistry(lines, about.root, checked);
  } catch (error) {
    throw new WrongService(`that is not this election's registry (${error instanceof Error ? error.message : error})`);
  }
  const broken = registry.voids.find(({ name }) => DAMAGED.includes(name));
  if (broken !== undefined) throw new WrongService(`line ${broken.position} of the registry does not hold (${broken.why})`);
  return registry;
}

/** What an officer should hear of. @param {Registry} before @param {Registry} after @param {string} device @param {readonly string[]} places @returns {Generator<News>} */
function* changes(before, after, device, places) {
  if (after.isRevoked(device)) {
    const from = Math.min(...after.revocationsOf(device).filter(({ area }) => area === null).map(({ fromSeq }) => fromSeq));
    if (!before.isRevoked(device)) yield { code: "news_revoked", values: { seq: from } };
    return; // nothing else concerns it any more
  }
  const [held, now] = [before, after].map((registry) => new Set(registry.grantsOf(device).map(({ role, area }) => `${role} ${area}`)));
  for (const one of [...now].sort()) if (!held.has(one)) yield { code: "news_right", values: valuesOf(one) };
  for (const one of [...held].sort()) if (!now.has(one)) yield { code: "news_right_ended", values: valuesOf(one) };
  for (const tps of places) {
    const policy = policyOf(after, tps, POLICY);
    if (policy !== policyOf(before, tps, POLICY)) yield { code: "news_policy", values: { tps, policy } };
    if (isOpenAt(before, tps) && !isOpenAt(after, tps)) yield { code: "news_closed", values: { tps } };
    if (!isOpenAt(before, tps) && isOpenAt(after, tps)) yield { code: "news_opened", values: { tps } };
  }
  if (after.clones.has(device) && !before.clones.has(device)) yield { code: "news_cloned", values: {} };
}

/** @param {string} right */
function valuesOf(right) {
  const [role, area] = right.split(" ");
  return { role, area };
}
