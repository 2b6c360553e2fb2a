"use strict";
// Ties the parts to the page.
document.querySelectorAll("[data-login]").forEach((choice) => choice.addEventListener("click", () => signIn(choice.dataset.login)));
$("leave").addEventListener("click", signOut);
$("manage").addEventListener("click", manage);
$("request").addEventListener("submit", write);
$("stop").addEventListener("click", stop);
$("again").addEventListener("click", () => showPeople());
$("more").addEventListener("click", () => showPeople($("more").dataset.cursor));

async function begin() {
  await takeCode();
  await showMember();
  if (!session.tokens) return;
  if ((session.me["cognito:groups"] || []).includes("admin")) showPeople();
  await awaitPayment();
  if (asked.value) await ask(null);
}
begin();
showHealth();
showEvents();
