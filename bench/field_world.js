// A made-up TPS: its list, and four entries about each voter by two officers who share it.
import { toBase64url, utf8 } from "../src/ecoklit/web/field/core/bytes.js";
import { append, endAfter } from "../src/ecoklit/web/field/core/device-log.js";
import { ZERO_HASH, deviceId, sha256 } from "../src/ecoklit/web/field/core/ids.js";

const ELECTION = "pilkada-2024";
const TPS = "9404012001001";
const POLICY = "2024-1";
const NAMES = ["Maria", "Yosef", "Budi", "Siti", "Agus", "Dewi", "Petrus", "Marta", "Yance", "Rina"];

/** @param {string} text */
const salt = (text) => toBase64url(sha256(utf8(text)).subarray(0, 16));

/** @param {number} nth */
function personOf(nth) {
  const nik = `9404${String(1_010_190 + (nth % 28) * 10_000)}${String(nth).padStart(5, "0")}`.slice(0, 16).padEnd(16, "0");
  const record = {
    address: `Jalan Cenderawasih ${nth % 90}`, birth_date: `19${60 + (nth % 40)}-0${1 + (nth % 9)}-1${nth % 9}`, birth_place: "Timika", disability: null,
    ektp: "S", marital: "S", name: `${NAMES[nth % 10]} ${NAMES[(nth * 7) % 10]} ${nth}`, nik, nkk: `94040112131${String(Math.floor(nth / 4)).padStart(5, "0")}`,
    rt: `00${1 + (nth % 6)}`, rw: "001", sex: nth % 2 === 0 ? "L" : "P",
  };
  return { record, salt: salt(`list ${nth}`) };
}

/** @param {string} name @param {string} role */
function logOf(name, role) {
  return { election: ELECTION, device: deviceId("ed25519", sha256(utf8(name))), officer: name, role, policy: POLICY, seq: 0, prev: ZERO_HASH };
}

/** Five events about each of so many voters. @param {number} voters @returns {import("../src/ecoklit/web/field/core/wire.js").Held[]} */
export function madeUp(voters) {
  /** @type {Record<string, ReturnType<typeof logOf>>} */
  const logs = { kpu: logOf("kpu", "kpu"), budi: logOf("budi", "pantarlih"), sari: logOf("sari", "pantarlih") };
  /** @type {any[]} */
  const all = [];
  /** @param {string} who @param {any} said */
  function say(who, said) {
    const held = append(logs[who], { tps: TPS, at: "2024-06-25T08:00:00+09:00", ...said });
    logs[who] = endAfter(logs[who], held);
    all.push(held);
    return held;
  }
  const births = Array.from({ length: voters }, (_, nth) => say("kpu", { type: "listed", source: "dp4", person: personOf(nth) }));
  for (const [nth, birth] of births.entries()) {
    const [first, second] = nth % 2 === 0 ? ["budi", "sari"] : ["sari", "budi"];
    const seen = [birth];
    const about = (/** @type {string} */ who, /** @type {any} */ said) => seen.push(say(who, { ...said, voter: birth.place.voter, seen: [...seen] }));
    about(first, { type: "not_met", nth: 1, why: "absent" });
    about(first, nth % 3 === 0 ? { type: "found", how: "in_person", person: { changes: { rt: "007" }, salt: salt(`rt ${nth}`) } } : { type: "found", how: "family" });
    about(second, nth % 9 === 0 ? { type: "deceased", evidence: "death_certificate" } : { type: "found", how: "document" });
    about(first, nth % 5 === 0 ? { type: "reopened" } : { type: "found", how: "in_person" });
  }
  return all;
}
