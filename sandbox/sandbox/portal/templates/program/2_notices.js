"use strict";
// What just happened, said above the desk. A refusal names what it is about and what can be done.
function notify(kind, text, ...actions) {
  const notice = make("div", [make("p", text)], `notice ${kind}`);
  notice.setAttribute("role", kind === "error" ? "alert" : "status");
  if (actions.length) notice.append(make("div", actions, "row"));
  $("notices").replaceChildren(notice);
  notice.scrollIntoView({ block: "nearest" });
}

const hush = () => $("notices").replaceChildren();

function refusal(problem, status) {
  const reset = problem.resets_at && new Date(problem.resets_at);
  const later = reset ? ` It opens again ${moment(reset)}, in ${span(reset - Date.now())}.` : "";
  switch (problem.code) {
    case "subscription_required": return "Stories need a subscription, and you have none yet. Choose a plan below.";
    case "plan_upgrade_required": return "Your plan does not include this. A larger one does.";
    case "quota_exceeded":
      if (problem.meter === "concurrent.generations") return `Your plan writes ${problem.limit} at a time. Wait until one is done.`;
      return `${meterName(problem.meter)}: you have used ${count(problem.used)} of ${count(problem.limit)}.${later}`;
    case "input_blocked": return `These words break the content rules (${(problem.reasons || []).map(plain).join(", ")}). Nothing was charged.`;
    case "forbidden": return "You may not see this.";
    case "validation_failed": return `Some values do not fit: ${(problem.errors || []).map((error) => error.detail).join("; ") || "the platform does not say which"}.`;
    default: return problem.detail || problem.title || `The platform answered ${status}.`;
  }
}

async function complain(answer) {
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) return; // the sign-in says so itself
  const wait = Number(answer.headers.get("Retry-After"));
  const retry = answer.status >= 500 && wait ? ` Try again in ${wait} s.` : "";
  notify("error", refusal(problem, answer.status) + retry);
}
