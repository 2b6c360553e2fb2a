"use strict";
const $ = (id) => document.getElementById(id);
const html = { set(node, ...children) { node.replaceChildren(...children); } };
const make = (tag, text, className = "") => Object.assign(document.createElement(tag), { textContent: text, className });
const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const session = {
  get tokens() { return JSON.parse(sessionStorage.getItem("tokens") || "null"); },
  set tokens(value) { value ? sessionStorage.setItem("tokens", JSON.stringify(value)) : sessionStorage.removeItem("tokens"); },
};

// ---- signing in: code + PKCE, as the web application will do it
async function signIn(hint) {
  const verifier = encode(crypto.getRandomValues(new Uint8Array(48)));
  const state = encode(crypto.getRandomValues(new Uint8Array(12)));
  sessionStorage.setItem("login", JSON.stringify({ verifier, state }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code", client_id: PLATFORM.client, redirect_uri: `${location.origin}/callback`,
    scope: "openid email profile", state, code_challenge: encode(digest), code_challenge_method: "S256",
  });
  if (hint) query.set("login_hint", hint); else query.set("prompt", "login");
  location.assign(`${PLATFORM.login}${hint && PLATFORM.seeded ? "/_sandbox/authorize" : "/oauth2/authorize"}?${query}`);
}

async function takeCode() {
  const query = new URLSearchParams(location.search);
  const login = JSON.parse(sessionStorage.getItem("login") || "null");
  if (location.pathname !== "/callback" || !query.get("code") || !login || query.get("state") !== login.state) return;
  sessionStorage.removeItem("login");
  const answer = await fetch(`${PLATFORM.login}/oauth2/token`, { method: "POST", body: new URLSearchParams({
    grant_type: "authorization_code", code: query.get("code"), code_verifier: login.verifier,
    client_id: PLATFORM.client, redirect_uri: `${location.origin}/callback` }) });
  if (answer.ok) {
    session.tokens = await answer.json();
    const made = await api("POST", "/user/v1/me", { id_token: session.tokens.id_token });
    if (!made.ok) await complain(made);
  }
  history.replaceState(null, "", "/");
}

// ---- the API
function api(method, path, body, headers = {}) {
  const bearer = session.tokens ? { Authorization: `Bearer ${session.tokens.access_token}` } : {};
  const type = body ? { "Content-Type": "application/json" } : {};
  return fetch(path, { method, headers: { ...bearer, ...type, ...headers }, body: body && JSON.stringify(body) });
}

async function complain(answer) {
  const problem = await answer.json().catch(() => ({ title: `The platform answered ${answer.status}.` }));
  const until = problem.resets_at ? ` Come back after ${new Date(problem.resets_at).toLocaleString()}.` : "";
  $("problem").textContent = `${problem.detail || problem.title}${until}`;
  $("problem").hidden = false;
}

// ---- the reader
const claims = () => JSON.parse(new TextDecoder().decode(Uint8Array.from(
  atob(session.tokens.id_token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0))));

async function showMember() {
  $("guest").hidden = !!session.tokens;
  $("member").hidden = !session.tokens;
  if (!session.tokens) return;
  const me = claims();
  $("name").textContent = me.email;
  const answer = await api("GET", "/payment/v1/me/access");
  if (answer.status === 401) { session.tokens = null; return showMember(); }
  if (!answer.ok) return complain(answer);
  const access = await answer.json();
  $("plan").textContent = `${access.plan.code} · ${access.state}`;
  $("plan").className = `badge ${access.entitled ? "good" : "warn"}`;
  $("unpaid").hidden = access.entitled;
  $("desk").hidden = !access.entitled;
  if (access.entitled) showMeters();
  if ((me["cognito:groups"] || []).includes("admin")) showPeople();
}

async function showMeters() {
  const answer = await api("GET", "/story/v1/usage");
  if (!answer.ok) return;
  const { meters } = await answer.json();
  html.set($("meters"), ...Object.entries(meters).filter(([, meter]) => meter.limit).map(([name, meter]) => {
    const row = make("p", `${name}: ${meter.settled + meter.reserved} of ${meter.limit}`);
    row.append(Object.assign(document.createElement("progress"), { max: meter.limit, value: meter.settled + meter.reserved }));
    return row;
  }));
}

async function subscribe() {
  $("subscribe").disabled = true;
  const answer = await api("POST", "/payment/v1/checkout-sessions", { plan_code: "pro", return_path: "/" }, { "Idempotency-Key": crypto.randomUUID() });
  const body = await answer.clone().json();
  const url = body.url || body.action?.href;
  if (url && url.startsWith("http")) location.assign(url); else { await complain(answer); $("subscribe").disabled = false; }
}

// ---- a story as it is written
let generation = null;
async function write(event) {
  event.preventDefault();
  $("problem").hidden = true;
  $("story").textContent = $("bill").textContent = "";
  $("go").disabled = true;
  const answer = await api("POST", "/story/v1/stories", { prompt: $("prompt").value, length: $("length").value },
    { "Idempotency-Key": crypto.randomUUID(), Accept: "text/event-stream" });
  if (answer.ok) { $("story").className = "writing"; await readEvents(answer, onStoryEvent); $("story").className = ""; } else await complain(answer);
  $("go").disabled = false;
  $("stop").hidden = true;
  showMember();
}

async function readEvents(answer, listen) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").filter((line) => !line.startsWith(":")).map((line) => line.split(/: (.*)/s)));
      if (fields.data) listen(fields.event || "message", JSON.parse(fields.data));
    }
  }
}

function onStoryEvent(kind, data) {
  if (kind === "meta") { generation = data.generation_id; $("stop").hidden = !generation; }
  if (kind === "delta") $("story").append(data.t);
  if (kind === "done") $("bill").textContent = `${data.state}, ${data.billing}: ${JSON.stringify(data.usage)}`;
  if (kind === "error") { $("problem").textContent = `The story ended early: ${data.code}. Nothing was charged.`; $("problem").hidden = false; }
}

// ---- the admin
async function showPeople() {
  const answer = await api("GET", "/admin/v1/users?limit=50");
  if (!answer.ok) return;
  $("office").hidden = false;
  const { items } = await answer.json();
  html.set($("users"), ...items.map((user) => {
    const row = document.createElement("tr");
    const look = Object.assign(make("button", "Look", "quiet tiny"), { type: "button" });
    look.addEventListener("click", () => showPerson(user.user_id));
    const cell = document.createElement("td");
    cell.append(look);
    row.append(make("td", user.email || user.user_id), make("td", user.plan_code || "–"), make("td", user.access_state || "–"), cell);
    return row;
  }));
}

async function showPerson(id) {
  const answer = await api("GET", `/admin/v1/users/${id}`);
  if (!answer.ok) return complain(answer);
  $("person").textContent = JSON.stringify(await answer.json(), null, 2);
  $("person").hidden = false;
}

// ---- what runs, and what happens
async function showHealth() {
  const answer = await fetch("/_sandbox/health").catch(() => null);
  const found = answer && answer.ok ? await answer.json() : [];
  const mark = (ok) => { const cell = document.createElement("td"); cell.append(make("span", ok ? "ready" : "down", `badge ${ok ? "good" : "bad"}`)); return cell; };
  if (found.length) html.set($("health"), ...found.map((service) => {
    const row = document.createElement("tr");
    row.append(make("td", service.name), mark(service.ready), mark(service.worker));
    return row;
  }));
  setTimeout(showHealth, 5000);
}

function showEvents() {
  const source = new EventSource("/_sandbox/events");
  const seen = new Set();
  source.addEventListener("message", ({ data }) => {
    const fact = JSON.parse(data);
    if (seen.has(fact.id)) return;
    seen.add(fact.id);
    const [row, details, summary] = ["li", "details", "summary"].map((tag) => document.createElement(tag));
    summary.append(make("span", fact.type, "badge"), make("time", new Date(fact.time).toLocaleTimeString()), make("span", fact.source, "soft"));
    details.append(summary, make("pre", JSON.stringify(fact.data, null, 2)));
    row.append(details);
    $("events").querySelector(".empty")?.remove();
    $("events").prepend(row);
    while ($("events").children.length > 100) $("events").lastElementChild.remove();
  });
}

document.querySelectorAll("[data-login]").forEach((button) => button.addEventListener("click", () => signIn(button.dataset.login)));
$("leave").addEventListener("click", () => { session.tokens = null; location.assign("/"); });
$("subscribe").addEventListener("click", subscribe);
$("request").addEventListener("submit", write);
$("stop").addEventListener("click", () => api("POST", `/story/v1/generations/${generation}/cancel`));
takeCode().then(showMember);
showHealth();
showEvents();
