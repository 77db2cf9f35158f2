/** What is asked at the door when somebody is not as listed. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { DOCUMENTS, REASONS, WHYS } from "../core/event.js";
import { isArea, isTps } from "../core/ids.js";
import { DISABILITIES } from "../core/person.js";
import { checksOf } from "../phone/checks.js";
import { fieldOf, soundOf } from "../phone/family.js";
import { t } from "../texts.js";
import { effectOf, openPanel } from "./family.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../core/voter.js").State} State */
/** @typedef {import("../phone/family.js").Family} Family */
/** @typedef {import("../phone/family.js").Mark} Mark */

/** The particulars in the order in which a form asks for them, and the words that some are chosen from. @type {readonly [string, readonly string[] | null][]} */
const FIELDS = [
  ["name", null], ["nik", null], ["nkk", null], ["birth_place", null], ["birth_date", null], ["sex", ["L", "P"]],
  ["marital", ["B", "S", "P"]], ["address", null], ["rt", null], ["rw", null], ["disability", DISABILITIES], ["ektp", ["S", "B"]],
];
const REMOVALS = ["moved_away", "deceased", ...REASONS.map((reason) => `disqualified/${reason}`)];

/** @param {App} app @param {() => void} done @param {boolean} isReady */
const formButtons = (app, done, isReady) => html`
  <div class="row">
    <button type="button" @click=${() => openPanel(app, null)}>${t("cancel")}</button>
    <button type="button" class="main" data-done ?disabled=${!isReady} @click=${done}>${t("done")}</button>
  </div>`;

/** @param {App} app @param {Family} family @param {string} voter @param {Mark} mark */
function keep(app, family, voter, mark) {
  app.panel = null;
  void app.mark(family.key, (draft) => ({ ...draft, marks: { ...draft.marks, [voter]: mark } }));
}

/** @param {string} name @param {string} label @param {string} value @param {readonly [string, string][]} choices @param {(value: string) => void} set */
const choice = (name, label, value, choices, set) => html`
  <label>${label}
    <select name=${name} @change=${(/** @type {any} */ event) => set(event.target.value)}>
      <option value="" ?selected=${value === ""}>${t("choose")}</option>
      ${choices.map(([one, text]) => html`<option value=${one} ?selected=${one === value}>${text}</option>`)}
    </select>
  </label>`;

/** @param {App} app @param {Record<string, string | null>} before {} for a new voter */
function recordFields(app, before) {
  const panel = /** @type {Record<string, any>} */ (app.panel);
  /** @param {string} name @param {string} value */
  const set = (name, value) => {
    panel.fields = { ...panel.fields, [name]: value.trim() === "" ? null : value };
    app.show();
  };
  return FIELDS.map(([name, words]) => {
    const value = panel.fields[name] ?? "";
    const was = before[name] ?? "";
    const old = name in before && was !== value ? html`<small class="old">${t("was", { value: was === "" ? t("not_known") : words === null ? was : t(`${name}_${was}`) })}</small>` : nothing;
    if (words !== null) return html`${choice(name, t(`field_${name}`), value, words.map((word) => [word, t(`${name}_${word}`)]), (word) => set(name, word))}${old}`;
    const mode = ["nik", "nkk", "rt", "rw"].includes(name) ? "numeric" : "text";
    return html`<label>${t(`field_${name}`)}<input name=${name} type=${name === "birth_date" ? "date" : "text"} inputmode=${mode} autocomplete="off" .value=${value} @input=${(/** @type {any} */ event) => set(name, event.target.value)}></label>${old}`;
  });
}

/** @param {App} app @param {string | null} voter whose own number is no double */
function warnings(app, voter) {
  const others = app.states.filter((state) => state.decision.voter !== voter).map((state) => fieldOf(state, "nik")).filter(Boolean);
  return checksOf(app.panel?.fields ?? {}, others).map((code) => html`<p class="warn">${t(code)}</p>`);
}

/** @param {App} app @param {Family} family @param {State} state */
export function changeForm(app, family, state) {
  const before = state.record?.fields ?? {};
  const after = /** @type {Record<string, string | null>} */ (app.panel?.fields);
  const changes = Object.fromEntries(Object.entries(after).filter(([name, value]) => (before[name] ?? null) !== value));
  const isChanged = Object.keys(changes).length > 0;
  return html`
    ${recordFields(app, before)}
    ${warnings(app, state.decision.voter)}
    ${isChanged ? nothing : html`<p>${t("nothing_changed")}</p>`}
    ${formButtons(app, () => keep(app, family, state.decision.voter, { type: "found", how: "", person: { changes } }), isChanged)}`;
}

/** @param {App} app @param {Family} family */
export function newForm(app, family) {
  const panel = /** @type {Record<string, any>} */ (app.panel);
  const isReady = (panel.fields.name ?? "").trim() !== "" && panel.document !== "";
  const add = () => {
    const birth = { type: "new", how: "", document: panel.document, person: { record: { ...panel.fields } } };
    app.panel = null;
    void app.mark(family.key, (draft) => ({ ...draft, births: [...draft.births, birth] }));
  };
  return html`
    <section class="card" data-new>
      <h2>${t("add_new")}</h2>
      ${recordFields(app, {})}
      ${choice("document", t("document"), panel.document, DOCUMENTS.map((one) => [one, t(`document_${one}`)]), (value) => { panel.document = value; app.show(); })}
      ${warnings(app, null)}
      ${(panel.fields.name ?? "").trim() === "" ? html`<p>${t("name_missing")}</p>` : nothing}
      ${formButtons(app, add, isReady)}
    </section>`;
}

/** @param {App} app @param {Family} family @param {State} state */
export function whyForm(app, family, state) {
  return html`
    <fieldset><legend>${t("why")}</legend>
      <div class="row">${WHYS.map((why) => html`<button type="button" data-why=${why} @click=${() => keep(app, family, state.decision.voter, { type: "not_met", why })}>${t(`why_${why}`)}</button>`)}</div>
    </fieldset>
    <button type="button" @click=${() => openPanel(app, null)}>${t("cancel")}</button>`;
}

/** @param {App} app @param {Family} family @param {State} state */
export function removeForm(app, family, state) {
  const panel = /** @type {Record<string, any>} */ (app.panel);
  /** @param {Record<string, string>} more */
  const set = (more) => openPanel(app, { ...panel, ...more });
  if (panel.reason === "") {
    return html`
      <fieldset><legend>${t("reason")}</legend>
        <div class="row">${REMOVALS.map((removal) => html`<button type="button" data-reason=${removal} @click=${() => set({ reason: removal })}>${t(removal)}</button>`)}</div>
      </fieldset>
      <button type="button" @click=${() => openPanel(app, null)}>${t("cancel")}</button>`;
  }
  const mark = removalMark(panel);
  const row = app.policy?.removals[panel.reason];
  const words = row === undefined ? [] : [...row.accepted, ...(row.never_enough ?? [])];
  return html`
    <p><strong>${t(panel.reason)}</strong></p>
    ${panel.reason === "moved_away" ? html`<label>${t("moved_to")}<input name="to" inputmode="numeric" autocomplete="off" .value=${panel.to} @input=${(/** @type {any} */ event) => set({ to: event.target.value.replace(/\D/g, "") })}></label>` : nothing}
    ${panel.reason === "disqualified/duplicate" ? duplicates(app, state, panel, set) : nothing}
    ${words.length === 0 ? nothing : html`
      <fieldset><legend>${t("evidence")}</legend>
        <div class="row">${["", ...words].map((word) => html`<button type="button" aria-pressed=${panel.evidence === word} @click=${() => set({ evidence: word })}>${t(`evidence_${word || "none"}`)}</button>`)}</div>
      </fieldset>`}
    ${mark === null ? nothing : html`<p>${effectOf(app, mark)}</p>`}
    ${formButtons(app, () => mark !== null && keep(app, family, state.decision.voter, mark), mark !== null)}`;
}

/** The mark that the form says; null while something is missing. @param {Record<string, any>} panel @returns {Mark | null} */
function removalMark({ reason, evidence, to, other }) {
  const proof = evidence === "" ? {} : { evidence };
  if (reason === "deceased") return { type: "deceased", ...proof };
  if (reason === "moved_away") {
    if (isTps(to)) return { type: "moved", to, ...proof };
    return isArea(to) ? { type: "moved", to_area: to, ...proof } : null;
  }
  const word = reason.split("/")[1];
  if (word !== "duplicate") return { type: "disqualified", reason: word, ...proof };
  return other === "" ? null : { type: "disqualified", reason: word, duplicate_of: other };
}

/** The larger id is struck, whoever rules (SPEC §2.5): so only smaller ones can be the other. @param {App} app @param {State} state @param {Record<string, any>} panel @param {(more: Record<string, string>) => void} set */
function duplicates(app, state, panel, set) {
  const { voter } = state.decision;
  const sound = soundOf(fieldOf(state, "name"));
  const found = app.states.filter((other) => other.decision.voter < voter && (fieldOf(other, "nik") === fieldOf(state, "nik") || soundOf(fieldOf(other, "name")) === sound || fieldOf(other, "birth_date") === fieldOf(state, "birth_date")));
  if (found.length === 0) return html`<p class="warn">${t("duplicate_none")}</p>`;
  return choice("other", t("duplicate_of"), panel.other, found.map((other) => [other.decision.voter, `${fieldOf(other, "name")} · ${fieldOf(other, "birth_date")}`]), (other) => set({ other }));
}
