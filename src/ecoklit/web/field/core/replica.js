/** A set of held events and the states that follow from it (SPEC §4). Twin of `core/replica.py`. */

import { COUNTS } from "./causality.js";
import { compare } from "./bytes.js";
import { foldVoter } from "./voter.js";

/** @typedef {import("./wire.js").Held} Held */

/** Whoever holds events: a phone, an auditor. It grows only, and refolds only the voters that an arrival can change. */
export class Replica {
  /** @type {Map<string, Held>} */
  #byHash = new Map();
  /** @type {Map<string, Held>} */
  #byDot = new Map();
  /** @type {Map<string, Held[]>} */
  #byVoter = new Map();
  /** @type {Map<string, Set<string>>} */
  #waiting = new Map();
  /** @type {Map<string, import("./voter.js").State>} */
  #states = new Map();
  /** @type {Map<string, Map<string, import("./causality.js").Standing>>} */
  #faults = new Map();
  #policies;
  #lost;
  /** @type {Map<string, string[]>} */
  forks = new Map();

  /**
   * `quarantine` (event hash → name) and `lost` (device → the last seq that can come) are what the registry says.
   * @param {Map<string, import("./policy.js").Policy>} policies @param {Map<string, string>} quarantine @param {Map<string, number>} lost
   */
  constructor(policies, quarantine = new Map(), lost = new Map()) {
    this.#policies = policies;
    this.quarantine = quarantine;
    this.#lost = lost;
  }

  /** Hold these events, and refold each voter that they can have changed; the keys of those voters. @param {Iterable<Held>} arrived @returns {string[]} */
  receive(arrived) {
    /** @type {Set<string>} */
    const touched = new Set();
    for (const held of arrived) this.#hold(held, touched);
    for (const key of touched) this.#refold(key);
    return [...touched];
  }

  /** Hold all that `other` holds: commutative, associative, idempotent. @param {Replica} other */
  join(other) {
    return this.receive(other.held());
  }

  /** Every event held, in no promised order. */
  held() {
    return [...this.#byHash.values()];
  }

  /** Every event held about a voter. @param {string} key */
  about(key) {
    return this.#byVoter.get(key) ?? [];
  }

  /** @param {string} dot */
  holds(dot) {
    return this.#byDot.has(dot);
  }

  /** @param {string} dot */
  isLost(dot) {
    const [device, seq] = dot.split(":");
    const last = this.#lost.get(device);
    return last !== undefined && Number(seq) > last;
  }

  /** One state for every voter of whom an event counts, by regency, then voter. */
  states() {
    return [...this.#states].sort(([one], [other]) => compare(one, other)).map(([, state]) => state);
  }

  /** @param {string} key regency:voter */
  state(key) {
    return this.#states.get(key);
  }

  /** Whether the held event counts, and why not. @param {Held} held */
  standing(held) {
    return this.#faults.get(held.key)?.get(held.name) ?? COUNTS;
  }

  /** How many held events wait for one that is not. */
  parkedCount() {
    let count = 0;
    for (const faults of this.#faults.values()) for (const fault of faults.values()) count += fault.name === "parked" ? 1 : 0;
    return count;
  }

  /** @param {Held} held @param {Set<string>} touched */
  #hold(held, touched) {
    const known = this.#byHash.get(held.name);
    if (known !== undefined) {
      // The same event again changes nothing, unless this copy brings the person that was missing.
      if (known.person === null && held.person !== null) {
        this.#byHash.set(held.name, held);
        this.#byVoter.set(held.key, this.about(held.key).map((one) => (one === known ? held : one)));
        touched.add(held.key);
      }
      return;
    }
    this.#byHash.set(held.name, held);
    const about = this.#byVoter.get(held.key);
    if (about === undefined) this.#byVoter.set(held.key, [held]);
    else about.push(held);
    touched.add(held.key);
    const first = this.#byDot.get(held.dot);
    if (first !== undefined) {
      this.forks.set(held.dot, [...(this.forks.get(held.dot) ?? [first.key]), held.key]);
      touched.add(first.key);
      return;
    }
    this.#byDot.set(held.dot, held);
    for (const key of this.#waiting.get(held.dot) ?? []) touched.add(key);
    this.#waiting.delete(held.dot);
  }

  /** @param {string} key */
  #refold(key) {
    const { state, judgement } = foldVoter(this.about(key), this.#policies, this);
    for (const dot of judgement.awaited) this.#waiting.set(dot, (this.#waiting.get(dot) ?? new Set()).add(key));
    this.#faults.set(key, judgement.faults);
    if (state === null) this.#states.delete(key);
    else this.#states.set(key, state);
  }
}
