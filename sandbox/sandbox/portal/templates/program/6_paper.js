"use strict";
// How a story looks: while it is written, when it has ended, and read again later.
// Blocks are parted by an empty line, which may itself arrive in two pieces; a short first block is the title.
function addWords(paper, words) {
  if (paper.querySelector(".blank")) paper.replaceChildren();
  const text = (paper.dataset.tail || "") + (paper.lastElementChild ? words : words.trimStart());
  const whole = text.endsWith("\n") ? text.replace(/\n+$/, "") : text;
  paper.dataset.tail = text.slice(whole.length);
  whole.split(/\n{2,}/).forEach((block, index) => {
    if (index || !paper.lastElementChild) paper.append(make(paper.childElementCount || block.length > 120 ? "p" : "h3"));
    if (block) paper.lastElementChild.append(make("span", block.replace(/^#+ /, "")));
  });
}

function startPaper() {
  $("paper").hidden = false;
  delete $("story").dataset.tail;
  $("story").replaceChildren(make("p", "The first words are on their way …", "blank"));
  $("story").className = "manuscript writing";
  $("story").setAttribute("aria-busy", "true");
  $("bill").textContent = $("pace").textContent = "";
  showState("writing", "warn");
  $("go").hidden = true;
  $("stop").hidden = $("stop").disabled = false;
  $("stop").focus({ preventScroll: true });
}

function showPace({ text, started, first }) {
  const wait = started === null || first === null ? "" : `; the first after ${(first / 1000).toFixed(1)} s`;
  $("pace").textContent = text ? `${count(text.trim().split(/\s+/).length)} words${wait}` : "";
}

function showState(text, kind) {
  $("state").textContent = text;
  $("state").className = `badge ${kind}`;
}

const ENDINGS = { succeeded: ["done", "good"], cancelled: ["stopped", "warn"], blocked: ["withheld", "bad"], failed: ["failed", "bad"], expired: ["failed", "bad"] };

function endPaper(ended) {
  const { done, error, text } = ended;
  showPace(ended);
  $("story").className = "manuscript settled";
  $("story").removeAttribute("aria-busy");
  if (!text) $("story").replaceChildren(make("p", "Nothing was written.", "blank"));
  $("stop").hidden = true;
  $("go").hidden = false;
  $("go").focus({ preventScroll: true });
  showState(...(done ? ENDINGS[done.state] || [plain(done.state), ""] : ["connection lost", "bad"]));
  $("bill").textContent = done ? billOf(done) : "It may still be written: look among your stories in a moment.";
  if (error) notify("error", `The story ended early: ${failure(error)}. ${done?.billing === "settled" ? "What you read is charged." : "Nothing was charged."}`);
}

function billOf({ billing, usage, price, remaining }) {
  if (billing !== "settled") return "Nothing was charged.";
  const parts = usage ? ` (${count(usage.prompt_tokens)} read, ${count(usage.completion_tokens)} written${usage.estimated ? ", estimated" : ""})` : "";
  const left = remaining?.["stories.day"];
  return `Charged: one story, ${count(price)} tokens${parts}.${left === null || left === undefined ? "" : ` ${left === 1 ? "One more story" : `${left} more stories`} today.`}`;
}

async function showShelf() {
  const answer = await api("GET", "/story/v1/stories?limit=5");
  const { items } = answer.ok ? await answer.json() : { items: [] };
  const ready = items.filter((story) => story.state === "ready");
  $("shelf").hidden = !ready.length;
  $("stories").replaceChildren(...ready.map((story) => make("li", [
    button(story.title || "Untitled", "link", () => reread(story.id)), make("span", ` ${moment(story.created_at)}, ${count(story.token_cost)} tokens`, "soft small")])));
}

async function reread(id) {
  if (writing) return;
  const answer = await api("GET", `/story/v1/stories/${id}`);
  if (!answer.ok) return complain(answer);
  const story = await answer.json();
  $("paper").hidden = false;
  delete $("story").dataset.tail;
  $("story").replaceChildren();
  addWords($("story"), story.body);
  $("story").className = "manuscript settled";
  $("pace").textContent = $("bill").textContent = "";
  showState("from your stories", "");
  $("paper").scrollIntoView({ block: "start" });
}
