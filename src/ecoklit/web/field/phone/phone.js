/**
 * A phone in somebody's hand: the roll as it folds it, and the entries that its officer makes (SPEC §2, §3). Twin of
 * `field/phone.py`. An entry is tried against the same law that the service folds by, and is on disk before anyone is told
 * that it is saved.
 */

import { toBase64url } from "../core/bytes.js";
import { append, endAfter } from "../core/device-log.js";
import { MARK_BYTES, regencyOf } from "../core/ids.js";
import { parsePolicy } from "../core/policy.js";
import { Replica } from "../core/replica.js";
import { digestsOf, leavesOf } from "../core/roll.js";
import { foldVoter } from "../core/voter.js";
import { FROM_PULL, FROM_RECEIPT } from "./store.js";
import { NotSaid } from "./trouble.js";

/** @typedef {import("../core/wire.js").Held} Held */
/** @typedef {import("../core/voter.js").State} State */
/** @typedef {import("./family.js").Mark} Mark */
/** One thing to say: about a voter, or a birth where it is null. @typedef {{voter: string | null, mark: Mark}} Saying */
/** What is saved, sent and held of the phone's log; `proved` says that a verified receipt names its end. @typedef {{saved: number, held: number, unsent: number, proved: boolean, stuck: string, outside: import("./page.js").Told[]}} Status */

export class Phone {
  #store;
  #shipped;
  #now;
  /** @type {Map<string, import("../core/policy.js").Policy>} */
  #policies = new Map();
  #replica = new Replica(new Map());
  #here = new Map();
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /** @param {import("./store.js").Store} store @param {readonly any[]} shipped policies as JSON @param {() => Date} [now] the wall clock, which may be wrong */
  constructor(store, shipped, now = () => new Date()) {
    this.#store = store;
    this.#shipped = shipped;
    this.#now = now;
  }

  get store() {
    return this.#store;
  }

  /** What changes the fold goes one after the other: or a reload would put what it read before an entry over it. @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  #inTurn(work) {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Fold what the store holds, anew. */
  reload() {
    return this.#inTurn(() => this.#reload());
  }

  async #reload() {
    const [held, standings, lost, policies] = await Promise.all([this.#store.held(), this.#store.standings(FROM_PULL), this.#store.lost(), this.#store.policies()]);
    // What the service ships goes before what came with the program: a published policy is never changed.
    this.#policies = new Map([...this.#shipped, ...policies].map((value) => [value.policy, parsePolicy(value)]));
    const told = new Map(standings.map(({ device, seq, name }) => [`${device}:${seq}`, name]));
    const quarantine = new Map(held.flatMap((one) => (told.has(one.dot) ? [[one.name, /** @type {string} */ (told.get(one.dot))]] : [])));
    this.#replica = new Replica(this.#policies, quarantine, lost);
    this.#receive(held);
  }

  /** @param {readonly Held[]} held */
  #receive(held) {
    this.#replica.receive(held);
    this.#here.clear();
  }

  /** The voters of a TPS, on the list or off. @param {string} tps @returns {State[]} */
  roll(tps) {
    if (!this.#here.has(tps)) this.#here.set(tps, this.#replica.states().filter((state) => state.decision.tps === tps));
    return this.#here.get(tps);
  }

  /** The digest of the roll as this phone folds it; "" when nobody was ever on it. @param {string} tps */
  digest(tps) {
    const found = digestsOf(leavesOf(this.roll(tps))).get(tps);
    return found === undefined ? "" : toBase64url(found);
  }

  /** Every event about a voter that this phone holds. @param {State} state */
  aboutOf(state) {
    return this.#replica.about(`${state.decision.regency}:${state.decision.voter}`);
  }

  /** How a held event stands in the phone's own fold. @param {Held} held */
  standing(held) {
    return this.#replica.standing(held);
  }

  /** What a policy accepts for each removal at a TPS. @param {string} name */
  policy(name) {
    return this.#policies.get(name);
  }

  /** The time as an entry says it, with this phone's offset. */
  at() {
    const now = this.#now();
    const offset = -now.getTimezoneOffset();
    const two = (/** @type {number} */ number) => String(Math.floor(Math.abs(number))).padStart(2, "0");
    const local = new Date(now.getTime() + offset * 60_000).toISOString().slice(0, 19);
    return `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
  }

  /**
   * Save these entries of one TPS, all or none, and drop the draft of the `family` that they close; they are on disk when
   * this returns. Throws NotSaid where one of them could never count.
   * @param {string} tps @param {readonly Saying[]} sayings @param {string | null} family @returns {Promise<Held[]>}
   */
  async say(tps, sayings, family = null) {
    const at = this.at();
    const keys = sayings.flatMap(({ voter }) => (voter === null ? [] : [`${regencyOf(tps)}:${voter}`]));
    return this.#inTurn(async () => {
      const held = await this.#store.append(keys, family, (end, seen) => this.#entries(tps, at, sayings, end, seen));
      this.#receive(held);
      return held;
    });
  }

  /** @param {string} tps @param {string} at @param {readonly Saying[]} sayings @param {import("./store.js").End} end @param {Map<string, {folded: Held[], gone: Held[]}>} seen */
  #entries(tps, at, sayings, { about, identity, seq, prev, policyAt }, seen) {
    const role = about.role === "operator" ? "pantarlih" : about.role;
    let log = { election: about.election, device: identity.device, officer: about.officer, role, policy: policyAt(tps), seq, prev };
    /** @type {Held[]} */
    const made = [];
    for (const { voter, mark } of sayings) {
      const { folded, gone } = seen.get(`${regencyOf(tps)}:${voter}`) ?? { folded: [], gone: [] };
      const { person, ...own } = mark;
      if (own.type === "not_met") own.nth = 1 + folded.filter((one) => one.event?.type === "not_met" && one.place.device === identity.device).length;
      let held;
      try {
        held = append(log, {
          ...own, type: own.type, tps, at,
          // The clock never falls: what the service lost is seen as well.
          ...(voter === null ? {} : { voter, seen: [...folded, ...gone] }),
          ...(person === undefined ? {} : { person: { ...person, salt: salt() } }),
        });
      } catch (error) {
        throw new NotSaid("bad_entry", { why: error instanceof Error ? error.message : String(error) });
      }
      this.#demandCounting(held, folded);
      folded.push(held);
      made.push(held);
      log = endAfter(log, held);
    }
    return made;
  }

  /** @param {Held} held @param {readonly Held[]} folded */
  #demandCounting(held, folded) {
    const fault = foldVoter([...folded, held], this.#policies, this.#replica).judgement.faults.get(held.name);
    if (fault !== undefined && fault.name !== "parked") throw new NotSaid("would_not_count", { why: `${fault.name}: ${fault.why}` });
  }

  /** Take back this phone's last entry about a voter, who is then to be visited; nothing is erased. @param {State} state @returns {Promise<Held[]>} */
  async undo(state) {
    const identity = await this.#store.identity();
    const about = this.aboutOf(state);
    const last = about.filter((one) => one.place.device === identity?.device).sort((one, other) => other.place.seq - one.place.seq)[0];
    if (last === undefined || last.event === null) throw new NotSaid("nothing_to_undo");
    const { type } = last.event;
    if (["new", "not_met", "reopened", "ruled"].includes(type)) throw new NotSaid(`not_undone_${type}`);
    const before = foldVoter(about.filter((one) => one !== last), this.#policies, this.#replica).state;
    if (before === null) throw new NotSaid("nothing_to_undo");
    /** @type {Mark} */
    const mark = { type: "reopened" };
    if (type === "moved" && before.decision.tps !== state.decision.tps) mark.to = before.decision.tps;
    if (last.event.changed !== undefined) {
      const fields = before.record?.fields;
      if (fields === undefined) throw new NotSaid("nothing_to_undo");
      mark.person = { changes: Object.fromEntries(last.event.changed.map((/** @type {string} */ name) => [name, fields[name]])) };
    }
    return this.say(last.place.tps, [{ voter: state.decision.voter, mark }]);
  }

  /** @returns {Promise<Status>} */
  async status() {
    const identity = await this.#store.identity();
    if (identity === null) return { saved: 0, held: 0, unsent: 0, proved: false, stuck: "", outside: [] };
    const [end, receipt, own, received, pulled] = await Promise.all([
      this.#store.end(identity.device), this.#store.latestReceipt(identity.device), this.#store.own(identity.device),
      this.#store.standings(FROM_RECEIPT), this.#store.standings(FROM_PULL),
    ]);
    const proved = receipt !== null && identity.held === end.seq && receipt.seq === end.seq && receipt.head === end.name;
    // A receipt comes first in a sync; a pull that came later has the last word.
    const told = new Map([...received, ...pulled].filter(({ name }) => name !== "counted").map((one) => [`${one.device}:${one.seq}`, one]));
    const outside = own.flatMap((one) => {
      const found = one.place.seq <= identity.held ? told.get(one.dot) : undefined;
      return found === undefined ? [] : [found];
    });
    return { saved: end.seq, held: identity.held, unsent: Math.max(0, end.seq - identity.held), proved, stuck: identity.stuck, outside };
  }
}

const salt = () => toBase64url(crypto.getRandomValues(new Uint8Array(MARK_BYTES)));
