/** The signed head: the end of a device's log, which ends a push and vouches for all before it (SPEC §7.2). Twin of `core/head.py`. */

import { headMessage, sign, verifies } from "./signing.js";

/** @typedef {{device: string, hash: string, seq: number, signature: string}} SignedHead */

/** The head of `key`'s log in `election`, whose last event has this seq and hash. @param {import("./signing.js").DeviceKey} key @param {string} election @param {number} seq @param {string} hash @returns {Promise<SignedHead>} */
export async function signHead(key, election, seq, hash) {
  return { device: key.device, hash, seq, signature: await sign(key, headMessage(election, key.device, seq, hash)) };
}

/** The line as it is sent, without its line break. @param {SignedHead} head */
export const headLine = ({ device, hash, seq, signature }) => `{"head":{"device":"${device}","hash":"${hash}","seq":${seq}},"signature":"${signature}"}`;

/** Whether `key` signed this head. @param {SignedHead} head @param {import("./signing.js").PublicKey} key @param {string} election */
export const headSignedBy = (head, key, election) => verifies(key, headMessage(election, head.device, head.seq, head.hash), head.signature);
