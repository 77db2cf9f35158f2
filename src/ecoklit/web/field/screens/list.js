/** Daftar: the families of the TPS, those with somebody to visit first. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { isSought } from "../phone/family.js";
import { t } from "../texts.js";
import { messageOf } from "./message.js";

/** How many families are shown at once: a cheap phone draws 50 in the time of a tap. */
export const FAMILIES_SHOWN = 50;

/** @param {import("../app.js").App} app */
export function listScreen(app) {
  const places = [...new Set(app.families.map(placeOf))].sort();
  const found = app.families.filter(
    (family) =>
      (!app.onlyOpen || family.openCount > 0 || app.drafts.has(family.key)) &&
      (app.neighbourhood === "" || placeOf(family) === app.neighbourhood) &&
      isSought(family, app.sought),
  );
  return html`
    <header class="top"><h1>${t("list")} · ${app.tps}</h1></header>
    <main>
      ${messageOf(app)}
      <label>${t("search")}<input type="search" autocomplete="off" .value=${app.sought} @input=${(/** @type {any} */ event) => { app.sought = event.target.value; app.show(); }}></label>
      <div class="row">
        <label>${t("neighbourhood")}
          <select @change=${(/** @type {any} */ event) => { app.neighbourhood = event.target.value; app.show(); }}>
            <option value="">${t("everywhere")}</option>
            ${places.map((place) => html`<option value=${place} ?selected=${place === app.neighbourhood}>${place}</option>`)}
          </select>
        </label>
        <button aria-pressed=${app.onlyOpen} @click=${() => { app.onlyOpen = !app.onlyOpen; app.show(); }}>${t("only_open")}</button>
      </div>
      <p>${found.length === 0 ? t("nobody") : t("families_count", { count: found.length })}</p>
      ${found.slice(0, app.shownMax).map((family) => card(family, app.drafts.has(family.key)))}
      ${found.length <= app.shownMax ? nothing : html`<button class="main" @click=${() => { app.shownMax += FAMILIES_SHOWN; app.show(); }}>${t("show_more", { count: found.length - app.shownMax })}</button>`}
    </main>`;
}

/** @param {import("../phone/family.js").Family} family */
const placeOf = ({ rt, rw }) => `${rt || "-"}/${rw || "-"}`;

/** @param {import("../phone/family.js").Family} family @param {boolean} isDraft */
const card = (family, isDraft) => html`
  <a class="card ${family.openCount > 0 ? "open" : "done"}" data-family=${family.key} href="#/keluarga/${encodeURIComponent(family.key)}">
    <strong>${family.head}</strong><br>
    ${family.address} · RT/RW ${placeOf(family)} · ${t("people_count", { count: family.states.length })}<br>
    <span class="state ${family.openCount > 0 ? "warn" : "good"}">${family.openCount > 0 ? t("family_open", { count: family.openCount }) : t("family_done")}</span>
    ${isDraft ? html` · <span class="warn">${t("family_draft")}</span>` : nothing}
  </a>`;
