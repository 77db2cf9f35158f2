/**
 * How a device gets its first right by a code: both sides make one key of it, the *voucher*, with which the device signs
 * its own enrolment (SPEC §8.5). Twin of `core/enrolment.py`.
 */

import * as canonical from "./canonical.js";
import { utf8 } from "./bytes.js";
import { isObject } from "./event.js";
import * as ids from "./ids.js";
import { appendLine, readLine } from "./registry-event.js";
import { keyOfSeed } from "./signing.js";

/** @typedef {import("./registry-event.js").SignedRegistry} SignedRegistry */
/** @typedef {{device: string, publicKey: string, sign: (message: Uint8Array) => string}} VoucherKey */
/** @typedef {{code: string, election: string, regency: string, root: string, service?: string}} Invitation */

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_SYMBOLS = 15;
const ROUNDS = 100_000;
const POLYNOMIAL = 0b100101; // x⁵ + x² + 1: its root has all 31 powers

/** What was typed or scanned enrols nobody; `code` is bad_code, late_code, bad_invitation. */
export class BadEnrolment extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The code that a person typed, as it is shown: `K7QX-3MPA-9TRW-D0EF`. Throws BadEnrolment bad_code. @param {string} text */
export function readCode(text) {
  const symbols = text.toUpperCase().replace(/[\s·–-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  const isCode = symbols.length === CODE_SYMBOLS + 1 && [...symbols].every((symbol) => ALPHABET.includes(symbol)) && checkOf(symbols.slice(0, -1)) === symbols.at(-1);
  if (!isCode) throw new BadEnrolment("bad_code", "That is no enrolment code: a symbol is wrong, missing, or in another's place.");
  return /** @type {RegExpMatchArray} */ (symbols.match(/.{4}/g)).join("-");
}

/** @param {string} symbols */
function checkOf(symbols) {
  let total = 0;
  for (const symbol of symbols) {
    total = (total ^ ALPHABET.indexOf(symbol)) << 1;
    if (total > 31) total ^= POLYNOMIAL;
  }
  return ALPHABET[total];
}

/** The seed of the key that a code stands for in one election and regency. @param {string} code @param {string} election @param {string} regency */
export async function voucherSeed(code, election, regency) {
  const secret = utf8(readCode(code).replaceAll("-", "").slice(0, CODE_SYMBOLS));
  const salt = utf8(`ecoklit-voucher-v1\n${election}\n${regency}\n`);
  const key = await crypto.subtle.importKey("raw", new Uint8Array(secret), "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(salt), iterations: ROUNDS }, key, 256);
  return new Uint8Array(bits);
}

/** The key that a code stands for. @param {string} code @param {string} election @param {string} regency @returns {Promise<VoucherKey>} */
export const voucherKey = async (code, election, regency) => keyOfSeed(await voucherSeed(code, election, regency));

/**
 * The two registry events by which a device enrols itself with a voucher. Keep them before they are sent: made again with
 * another `at` they would be different events of one name. Throws BadEnrolment late_code when `at` is after `until`.
 * @param {VoucherKey} voucher @param {import("./registry.js").Voucher} terms @param {import("./signing.js").DeviceKey} key
 * @param {{election: string, regency: string, at: string}} where @returns {Promise<SignedRegistry[]>}
 */
export async function redeem(voucher, terms, key, { election, regency, at }) {
  if (Date.parse(at) > Date.parse(terms.until)) throw new BadEnrolment("late_code", `The code was good until ${terms.until}, and this phone's clock says ${at}.`);
  const role = ["pps", "ppk", "kpu"].includes(terms.role) ? terms.role : "pantarlih"; // an operator signs nothing of an office
  const end = { election, regency, device: voucher.device, officer: terms.officer, role, seq: 0, prev: ids.ZERO_HASH };
  const publicKey = { algorithm: key.algorithm, public_key: key.publicKey };
  const enrolled = await appendLine(end, voucher.sign, { type: "device_enrolled", at, enrolled: key.device, holder: terms.officer, key: publicKey });
  const assigned = await appendLine({ ...end, seq: 1, prev: enrolled.name }, voucher.sign, {
    type: "assigned", at, area: terms.area, officer_assigned: terms.officer, role_assigned: terms.role, to_device: key.device,
  });
  return [enrolled, assigned];
}

/** What a device without a network shows to an office: `{"enrol":{…}}`. @param {import("./signing.js").DeviceKey} key */
export const keyLine = (key) => canonical.write({ enrol: { algorithm: key.algorithm, public_key: key.publicKey } });

/** What `write_invitation` wrote, from a QR code. Throws BadEnrolment. @param {string} text @returns {Invitation} */
export function readInvitation(text) {
  let invitation;
  try {
    invitation = JSON.parse(text.trim()).invitation;
  } catch {
    invitation = null;
  }
  if (!isObject(invitation) || typeof invitation.code !== "string") throw new BadEnrolment("bad_invitation", "That is no invitation: scan the QR code again, or type the code below it.");
  return demandWhole(invitation);
}

/** The invitation in the fragment of a link, `#code.election.regency.root`; null where there is none. Throws BadEnrolment. @param {string} fragment @returns {Invitation | null} */
export function readLink(fragment) {
  const words = fragment.replace(/^#/, "").split(".");
  if (words.length !== 4 || words[0].startsWith("/")) return null; // a screen of the app begins with a slash
  const [code, election, regency, root] = words;
  return demandWhole({ code, election, regency, root });
}

/** @param {Invitation} invitation */
function demandWhole(invitation) {
  readCode(invitation.code);
  const { election, regency, root } = invitation;
  if (ids.isWord(String(election)) && ids.isRegency(String(regency)) && ids.isDevice(String(root))) return invitation;
  throw new BadEnrolment("bad_invitation", "The invitation names no election: ask for a new one.");
}

/**
 * Of registry `lines`, in their order, those that `device` needs to prove its rights to a registry without them: the logs,
 * whole because a log has no holes, of everybody who enrolled or assigned it or its officer, up to the root.
 * @param {readonly Uint8Array[]} lines @param {string} device @returns {Uint8Array[]}
 */
export function chainOf(lines, device) {
  const read = lines.map((line) => ({ line, signed: readLine(line) }));
  const given = read.flatMap(({ signed }) => givenBy(signed));
  const needed = new Set([device, ...read.filter(({ signed }) => signed.event?.type === "election_opened").map(({ signed }) => signed.device)]);
  for (let size = 0; size < needed.size; ) {
    size = needed.size;
    for (const [name, by] of given) if (needed.has(name)) needed.add(by);
  }
  return read.filter(({ signed }) => needed.has(signed.device)).map(({ line }) => line);
}

/** (who needs, whose log) of a registry event that gives something. @param {SignedRegistry} signed @returns {[string, string][]} */
function givenBy({ event, device }) {
  if (event?.type === "device_enrolled") return [[event.enrolled, device], [event.enrolled, event.holder]];
  if (event?.type === "assigned") return [[event.to_device ?? event.officer_assigned, device]];
  if (event?.type === "vouched") return [[event.voucher, device]];
  return [];
}
