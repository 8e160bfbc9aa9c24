// Prints a page whole: what is folded is opened for the paper, and folded again.
const button = document.getElementById("imprimer");
button.hidden = false;
button.addEventListener("click", () => window.print());

let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("main details:not([open])")];
  for (const part of opened) part.open = true;
});
window.addEventListener("afterprint", () => {
  for (const part of opened) part.open = false;
});
