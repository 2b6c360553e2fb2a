const $ = (id) => document.getElementById(id);
const json = (method, path, body) =>
  fetch(path, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });

function showRate() {
  $("rate-now").textContent = $("rate").value === "0" ? "as fast as possible" : $("rate").value;
}
$("rate").addEventListener("input", showRate);
$("rate").addEventListener("change", () => json("POST", "/_sandbox/rate", { tokens_per_second: Number($("rate").value) }));
showRate();

async function showFaults() {
  const { faults } = await (await fetch("/_sandbox/faults")).json();
  $("waiting").replaceChildren(...(faults.length ? faults : [null]).map((fault) => {
    const item = document.createElement("li");
    item.className = "small";
    item.textContent = fault ? `${fault.kind}: the next ${fault.count} (${fault.target})` : "None is waiting.";
    return item;
  }));
}
$("fault").addEventListener("submit", async (event) => {
  event.preventDefault();
  await json("POST", "/_sandbox/faults", {
    kind: $("kind").value, target: $("target").value, count: Number($("count").value),
    after_chunks: Number($("after").value), seconds: Number($("seconds").value),
  });
  showFaults();
});
$("clear").addEventListener("click", async () => { await json("DELETE", "/_sandbox/faults"); showFaults(); });
showFaults();

let running = null;
$("stop").addEventListener("click", () => running?.abort());
$("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  running?.abort();
  running = new AbortController();
  const mine = running, story = $("story"), start = performance.now();
  story.textContent = "";
  story.classList.add("writing");
  $("stop").disabled = false;
  $("used").textContent = "Writing…";
  try {
    const usage = await stream($("prompt").value, story, mine.signal);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    $("used").textContent = usage ? `${usage.completion_tokens} tokens in ${seconds} s` : `ended after ${seconds} s`;
  } catch (error) {
    $("used").textContent = error.name === "AbortError" ? "Stopped." : `Failed: ${error.message}`;
  } finally {
    if (mine === running) { story.classList.remove("writing"); $("stop").disabled = true; }
    showFaults();
  }
});

async function stream(prompt, story, signal) {
  const answer = await fetch("/v1/chat/completions", {
    method: "POST", signal,
    headers: { "Content-Type": "application/json", Authorization: "Bearer sk-page" },
    body: JSON.stringify({
      model: "truecrime-prose", stream: true, stream_options: { include_usage: true },
      messages: [{ role: "user", content: prompt }],
    }),
  });
  if (!answer.ok) throw new Error((await answer.json()).error.message);
  const text = document.createTextNode("");
  story.append(text);
  let rest = "", usage = null;
  for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return usage;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (event === "data: [DONE]") continue;
      const chunk = JSON.parse(event.slice(6));
      usage = chunk.usage ?? usage;
      const delta = chunk.choices[0]?.delta;
      text.data += delta?.content ?? delta?.refusal ?? "";
    }
  }
}
