// The service worker. The service puts `const RELEASE = {version, files: {path: sha256}}` in front of this file: a release
// is taken whole, each file by its hash, or not at all; and it takes over when no page of the older one is open, so that a
// page never runs with half of each. What is asked of the service itself (/v1/) goes past here and is never kept.

const CACHE = `ecoklit-field-${RELEASE.version}`;
const FOLDER = "/field/";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
worker.addEventListener("install", (event) => event.waitUntil(taken()));
worker.addEventListener("activate", (event) => event.waitUntil(tidied()));
worker.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === location.origin && pathname.startsWith(FOLDER)) event.respondWith(kept(event.request, pathname));
});

async function taken() {
  const cache = await caches.open(CACHE);
  await Promise.all(Object.entries(RELEASE.files).map(async ([path, sha256]) => {
    const answer = await fetch(FOLDER + path, { cache: "no-store", credentials: "omit" });
    const body = await answer.arrayBuffer();
    const hash = [...new Uint8Array(await crypto.subtle.digest("SHA-256", body))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (!answer.ok || hash !== sha256) throw new Error(`${path} is not the one of this release`);
    await cache.put(FOLDER + path, new Response(body, { headers: answer.headers }));
  }));
}

async function tidied() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("ecoklit-field-") && name !== CACHE).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** @param {Request} request @param {string} pathname */
async function kept(request, pathname) {
  const cache = await caches.open(CACHE);
  const path = request.mode === "navigate" ? `${FOLDER}index.html` : pathname;
  return (await cache.match(path)) ?? fetch(request);
}
