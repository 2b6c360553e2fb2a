"use strict";
// How this page makes nodes (of text, never of markup) and how it says numbers, times and states.
const PLATFORM = JSON.parse(document.getElementById("platform").textContent);
const $ = (id) => document.getElementById(id);

function make(tag, content = "", className = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...(Array.isArray(content) ? content : [content]));
  return node;
}

const row = (...cells) => make("tr", cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : make("td", cell ?? "–"))));
const figure = (value) => make("td", value === null || value === undefined ? "–" : count(value), "number");
const badge = (text, kind = "") => make("span", text, `badge ${kind}`);

function button(text, className, act) {
  const node = make("button", text, className);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
}

function link(text, href) {
  if (!/^https?:/.test(href || "")) return text;
  const node = make("a", text);
  Object.assign(node, { href, target: "_blank", rel: "noopener" });
  return node;
}

const count = (value) => new Intl.NumberFormat("en").format(value);
const money = (minor, currency) => new Intl.NumberFormat("en", { style: "currency", currency }).format(minor / 100);
const day = (at) => (at ? new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" }) : "–");
const moment = (at) => (at ? new Date(at).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }) : "–");
const plain = (code) => String(code ?? "–").replaceAll("_", " ");

function span(milliseconds) {
  const minutes = Math.max(1, Math.round(milliseconds / 60000));
  if (minutes < 60) return minutes === 1 ? "a minute" : `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? (hours === 1 ? "an hour" : `${hours} hours`) : `${Math.round(hours / 24)} days`;
}

const GOOD = new Set(["active", "trialing", "succeeded", "paid", "settled", "ready"]);
const BAD = new Set(["failed", "blocked", "delinquent", "expired", "unpaid", "uncollectible"]);
const state = (word) => badge(plain(word), GOOD.has(word) ? "good" : BAD.has(word) ? "bad" : "warn");

// Names of meters and reasons of failures as a person would say them; an unknown one is shown by its code.
const METERS = {
  "stories.day": "Stories today", "tokens.month": "Tokens this period", "concurrent.generations": "Being written now",
  "chats.day": "Chats today", "images.month": "Images", "narrations.month": "Narrations", "videos.month": "Videos",
  "vision.month": "Pictures looked at", "premium.month": "Premium stories",
};
const meterName = (code) => METERS[code] || code;
const FAILURES = {
  provider_timeout: "the writer took too long", provider_cut: "the writer was cut off in mid-sentence",
  provider_unavailable: "the writer does not answer", provider_rate_limited: "the writer is too busy",
  provider_refused: "the writer refused the subject", provider_filtered: "the writer's filter stepped in",
  provider_empty: "the writer sent nothing", provider_malformed: "the writer's answer made no sense",
  provider_rejected: "the writer rejected the request",
};
const failure = (code) => FAILURES[code] || plain(code);
