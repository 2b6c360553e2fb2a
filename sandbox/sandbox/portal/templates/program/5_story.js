"use strict";
// A story as it is written. The generation is asked for first and followed then, so that a torn connection or a
// reload goes on where it was, and Stop knows what to stop.
let writing = null;
const asked = {
  get value() { return JSON.parse(sessionStorage.getItem("asked") || "null"); },
  set value(ask) { ask ? sessionStorage.setItem("asked", JSON.stringify(ask)) : sessionStorage.removeItem("asked"); },
};

function write(event) {
  event.preventDefault();
  if (writing) return;
  const body = { prompt: $("prompt").value, length: $("length").value };
  const before = asked.value;
  asked.value = before && JSON.stringify(before.body) === JSON.stringify(body) ? before : { key: crypto.randomUUID(), body };
  ask(performance.now());
}

// Asks under a key that outlives a reload and an outage: however often it is sent, it is one story and charged once.
async function ask(started) {
  hush();
  $("go").disabled = true;
  const { key, body } = asked.value;
  const answer = await api("POST", "/story/v1/stories", body, { "Idempotency-Key": key });
  $("go").disabled = false;
  if (answer.ok) return follow((await answer.json()).generation.id, started);
  if (answer.status < 500) asked.value = null;
  await complain(answer);
  return answer.status === 402 ? showMember() : null;
}

async function follow(id, started) {
  writing = { id, last: 0, text: "", started, first: null, error: null, done: null };
  startPaper();
  showMeters();
  for (let tries = 0; !writing.done && tries < 6; tries += 1) {
    if (tries) { $("pace").textContent = "The connection was lost; going on …"; await new Promise((go) => setTimeout(go, 500 * tries)); }
    const answer = await api("GET", `/story/v1/generations/${id}/events?after=${writing.last}`, null, { Accept: "text/event-stream" });
    if (!answer.ok && answer.status < 500) { await complain(answer); break; }
    const before = writing.last;
    if (answer.ok) await readEvents(answer, take).catch(() => {});
    if (writing.last > before) tries = 0;
  }
  const ended = writing;
  writing = null;
  asked.value = null;
  endPaper(ended);
  await Promise.all([showMeters(), showShelf()]);
}

async function readEvents(answer, listen) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").filter((line) => line && !line.startsWith(":")).map((line) => line.split(/: ?(.*)/s)));
      if (fields.data) listen(fields.event || "message", JSON.parse(fields.data), Number(fields.id || 0));
    }
  }
}

function take(kind, data, position) {
  if (position) writing.last = position;
  if (kind === "delta") {
    writing.first ??= performance.now() - writing.started;
    writing.text += data.t;
    addWords($("story"), data.t);
    const first = writing.started === null ? "" : `; the first after ${(writing.first / 1000).toFixed(1)} s`;
    $("pace").textContent = `${count(writing.text.trim().split(/\s+/).length)} words${first}`;
  }
  if (kind === "notice") notify("plain", `A note on this text: ${plain(data.code)}.`);
  if (kind === "error") writing.error = data.code;
  if (kind === "done") writing.done = data;
}

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

function showState(text, kind) {
  $("state").textContent = text;
  $("state").className = `badge ${kind}`;
}

const ENDINGS = { succeeded: ["done", "good"], cancelled: ["stopped", "warn"], blocked: ["withheld", "bad"], failed: ["failed", "bad"], expired: ["failed", "bad"] };

function endPaper({ done, error, text }) {
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

async function stop() {
  if (!writing) return;
  $("stop").disabled = true;
  $("pace").textContent = "Stopping …";
  const answer = await api("POST", `/story/v1/generations/${writing.id}/cancel`);
  if (!answer.ok && answer.status !== 409) { $("stop").disabled = false; complain(answer); } // 409: it ended by itself
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
