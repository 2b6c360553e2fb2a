"use strict";
// What runs, and what the services tell one another.
async function showHealth() {
  const answer = await fetch("/_sandbox/health").catch(() => null);
  const found = answer?.ok ? await answer.json() : null;
  if (found?.length && $("starting")) return location.reload();
  $("checked").textContent = found ? `Asked at ${new Date().toLocaleTimeString("en-GB")}.` : "The platform does not answer. Does it still run?";
  for (const line of $("health").children) {
    const service = found?.find(({ name }) => name === line.dataset.service);
    mark(line.children[1].firstElementChild, service?.ready);
    mark(line.children[2].firstElementChild, service?.worker);
  }
  return setTimeout(showHealth, $("starting") ? 1000 : 5000);
}

function mark(sign, ready) {
  sign.textContent = ready ? "ready" : "down";
  sign.className = `badge ${ready ? "good" : "bad"}`;
}

const seen = new Set();
function showFact({ data }) {
  const fact = JSON.parse(data);
  if (seen.has(fact.id)) return;
  seen.add(fact.id);
  const time = make("time", new Date(fact.time).toLocaleTimeString("en-GB"));
  const details = make("details", [make("summary", [badge(fact.type), time])]);
  details.append(make("pre", JSON.stringify({ source: fact.source, subject: fact.subject, data: fact.data }, null, 2)));
  const fresh = Date.now() - new Date(fact.time) < 5000;
  $("events").querySelector(".empty")?.remove();
  $("events").prepend(make("li", [details], fresh ? "fresh" : ""));
  while ($("events").children.length > 100) $("events").lastElementChild.remove();
  if (fresh && fact.type === "access.changed" && session.tokens && fact.subject === session.me.sub) showMember();
}

function showEvents() {
  const source = new EventSource("/_sandbox/events");
  const live = (text, kind) => { $("live").textContent = text; $("live").className = `badge end ${kind}`; };
  source.addEventListener("open", () => live("live", "good"));
  source.addEventListener("error", () => live("reconnecting", "warn"));
  source.addEventListener("bus", ({ data }) => (data === "away" ? live("the bus is down", "bad") : live("live", "good")));
  source.addEventListener("message", showFact);
}
