/* Asks for a part of the page again and again while somebody looks at it, and says when it last got an answer. */
for (const part of document.querySelectorAll("[data-refresh]")) {
  const said = document.getElementById(part.dataset.refreshed);
  const hour = () => new Date().toLocaleTimeString("fr-FR", { timeZone: "Europe/Paris", hour: "2-digit", minute: "2-digit" });
  const ask = () => document.hidden || htmx.trigger(part, "refresh");
  let answered = hour();
  const say = () => { said.textContent = `Vérifié à ${answered}, puis toutes les ${part.dataset.refresh} secondes.`; };
  part.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) {
      answered = hour();
      say();
    } else {
      said.textContent = `Sans réponse depuis ${answered} : cette page n'est plus à jour.`;
    }
  });
  document.addEventListener("visibilitychange", ask);
  setInterval(ask, 1000 * part.dataset.refresh);
  say();
}
