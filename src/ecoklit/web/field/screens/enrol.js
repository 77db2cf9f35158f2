/** Before the phone belongs anywhere: by a link or a code, or without a network by the office's file. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { LANGUAGES, spoken, t } from "../texts.js";
import { messageOf } from "./message.js";

/** @param {import("../app.js").App} app */
export function enrolScreen(app) {
  return html`
    <header class="top"><h1>${t("enrol_title")}</h1></header>
    <main>
      <p>${t("enrol_why")}</p>
      ${messageOf(app)}
      <form @submit=${(/** @type {Event} */ event) => { event.preventDefault(); void app.enrol(); }}>
        <label>${t("enrol_code")}
          <input name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" aria-describedby="hint"
            .value=${app.code || (app.invitation?.code ?? "")} @input=${(/** @type {any} */ event) => { app.code = event.target.value; }}>
          <small id="hint">${t("enrol_hint")}</small>
        </label>
        <button class="main" ?disabled=${app.busy !== ""}>${t("enrol_button")}</button>
      </form>
      ${app.key === "" ? nothing : html`
        <section class="card soft">
          <h2>${t("enrol_offline")}</h2>
          <p>${t("enrol_offline_how")}</p>
          <p class="mono" data-key>${app.key}</p>
          <label>${t("enrol_file")}
            <input type="file" @change=${(/** @type {any} */ event) => event.target.files[0] && void app.enrolByFile(event.target.files[0])}>
          </label>
        </section>`}
      ${languageChoice(app)}
    </main>`;
}

/** @param {import("../app.js").App} app */
export const languageChoice = (app) => html`
  <div class="row" role="group" aria-label=${t("language")}>
    ${LANGUAGES.map((name) => html`<button type="button" aria-pressed=${name === spoken()} lang=${name} @click=${() => app.speak(name)}>${name === "id" ? "Bahasa Indonesia" : "English"}</button>`)}
  </div>`;
