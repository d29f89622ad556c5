// Keeps the whole edition on the device, so that it works without a connection.

const EDITION = "florascope-{{edition}}";
const FILES = {{files}};

self.addEventListener("install", (event) => {
  // asked for anew, so that no file of an earlier edition is kept under this one's name
  const files = FILES.map((name) => new Request(name, { cache: "no-cache" }));
  event.waitUntil(caches.open(EDITION).then((cache) => cache.addAll(files)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const outdated = (name) => name.startsWith("florascope-") && name !== EDITION;
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter(outdated).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const options = { ignoreSearch: true };
  event.respondWith(caches.match(event.request, options).then((kept) => kept ?? fetch(event.request)));
});
