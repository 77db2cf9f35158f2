/**
 * The phone's store: who it is, all that it said, all that it was told, and what a service proved to hold. Twin of
 * `field/outbox.py`, in IndexedDB.
 *
 * Every change is one transaction with durability "strict", and a call that returned is on disk:
 *
 *     append    entries are in the log and their draft is gone, or they were never said; chain and clock are made inside it
 *     receipt   kept with the mark `held` that follows from it; a crash before it means that the push is sent again
 *     page      kept with its cursor; a crash before it means that the page is asked for again
 *
 * Key and log lie in one database, and never part: a key with an older log would write two events of one name. The secret
 * half cannot be read out, not even by this page.
 */

import { openDB } from "../vendor/idb/index.js";
import { ZERO_HASH } from "../core/ids.js";

/** @typedef {import("../core/wire.js").Held} Held */
/** @typedef {import("../core/signing.js").DeviceKey} DeviceKey */
/** @typedef {{election: string, regency: string, root: string, officer: string, role: string, policy: string, device: string, epoch: number}} About */
/** A key of this phone: `held`, the seq up to which a receipt proved that the service holds its log; `introduced`, whether the service showed that it knows the key; `stuck`, why the log is not taken. @typedef {DeviceKey & {nth?: number, held: number, introduced: boolean, stuck: string}} Identity */
/** @typedef {{tps: string, cursor: string, digest: string, position: number, policy: string}} Place */
/** The end of the log that an entry is appended to. @typedef {{about: About, identity: Identity, seq: number, prev: string, policyAt: (tps: string) => string}} End */

export const FROM_RECEIPT = "receipt";
export const FROM_PULL = "pull";
/** In place of an epoch: a service that was restored no longer holds the event. */
const GONE = -1;
const VERSION = 1;
const STRICT = Object.freeze({ durability: /** @type {const} */ ("strict") });
const NOBODY = Object.freeze({ election: "", regency: "", root: "", officer: "", role: "", policy: "", device: "", epoch: 0 });

/** @param {string} name of the database; another one holds another phone @returns {Promise<Store>} */
export async function openStore(name) {
  const db = await openDB(name, VERSION, {
    upgrade(fresh) {
      fresh.createObjectStore("meta");
      fresh.createObjectStore("identity", { keyPath: "nth", autoIncrement: true });
      fresh.createObjectStore("own", { keyPath: ["device", "seq"] }).createIndex("about", "about");
      fresh.createObjectStore("pulled", { keyPath: "name" }).createIndex("about", "about");
      fresh.createObjectStore("standing", { keyPath: ["teller", "device", "seq"] });
      fresh.createObjectStore("receipt", { keyPath: ["device", "log", "epoch", "seq"] });
      fresh.createObjectStore("chain", { keyPath: "nth", autoIncrement: true }).createIndex("line", "line", { unique: true });
      fresh.createObjectStore("known", { keyPath: "position" });
      fresh.createObjectStore("place", { keyPath: "tps" });
      fresh.createObjectStore("lost", { keyPath: "device" });
      fresh.createObjectStore("policy", { keyPath: "policy" });
      fresh.createObjectStore("draft", { keyPath: "family" });
    },
    // Another tab brings a newer version of the store: this one lets go, and says so at its next step.
    blocking: (_current, _blocked, event) => /** @type {IDBDatabase} */ (event.target).close(),
  });
  return new Store(db);
}

export class Store {
  #db;

  /** @param {any} db */
  constructor(db) {
    this.#db = db;
  }

  close() {
    this.#db.close();
  }

  /** One transaction over `stores`; what `work` did is on disk when this returns, or nothing of it is. @template T @param {string[]} stores @param {(tx: any) => Promise<T>} work @returns {Promise<T>} */
  async #write(stores, work) {
    const tx = this.#db.transaction(stores, "readwrite", STRICT);
    try {
      const result = await work(tx);
      await tx.done;
      return result;
    } catch (error) {
      try {
        tx.abort();
      } catch {
        // It has ended already, by itself.
      }
      await tx.done.catch(() => undefined);
      throw error;
    }
  }

  // --- what it holds -----------------------------------------------------------------------------------------------------

  /** @returns {Promise<About>} */
  async about() {
    return (await this.#db.get("meta", "about")) ?? NOBODY;
  }

  /** The key that the phone writes with; null before its first one. @returns {Promise<Identity | null>} */
  async identity() {
    return (await this.#db.getAll("identity")).at(-1) ?? null;
  }

  /** @returns {Promise<Place[]>} */
  places() {
    return this.#db.getAll("place");
  }

  /** The device's log beyond seq `after`, in order. @param {string} device @param {number} after @returns {Promise<Held[]>} */
  async own(device, after = 0) {
    return (await this.#db.getAll("own", IDBKeyRange.bound([device, after], [device, Infinity], true))).map(heldOf);
  }

  /** The last event of the device's log. @param {string} device @returns {Promise<{seq: number, name: string}>} */
  async end(device) {
    return endIn(this.#db.transaction("own").store, device);
  }

  /** Every event that the phone folds: its own, and what it was told and is not gone. @returns {Promise<Held[]>} */
  async held() {
    const [own, pulled] = await Promise.all([this.#db.getAll("own"), this.#db.getAll("pulled")]);
    return [...own, ...pulled.filter(isThere)].map(heldOf);
  }

  /** @param {string} teller @returns {Promise<import("./page.js").Told[]>} */
  standings(teller) {
    return this.#db.getAll("standing", IDBKeyRange.bound([teller], [teller, []]));
  }

  /** @returns {Promise<Map<string, number>>} */
  async lost() {
    return new Map((await this.#db.getAll("lost")).map((/** @type {any} */ { device, after }) => [device, after]));
  }

  /** The policies that came with pulls, as JSON. @returns {Promise<any[]>} */
  policies() {
    return this.#db.getAll("policy");
  }

  /** The verified receipts of a log by seq, of each seq the first that came. @param {string} device @returns {Promise<{seq: number, epoch: number, line: string, position: Record<string, number>}[]>} */
  async receipts(device) {
    const rows = await this.#db.getAll("receipt", IDBKeyRange.bound([device, "voters"], [device, "voters", []]));
    const first = new Map();
    for (const row of rows) if (!first.has(row.seq)) first.set(row.seq, row);
    return [...first.values()];
  }

  /** The latest receipt of a log, by epoch and seq; null for none. @param {string} device @returns {Promise<{seq: number, epoch: number, head: string, position: Record<string, number>} | null>} */
  async latestReceipt(device) {
    return (await this.#db.getAll("receipt", IDBKeyRange.bound([device, "voters"], [device, "voters", []]))).at(-1) ?? null;
  }

  /** The registry lines that the phone was enrolled with, in the order in which they came. @returns {Promise<string[]>} */
  async chain() {
    return (await this.#db.getAll("chain")).map((/** @type {any} */ { line }) => line);
  }

  /** The registry as a service showed it, in its order. @returns {Promise<string[]>} */
  async known() {
    return (await this.#db.getAll("known")).map((/** @type {any} */ { line }) => line);
  }

  /** @returns {Promise<import("./family.js").Draft[]>} */
  drafts() {
    return this.#db.getAll("draft");
  }

  /** @param {string} name @returns {Promise<any>} */
  setting(name) {
    return this.#db.get("meta", `setting:${name}`);
  }

  // --- what is done with it ----------------------------------------------------------------------------------------------

  /** @param {string} name @param {unknown} value */
  keepSetting(name, value) {
    return this.#write(["meta"], (tx) => tx.objectStore("meta").put(value, `setting:${name}`));
  }

  /** The phone's first key; another one is never made over it. @param {DeviceKey} key @returns {Promise<Identity>} */
  makeIdentity(key) {
    return this.#write(["identity"], async (tx) => {
      const known = (await tx.store.getAll()).at(-1);
      if (known !== undefined) return known;
      const fresh = { ...key, held: 0, introduced: false, stuck: "" };
      return { ...fresh, nth: await tx.store.add(fresh) };
    });
  }

  /** Take an enrolment: where the phone belongs, and its rights as lines. @param {About} about @param {string[]} places @param {string[]} lines @param {readonly Held[]} held */
  enrol(about, places, lines, held = []) {
    return this.#write(["meta", "identity", "place", "chain", "pulled"], async (tx) => {
      const known = (await tx.objectStore("meta").get("about")) ?? NOBODY;
      await tx.objectStore("meta").put({ ...about, epoch: known.epoch }, "about");
      await addPlaces(tx, places);
      const chain = tx.objectStore("chain");
      for (const line of lines) if ((await chain.index("line").getKey(line)) === undefined) await chain.add({ line });
      await putPulled(tx, held, 0);
      await change(tx, about.device, () => ({ introduced: false, stuck: "" }));
    });
  }

  /** What a tap at the door marks: kept at once, and mended until the family is closed. @param {import("./family.js").Draft} draft */
  keepDraft(draft) {
    return this.#write(["draft"], (tx) => tx.store.put(draft));
  }

  /** @param {string} family */
  dropDraft(family) {
    return this.#write(["draft"], (tx) => tx.store.delete(family));
  }

  /**
   * The next entries of the phone's log, which `make` makes at once from the log's end and from every event that the phone
   * holds about the voters `keys`; what another tab wrote meanwhile is seen too. The draft of `family` goes with them.
   * @param {readonly string[]} keys @param {string | null} family
   * @param {(end: End, seen: Map<string, {folded: Held[], gone: Held[]}>) => Held[]} make @returns {Promise<Held[]>}
   */
  append(keys, family, make) {
    return this.#write(["meta", "identity", "own", "pulled", "place", "draft"], async (tx) => {
      const about = (await tx.objectStore("meta").get("about")) ?? NOBODY;
      const identity = (await tx.objectStore("identity").getAll()).at(-1);
      const policies = new Map((await tx.objectStore("place").getAll()).map((/** @type {Place} */ place) => [place.tps, place.policy]));
      const { seq, name } = await endIn(tx.objectStore("own"), identity.device);
      const seen = new Map();
      for (const key of keys) {
        const own = await tx.objectStore("own").index("about").getAll(key);
        const pulled = await tx.objectStore("pulled").index("about").getAll(key);
        const folded = [...own, ...pulled.filter(isThere)];
        seen.set(key, { folded: distinct(folded), gone: distinct(pulled.filter((/** @type {any} */ row) => !isThere(row))) });
      }
      const policyAt = (/** @type {string} */ tps) => policies.get(tps) || about.policy;
      const held = make({ about, identity, seq, prev: name, policyAt }, seen);
      for (const one of held) await tx.objectStore("own").add(rowOf(one));
      if (family !== null) await tx.objectStore("draft").delete(family);
      return held;
    });
  }

  // --- what it is told ---------------------------------------------------------------------------------------------------

  /** A receipt that was verified: what it proves is held, and the standings that it tells. @param {import("../core/receipt.js").SignedReceipt} signed @param {string} line */
  takeReceipt({ receipt }, line) {
    const { device, log, epoch, seq, head, position } = receipt;
    return this.#write(["meta", "identity", "place", "known", "receipt", "standing"], async (tx) => {
      const receipts = tx.objectStore("receipt");
      if ((await receipts.getKey([device, log, epoch, seq])) === undefined) await receipts.add({ device, log, epoch, seq, head, position, line });
      await beginEpoch(tx, epoch);
      if (log !== "voters") return;
      await change(tx, device, () => ({ held: seq, introduced: true, stuck: "" }));
      await tx.objectStore("standing").delete(IDBKeyRange.bound([FROM_RECEIPT, device], [FROM_RECEIPT, device, []]));
      for (const one of receipt.standings) {
        await tx.objectStore("standing").put({ teller: FROM_RECEIPT, device, seq: one.seq, name: one.standing, why: one.why ?? "" });
      }
    });
  }

  /** The service, in this epoch of its journal, showed that it knows the device. @param {string} device @param {number} epoch */
  introduce(device, epoch) {
    return this.#write(["meta", "identity", "place", "known"], async (tx) => {
      await beginEpoch(tx, epoch);
      await change(tx, device, () => ({ introduced: true, stuck: "" }));
    });
  }

  /** The service does not know the device: the enrolment is to go along again. @param {string} device */
  forgetIntroduction(device) {
    return this.#write(["identity"], (tx) => change(tx, device, () => ({ introduced: false })));
  }

  /** The service holds the device's log only up to `held`: the rest is to be sent again. @param {string} device @param {number} held */
  withdraw(device, held) {
    return this.#write(["identity"], (tx) => change(tx, device, (known) => ({ held: Math.min(known.held, held) })));
  }

  /** @param {string} device @param {string} stuck */
  setStuck(device, stuck) {
    return this.#write(["identity"], (tx) => change(tx, device, () => ({ stuck })));
  }

  /** A page of a pull, and its cursor. @param {string} tps @param {import("./page.js").Page} page */
  takePage(tps, page) {
    return this.#write(["meta", "pulled", "standing", "lost", "policy", "place"], async (tx) => {
      const { epoch } = (await tx.objectStore("meta").get("about")) ?? NOBODY;
      await putPulled(tx, page.held, epoch);
      const standing = tx.objectStore("standing");
      // What comes again without a standing counts by now, as far as the registry goes.
      for (const { place } of page.held) await standing.delete([FROM_PULL, place.device, place.seq]);
      for (const one of page.standings) {
        if (one.name === "counted") await standing.delete([FROM_PULL, one.device, one.seq]);
        else await standing.put({ teller: FROM_PULL, ...one });
      }
      for (const [device, after] of page.lost) await tx.objectStore("lost").put({ device, after });
      const policies = tx.objectStore("policy");
      // A published policy is never changed (SPEC §2.6): the first copy stays.
      for (const one of page.policies) if ((await policies.getKey(one.policy)) === undefined) await policies.add(one);
      const place = await tx.objectStore("place").get(tps);
      await tx.objectStore("place").put({ ...place, cursor: page.cursor, digest: page.digest, position: page.position });
    });
  }

  /** Every TPS was pulled to its end in this epoch: what earlier ones brought and this one did not is gone. */
  settleEpoch() {
    return this.#write(["meta", "pulled"], async (tx) => {
      const { epoch } = (await tx.objectStore("meta").get("about")) ?? NOBODY;
      for (const row of await tx.objectStore("pulled").getAll()) {
        if (row.epoch > 0 && row.epoch < epoch) await tx.objectStore("pulled").put({ ...row, epoch: GONE });
      }
    });
  }

  /**
   * Keep registry lines as those beyond position `after`, and what they say of this phone; the particulars of whoever is
   * erased go with them (SPEC §8.7).
   * @param {readonly string[]} lines @param {number} after
   * @param {{role: string, policy: string, places: string[], policies: Map<string, string>, isErased: (voter: string) => boolean}} rights
   */
  learn(lines, after, { role, policy, places, policies, isErased }) {
    return this.#write(["meta", "known", "place", "own", "pulled"], async (tx) => {
      for (const name of ["own", "pulled"]) await erase(tx.objectStore(name), isErased);
      await tx.objectStore("known").delete(IDBKeyRange.lowerBound(after, true));
      for (const [place, line] of lines.entries()) await tx.objectStore("known").put({ position: after + place + 1, line });
      const about = (await tx.objectStore("meta").get("about")) ?? NOBODY;
      await tx.objectStore("meta").put({ ...about, role, policy }, "about");
      await addPlaces(tx, places);
      for (const place of await tx.objectStore("place").getAll()) {
        await tx.objectStore("place").put({ ...place, policy: policies.get(place.tps) ?? place.policy });
      }
    });
  }
}

// --- rows ----------------------------------------------------------------------------------------------------------------

/** @param {any} row */
const isThere = (row) => row.epoch !== GONE;
/** An event is kept whole: it was verified when it came, and 3,000 of them are not parsed again at each start. @param {any} row @returns {Held} */
const heldOf = (row) => row.held;

/** @param {Held} held */
function rowOf(held) {
  return { device: held.place.device, seq: held.place.seq, name: held.name, about: held.key, held };
}

/** One copy of each event, one with its person where there is one. @param {any[]} rows @returns {Held[]} */
function distinct(rows) {
  const byName = new Map();
  for (const row of rows) if (byName.get(row.name)?.held.person == null) byName.set(row.name, row);
  return [...byName.values()].map(heldOf);
}

/** @param {any} own the object store @param {string} device @returns {Promise<{seq: number, name: string}>} */
async function endIn(own, device) {
  const cursor = await own.openCursor(IDBKeyRange.bound([device], [device, []]), "prev");
  return cursor === null ? { seq: 0, name: ZERO_HASH } : { seq: cursor.value.seq, name: cursor.value.name };
}

/** @param {any} tx @param {string} device @param {(known: Identity) => Partial<Identity>} how */
async function change(tx, device, how) {
  for (const known of await tx.objectStore("identity").getAll()) {
    if (known.device === device) await tx.objectStore("identity").put({ ...known, ...how(known) });
  }
}

/** @param {any} tx @param {readonly string[]} places */
async function addPlaces(tx, places) {
  const store = tx.objectStore("place");
  for (const tps of places) {
    if ((await store.getKey(tps)) === undefined) await store.add({ tps, cursor: "", digest: "", position: 0, policy: "" });
  }
}

/** Forget the persons of erased voters: what their events decided stays. @param {any} store @param {(voter: string) => boolean} isErased */
async function erase(store, isErased) {
  for (const row of await store.getAll()) {
    if (row.held.person !== null && isErased(row.held.place.voter)) await store.put({ ...row, held: { ...row.held, person: null, personBytes: null } });
  }
}

/** A copy without its person never takes the place of one that has it. @param {any} tx @param {readonly Held[]} held @param {number} epoch */
async function putPulled(tx, held, epoch) {
  const store = tx.objectStore("pulled");
  for (const one of held) {
    const known = await store.get(one.name);
    const whole = one.person === null && known !== undefined ? known.held : one;
    await store.put({ ...rowOf(whole), epoch: Math.max(epoch, known?.epoch ?? GONE) });
  }
}

/** In a new epoch the journal was restored: all is pulled anew, each TPS from its beginning. @param {any} tx @param {number} epoch */
async function beginEpoch(tx, epoch) {
  const about = (await tx.objectStore("meta").get("about")) ?? NOBODY;
  if (epoch <= about.epoch) return;
  await tx.objectStore("meta").put({ ...about, epoch }, "about");
  await tx.objectStore("known").clear();
  for (const place of await tx.objectStore("place").getAll()) await tx.objectStore("place").put({ ...place, cursor: "" });
}
