"use strict";
// What an admin sees: the list of people, and everything about one of them in one answer.
async function showPeople(cursor = null) {
  const answer = await api("GET", `/admin/v1/users?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  if (!answer.ok) return complain(answer);
  const { items, next_cursor } = await answer.json();
  const rows = items.map((user) => {
    const look = button(user.email || user.id, "link", () => showPerson(user.id));
    return row(look, user.plan, user.access_state ? state(user.access_state) : "–", figure(user.tokens_30d));
  });
  if (cursor) $("users").append(...rows); else $("users").replaceChildren(...rows);
  $("more").hidden = !next_cursor;
  $("more").dataset.cursor = next_cursor || "";
  $("office").hidden = false;
}

async function showPerson(id) {
  const answer = await api("GET", `/admin/v1/users/${id}`);
  if (!answer.ok) return complain(answer);
  const view = await answer.json();
  const raw = make("details", [make("summary", "The answer as it came"), make("pre", JSON.stringify(view, null, 2))]);
  const missing = view.partial.length ? [make("p", `Not answered in time: ${view.partial.join(", ")}.`, "notice error")] : [];
  $("person").replaceChildren(make("h3", view.profile?.email || id), ...missing,
    ...profileOf(view.profile), ...subscriptionOf(view), ...invoicesOf(view.billing), ...usageOf(view.usage), raw);
  $("person").hidden = false;
  $("person").focus();
}

const facts = (pairs) => { const list = make("dl", pairs.flatMap(([name, value]) => [make("dt", name), make("dd", value ?? "–")])); list.className = "facts"; return list; };

function table(label, headings, rows) {
  const head = make("tr", headings.map((heading) => make("th", heading.replace(/^#/, ""), heading.startsWith("#") ? "number" : "")));
  const box = make("div", [make("table", [make("thead", [head]), make("tbody", rows)], "tight")], "scroll");
  Object.assign(box, { tabIndex: 0, role: "region", ariaLabel: label });
  return box;
}

function profileOf(profile) {
  if (!profile) return [];
  return [make("h4", "Profile"), facts([
    ["Id", make("span", profile.id, "mono")], ["Name", profile.display_name], ["State", state(profile.status)],
    ["E-mail", profile.email_verified ? "verified" : "not verified"], ["Language", profile.locale], ["Registered", moment(profile.created_at)]])];
}

function subscriptionOf({ access, billing }) {
  const terms = billing?.subscription;
  const rights = access ? [state(access.state), access.entitled ? " may have stories written" : " may have no stories written"] : "–";
  const pairs = [["Access", make("span", rights)]];
  if (terms) pairs.push(["Plan", terms.plan_code], ["Subscription", state(terms.status)], ["Period", `${day(terms.period_start)} to ${day(terms.period_end)}`],
    [terms.cancel_at_period_end ? "Ends" : "Renews", day(terms.cancel_at_period_end ? terms.period_end : terms.next_invoice_at)]);
  if (billing?.customer) pairs.push(["Stripe customer", make("span", billing.customer.id, "mono")]);
  return [make("h4", "Subscription"), facts(pairs)];
}

function invoicesOf(billing) {
  if (!billing?.invoices?.length) return [];
  return [make("h4", "Invoices"), table("Invoices", ["Number", "Date", "State", "#Paid"], billing.invoices.map(invoiceRow))];
}

function usageOf(usage) {
  if (!usage) return [];
  const totals = `${count(usage.totals.stories)} stories, ${count(usage.totals.tokens)} tokens, ${money(usage.totals.cost_micros / 10000, "usd")} of the vendor's money in all.`;
  const used = Object.entries(usage.meters).filter(([name, meter]) => meter.settled || meter.reserved || name === "stories.day");
  const meters = table("Usage", ["Meter", "#Used", "#Held", "#Limit", "Resets"], used.map(([name, meter]) => meterRow(name, meter)));
  const written = usage.generations.map((one) => row(moment(one.created_at), state(one.state), one.billing, one.model, figure(one.usage?.total_tokens)));
  const generations = written.length ? [make("h4", "Newest generations"), table("Generations", ["When", "State", "Billing", "Model", "#Tokens"], written)] : [];
  return [make("h4", "Usage"), make("p", totals, "small soft"), meters, ...generations];
}
