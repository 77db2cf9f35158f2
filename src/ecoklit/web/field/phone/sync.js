/**
 * A sync: what is unsent goes up until a verified receipt names its end, what is new comes down, and both digests are laid
 * side by side (SPEC §7). Twin of `field/client.py`, whose head says what is true after each step.
 *
 * It always begins with a push, of the last entry if there is nothing new: so a service that lost its tail is found out,
 * and a wrong one too, before anything else is believed.
 */

import { fromUtf8, utf8 } from "../core/bytes.js";
import { PUSH_EVENTS_MAX } from "../core/limits.js";
import { readReceipt, receiptSignedBy } from "../core/receipt.js";
import { foldRegistry } from "../core/registry.js";
import { pullMessage, sign } from "../core/signing.js";
import { aheadOf } from "./enrol.js";
import { readPage } from "./page.js";
import { nextPart } from "./parts.js";
import { learn } from "./rights.js";
import { NonceNeeded, NotEntitled, Refused, Stuck, Trouble, TryLater, WrongService } from "./trouble.js";

const PAGE_VOTERS_MAX = 200;
/** A service that asks again and again for what it was sent is not to hold a phone in a loop. */
const RETREATS_MAX = 3;
/** How often the roll is asked for again while the service has not yet folded what it holds: three seconds in all. */
const LOOKS_MAX = 6;
const LOOK_MS = 50;
const ASKS_MAX = 3;
const LOCK = "ecoklit-sync";

/** @typedef {import("./store.js").About} About */
/** @typedef {import("./store.js").Identity} Identity */
/** @typedef {{tps: string, phone: string, service: string, why: "" | "unsent" | "folding" | "unknown", same: boolean}} Compared */
/** @typedef {{sent: number, pulled: number, compared: Compared[], refused: {tps: string, why: string}[], news: import("./rights.js").News[]}} Synced */

/**
 * One sync, whole. Throws Away, TryLater, WrongService, Stuck, and Trouble when another tab is syncing. Whatever was done
 * by then stays done; a phone that is stuck still pulls.
 * @param {import("./phone.js").Phone} phone @param {import("./transport.js").Transport} transport @returns {Promise<Synced>}
 */
export async function sync(phone, transport) {
  return navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock === null) throw new Trouble("syncing_elsewhere");
    const about = await phone.store.about();
    const identity = await phone.store.identity();
    if (identity === null || about.election === "") throw new Trouble("not_enrolled");
    return new Sync(phone, transport, about, identity, await servicesOf(phone.store, about)).whole();
  });
}

/** The service keys that the root key named: they stand in the registry's first line, and there only (SPEC §8.2). @param {import("./store.js").Store} store @param {About} about */
async function servicesOf(store, about) {
  const [first] = await store.chain();
  return (await foldRegistry([utf8(first)], about.root)).services;
}

class Sync {
  #phone;
  #store;
  #transport;
  #about;
  #identity;
  #services;
  #eventsMax = PUSH_EVENTS_MAX;
  #sent = 0;
  #pulled = 0;
  /** @type {number | null} */
  #told = null;
  /** The seqs of own entries that the service holds without the person that this phone has. @type {Set<number>} */
  #bare = new Set();

  /** @param {import("./phone.js").Phone} phone @param {import("./transport.js").Transport} transport @param {About} about @param {Identity} identity @param {Map<string, import("../core/signing.js").PublicKey>} services */
  constructor(phone, transport, about, identity, services) {
    this.#phone = phone;
    this.#store = phone.store;
    this.#transport = transport;
    this.#about = about;
    this.#identity = identity;
    this.#services = services;
  }

  /** @returns {Promise<Synced>} */
  async whole() {
    let stuck = null;
    try {
      await this.#pushAll();
    } catch (error) {
      if (!(error instanceof Stuck)) throw error;
      await this.#learnEpoch();
      // What a restored service lost is not to go on being taken for held.
      if (error.code === "equivocation") await this.#store.withdraw(this.#identity.device, await this.#shared());
      await this.#store.setStuck(this.#identity.device, error.code);
      stuck = error;
    }
    const refused = await this.#pullAll();
    await this.#completePersons();
    const news = await this.#news();
    await this.#phone.reload();
    if (stuck !== null) throw stuck;
    return { sent: this.#sent, pulled: this.#pulled, compared: await this.#compare(new Set(refused.map(({ tps }) => tps))), refused, news };
  }

  /** A refused log gets no receipt: in which epoch it was refused, the receipt of the enrolment proves. */
  async #learnEpoch() {
    const registry = aheadOf(await this.#store.chain(), this.#identity.device);
    const part = await nextPart(this.#identity, this.#about.election, [], { registry });
    if (part === null) return;
    try {
      const { signed } = await this.#verified(await this.#transport.push(part.body));
      await this.#store.introduce(this.#identity.device, signed.receipt.epoch);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }

  async #now() {
    return /** @type {Identity} */ (await this.#store.identity());
  }

  // --- up ----------------------------------------------------------------------------------------------------------------

  async #pushAll() {
    let retreats = 0;
    let proved = false;
    for (;;) {
      const part = await this.#next(proved);
      if (part === null) return;
      try {
        await this.#take(await this.#transport.push(part.body), part);
        proved = true;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        retreats += 1;
        await this.#answer(error, part, retreats);
      }
    }
  }

  /** The next push: what is not held; once in each sync the last entry again; or the enrolment by itself. @param {boolean} proved */
  async #next(proved) {
    const { device, held: upto, introduced } = await this.#now();
    const end = await this.#store.end(device);
    if (proved && upto >= end.seq) return null;
    const after = Math.min(upto, Math.max(end.seq - 1, 0));
    const held = await this.#store.own(device, after);
    const registry = introduced && held.length > 0 ? [] : aheadOf(await this.#store.chain(), device);
    return nextPart(this.#identity, this.#about.election, held, { registry, receipts: await this.#store.receipts(device), eventsMax: this.#eventsMax });
  }

  /** @param {Uint8Array} answer @param {import("./parts.js").Part} part */
  async #take(answer, part) {
    const { signed, line } = await this.#verified(answer);
    const { receipt } = signed;
    const { device } = this.#identity;
    if (part.last === 0) return this.#store.introduce(device, receipt.epoch);
    if (receipt.device !== device || receipt.log !== "voters" || receipt.seq < part.last) throw new WrongService("the receipt is not for what was sent");
    const [own] = await this.#store.own(device, receipt.seq - 1);
    if (own === undefined) throw new Stuck("overtaken", { seq: receipt.seq });
    if (receipt.head !== own.name) throw new Stuck("equivocation");
    const before = (await this.#now()).held;
    await this.#store.takeReceipt(signed, line);
    // From here on the phone may say "held": the proof is on disk.
    this.#sent += Math.max(0, receipt.seq - Math.max(before, part.first - 1));
  }

  /** The receipt in `answer`, which a service of this election signed. @param {Uint8Array} answer */
  async #verified(answer) {
    const line = answer.at(-1) === 10 ? answer.subarray(0, -1) : answer;
    let signed;
    try {
      signed = readReceipt(line);
    } catch {
      throw new WrongService("what answers there gives no receipt");
    }
    if (!(await receiptSignedBy(signed, this.#services))) throw new WrongService("the receipt is not signed by this election's service");
    const { election, regency, epoch } = signed.receipt;
    if (election !== this.#about.election || regency !== this.#about.regency) throw new WrongService(`the service is of ${election}, regency ${regency}`);
    if (epoch < (await this.#store.about()).epoch) throw new WrongService(`the service runs with an old epoch (${epoch})`);
    return { signed, line: fromUtf8(line) };
  }

  /** Make ready for the next try, or throw what ends this sync. @param {Refused} refusal @param {import("./parts.js").Part} part @param {number} retreats */
  async #answer(refusal, part, retreats) {
    const isTooMuch = refusal.code === "too_large" || refusal.code === "too_slow";
    if (isTooMuch && this.#eventsMax > 1 && part.last > part.first) {
      this.#eventsMax = Math.max(1, Math.floor((part.last - part.first + 1) / 2));
      return;
    }
    if (retreats > RETREATS_MAX || refusal.code === "too_slow") throw new TryLater(refusal.code, 0);
    const { device, introduced } = await this.#now();
    if (refusal.code === "gap" && refusal.expected !== null && refusal.expected >= 1 && refusal.expected < part.first) {
      // It lost its tail: what it holds no longer is sent again, with the receipts of that time.
      await this.#store.withdraw(device, refusal.expected - 1);
    } else if (refusal.code === "unknown_device" && introduced) await this.#store.forgetIntroduction(device);
    else if (refusal.code === "wrong_election") throw new WrongService(refusal.detail);
    else throw new Stuck(refusal.code, { why: refusal.detail });
  }

  /** Up to which seq the service has this very log, found by halving: no receipt tells, since it may have been restored. */
  async #shared() {
    const { device } = this.#identity;
    let [low, high] = [0, (await this.#store.end(device)).seq];
    while (low < high) {
      const seq = Math.floor((low + high + 1) / 2);
      const [one] = await this.#store.own(device, seq - 1);
      const part = await nextPart(this.#identity, this.#about.election, [one]);
      try {
        await this.#verified(await this.#transport.push(/** @type {import("./parts.js").Part} */ (part).body));
        low = seq;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        high = seq - 1;
      }
    }
    return low;
  }

  // --- down --------------------------------------------------------------------------------------------------------------

  async #pullAll() {
    const refused = [];
    for (const { tps } of await this.#store.places()) {
      try {
        await this.#pull(tps);
      } catch (error) {
        if (!(error instanceof NotEntitled) && !(error instanceof Refused)) throw error;
        refused.push({ tps, why: String(error.values.why) });
      }
    }
    if (refused.length === 0) await this.#store.settleEpoch();
    return refused;
  }

  /** @param {string} tps */
  async #pull(tps) {
    const pushed = await this.#receipted();
    for (let looks = 0; ; ) {
      const page = await this.#page(tps);
      this.#pulled += page.held.length;
      for (const { place, personBytes } of page.held) if (place.device === this.#identity.device && personBytes === null) this.#bare.add(place.seq);
      await this.#store.takePage(tps, page);
      this.#told = Math.max(page.registry, this.#told ?? 0);
      if (page.more) continue;
      if (page.position >= pushed || looks >= LOOKS_MAX) return;
      // The service holds what was just pushed, and has not folded it yet: its digest is of before.
      await new Promise((done) => setTimeout(done, LOOK_MS * 2 ** looks));
      looks += 1;
    }
  }

  /** @param {string} tps */
  async #page(tps) {
    const { election } = this.#about;
    let cursor = (await this.#store.places()).find((place) => place.tps === tps)?.cursor ?? "";
    for (let asks = 0; asks < ASKS_MAX; asks += 1) {
      const signature = await sign(this.#identity, pullMessage(election, this.#identity.device, this.#transport.nonce, tps, cursor));
      try {
        const body = await this.#transport.pull({ device: this.#identity.device, signature, tps, cursor, limit: PAGE_VOTERS_MAX });
        return readPage(body, election, this.#stream);
      } catch (error) {
        if (error instanceof NonceNeeded) continue;
        if (!(error instanceof Refused) || error.code !== "bad_argument" || cursor === "") throw error;
        cursor = ""; // of another generation of the service: what comes again changes nothing
      }
    }
    throw new TryLater("nonce_needed", 0);
  }

  get #stream() {
    return `ECOKLIT-${this.#about.election}-${this.#about.regency}`;
  }

  /** Where in the journal the end of this log is, as last receipted. */
  async #receipted() {
    const receipt = await this.#store.latestReceipt(this.#identity.device);
    return receipt?.position[this.#stream] ?? 0;
  }

  /** Send again what the service holds without its person, which this phone has: it lost it. */
  async #completePersons() {
    for (const seq of [...this.#bare].sort((one, other) => one - other)) {
      const [own] = await this.#store.own(this.#identity.device, seq - 1);
      if (own === undefined || own.place.seq !== seq || own.personBytes === null) continue;
      const part = await nextPart(this.#identity, this.#about.election, [own]);
      try {
        await this.#verified(await this.#transport.push(/** @type {import("./parts.js").Part} */ (part).body));
      } catch (error) {
        if (!(error instanceof Refused)) throw error; // the next sync finds the same
      }
    }
  }

  async #news() {
    const news = await learn(this.#store, this.#transport, this.#told);
    const { epoch } = await this.#store.about();
    if (this.#about.epoch > 0 && epoch > this.#about.epoch) news.push({ code: "news_restored", values: { epoch } });
    return news;
  }

  /** @param {ReadonlySet<string>} refused @returns {Promise<Compared[]>} */
  async #compare(refused) {
    const { held, device } = await this.#now();
    const unsent = (await this.#store.end(device)).seq > held;
    const pushed = await this.#receipted();
    return (await this.#store.places())
      .filter(({ tps }) => !refused.has(tps)) // what was told long ago says nothing of today
      .map(({ tps, digest, position }) => {
        const mine = this.#phone.digest(tps);
        const same = mine === digest;
        return { tps, phone: mine, service: digest, same, why: same ? "" : unsent ? "unsent" : position < pushed ? "folding" : "unknown" };
      });
  }
}
