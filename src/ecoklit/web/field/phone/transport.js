/**
 * The way to the service that this page came from. Nothing is promised of it: an answer may be lost when the request
 * arrived, a request may arrive twice, and whoever answers may be a network's sign-in page. Twin of
 * `field/http_transport.py` and `field/problem.py`.
 */

import { Away, NonceNeeded, NotEntitled, Refused, TryLater, WrongService } from "./trouble.js";

const ANSWER_SECONDS_MAX = 60;
const RETRY_SECONDS = 5;
const RETRY_SECONDS_MAX = 3600;
const BUSY = [429, 502, 503, 504];
const REFUSALS = [
  "too_large", "malformed", "wrong_election", "unknown_device", "bad_signature", "equivocation", "gap", "broken_chain",
  "bad_argument", "unknown_area", "too_slow",
];
/** Not folded yet, and changed on its way: the same again is right. */
const PASSING = ["not_projected", "bad_encoding"];

export class Transport {
  /** The last nonce that an answer brought. */
  nonce = "";

  /** @param {string} base the service's address, ended by a slash */
  constructor(base) {
    this.base = base;
  }

  /** The answer to a push: a receipt line, if it comes from the service. @param {Uint8Array} body */
  async push(body) {
    const headers = new Headers({ "Content-Type": "application/x-ndjson" });
    const packed = await gzipped(body);
    if (packed !== null) headers.set("Content-Encoding", "gzip");
    return this.#send("v1/push", { method: "POST", headers, body: packed ?? new Uint8Array(body) });
  }

  /** @param {{device: string, signature: string, tps: string, cursor: string, limit: number}} ask */
  pull({ device, signature, tps, cursor, limit }) {
    const headers = { "Ecoklit-Device": device, "Ecoklit-Nonce": this.nonce, "Ecoklit-Signature": signature };
    return this.#send(`v1/pull?${new URLSearchParams({ tps, cursor, limit: String(limit) })}`, { headers });
  }

  /** Registry lines beyond a position, in order. @param {number} after */
  registry(after) {
    return this.#send(`v1/registry?after=${after}`, {});
  }

  /** @param {string} path @param {RequestInit} options @returns {Promise<Uint8Array>} */
  async #send(path, options) {
    let answer;
    let body;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ANSWER_SECONDS_MAX * 1000);
    try {
      answer = await fetch(this.base + path, { ...options, cache: "no-store", credentials: "omit", signal: late.signal });
      body = new Uint8Array(await answer.arrayBuffer());
    } catch {
      throw new Away();
    } finally {
      clearTimeout(timer);
    }
    this.nonce = answer.headers.get("Ecoklit-Nonce") ?? this.nonce;
    if (answer.ok) return body;
    throw namedOf(problemOf(body), answer);
  }
}

/** @param {Uint8Array} body @returns {Promise<Blob | null>} null where this browser cannot */
async function gzipped(body) {
  if (!("CompressionStream" in globalThis)) return null;
  const stream = new Blob([new Uint8Array(body)]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).blob();
}

/** @param {Uint8Array} body @returns {{code?: string, detail?: string, expected?: number}} */
function problemOf(body) {
  try {
    return JSON.parse(new TextDecoder().decode(body)) ?? {};
  } catch {
    return {};
  }
}

/** @param {{code?: string, detail?: string, expected?: number}} problem @param {Response} answer */
function namedOf({ code = "", detail = "", expected }, answer) {
  if (REFUSALS.includes(code)) return new Refused(code, detail, expected ?? null);
  if (code === "nonce_needed") return new NonceNeeded();
  if (code === "not_entitled") return new NotEntitled(detail);
  if (BUSY.includes(answer.status) || PASSING.includes(code)) return new TryLater(code || "busy", secondsOf(answer.headers.get("Retry-After")));
  if (answer.status >= 500) return new Away();
  return new WrongService(`it answers ${answer.status}`);
}

/** @param {string | null} header */
function secondsOf(header) {
  const seconds = header === null || header === "" ? RETRY_SECONDS : Number(header);
  return seconds >= 0 ? Math.min(seconds, RETRY_SECONDS_MAX) : RETRY_SECONDS; // a date is not read: the phone's clock may be wrong by years
}
