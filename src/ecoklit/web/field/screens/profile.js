/** Profil: whose phone this is, its language, its storage, and what can be carried away. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { t } from "../texts.js";
import { languageChoice } from "./enrol.js";
import { messageOf } from "./message.js";

/** @param {import("../app.js").App} app */
export function profileScreen(app) {
  const about = /** @type {import("../phone/store.js").About} */ (app.about);
  return html`
    <header class="top"><h1>${t("profile")}</h1></header>
    <main>
      ${messageOf(app)}
      <section class="card">
        <dl>
          <dt>${t("officer")}</dt><dd>${about.officer}</dd>
          <dt>${t("role")}</dt><dd>${about.role}</dd>
          <dt>${t("tps")}</dt><dd>${app.tps}</dd>
          <dt>${t("device")}</dt><dd class="mono">${about.device}</dd>
        </dl>
        ${app.places.length < 2 ? nothing : html`<div class="row" role="group" aria-label=${t("tps")}>${app.places.map(({ tps }) => html`<button aria-pressed=${tps === app.tps} @click=${() => { app.chosen = tps; app.show(); }}>${tps}</button>`)}</div>`}
      </section>
      <section class="card">
        <h2>${t("language")}</h2>
        ${languageChoice(app)}
      </section>
      <section class="card">
        <h2>${t("storage")}</h2>
        <p>${app.storage.offline ? t("offline_ready") : t("offline_not")}</p>
        <p>${t("storage_free", { free: app.storage.freeMb })}; ${app.storage.kept ? t("storage_kept") : t("storage_loose")}</p>
      </section>
      <section class="card">
        <h2>${t("export")}</h2>
        <p>${t("export_why")}</p>
        <button @click=${() => app.export()}>${t("export")}</button>
      </section>
    </main>`;
}
