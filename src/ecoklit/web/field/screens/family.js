/** A family at the door: mark the exceptions, then one tap for the rest. Each tap is a draft on disk; closing makes the entries. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { HOWS, WHYS } from "../core/event.js";
import { stays } from "../core/effect.js";
import { strengthOf } from "../core/policy.js";
import { categoryOf, fieldOf, isOpen, reasonsOf } from "../phone/family.js";
import { ageOn, checksOf } from "../phone/checks.js";
import { t } from "../texts.js";
import { changeForm, newForm, removeForm, whyForm } from "./forms.js";
import { messageOf } from "./message.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../core/voter.js").State} State */
/** @typedef {import("../phone/family.js").Family} Family */
/** @typedef {import("../phone/family.js").Mark} Mark */

/** @param {App} app @param {string} key */
export function familyScreen(app, key) {
  const family = app.families.find((one) => one.key === key);
  if (family === undefined) return html`<header class="top"><a href="#/daftar" aria-label=${t("back")}>←</a><h1>${t("family")}</h1></header><main><p>${t("nobody")}</p></main>`;
  const draft = app.draftOf(key);
  const isMarked = Object.keys(draft.marks).length + draft.births.length > 0;
  const hasOpen = family.states.some((state) => isOpen(state) && draft.marks[state.decision.voter] === undefined);
  return html`
    <header class="top"><a href="#/daftar" aria-label=${t("back")}>←</a><h1>${family.head}</h1></header>
    <main>
      ${messageOf(app)}
      <p>${family.nkk === null ? "" : `${t("field_nkk")} ${family.nkk} · `}${family.address} · RT/RW ${family.rt || "-"}/${family.rw || "-"}</p>
      ${family.openCount > 0 ? html`<p>${t("family_how")}</p>` : nothing}
      ${family.states.map((state) => voterCard(app, family, state, draft.marks[state.decision.voter]))}
      ${draft.births.map((birth, place) => birthCard(app, family, birth, place))}
      ${app.panel?.kind === "new" ? newForm(app, family) : html`<button data-add @click=${() => openPanel(app, { kind: "new", fields: newRecord(family), document: "" })}>${t("add_new")}</button>`}
      <fieldset>
        <legend>${t("how")}</legend>
        <div class="row">${HOWS.map((how) => html`<button aria-pressed=${draft.how === how} @click=${() => app.mark(key, (one) => ({ ...one, how }))}>${t(`how_${how}`)}</button>`)}</div>
      </fieldset>
      ${hasOpen ? html`<button class="main" data-rest @click=${() => app.close(family, true)}>${t("rest")}</button>` : nothing}
      ${isMarked ? html`<p><button class=${hasOpen ? "" : "main"} data-close @click=${() => app.close(family, false)}>${t("close_marked")}</button></p>` : nothing}
    </main>`;
}

/** @param {App} app @param {Record<string, any> | null} panel */
export function openPanel(app, panel) {
  app.panel = panel;
  app.show();
}

/** @param {Family} family @returns {Record<string, string | null>} */
function newRecord(family) {
  const blank = { name: "", nik: null, birth_place: null, birth_date: null, sex: null, marital: null, disability: null, ektp: null };
  return { ...blank, nkk: family.nkk, address: family.address || null, rt: family.rt || null, rw: family.rw || null };
}

/** @param {App} app @param {Family} family @param {State} state @param {Mark | undefined} mark */
function voterCard(app, family, state, mark) {
  const { voter } = state.decision;
  const panel = app.panel?.voter === voter ? app.panel : null;
  const years = ageOn(fieldOf(state, "birth_date"), app.phone.at().slice(0, 10));
  const nik = fieldOf(state, "nik");
  return html`
    <section class="card ${mark !== undefined ? "wait" : isOpen(state) ? "open" : "done"}" data-voter=${voter} ?data-marked=${mark !== undefined}>
      <h2>${fieldOf(state, "name")}</h2>
      <p>${[years === null ? "" : t("age", { years }), fieldOf(state, "sex") === "" ? "" : t(`sex_${fieldOf(state, "sex")}`), nik === "" ? "" : `NIK ${nik}`].filter(Boolean).join(" · ")}</p>
      ${checksOf(state.record?.fields ?? {}).map((code) => html`<p class="warn">${t(code)}</p>`)}
      ${standing(app, state)}
      ${mark === undefined ? nothing : html`<p class="warn"><strong>${labelOf(mark)}</strong>. ${effectOf(app, mark)}</p>`}
      ${panel === null ? buttons(app, family, state, mark) : panelOf(app, family, state)}
    </section>`;
}

/** What the phone knows of the voter, and how far its own last entry has come. @param {App} app @param {State} state */
function standing(app, state) {
  const about = app.phone.aboutOf(state);
  const category = categoryOf(state, about);
  const words = category === "open" ? t("by_open") : category === "removed" || category === "proposed" ? `${t(`by_${category}`)}: ${reasonsOf(state).map((reason) => t(reason)).join(", ")}` : t(`by_${category}`);
  const own = about.filter((one) => one.place.device === app.about?.device).sort((one, other) => other.place.seq - one.place.seq)[0];
  return html`
    <p class="state ${category === "open" ? "bad" : category === "proposed" ? "warn" : "good"}">${words}${own === undefined ? "" : ` · ${travelOf(app, state, own)}`}</p>
    ${state.decision.conflicts.length === 0 ? nothing : html`<p class="warn">${t("conflict", { what: state.decision.conflicts.map((one) => (one === "tps" ? "TPS" : t("mark_removed"))).join(", ") })}</p>`}
    ${own === undefined || category === "open" ? nothing : html`<button data-undo @click=${() => app.undo(state)}>${t("undo")}</button>`}`;
}

/** saved on this phone → held by the server → in the list, or why not. @param {App} app @param {State} state @param {import("../core/wire.js").Held} own */
function travelOf(app, state, own) {
  if (own.place.seq > (app.status?.held ?? 0)) return t("entry_saved");
  const outside = app.status?.outside.find(({ seq }) => seq === own.place.seq);
  if (outside !== undefined) return t("entry_outside", { why: `${outside.name} ${outside.why}` });
  if (state.decision.proposed.length > 0) return t("entry_waiting");
  return `${t("entry_held")}, ${t("entry_counted")}`;
}

/** @param {App} app @param {Family} family @param {State} state @param {Mark | undefined} mark */
function buttons(app, family, state, mark) {
  const { voter } = state.decision;
  /** @param {Mark | null} next */
  const set = (next) => app.mark(family.key, (draft) => {
    if (next === null) delete draft.marks[voter];
    else draft.marks[voter] = next;
    return draft;
  });
  if (!stays(state.decision.verdict)) return nothing;
  const kind = mark === undefined ? "" : kindOf(mark);
  /** @param {string} name @param {() => void} tap */
  const button = (name, tap) => html`<button data-mark=${name} aria-pressed=${kind === name} @click=${() => (kind === name ? void set(null) : tap())}>${t(`mark_${name}`)}</button>`;
  return html`
    <div class="row">
      ${button("found", () => void set({ type: "found", how: "" }))}
      ${button("changed", () => openPanel(app, { kind: "changed", voter, fields: { ...state.record?.fields } }))}
      ${button("removed", () => openPanel(app, { kind: "removed", voter, reason: "", evidence: "", to: "", other: "" }))}
      ${button("not_met", () => openPanel(app, { kind: "not_met", voter }))}
    </div>`;
}

/** @param {App} app @param {Family} family @param {State} state */
function panelOf(app, family, state) {
  const forms = { changed: changeForm, removed: removeForm, not_met: whyForm };
  return forms[/** @type {"changed" | "removed" | "not_met"} */ (app.panel?.kind)](app, family, state);
}

/** @param {App} app @param {Family} family @param {Mark} birth @param {number} place */
const birthCard = (app, family, birth, place) => html`
  <section class="card wait" data-marked>
    <h2>${birth.person?.record.name}</h2>
    <p class="warn"><strong>${t("marked_new")}</strong>. ${t("will_add")}</p>
    <button @click=${() => app.mark(family.key, (draft) => ({ ...draft, births: draft.births.filter((_, at) => at !== place) }))}>${t("drop_new")}</button>
  </section>`;

/** Which of the four buttons a mark belongs to. @param {Mark} mark */
function kindOf(mark) {
  if (mark.type === "found") return mark.person === undefined ? "found" : "changed";
  return mark.type === "not_met" ? "not_met" : "removed";
}

/** What was marked, in a word or two. @param {Mark} mark */
function labelOf(mark) {
  if (mark.type === "not_met") return `${t("mark_not_met")}: ${t(`why_${WHYS.find((why) => why === mark.why)}`)}`;
  if (mark.type === "found") return t(`mark_${kindOf(mark)}`);
  return `${t("mark_removed")}: ${t(removalOf(mark))}`;
}

/** The removal that a mark says, as the policy knows it. @param {Mark} mark */
export const removalOf = (mark) => (mark.type === "moved" ? "moved_away" : mark.type === "disqualified" ? `disqualified/${mark.reason}` : mark.type);

/** What an entry will do, in a sentence. @param {App} app @param {Mark} mark */
export function effectOf(app, mark) {
  if (mark.type === "found") return t(mark.person === undefined ? "will_confirm" : "will_change");
  if (mark.type === "not_met") return t("will_retry");
  const { policy } = app;
  const isProven = policy !== undefined && strengthOf(policy, removalOf(mark), mark.evidence) >= 0;
  if (mark.type === "moved" && mark.to !== undefined && (isProven || mark.to.slice(0, 10) === app.tps.slice(0, 10))) return t("will_move");
  return t(isProven ? "will_remove" : "will_propose");
}
