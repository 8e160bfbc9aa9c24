/* Says before it is sent that a file is too large, and that one is on its way. The server refuses and checks by itself. */
for (const form of document.querySelectorAll("form[data-upload]")) {
  const file = form.querySelector("input[type=file]");
  const messages = form.querySelector(".fr-messages-group");
  const button = form.querySelector("button[type=submit]");
  const say = (text, kind) => {
    const message = document.createElement("p");
    message.className = `fr-message fr-message--${kind}`;
    message.textContent = text;
    messages.replaceChildren(message);
  };
  form.addEventListener("submit", (event) => {
    if (file.files[0] && file.files[0].size > Number(form.dataset.mostBytes)) {
      event.preventDefault();
      say("Ce fichier est trop grand pour cette page : découpez-le par période.", "error");
      file.focus();
    } else {
      button.disabled = true;
      say("Envoi et vérification en cours…", "info");
    }
  });
  window.addEventListener("pageshow", () => {
    button.disabled = false;
  });
}
