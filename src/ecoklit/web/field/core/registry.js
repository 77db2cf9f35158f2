/**
 * The registry: who may do what, as it follows from its signed events, in their one order (SPEC §8). Twin of
 * `core/registry.py`. An event whose author had no right at its place is *void*: it is held, does nothing, and blocks
 * nobody.
 */

import { ZERO_HASH } from "./ids.js";
import { readLine, signedBy } from "./registry-event.js";
import { deviceOf } from "./signing.js";

/** @typedef {import("./registry-event.js").SignedRegistry} SignedRegistry */
/** @typedef {import("./signing.js").PublicKey} PublicKey */
/** @typedef {{officer: string, role: string, area: string, toDevice: string | null, position: number, by: string}} Grant */
/** @typedef {{key: PublicKey, officer: string, role: string, area: string, until: string, usedBy: string | null}} Voucher */
/** @typedef {{fromSeq: number, area: string | null, position: number}} Revocation */
/** What somebody with a right in `areas` lets count although it was quarantined. @typedef {{position: number, areas: readonly string[], event: import("./registry-event.js").RegistryEvent}} Readmission */
/** An event at its place: a tps_reported, stage_set, erased or log_key. @typedef {{position: number, event: import("./registry-event.js").RegistryEvent}} Placed */
/** @typedef {{position: number, name: string, why: string}} VoidLine */

/** Names of voids that no service lets in: a registry that has one was written by others, or damaged. */
export const DAMAGED = Object.freeze(["unknown_device", "bad_signature", "broken_chain", "wrong_election", "malformed"]);
const OFFICES = ["pps", "ppk", "kpu"];
/** The roles that each office may give, within its own area. @type {Readonly<Record<string, readonly string[]>>} */
const ROLES_GIVEN_BY = { kpu: ["pantarlih", "pps", "ppk", "kpu", "operator"], ppk: ["pantarlih", "pps", "operator"], pps: ["pantarlih", "operator"] };

/** Lines that are no registry of this election and regency, or not under the root key that was expected. */
export class RegistryFault extends Error {}

/** What the registry says up to `position`. It grows by `take` only. */
export class Registry {
  position = 0;
  /** @type {PublicKey | null} */
  root = null;
  rootDevice = "";
  /** @type {Map<string, PublicKey>} */
  services = new Map();
  /** @type {Map<string, {key: PublicKey, holder: string}>} */
  devices = new Map();
  /** @type {Map<string, Voucher>} */
  vouchers = new Map();
  /** @type {{position: number, area: string, policy: string}[]} */
  policies = [];
  /** @type {{position: number, area: string, isOpen: boolean}[]} */
  windows = [];
  /** Device → the position from which on its key is known to be on two phones. @type {Map<string, number>} */
  clones = new Map();
  /** Every right ever given, in the order in which they were. @type {Grant[]} */
  grants = [];
  /** @type {Readmission[]} */
  readmissions = [];
  /** The polling places that exist; none named means that any may. @type {Set<string>} */
  tps = new Set();
  /** Device → the last seq that can come. @type {Map<string, number>} */
  lost = new Map();
  /** `tps officer` → the last report: officers who share a TPS report a phone each. @type {Map<string, Placed>} */
  reports = new Map();
  /** @type {Placed[]} */
  stages = [];
  /** What was ordered to be erased, in the order in which it was (SPEC §8.7). @type {Placed[]} */
  erasures = [];
  /** Whether the persons of everybody were: the election is over. */
  isEnded = false;
  /** @type {Placed[]} */
  logKeys = [];
  /** @type {Set<string>} */
  #erased = new Set();
  /** A memory of `entitlement.js`, good for this very position. @type {Map<string, {revoked: number, entitled: number}>} */
  judged = new Map();
  /** @type {VoidLine[]} */
  voids = [];
  /** @type {Map<string, {seq: number, prev: string}>} */
  #logs = new Map();
  /** @type {Map<string, Revocation[]>} */
  #revoked = new Map();

  /** @param {string} election @param {string} regency */
  constructor(election, regency) {
    this.election = election;
    this.regency = regency;
  }

  /** The key of whoever may sign registry lines: root, service, enrolled device or voucher. @param {string} device */
  keyOf(device) {
    if (this.root !== null && device === this.rootDevice) return this.root;
    return this.services.get(device) ?? this.devices.get(device)?.key ?? this.vouchers.get(device)?.key;
  }

  /** The rights that a device can use as its holder, revoked ones left out. @param {string} device @returns {Grant[]} */
  grantsOf(device) {
    const holder = this.devices.get(device)?.holder;
    return this.grants.filter(
      (grant) => (grant.toDevice === null ? grant.officer === holder : grant.toDevice === device) && !this.#isEnded(device, grant),
    );
  }

  /** Whether the whole device is revoked, from whatever seq on. @param {string} device */
  isRevoked(device) {
    return this.revocationsOf(device).some(({ area }) => area === null);
  }

  /** Whether the voter's persons are nobody's to see, to keep or to take any more (SPEC §8.7). @param {string} voter */
  isErased(voter) {
    return this.isEnded || this.#erased.has(voter);
  }

  /** The key of a transparency log (`voters`, `registry`), as it was said last. @param {string} log */
  logKeyOf(log) {
    return this.logKeys.filter(({ event }) => event.log === log).at(-1);
  }

  /** What was ever taken from a device, in the order in which it was. @param {string} device */
  revocationsOf(device) {
    return this.#revoked.get(device) ?? [];
  }

  /** Whether a later revocation took the right from the device: an assignment outlives an earlier one (SPEC §8.6). @param {string} device @param {Grant} grant */
  #isEnded(device, grant) {
    return this.revocationsOf(device).some(({ area, position }) => position > grant.position && (area === null || grant.area.startsWith(area)));
  }

  /** Let the event at `position` do what it says, or note by which name it is void. `isChecked`: its signature was, before it was stored. @param {number} position @param {SignedRegistry} line */
  async take(position, line, isChecked = false) {
    this.position = position;
    this.judged.clear();
    const fault = (await this.#faultAtTheDoor(line, isChecked)) ?? this.#faultOfRight(line);
    if (fault !== null) this.voids.push({ position, ...fault });
    else this.#apply(position, line.device, /** @type {import("./registry-event.js").RegistryEvent} */ (line.event));
  }

  /** @param {SignedRegistry} line @param {boolean} isChecked */
  async #faultAtTheDoor(line, isChecked) {
    if (line.election !== this.election || line.regency !== this.regency) return { name: "wrong_election", why: `it is of ${line.election} in ${line.regency}` };
    const key = this.root === null ? (line.event?.type === "election_opened" ? line.event.root : undefined) : this.keyOf(line.device);
    if (key === undefined) return { name: "unknown_device", why: "it is signed by nobody whom the registry knows" };
    if (!isChecked && !(await signedBy(line, key))) return { name: "bad_signature", why: "it is not signed by its device's key" };
    const end = this.#logs.get(line.device) ?? { seq: 0, prev: ZERO_HASH };
    if (line.seq <= end.seq) return { name: "equivocation", why: "another one is held in its place" };
    if (line.seq > end.seq + 1) return { name: "gap", why: `after ${end.seq} comes ${end.seq + 1}` };
    if (line.prev !== end.prev) return { name: end.seq > 0 ? "equivocation" : "broken_chain", why: "prev is not the hash of the event before it" };
    this.#logs.set(line.device, { seq: line.seq, prev: line.name });
    return null;
  }

  /** @param {SignedRegistry} line */
  #faultOfRight(line) {
    if (line.event === null) return { name: "bad_event", why: line.fault ?? "" };
    if (this.isRevoked(line.device)) return { name: "revoked_device", why: "its device was revoked before it came" };
    const why = this.#whyNot(line.device, line.event);
    return why === null ? null : { name: "not_entitled", why };
  }

  /** Why `device` had no right to say `event` at this place (SPEC §8.4). @param {string} device @param {import("./registry-event.js").RegistryEvent} event @returns {string | null} */
  #whyNot(device, event) {
    if (event.type === "election_opened") return this.root === null ? null : "the election is open already";
    if (event.type === "device_enrolled" && this.keyOf(event.enrolled) !== undefined) return `${event.enrolled} has a place in the registry already: a key is enrolled once`;
    if (event.type === "vouched" && this.keyOf(event.voucher) !== undefined) return `${event.voucher} has a place in the registry already: a code is made once`;
    if (device === this.rootDevice) return null;
    if (this.services.has(device)) return event.type === "cloned" ? null : "a service's key says only who was cloned";
    const voucher = this.vouchers.get(device);
    return voucher === undefined ? this.#whyNotByOffice(device, event) : this.#whyNotByVoucher(device, voucher, event);
  }

  /** @param {string} device @param {Voucher} voucher @param {import("./registry-event.js").RegistryEvent} event */
  #whyNotByVoucher(device, voucher, event) {
    if (event.type === "device_enrolled") {
      if (voucher.usedBy !== null) return `the code was used by ${voucher.usedBy}`;
      return event.holder === voucher.officer ? null : `the code was made for ${voucher.officer}`;
    }
    if (event.type !== "assigned") return "a code enrols one device and gives it its right, nothing else";
    // Or whoever has kept the code would take back a right that was ended since.
    if (this.grants.some((grant) => grant.by === device)) return `the code was used by ${voucher.usedBy}`;
    const isGiven =
      event.to_device === (voucher.usedBy ?? "") && event.officer_assigned === voucher.officer &&
      event.role_assigned === voucher.role && event.area === voucher.area;
    return isGiven ? null : "the code gives another right";
  }

  /** @param {string} device @param {import("./registry-event.js").RegistryEvent} event */
  #whyNotByOffice(device, event) {
    const own = this.grantsOf(device);
    if (event.type === "tps_reported") {
      return own.some((grant) => grant.officer === event.officer && grant.area === event.tps) ? null : `its author is no officer of ${event.tps}`;
    }
    const areas = own.filter((one) => one.role === event.role && one.officer === event.officer && OFFICES.includes(one.role)).map((one) => one.area);
    if (areas.length === 0) return `its author is no ${event.role} named ${event.officer}`;
    if (event.role === "kpu") return null;
    const isWithin = (/** @type {string} */ area) => areas.some((one) => area.startsWith(one));
    if (event.type === "assigned" || event.type === "vouched") {
      if (!ROLES_GIVEN_BY[event.role].includes(event.role_assigned)) return `a ${event.role} does not make a ${event.role_assigned}`;
      return isWithin(event.area) ? null : `${event.area} lies outside ${areas.join(", ")}`;
    }
    if (event.type === "revoked") {
      const held = event.area === undefined ? this.#areasOf(event.revoked) : [event.area];
      return held.every(isWithin) ? null : `the device works outside ${areas.join(", ")}`;
    }
    if (event.type === "device_enrolled" || event.type === "readmitted") return null;
    return `a ${event.role} does not say ${event.type}`;
  }

  /** Where a device works, or a code would let one work. @param {string} device */
  #areasOf(device) {
    const voucher = this.vouchers.get(device);
    return [...this.grantsOf(device).map((grant) => grant.area), ...(voucher === undefined ? [] : [voucher.area])];
  }

  /** In which areas the author of a readmission has the right that it used. @param {string} device @param {import("./registry-event.js").RegistryEvent} event */
  #areasOfOffice(device, event) {
    if (device === this.rootDevice) return [this.regency];
    return this.grantsOf(device).filter((one) => one.role === event.role && one.officer === event.officer).map((one) => one.area);
  }

  /** @param {number} position @param {string} device @param {import("./registry-event.js").RegistryEvent} event */
  #apply(position, device, event) {
    switch (event.type) {
      case "election_opened":
        this.root = event.root;
        this.rootDevice = device;
        for (const service of event.services) this.services.set(deviceOf(service), service);
        break;
      case "tps_set":
        for (const tps of event.tps) this.tps.add(tps);
        break;
      case "device_enrolled": {
        this.devices.set(event.enrolled, { key: event.key, holder: event.holder });
        const voucher = this.vouchers.get(device);
        if (voucher !== undefined) this.vouchers.set(device, { ...voucher, usedBy: event.enrolled });
        break;
      }
      case "assigned":
        this.grants.push({ officer: event.officer_assigned, role: event.role_assigned, area: event.area, toDevice: event.to_device ?? null, position, by: device });
        break;
      case "vouched":
        this.vouchers.set(event.voucher, { key: event.key, officer: event.officer_assigned, role: event.role_assigned, area: event.area, until: event.until, usedBy: null });
        break;
      case "revoked":
        this.#revoked.set(event.revoked, [...this.revocationsOf(event.revoked), { fromSeq: event.from_seq, area: event.area ?? null, position }]);
        break;
      case "readmitted":
        this.readmissions.push({ position, areas: this.#areasOfOffice(device, event), event });
        break;
      case "cloned":
        // The first says from where on; a second proof of the same changes nothing.
        if (!this.clones.has(event.cloned)) this.clones.set(event.cloned, position);
        break;
      case "window_opened":
      case "window_extended":
      case "window_closed":
        this.windows.push({ position, area: event.area, isOpen: event.type !== "window_closed" });
        break;
      case "policy_set":
        this.policies.push({ position, area: event.area, policy: event.policy });
        break;
      case "tps_reported":
        this.reports.set(`${event.tps} ${event.officer}`, { position, event });
        break;
      case "stage_set":
        this.stages.push({ position, event });
        break;
      case "dots_lost":
        this.lost.set(event.lost, Math.min(event.after, this.lost.get(event.lost) ?? event.after));
        break;
      case "erased":
        this.erasures.push({ position, event });
        if (event.voter === undefined) this.isEnded = true;
        else this.#erased.add(event.voter);
        break;
      case "log_key":
        this.logKeys.push({ position, event });
        break;
      default: // every type that is known stands above
    }
  }
}

/**
 * The registry that these lines give, the first at position 1; `root` is the device id of the root key that it must be
 * under, "" when it is not known. The first `checked` lines had their signatures verified before they were stored.
 * Throws Malformed and RegistryFault.
 * @param {readonly Uint8Array[]} lines @param {string} root @returns {Promise<Registry>}
 */
export async function foldRegistry(lines, root, checked = 0) {
  const read = lines.map(readLine);
  if (read.length === 0) throw new RegistryFault("the registry has no line");
  const registry = new Registry(read[0].election, read[0].regency);
  for (const [place, line] of read.entries()) await registry.take(place + 1, line, place < checked);
  if (registry.root === null) throw new RegistryFault(`the registry's first event does not open ${registry.election} in ${registry.regency}`);
  if (root !== "" && registry.rootDevice !== root) throw new RegistryFault(`the registry is under the root key ${registry.rootDevice}, not ${root}`);
  return registry;
}

/** The policy that is worked under in an area: the last one that was set for it. @param {Registry} registry @param {string} area @param {string} otherwise */
export function policyOf(registry, area, otherwise) {
  return registry.policies.filter((one) => area.startsWith(one.area)).at(-1)?.policy ?? otherwise;
}

/** Whether coklit is open at a TPS. @param {Registry} registry @param {string} tps */
export const isOpenAt = (registry, tps) => registry.windows.filter(({ area }) => tps.startsWith(area)).at(-1)?.isOpen ?? true;
