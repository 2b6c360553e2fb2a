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
    showPace(writing);
  }
  if (kind === "notice") notify("plain", `A note on this text: ${plain(data.code)}.`);
  if (kind === "error") writing.error = data.code;
  if (kind === "done") writing.done = data;
}

async function stop() {
  if (!writing) return;
  $("stop").disabled = true;
  $("pace").textContent = "Stopping …";
  const answer = await api("POST", `/story/v1/generations/${writing.id}/cancel`);
  if (!answer.ok && answer.status !== 409) { $("stop").disabled = false; complain(answer); } // 409: it ended by itself
}
