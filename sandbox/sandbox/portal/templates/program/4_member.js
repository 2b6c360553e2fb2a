"use strict";
// Who is signed in, what they may do, and what they pay.
async function showMember() {
  const member = !!session.tokens;
  $("guest").hidden = member;
  $("member").hidden = $("desk").hidden = !member;
  if (!member) { for (const id of ["plans", "account", "office"]) $(id).hidden = true; return; }
  $("name").textContent = session.me.email;
  const answer = await api("GET", "/payment/v1/me/access");
  if (!answer.ok) return complain(answer);
  const access = await answer.json();
  const entitled = access.entitled;
  $("plan").textContent = access.state === "none" ? "no plan" : `${access.plan.code} · ${plain(access.state)}`;
  $("plan").className = `badge ${entitled ? "good" : "warn"}`;
  $("plans").hidden = entitled;
  $("account").hidden = access.state === "none";
  await Promise.all([entitled ? null : showOffers(), access.state === "none" ? null : showAccount(access), showShelf()]);
}

async function showOffers() {
  const answer = await api("GET", "/payment/v1/plans");
  if (!answer.ok) return complain(answer);
  const { items } = await answer.json();
  $("offers").replaceChildren(...items.flatMap((plan) => plan.prices.filter((price) => price.interval === "month").map((price) => {
    const choice = button([`${plan.name}, ${money(price.unit_amount, price.currency)} a month`, make("small", plan.description)], "choice", () => subscribe(plan.code, choice));
    choice.dataset.plan = plan.code;
    return choice;
  })));
}

async function subscribe(plan_code, choice) {
  choice.disabled = true;
  const answer = await api("POST", "/payment/v1/checkout-sessions", { plan_code, return_path: "/" }, { "Idempotency-Key": crypto.randomUUID() });
  const body = await answer.clone().json().catch(() => ({}));
  choice.disabled = false;
  if (answer.ok) return location.assign(body.url);
  return body.code === "checkout_open" && body.url ? offerOpenPayment(body) : complain(answer);
}

// One payment at a time: the open one may be for another plan than the one just chosen.
async function offerOpenPayment({ id, url, expires_at }) {
  const answer = await api("GET", `/payment/v1/checkout-sessions/${id}`);
  const plan = answer.ok ? ` of ${(await answer.json()).plan_code}` : "";
  notify("plain", `A payment${plan} that you began is still open, until ${moment(expires_at)}. Finish that one, or leave it to expire.`,
    button("Go on to the payment", "", () => location.assign(url)));
}

// Back from the payment page: the webhook may still be on its way, so ask until the platform knows.
async function awaitPayment() {
  const query = new URLSearchParams(location.search);
  const checkout = query.get("checkout");
  if (!checkout || !session.tokens) return;
  history.replaceState(null, "", "/");
  if (query.get("outcome") !== "done") return notify("plain", "You left the payment page. Nothing was charged.");
  notify("plain", "Stripe has your payment; waiting for its word to arrive here …");
  for (const end = Date.now() + 30000; Date.now() < end; await new Promise((go) => setTimeout(go, 400))) {
    const answer = await api("GET", `/payment/v1/checkout-sessions/${encodeURIComponent(checkout)}`);
    if (answer.status === 404 || answer.status === 401) return complain(answer);
    const seen = answer.ok ? await answer.json() : {};
    if (seen.access) { await showMember(); return notify("good", `Paid: you are on ${seen.plan_code}. Write your first story.`); }
    if (seen.state === "expired" || seen.state === "failed") return notify("error", "The payment did not come about. Nothing was charged.");
  }
  notify("error", "Stripe's word about the payment has not come in 30 s. Its sandbox page has the webhook log.");
}

async function showAccount(access) {
  const [subscription, invoices] = await Promise.all([api("GET", "/payment/v1/me/subscription"), api("GET", "/payment/v1/me/invoices"), showMeters()]);
  if (subscription.ok) {
    const terms = await subscription.json();
    const next = terms.ended_at ? `It ended ${day(terms.ended_at)}.` : terms.cancel_at_period_end ? `It ends ${day(terms.period_end)}.` : `It renews ${day(terms.next_invoice_at)}.`;
    $("terms").textContent = `${terms.plan_code}, ${plain(terms.status)}. ${next}${access.reason ? ` ${plain(access.reason)}.` : ""}`;
  }
  const { items } = invoices.ok ? await invoices.json() : { items: [] };
  $("bills").hidden = !items.length;
  $("invoices").replaceChildren(...items.map(invoiceRow));
}

function invoiceRow(invoice) {
  const paid = make("td", money(invoice.amount_paid, invoice.currency), "number");
  return row(link(invoice.number || "draft", invoice.hosted_url), day(invoice.created_at), state(invoice.status), paid);
}

async function manage() {
  const answer = await api("POST", "/payment/v1/portal-sessions", { return_path: "/" }, { "Idempotency-Key": crypto.randomUUID() });
  if (answer.ok) location.assign((await answer.json()).url); else complain(answer);
}

async function showMeters() {
  const answer = await api("GET", "/story/v1/usage");
  if (!answer.ok) return complain(answer);
  const { meters } = await answer.json();
  const main = ["stories.day", "tokens.month"].filter((name) => meters[name]);
  $("meters").replaceChildren(...main.map((name) => meterBar(name, meters[name])));
  $("all-meters").replaceChildren(...Object.entries(meters).map(([name, meter]) => meterRow(name, meter)));
}

function meterBar(name, meter) {
  const used = meter.settled + meter.reserved;
  const line = make("span", [meterName(name), make("b", meter.unlimited ? `${count(used)}, no limit` : `${count(used)} of ${count(meter.limit)}`)]);
  const held = meter.reserved ? `${count(meter.reserved)} held for a story being written. ` : "";
  const note = make("small", held + (meter.resets_at ? `Starts anew ${moment(meter.resets_at)}.` : ""));
  const bar = Object.assign(make("progress"), { max: meter.limit || 1, value: meter.unlimited ? 0 : used });
  bar.setAttribute("aria-label", meterName(name));
  if (!meter.unlimited && used >= meter.limit) bar.className = "full";
  return make("p", [line, bar, note], "meter");
}

function meterRow(name, meter) {
  return row(meterName(name), figure(meter.settled), figure(meter.reserved), meter.unlimited ? make("td", "none", "number") : figure(meter.limit), moment(meter.resets_at));
}
