/** The officer's phone: what is on the screen, and what a tap does. Screens are in `screens/`, the phone itself in `phone/`. */

import { html, nothing, render } from "./vendor/lit-html/lit-html.js";
import { keyLine, readInvitation, readLink } from "./core/enrolment.js";
import { enrolByCode, enrolByFile, keyOf } from "./phone/enrol.js";
import { HOW, emptyDraft, entriesOf, familiesOf } from "./phone/family.js";
import { Phone } from "./phone/phone.js";
import { wholeLog } from "./phone/export.js";
import { openStore } from "./phone/store.js";
import { sync } from "./phone/sync.js";
import { Transport } from "./phone/transport.js";
import { Away, TryLater } from "./phone/trouble.js";
import { enrolScreen } from "./screens/enrol.js";
import { familyScreen } from "./screens/family.js";
import { homeScreen } from "./screens/home.js";
import { FAMILIES_SHOWN, listScreen } from "./screens/list.js";
import { profileScreen } from "./screens/profile.js";
import { speak, t } from "./texts.js";

const STORE = "ecoklit-phone";
const POLICIES = ["/field/policies/2024-1.json"];
const CHANNEL = "ecoklit-phone";
/** How soon a sync is tried again by itself while something is unsent; it doubles up to five minutes. */
const RETRY_MS = 5_000;
const RETRY_MS_MAX = 300_000;

/** @typedef {import("./phone/store.js").About} About */
/** @typedef {import("./phone/family.js").Draft} Draft */
/** What the screens see of the phone. */
export class App {
  /** @type {About | null} */
  about = null;
  /** @type {import("./phone/phone.js").Status | null} */
  status = null;
  /** @type {import("./phone/store.js").Place[]} */
  places = [];
  /** @type {Map<string, Draft>} */
  drafts = new Map();
  /** @type {import("./phone/sync.js").Synced | null} */
  synced = null;
  /** One sentence about the last thing that was done, and whether it is bad news. @type {{text: string, bad: boolean} | null} */
  message = null;
  busy = "";
  sought = "";
  onlyOpen = true;
  neighbourhood = "";
  /** The form that is open on the family's screen. @type {Record<string, any> | null} */
  panel = null;
  /** @type {import("./core/enrolment.js").Invitation | null} */
  invitation = null;
  code = "";
  key = "";
  chosen = "";
  shownMax = FAMILIES_SHOWN;
  storage = { kept: false, freeMb: Infinity, offline: false, update: false };
  #retryMs = RETRY_MS;
  #retry = 0;
  /** @type {{of: unknown, found: import("./phone/family.js").Family[]}} */
  #families = { of: null, found: [] };
  /** @type {Promise<unknown>} */
  #taps = Promise.resolve();
  #channel = new BroadcastChannel(CHANNEL);

  /** @param {Phone} phone @param {Transport} transport @param {HTMLElement} root */
  constructor(phone, transport, root) {
    this.phone = phone;
    this.transport = transport;
    this.root = root;
    this.#channel.onmessage = () => void this.#changed();
    addEventListener("hashchange", () => {
      this.panel = null;
      this.show();
      scrollTo(0, 0);
    });
    addEventListener("online", () => this.#soon(0));
  }

  /** @returns {string[]} the words of the address behind the # */
  get route() {
    try {
      return decodeURIComponent(location.hash.replace(/^#\/?/, "")).split("/");
    } catch {
      return [""]; // an address that somebody mistyped
    }
  }

  /** The TPS that is worked on. */
  get place() {
    return this.places.find(({ tps }) => tps === this.chosen) ?? this.places[0];
  }

  get tps() {
    return this.place?.tps ?? "";
  }

  /** What proves a removal at the TPS that is worked on. */
  get policy() {
    return this.phone.policy(this.place?.policy || this.about?.policy || "");
  }

  get states() {
    return this.phone.roll(this.tps);
  }

  get families() {
    const { states } = this;
    // The phone gives another array when anything on the roll has changed.
    if (this.#families.of !== states) this.#families = { of: states, found: familiesOf(states) };
    return this.#families.found;
  }

  /** @param {string} family */
  draftOf(family) {
    return this.drafts.get(family) ?? emptyDraft(family);
  }

  /** Read what the store holds, and show it. */
  async refresh() {
    const { store } = this.phone;
    const [about, places, status, drafts] = await Promise.all([store.about(), store.places(), this.phone.status(), store.drafts()]);
    this.about = about.election === "" ? null : about;
    this.places = places;
    this.status = status;
    this.drafts = new Map(drafts.map((draft) => [draft.family, draft]));
    this.show();
  }

  async #changed() {
    await this.phone.reload();
    await this.refresh();
  }

  show() {
    render(this.#screen(), this.root);
  }

  #screen() {
    if (this.about === null) return enrolScreen(this);
    const [name, ...rest] = this.route;
    const [screen, body] =
      name === "daftar" ? ["list", listScreen(this)]
      : name === "keluarga" ? ["list", familyScreen(this, rest.join("/"))]
      : name === "profil" ? ["profile", profileScreen(this)]
      : ["home", homeScreen(this)];
    return html`${body}
      <nav class="tabs" aria-label=${t("app")}>
        ${[["home", "#/"], ["list", "#/daftar"], ["profile", "#/profil"]].map(
          ([tab, link]) => html`<a href=${link} aria-current=${tab === screen ? "page" : nothing}>${t(tab)}</a>`,
        )}
      </nav>`;
  }

  /** What a tap at the door does goes to the disk in the order of the taps, also while a sync waits for the network. @param {() => Promise<string | null>} work gives the sentence for success, null where nothing is to be said */
  #tap(work) {
    const done = this.#taps.then(work).then(
      (text) => {
        if (text !== null) this.message = { text, bad: false };
      },
      (error) => {
        this.message = { text: sentenceOf(error), bad: true };
      },
    );
    this.#taps = done;
    return done.then(() => this.refresh());
  }

  /** Do something that may fail; what went wrong is said in a sentence. `isAsked` is false where the app began it by itself: then a network that is away is no news. @param {string} busy the text meanwhile @param {() => Promise<string | null>} work gives the sentence for success */
  async does(busy, work, isAsked = true) {
    if (this.busy !== "") return;
    this.busy = busy;
    if (isAsked) this.message = null;
    this.show();
    try {
      const text = await work();
      if (text !== null) this.message = { text, bad: false };
    } catch (error) {
      const isNews = isAsked || !(error instanceof Away || error instanceof TryLater);
      if (isNews) this.message = { text: sentenceOf(error), bad: true };
    } finally {
      this.busy = "";
    }
    await this.refresh();
  }

  // --- enrolment ---------------------------------------------------------------------------------------------------------

  /** By the code, or by what was pasted in its place: an invitation, a link. */
  enrol() {
    return this.does("enrol_doing", async () => {
      const typed = this.code.trim();
      const link = typed.includes("#") ? readLink(typed.slice(typed.indexOf("#"))) : null;
      const invitation = typed === "" ? this.invitation : typed.startsWith("{") ? readInvitation(typed) : link;
      const { store } = this.phone;
      await enrolByCode(store, this.transport, invitation?.code ?? typed, { root: invitation?.root ?? "", at: this.phone.at() });
      await navigator.storage?.persist?.();
      history.replaceState(null, "", "#/");
      this.invitation = null;
      this.code = "";
      return this.#sync();
    });
  }

  /** @param {File} file */
  enrolByFile(file) {
    return this.does("enrol_doing", async () => {
      await enrolByFile(this.phone.store, new Uint8Array(await file.arrayBuffer()), "");
      await navigator.storage?.persist?.();
      await this.phone.reload();
      return null;
    });
  }

  // --- sync --------------------------------------------------------------------------------------------------------------

  sync(isAsked = true) {
    return this.does("syncing", () => this.#sync(), isAsked);
  }

  async #sync() {
    try {
      this.synced = await sync(this.phone, this.transport);
      this.#retryMs = RETRY_MS;
    } catch (error) {
      if (error instanceof Away || error instanceof TryLater) this.#soon(this.#retryMs);
      throw error;
    }
    this.#channel.postMessage("");
    const news = this.synced.news.map(({ code, values }) => t(code, values));
    const refused = this.synced.refused.map((one) => t("refused_place", one));
    return [...news, ...refused].join(" ") || null;
  }

  /** What was unsent when the app was last closed goes out by itself. */
  wake() {
    this.#soon(RETRY_MS);
  }

  /** Try again by itself, later and later, and never all phones at once. @param {number} delay in milliseconds */
  #soon(delay) {
    clearTimeout(this.#retry);
    this.#retryMs = Math.min(Math.max(delay, RETRY_MS) * 2, RETRY_MS_MAX);
    this.#retry = setTimeout(() => {
      if (this.about !== null && (this.status?.unsent ?? 0) > 0 && this.busy === "") void this.sync(false);
    }, delay * (0.5 + Math.random()));
  }

  // --- at the door -------------------------------------------------------------------------------------------------------

  /** What a tap changes of a family's draft; on disk before it is shown. @param {string} family @param {(draft: Draft) => Draft} how */
  mark(family, how) {
    return this.#tap(async () => {
      const draft = how(structuredClone(this.draftOf(family)));
      const isEmpty = Object.keys(draft.marks).length === 0 && draft.births.length === 0 && draft.how === HOW;
      if (isEmpty) {
        await this.phone.store.dropDraft(family);
        this.drafts.delete(family);
      } else {
        await this.phone.store.keepDraft(draft);
        this.drafts.set(family, draft);
      }
      return null;
    });
  }

  /** @param {import("./phone/family.js").Family} family @param {boolean} rest */
  close(family, rest) {
    return this.#tap(async () => {
      const draft = this.drafts.get(family.key);
      const entries = entriesOf(family, draft ?? emptyDraft(family.key), rest);
      // A second tap on the button finds the family closed.
      if (entries.length === 0 || this.route[0] !== "keluarga") return null;
      const held = await this.phone.say(this.tps, entries, family.key);
      this.drafts.delete(family.key);
      this.#channel.postMessage("");
      this.panel = null;
      location.hash = "#/daftar";
      this.#soon(RETRY_MS);
      return t("saved_count", { count: held.length });
    });
  }

  /** @param {import("./core/voter.js").State} state */
  undo(state) {
    return this.#tap(async () => {
      await this.phone.undo(state);
      this.#channel.postMessage("");
      this.#soon(RETRY_MS);
      return t("undone");
    });
  }

  // --- the phone itself --------------------------------------------------------------------------------------------------

  /** @param {string} language */
  async speak(language) {
    speak(language);
    await this.phone.store.keepSetting("language", language);
    this.show();
  }

  /** All entries as pushes in a file: the very bytes that a sync sends. */
  export() {
    return this.does("syncing", async () => {
      const { name, body } = await wholeLog(this.phone.store);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([new Uint8Array(body)], { type: "application/x-ndjson" }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      return null;
    });
  }

  async look() {
    const estimate = (await navigator.storage?.estimate?.()) ?? {};
    this.storage.kept = (await navigator.storage?.persisted?.()) ?? false;
    if (estimate.quota !== undefined) this.storage.freeMb = Math.floor((estimate.quota - (estimate.usage ?? 0)) / 1_000_000);
    this.show();
  }
}

/** @param {unknown} error */
function sentenceOf(error) {
  const named = /** @type {{code?: unknown, values?: Record<string, string>, message?: string}} */ (error);
  if (typeof named?.code === "string" && t(named.code) !== named.code) return t(named.code, named.values ?? {});
  console.error(error);
  return t("unnamed", { why: named?.message ?? String(error) });
}

/** @param {App} app */
async function workOffline(app) {
  const registration = await navigator.serviceWorker.register("/field/worker.js", { scope: "/field/", updateViaCache: "none" });
  const look = () => {
    app.storage.update = registration.waiting !== null && registration.active !== null;
    app.show();
  };
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", look));
  await navigator.serviceWorker.ready;
  app.storage.offline = true;
  look();
}

async function start() {
  const root = /** @type {HTMLElement} */ (document.getElementById("app"));
  root.replaceChildren();
  if (!globalThis.isSecureContext) {
    render(html`<main><p class="bad">${t("insecure")}</p></main>`, root);
    return;
  }
  const store = await openStore(STORE);
  speak((await store.setting("language")) ?? "id");
  const policies = await Promise.all(POLICIES.map(async (address) => (await fetch(address)).json()));
  const app = new App(new Phone(store, policies), new Transport("/"), root);
  Object.assign(globalThis, { ecoklit: app }); // for whoever looks at it with the browser's own tools
  await app.phone.reload();
  try {
    app.invitation = readLink(location.hash);
  } catch (error) {
    app.message = { text: sentenceOf(error), bad: true };
  }
  await app.refresh();
  if (app.about === null) {
    app.key = keyLine(await keyOf(store));
    app.show();
  }
  if ("serviceWorker" in navigator) workOffline(app).catch(() => undefined); // without a network it is there already
  await app.look();
  app.wake();
}

await start();
