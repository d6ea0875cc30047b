// Keys, and a Today that stays fresh. Every screen works without this file.
"use strict";

const EVERY = 5000;
const nav = (key) => document.querySelector(`[data-key="${key}"]`);
const typing = (element) => element.matches("input, select, textarea, [contenteditable]");
let leader = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const target = Date.now() - leader < 1200 ? nav(event.key) : null;
  leader = event.key === "g" ? Date.now() : 0;
  if (target) target.click();
  if (event.key === "/") {
    const field = [...document.querySelectorAll('input[type="search"]')].find((input) => input.offsetParent);
    if (field) { event.preventDefault(); field.focus(); }
  }
});

// A menu closes when somebody looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.tenants[open]")) if (!menu.contains(event.target)) menu.open = false;
});

const live = document.getElementById("live");
if (live) {
  const button = document.getElementById("pause");
  const said = document.getElementById("said");
  let paused = false;
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    said.textContent = paused ? "Updates are paused" : "Updates every 5 seconds";
  });
  said.textContent = "Updates every 5 seconds";

  const refresh = async () => {
    // Nobody looks, or somebody is in the middle of something.
    if (paused || document.hidden || live.contains(document.activeElement)) return;
    const open = [...live.querySelectorAll("details[open]")].map((details) => details.id);
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    if (!fresh || live.contains(document.activeElement)) return;
    live.replaceChildren(...fresh.childNodes);
    for (const id of open) { const details = document.getElementById(id); if (details) details.open = true; }
  };
  setInterval(() => refresh().then(
    () => { if (!paused) said.textContent = "Updates every 5 seconds"; },
    () => { said.textContent = "No answer: trying again"; },
  ), EVERY);
}
