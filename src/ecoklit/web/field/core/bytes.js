/** Bytes as text and back: UTF-8, hex, base64url and base32, each with one spelling only. */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const VALUES = new Map([...BASE64URL].map((character, value) => [character, value]));

/** @param {string} text @returns {Uint8Array} */
export function utf8(text) {
  return ENCODER.encode(text);
}

/** The text in UTF-8 `bytes`; throws a TypeError where they are none, and keeps a byte order mark. @param {Uint8Array} bytes */
export function fromUtf8(bytes) {
  return DECODER.decode(bytes);
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** @param {string} text @returns {Uint8Array} */
export function fromHex(text) {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new RangeError("not lower-case hex");
  return Uint8Array.from({ length: text.length / 2 }, (_, place) => Number.parseInt(text.slice(2 * place, 2 * place + 2), 16));
}

/** Base64url without padding (SPEC §1). @param {Uint8Array} bytes */
export function toBase64url(bytes) {
  let text = "";
  let place = 0;
  for (; place + 2 < bytes.length; place += 3) {
    const word = (bytes[place] << 16) | (bytes[place + 1] << 8) | bytes[place + 2];
    text += BASE64URL[word >> 18] + BASE64URL[(word >> 12) & 63] + BASE64URL[(word >> 6) & 63] + BASE64URL[word & 63];
  }
  const left = bytes.length - place;
  if (left === 1) text += BASE64URL[bytes[place] >> 2] + BASE64URL[(bytes[place] & 3) << 4];
  if (left === 2) {
    const word = (bytes[place] << 8) | bytes[place + 1];
    text += BASE64URL[word >> 10] + BASE64URL[(word >> 4) & 63] + BASE64URL[(word & 15) << 2];
  }
  return text;
}

/** The bytes of unpadded base64url; throws where it has padding or unused bits that are not zero. @param {string} text */
export function fromBase64url(text) {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let filled = 0;
  for (const character of text) {
    const value = VALUES.get(character);
    if (value === undefined) throw new RangeError("not base64url");
    word = ((word << 6) | value) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[filled++] = (word >> bits) & 0xff;
    }
  }
  if (toBase64url(bytes) !== text) throw new RangeError("not canonical base64url");
  return bytes;
}

/** Lower-case base32 without padding. @param {Uint8Array} bytes */
export function toBase32(bytes) {
  let text = "";
  let word = 0;
  let bits = 0;
  for (const byte of bytes) {
    word = ((word << 8) | byte) & 0x1fff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(word >> bits) & 31];
    }
  }
  return bits > 0 ? text + BASE32[(word << (5 - bits)) & 31] : text;
}

/** @param {Uint8Array} left @param {Uint8Array} right */
export function equal(left, right) {
  return left.length === right.length && left.every((byte, place) => byte === right[place]);
}

/** @param {...Uint8Array} parts @returns {Uint8Array} */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** Texts of the contract are ASCII, or compared as UTF-16: the order that `<` gives. @param {string} left @param {string} right */
export function compare(left, right) {
  return left < right ? -1 : left > right ? 1 : 0;
}
