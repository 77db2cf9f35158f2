/** What was just done, in a sentence that a screen reader says too. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { t } from "../texts.js";

/** @param {import("../app.js").App} app */
export const messageOf = (app) => html`
  <div role="status">
    ${app.busy === "" ? nothing : html`<p class="card soft">${t(app.busy)}</p>`}
    ${app.message === null ? nothing : html`<p class="card soft ${app.message.bad ? "bad" : "good"}" data-message>${app.message.text}</p>`}
    ${app.storage.update ? html`<p class="notice">${t("update_ready")}</p>` : nothing}
  </div>`;
