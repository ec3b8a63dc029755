"use strict";
// Everything that comes from a template is set with textContent or attributes: none of it is read as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.querySelector("main");
const svg = main.querySelector("svg");
const panel = document.querySelector("aside");
const search = document.getElementById("search");
const count = document.getElementById("count");
const drawing = document.getElementById("drawing");
const whole = svg.viewBox.baseVal;
const size = { width: whole.width, height: whole.height };
const view = { x: 0, y: 0, scale: 1 };
document.body.classList.add("scripted");

// --- the view: x and y are the middle, scale is pixels of the screen for one of the drawing ---

function show() {
  const width = main.clientWidth / view.scale;
  const height = main.clientHeight / view.scale;
  svg.setAttribute("viewBox", `${view.x - width / 2} ${view.y - height / 2} ${width} ${height}`);
}
let fitted = true;
function fit() {
  fitted = true;
  view.scale = Math.min(main.clientWidth / size.width, main.clientHeight / size.height, 1.25);
  view.x = size.width / 2;
  view.y = size.height / 2;
  show();
}
function zoom(factor, clientX, clientY) {
  const frame = main.getBoundingClientRect();
  const dx = (clientX ?? frame.left + frame.width / 2) - frame.left - frame.width / 2;
  const dy = (clientY ?? frame.top + frame.height / 2) - frame.top - frame.height / 2;
  const scale = Math.min(Math.max(view.scale * factor, 0.02), 8);
  fitted = false;
  view.x += dx / view.scale - dx / scale;
  view.y += dy / view.scale - dy / scale;
  view.scale = scale;
  show();
}
function pan(dx, dy) {
  fitted = false;
  view.x += dx / view.scale;
  view.y += dy / view.scale;
  show();
}
function goTo(element) {
  const box = element.getBBox();
  const moved = drawing.transform.baseVal.consolidate().matrix;
  view.x = box.x + box.width / 2 + moved.e;
  view.y = box.y + box.height / 2 + moved.f;
  view.scale = Math.max(view.scale, 0.9);
  fitted = false;
  show();
}

const pointers = new Map();
let travelled = 0;
main.addEventListener("pointerdown", (event) => {
  if (!pointers.size) travelled = 0;
  pointers.set(event.pointerId, event);
});
addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const others = [...pointers.values()].filter((one) => one.pointerId !== event.pointerId);
  if (others.length) {
    const far = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY) || 1;
    zoom(far(event) / far(before), others[0].clientX, others[0].clientY);
  } else {
    pan(before.clientX - event.clientX, before.clientY - event.clientY);
  }
  travelled += Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY);
  main.classList.add("moving");
  pointers.set(event.pointerId, event);
});
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) main.classList.remove("moving");
  });
}
main.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX, event.clientY);
}, { passive: false });
addEventListener("resize", () => (fitted ? fit() : show()));
// On paper there is no frame to fill: everything, or what is in sight, as wide as the page.
addEventListener("beforeprint", () => { if (fitted) svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`); });
addEventListener("afterprint", () => (fitted ? fit() : show()));

// --- the panel ---

function add(parent, name, text, style) {
  const element = parent.appendChild(document.createElement(name));
  if (text !== undefined) element.textContent = text;
  if (style) element.className = style;
  return element;
}
function list(title, items, fill) {
  if (!items.length) return;
  add(panel, "h3", title);
  const ul = add(panel, "ul");
  for (const item of items) fill(add(ul, "li"), item);
}
function link(parent, key, text) {
  const button = add(parent, "button", text ?? data.boxes[key].title, "to");
  button.type = "button";
  button.addEventListener("click", () => { choose(key, true); });
}
function sentence(li, text) {
  li.textContent = text;
  if (text.includes("LOST")) li.className = "lost";
}
function rows(title, pairs) {
  if (!pairs.length) return;
  add(panel, "h3", title);
  const dl = add(panel, "dl");
  for (const [name, value] of pairs) {
    add(dl, "dt", name);
    add(dl, "dd", value);
  }
}
function counted(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
function summary() {
  panel.replaceChildren();
  const boxes = Object.entries(data.boxes);
  const lost = boxes.filter(([, box]) => box.lost);
  add(panel, "h2", lost.length ? `Messages are lost in ${counted(lost.length, "place")}` : "No loss found");
  add(panel, "p", `${counted(boxes.length - lost.length, "place")}, ${counted(Object.keys(data.arrows).length, "arrow")}. ` +
    "Click a box or an arrow for its details.", "soft");
  list("Lost", lost, (li, [key]) => {
    const ways = Object.values(data.arrows).filter((arrow) => arrow.to === key);
    link(li, key, data.boxes[ways[0].from].title);
    for (const way of ways) add(li, "div", way.label);
  });
  list("Kept, and nobody is told", boxes.filter(([, box]) => box.facts.includes("NO ALARM")),
    (li, [key]) => link(li, key));
  list("Not resolved", data.notes, sentence);
  list("Arrows", ["solid: every message", "dashed: after a failure", "dotted, round head: likely, code decides",
    "crossed head: nothing gets through", "thick: messages are lost"], sentence);
  list("Keys", ["+ and -: zoom", "arrow keys: move", "0: everything", "/: search, Enter: next", "l: next loss",
    "Tab and Enter: boxes", "Escape: back to this summary"], sentence);
}
function details(key) {
  panel.replaceChildren();
  const box = data.boxes[key];
  if (!box) {
    const arrow = data.arrows[key];
    add(panel, "h2", arrow.label || "Link");
    const way = add(panel, "p");
    link(way, arrow.from);
    way.append(" to ");
    link(way, arrow.to);
    rows("Details", arrow.notes);
    return;
  }
  add(panel, "h2", box.title);
  add(panel, "p", [box.kind, box.stack && `stack ${box.stack}`].filter(Boolean).join(", "), "soft");
  for (const fact of box.facts) add(panel, "div", fact);
  list("Messages that end here", box.ends, sentence);
  const arrows = Object.entries(data.arrows);
  for (const [title, near, other] of [["Goes to", "from", "to"], ["Comes from", "to", "from"]]) {
    list(title, arrows.filter(([, arrow]) => arrow[near] === key), (li, [, arrow]) => {
      link(li, arrow[other]);
      add(li, "div", arrow.label);
      for (const [name, value] of arrow.notes) {
        if (name === "permission" && value !== "allowed") add(li, "div", value, "soft");
      }
    });
  }
  rows("Settings", box.settings);
}

// --- choosing and searching ---

function mark(style, elements) {
  for (const one of drawing.querySelectorAll("." + style)) one.classList.remove(style);
  for (const one of elements) one.classList.add(style);
}
function choose(key, move) {
  const element = key && document.getElementById(key);
  const near = new Set(element ? [element] : []);
  for (const [id, arrow] of Object.entries(data.arrows)) {
    if (id === key || arrow.from === key || arrow.to === key) {
      for (const one of [id, arrow.from, arrow.to]) near.add(document.getElementById(one));
    }
  }
  drawing.classList.toggle("around", near.size > 0);
  mark("near", near);
  mark("chosen", element ? [element] : []);
  if (element && move) goTo(element);
  if (element) details(key); else summary();
  panel.scrollTop = 0;
}
main.addEventListener("click", (event) => {
  if (travelled > 4) return;
  choose(event.target.closest(".box, .arrow")?.id);
});

let hits = [];
let hit = -1;
function find() {
  const wanted = search.value.trim().toLowerCase();
  hits = wanted ? Object.entries(data.boxes).filter(([, box]) =>
    [box.title, box.kind, box.stack, ...box.facts, ...box.settings.flat()].some((text) => text.toLowerCase().includes(wanted))
  ).map(([key]) => key) : [];
  hit = -1;
  mark("hit", hits.map((key) => document.getElementById(key)));
  count.textContent = wanted ? `${hits.length} found` : "";
}
function next(keys, at) {
  if (!keys.length) return -1;
  const following = (at + 1) % keys.length;
  choose(keys[following], true);
  return following;
}
search.addEventListener("input", find);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    hit = next(hits, hit);
    if (hits.length) count.textContent = `${hit + 1} of ${hits.length}`;
  }
  if (event.key === "Escape") {
    search.value = "";
    find();
    search.blur();
  }
  event.stopPropagation();
});

const losses = Object.keys(data.boxes).filter((key) => data.boxes[key].lost);
let loss = -1;
const commands = {
  "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), "0": fit,
  ArrowLeft: () => pan(-80, 0), ArrowRight: () => pan(80, 0), ArrowUp: () => pan(0, -80), ArrowDown: () => pan(0, 80),
  "/": () => search.focus(), l: () => { loss = next(losses, loss); }, Escape: () => choose(),
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("aside")) return;
  const box = event.target.closest(".box");
  if (box && (event.key === "Enter" || event.key === " ")) {
    choose(box.id, true);
    event.preventDefault();
  } else if (Object.hasOwn(commands, event.key)) {
    commands[event.key]();
    event.preventDefault();
  }
});
document.getElementById("in").addEventListener("click", () => zoom(1.3));
document.getElementById("out").addEventListener("click", () => zoom(1 / 1.3));
document.getElementById("all").addEventListener("click", fit);
document.getElementById("loss").addEventListener("click", () => { loss = next(losses, loss); });
document.getElementById("loss").disabled = !losses.length;
for (const box of drawing.querySelectorAll(".box")) {
  box.setAttribute("tabindex", "0");
  box.setAttribute("role", "button");
  box.setAttribute("aria-label", box.querySelector("title").textContent);
}
drawing.addEventListener("focusin", (event) => {
  if (event.target.matches(":focus-visible")) goTo(event.target);
});
svg.removeAttribute("role");

// page.html#key opens with that box or arrow chosen.
function named() {
  const key = location.hash.slice(1);
  const known = Object.hasOwn(data.boxes, key) || Object.hasOwn(data.arrows, key);
  choose(known ? key : undefined, true);
}
addEventListener("hashchange", named);
fit();
named();
