// Keeps the page for drafts without network, and the files that it loads; nothing else, and never a page about somebody.
//
// The server puts VERSION and FILES in front of this text. The scope is that page alone, so that every other page of the portal is
// asked for as if there were no such worker.

/* global VERSION, FILES */
const CACHE = `noncello-${VERSION}`;
const [PAGE] = FILES;

addEventListener('install', (event) => event.waitUntil((async () => {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((path) => new Request(path, { cache: 'reload', credentials: 'omit' })));
})()));

addEventListener('activate', (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
})()));

async function answer(request, path) {
  const kept = async () => (await caches.open(CACHE)).match(path);
  if (path !== PAGE) return await kept() ?? fetch(request);
  try {
    const fresh = await fetch(request);
    return fresh.ok ? fresh : await kept() ?? fresh;
  } catch (error) {
    const page = await kept();
    if (page) return page;
    throw error;
  }
}

addEventListener('fetch', (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method === 'GET' && origin === location.origin && FILES.includes(pathname)) event.respondWith(answer(event.request, pathname));
});
