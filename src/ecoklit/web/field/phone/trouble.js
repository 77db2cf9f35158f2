/** What can go wrong on a phone. Nothing that was saved is lost by any of it. The sentences for people are in `texts.js`, by `code`. */

/** Something with a name; `values` go into its sentence. */
export class Trouble extends Error {
  /** @param {string} code @param {Record<string, string | number>} [values] */
  constructor(code, values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}

/** An entry was not made, and nothing was changed. */
export class NotSaid extends Trouble {}
/** The service will not take this phone's log as it is, however often it is sent; the entries are kept. */
export class Stuck extends Trouble {}
/** No answer came, or not the whole of it. What was sent may have arrived: it is sent again, and never doubled. */
export class Away extends Trouble {
  constructor() {
    super("away");
  }
}
/** The service asks to be left alone for `seconds`. */
export class TryLater extends Trouble {
  /** @param {string} code @param {number} seconds */
  constructor(code, seconds) {
    super("try_later", { reason: code });
    this.seconds = seconds;
  }
}
/** Whoever answers at this address is not this election's service; nothing was marked as sent. */
export class WrongService extends Trouble {
  /** @param {string} why */
  constructor(why) {
    super("wrong_service", { why });
  }
}
/** The service refuses a push by the contract's name (SPEC §7.4). */
export class Refused extends Trouble {
  /** @param {string} code @param {string} detail @param {number | null} expected */
  constructor(code, detail, expected = null) {
    super(code, { why: detail });
    this.detail = detail;
    this.expected = expected;
  }
}
/** The nonce was none of the service's, or too old. */
export class NonceNeeded extends Trouble {
  constructor() {
    super("nonce_needed");
  }
}
/** The service gives this phone no voters of that TPS. */
export class NotEntitled extends Trouble {
  /** @param {string} detail */
  constructor(detail) {
    super("not_entitled", { why: detail });
  }
}
