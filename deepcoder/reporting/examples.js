// The script of examples.html: shows one example at a time, from the JSON in the page.
// Every text becomes a text node; nothing is ever parsed as HTML. The address (#example=3&…)
// holds the state, so that a view can be linked to and is found again after a reload.
"use strict";
const { kinds, examples } = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const number = (value) => value.toLocaleString("en");
const heaviest = Math.max(...kinds.map((kind) => kind.weight)) || 1;
const state = { example: 0, search: "", shown: new Set(kinds.map((_, code) => code)), token: -1 };
// Where each unit of an example begins in its whole text, made when first searched.
const whole = examples.map(() => null);
let hits = [];
let current = -1;

// What hides or cannot be drawn is written as its code, like everywhere in deepcoder's pages.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/gu;
const visible = (text) =>
  text.replace(HIDDEN, (char) =>
    char === "\n" || char === "\t" ? char
      : "\\u" + char.codePointAt(0).toString(16).padStart(4, "0"));

function fold(index) {
  if (!whole[index]) {
    const starts = [];
    let length = 0;
    for (const text of examples[index].texts) { starts.push(length); length += text.length; }
    // Lower case changes the length of a few letters; then only the exact text is searched.
    const joined = examples[index].texts.join("");
    const lower = joined.toLowerCase();
    whole[index] = { starts, text: lower.length === joined.length ? lower : joined };
  }
  return whole[index];
}

function matches(index) {
  const needle = state.search.toLowerCase();
  if (!needle) return [];
  const { text } = fold(index);
  const found = [];
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length))
    found.push(at);
  return found;
}

function drawList() {
  const list = document.createDocumentFragment();
  let total = 0;
  let holding = 0;
  examples.forEach((example, index) => {
    const button = make("button");
    const found = matches(index).length;
    total += found;
    holding += found > 0;
    if (state.search && !found) button.style.opacity = ".4";
    if (found) button.append(make("em", "", number(found)));
    button.append(make("b", "", visible(example.id)));
    button.append(make("small", "", `${number(example.tokens)} tokens, ${example.split}`));
    button.type = "button";
    button.setAttribute("aria-current", index === state.example);
    button.addEventListener("click", () => go(index));
    list.append(button);
  });
  $("list").replaceChildren(list);
  $("found").textContent = state.search
    ? `${number(total)} match${total === 1 ? "" : "es"} in ${number(holding)} example${holding === 1 ? "" : "s"}` : "";
  $("hit").hidden = !total;
}

function drawText() {
  const example = examples[state.example];
  const text = document.createDocumentFragment();
  const found = matches(state.example);
  const marked = new Map();
  if (found.length) {
    const { starts } = fold(state.example);
    let unit = 0;
    found.forEach((at) => {
      while (unit + 1 < starts.length && starts[unit + 1] <= at) unit++;
      for (let i = unit; i < starts.length && starts[i] < at + state.search.length; i++)
        if (!marked.has(i)) marked.set(i, at);
    });
  }
  hits = [];
  current = -1;
  let last = -1;
  example.texts.forEach((piece, unit) => {
    const kind = kinds[example.codes[unit]];
    const span = make("span", kind.css + (kind.weight ? "" : " w0"));
    span.style.setProperty("--share", `${Math.round((100 * kind.weight) / heaviest)}%`);
    if (!state.shown.has(example.codes[unit])) span.classList.add("off");
    if (marked.has(unit)) {
      span.classList.add("hit");
      if (marked.get(unit) !== last) hits.push(span);
      last = marked.get(unit);
    }
    span.dataset.unit = unit;
    visible(piece).split(/(\n)/).forEach((part) => {
      if (part === "\n") span.append(make("s", "", "⏎"), "\n");
      else if (part) span.append(part);
    });
    text.append(span);
  });
  $("text").replaceChildren(text);
  $("more").textContent = example.more ? `… ${number(example.more)} more tokens` : "";
}

function drawHead() {
  const example = examples[state.example];
  const total = example.counts.reduce((sum, count) => sum + count, 0) || 1;
  const weighted = example.counts.reduce(
    (sum, count, code) => sum + (kinds[code].weight ? count : 0), 0);
  $("name").textContent = visible(example.id);
  $("facts").textContent =
    `problem ${visible(example.problem)}, ${example.split}, ${number(example.tokens)} tokens, ` +
    `${number(weighted)} carry loss (${((100 * weighted) / total).toFixed(1)}%)`;
  $("place").textContent = `${state.example + 1} / ${examples.length}`;
  $("bar").replaceChildren(...example.counts.map((count, code) => {
    const part = make("i", kinds[code].css);
    part.style.flexGrow = count;
    part.hidden = !count;
    part.title = `${kinds[code].kind}: ${number(count)} tokens`;
    return part;
  }));
  kinds.forEach((_, code) => {
    const chip = $("chips").children[code];
    chip.setAttribute("aria-pressed", state.shown.has(code));
    chip.querySelector("small").textContent =
      `${number(example.counts[code])} × ${+kinds[code].weight.toFixed(4)}`;
  });
}

function tip(span, pinned) {
  const example = examples[state.example];
  const unit = +span.dataset.unit;
  const kind = kinds[example.codes[unit]];
  const ids = [].concat(example.ids[unit]);
  const first = example.ids.slice(0, unit).reduce((sum, id) => sum + [].concat(id).length, 0);
  const rows = [
    [ids.length > 1 ? "ids" : "id", ids.join(", ")],
    ["kind", `${kind.kind} (${kind.text})`],
    ["weight", `${+kind.weight.toFixed(4)}${kind.group ? `, ${kind.group}` : ", no loss"}`],
    ["token", ids.length > 1 ? `${first + 1} to ${first + ids.length}: one character together`
      : `${first + 1} of ${number(example.tokens)}`],
  ];
  const list = make("dl");
  rows.forEach(([label, text]) => list.append(make("dt", "", label), make("dd", "", text)));
  const shown = visible(example.texts[unit]).replace(/\n/g, "⏎").replace(/\t/g, "⇥");
  $("tip").replaceChildren(make("code", "", `“${shown}”`), list);
  $("tip").hidden = false;
  const at = span.getClientRects()[0] || span.getBoundingClientRect();
  const box = $("tip").getBoundingClientRect();
  const below = at.bottom + 8 + box.height < innerHeight;
  $("tip").style.top = `${Math.max(4, below ? at.bottom + 8 : at.top - box.height - 8)}px`;
  $("tip").style.left = `${Math.max(4, Math.min(at.left, innerWidth - box.width - 12))}px`;
  if (pinned) {
    $("text").querySelectorAll(".pinned").forEach((node) => node.classList.remove("pinned"));
    span.classList.add("pinned");
    state.token = first + 1;
    remember();
  }
}

function hideTip() { $("tip").hidden = true; }

function remember() {
  const parts = new URLSearchParams({ example: state.example + 1 });
  if (state.search) parts.set("search", state.search);
  if (state.shown.size < kinds.length)
    parts.set("kinds", [...state.shown].map((code) => kinds[code].kind).join(","));
  if ($("colour").value !== "kind") parts.set("colour", $("colour").value);
  if ($("borders").checked) parts.set("borders", "1");
  if ($("without").checked) parts.set("without", "1");
  if (state.token > 0) parts.set("token", state.token);
  history.replaceState(null, "", "#" + parts);
}

function draw() {
  hideTip();
  drawHead();
  drawText();
  $("text").className = [
    $("colour").value === "weight" ? "weights" : "",
    $("borders").checked ? "borders" : "", $("without").checked ? "without" : "",
  ].join(" ");
}

function go(index) {
  if (index < 0 || index >= examples.length) return;
  state.example = index;
  state.token = -1;
  draw();
  [...$("list").children].forEach((button, i) => button.setAttribute("aria-current", i === index));
  $("list").children[index].scrollIntoView({ block: "nearest" });
  document.querySelector("main").scrollTop = 0;
  remember();
}

function nextHit() {
  if (current + 1 < hits.length) {
    hits[++current].scrollIntoView({ block: "center" });
    tip(hits[current], true);
    return;
  }
  for (let step = 1; step <= examples.length; step++) {
    const index = (state.example + step) % examples.length;
    if (matches(index).length) { go(index); nextHit(); return; }
  }
}

function restore() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const wanted = parseInt(parts.get("example") || "1", 10) - 1;
  state.example = Math.min(Math.max(wanted || 0, 0), examples.length - 1);
  state.search = parts.get("search") || "";
  $("search").value = state.search;
  const names = (parts.get("kinds") || "").split(",").filter(Boolean);
  state.shown = new Set(kinds.map((_, code) => code)
    .filter((code) => !parts.has("kinds") || names.includes(kinds[code].kind)));
  $("colour").value = parts.get("colour") === "weight" ? "weight" : "kind";
  $("borders").checked = parts.has("borders");
  $("without").checked = parts.has("without");
  drawList();
  draw();
  const token = parseInt(parts.get("token") || "0", 10);
  if (token > 0) {
    let unit = 0;
    const { ids } = examples[state.example];
    for (let left = token; unit < ids.length; unit++)
      if ((left -= [].concat(ids[unit]).length) <= 0) break;
    const span = $("text").children[unit];
    if (span) { span.scrollIntoView({ block: "nearest" }); tip(span, true); }
  }
}

kinds.forEach((kind, code) => {
  const chip = make("button", "chip");
  chip.type = "button";
  chip.title = `${kind.text}; weight ${+kind.weight.toFixed(4)}`;
  chip.append(make("i", kind.css), kind.kind, make("small"));
  chip.addEventListener("click", () => {
    if (!state.shown.delete(code)) state.shown.add(code);
    draw(); remember();
  });
  chip.addEventListener("dblclick", () => { state.shown = new Set([code]); draw(); remember(); });
  $("chips").append(chip);
});
$("all").addEventListener("click", () => {
  state.shown = new Set(kinds.map((_, code) => code));
  draw(); remember();
});
$("previous").addEventListener("click", () => go(state.example - 1));
$("next").addEventListener("click", () => go(state.example + 1));
$("hit").addEventListener("click", nextHit);
for (const id of ["colour", "borders", "without"])
  $(id).addEventListener("change", () => { draw(); remember(); });
$("search").addEventListener("input", () => {
  state.search = $("search").value;
  drawList(); draw(); remember();
});
$("text").addEventListener("mouseover", (event) => {
  const span = event.target.closest("span");
  if (span) tip(span, false);
});
$("text").addEventListener("mouseleave", hideTip);
$("text").addEventListener("click", (event) => {
  const span = event.target.closest("span");
  if (span) tip(span, true);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === $("search")) {
    if (event.key === "Enter") nextHit();
    if (event.key === "Escape") $("search").blur();
    return;
  }
  if (event.target.tagName === "SELECT") return;
  if (event.key === "ArrowRight" || event.key === "j") go(state.example + 1);
  else if (event.key === "ArrowLeft" || event.key === "k") go(state.example - 1);
  else if (event.key === "/") { event.preventDefault(); $("search").focus(); }
  else if (event.key === "Escape") hideTip();
});
addEventListener("hashchange", restore);
restore();
