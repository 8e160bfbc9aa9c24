/* Asks for a part of the page again and again while somebody looks at it, and says when it last got an answer. */
for (const part of document.querySelectorAll("[data-refresh]")) {
  const said = document.getElementById(part.dataset.refreshed);
  const hour = () => {
    const clock = { timeZone: "Europe/Paris", hour: "2-digit", minute: "2-digit" };
    return new Date().toLocaleTimeString("fr-FR", clock).replace(":", " h ");
  };
  const top = (element) => element.getBoundingClientRect().top;
  const ask = () => document.hidden || htmx.trigger(part, "refresh");
  let answered = hour();
  let held = null;
  const say = () => {
    said.textContent = `Vérifié à ${answered}, puis toutes les ${part.dataset.refresh} secondes.`;
  };

  // What was last known stays while the server fails. Whoever reads further down keeps what he reads in its place,
  // whatever is inserted above it.
  part.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status >= 500) event.detail.shouldSwap = false;
    const seen = scrollY && [...part.querySelectorAll("[id]")].find((element) => top(element) >= 0);
    held = seen ? { id: seen.id, top: top(seen) } : null;
  });
  part.addEventListener("htmx:afterSwap", () => {
    const seen = held && document.getElementById(held.id);
    if (seen) scrollBy({ top: top(seen) - held.top, behavior: "instant" });
  });
  part.addEventListener("htmx:afterRequest", (event) => {
    const { status } = event.detail.xhr;
    if (status === 401) { // the session has ended: the part says so, and where to log in
      clearInterval(asking);
      document.removeEventListener("visibilitychange", ask);
      said.textContent = `Session terminée : cette page n'est plus à jour depuis ${answered}.`;
    } else if (status >= 200 && status < 400) {
      answered = hour();
      say();
    } else {
      said.textContent = `Sans réponse depuis ${answered} : cette page n'est plus à jour.`;
    }
  });
  document.addEventListener("visibilitychange", ask);
  const asking = setInterval(ask, 1000 * part.dataset.refresh);
  say();
}
