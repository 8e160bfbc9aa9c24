// Copies the text of the element that a button names, and says so.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const said = document.getElementById(button.dataset.said);
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      said.textContent = "Adresse copiée.";
    } catch {
      said.textContent = "Le navigateur refuse de copier : sélectionnez l'adresse.";
    }
  });
}
