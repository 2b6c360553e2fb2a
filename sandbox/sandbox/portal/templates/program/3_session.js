"use strict";
// Signing in by code + PKCE, as the web application will do it; tokens stay in this tab.
const session = {
  get tokens() { return JSON.parse(sessionStorage.getItem("tokens") || "null"); },
  set tokens(value) { value ? sessionStorage.setItem("tokens", JSON.stringify(value)) : sessionStorage.removeItem("tokens"); },
  get me() {
    const claims = this.tokens.id_token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(claims), (letter) => letter.charCodeAt(0))));
  },
};
const callback = `${location.origin}/callback`;
const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function signIn(hint) {
  const verifier = encode(crypto.getRandomValues(new Uint8Array(48)));
  const state = encode(crypto.getRandomValues(new Uint8Array(12)));
  sessionStorage.setItem("login", JSON.stringify({ verifier, state }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code", client_id: PLATFORM.client, redirect_uri: callback, scope: "openid email profile",
    state, code_challenge: encode(digest), code_challenge_method: "S256",
  });
  if (hint) query.set("login_hint", hint); else query.set("prompt", "login");
  location.assign(`${PLATFORM.login}${hint ? "/_sandbox/authorize" : "/oauth2/authorize"}?${query}`);
}

const token = (grant) => fetch(`${PLATFORM.login}/oauth2/token`, { method: "POST", body: new URLSearchParams({ client_id: PLATFORM.client, ...grant }) });

async function takeCode() {
  const query = new URLSearchParams(location.search);
  if (location.pathname !== "/callback") return;
  history.replaceState(null, "", "/");
  const login = JSON.parse(sessionStorage.getItem("login") || "null");
  sessionStorage.removeItem("login");
  if (query.get("error")) return notify("error", query.get("error_description") || plain(query.get("error")));
  if (!query.get("code") || !login || query.get("state") !== login.state) {
    return notify("error", "That sign-in was not started in this tab. Start it again here.");
  }
  const answer = await token({ grant_type: "authorization_code", code: query.get("code"), code_verifier: login.verifier, redirect_uri: callback });
  if (!answer.ok) return notify("error", "Cognito did not take the sign-in's code. Sign in again.");
  session.tokens = await answer.json();
  const made = await api("POST", "/user/v1/me", { id_token: session.tokens.id_token });
  if (!made.ok) await complain(made);
}

// One renewal for all requests that find the token expired at once.
let renewing = null;
function renew() {
  const refresh_token = session.tokens?.refresh_token;
  renewing ??= (refresh_token ? token({ grant_type: "refresh_token", refresh_token }) : Promise.resolve({ ok: false }))
    .then(async (answer) => { if (answer.ok) session.tokens = { ...session.tokens, ...(await answer.json()) }; return answer.ok; })
    .catch(() => false)
    .finally(() => { renewing = null; });
  return renewing;
}

async function api(method, path, body, headers = {}) {
  const send = () => fetch(path, { method, body: body && JSON.stringify(body), headers: {
    ...(session.tokens && { Authorization: `Bearer ${session.tokens.access_token}` }),
    ...(body && { "Content-Type": "application/json" }), ...headers } });
  try {
    const answer = await send();
    if (answer.status !== 401 || !session.tokens) return answer;
    if (await renew()) return await send();
    session.tokens = null;
    showMember();
    notify("error", "Your sign-in has expired. Sign in again to go on.");
    return answer;
  } catch {
    return Response.json({ detail: "The platform does not answer. Does it still run?" }, { status: 503 });
  }
}

function signOut() {
  const refresh = session.tokens?.refresh_token;
  session.tokens = null;
  sessionStorage.removeItem("asked");
  if (refresh) fetch(`${PLATFORM.login}/oauth2/revoke`, { method: "POST", keepalive: true, body: new URLSearchParams({ token: refresh, client_id: PLATFORM.client }) }).catch(() => {});
  location.assign(`${PLATFORM.login}/logout?${new URLSearchParams({ client_id: PLATFORM.client, logout_uri: `${location.origin}/` })}`);
}
