/** Beranda: how far coklit is, and in one honest sentence what the server holds. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { progressOf } from "../phone/family.js";
import { t } from "../texts.js";
import { messageOf } from "./message.js";

/** Below it the officer is told: a list and a month of entries are a few MB. */
const FREE_MB_MIN = 50;
const CATEGORIES = ["match", "changed", "new", "proposed", "removed", "open"];

/** @param {import("../app.js").App} app */
export function homeScreen(app) {
  const { states } = app;
  const progress = progressOf(states, (state) => app.phone.aboutOf(state));
  const next = app.families.find(({ openCount }) => openCount > 0);
  return html`
    <header class="top"><h1>${t("home")} · ${app.tps}</h1></header>
    <main>
      ${messageOf(app)}
      ${app.storage.freeMb < FREE_MB_MIN ? html`<p class="notice bad">${t("storage_low", { free: app.storage.freeMb })}</p>` : nothing}
      <section class="card">
        <p class="state" id="progress">${t("progress_of", { visited: progress.visited, all: states.length })}</p>
        <progress aria-labelledby="progress" max=${Math.max(1, states.length)} value=${progress.visited}></progress>
        <dl>${CATEGORIES.map((name) => row(t(`by_${name}`), progress.by[/** @type {import("../phone/family.js").Category} */ (name)]))}
          ${row(t("attempted"), progress.attempted)}${row(t("on_list"), progress.listed)}${row(t("disabled"), progress.disabled)}</dl>
        ${next === undefined ? nothing : html`<p><a class="button card" href="#/keluarga/${encodeURIComponent(next.key)}">${t("next_family")}: <strong>${next.head}</strong></a></p>`}
      </section>
      <section class="card ${app.status?.unsent ? "wait" : "done"}" data-sync-state data-digest=${app.phone.digest(app.tps)} data-proved=${app.status?.proved ?? false}>
        ${syncSentences(app).map((sentence) => html`<p>${sentence}</p>`)}
        <button class="main" ?disabled=${app.busy !== ""} @click=${() => app.sync()}>${t("sync")}</button>
      </section>
      ${reasons(progress)}
      ${report(progress)}
    </main>`;
}

/** @param {string} name @param {number} count */
const row = (name, count) => html`<dt>${name}</dt><dd>${count}</dd>`;

/** @param {import("../phone/family.js").Progress} progress */
function reasons({ reasons: counted }) {
  const names = Object.keys(counted).sort();
  return names.length === 0 ? nothing : html`<section class="card"><h2>${t("reasons")}</h2><dl>${names.map((name) => row(t(name), counted[name]))}</dl></section>`;
}

/** Laporan Hasil Coklit, lines A to E, as they stand now. @param {import("../phone/family.js").Progress} progress */
function report({ by, disabled }) {
  const filtered = by.removed + by.proposed;
  return html`
    <section class="card">
      <h2>${t("report")}</h2>
      <dl>${row(t("report_a"), by.match + by.changed + filtered)}${row(t("report_b"), by.new)}${row(t("report_c"), filtered)}${row(t("report_d"), by.changed)}${row(t("report_e"), disabled)}</dl>
    </section>`;
}

/** @param {import("../app.js").App} app @returns {string[]} */
function syncSentences({ status, synced, busy }) {
  if (status === null) return [];
  const sentences = [];
  if (busy === "syncing") sentences.push(t("syncing"));
  if (status.stuck !== "") sentences.push(t("state_stuck", { why: status.stuck }));
  else if (status.saved === 0) sentences.push(t("state_empty"));
  else if (status.proved) sentences.push(t("state_held", { held: status.held }));
  else sentences.push(t("state_unsent", { unsent: status.unsent, held: status.held }));
  for (const one of synced?.compared ?? []) {
    if (status.unsent === 0) sentences.push(one.same ? t("state_same") : t("state_differs", { why: t(`why_${one.why}`) }));
  }
  if (status.outside.length > 0) sentences.push(t("state_outside", { count: status.outside.length }), ...status.outside.slice(0, 10).map((one) => t("entry_numbered", one)));
  return sentences;
}
