"use strict";

// Everything that is shown goes through textContent: names come from whoever
// registered, and are never markup.
const $ = (id) => document.getElementById(id);
let token = "";
let view = "applications";
let next = "";
let asked = 0; // answers to older questions are dropped

const views = {
  applications: {
    path: "applications", head: ["Application", "Instances", "Serving", "States"],
    row: (a) => [a.application, a.instances, a.serving, states(a.states)],
    open: (a) => { $("application").value = a.application; $("server").value = ""; show("instances"); },
  },
  instances: {
    path: "instances", filtered: true, head: ["Server", "Node", "State", "Flow", "Lease", "Set", "Endpoints"],
    row: (i) => [i.application + "." + i.server, i.node, i.serving ? "active" : i.presentState || i.missing || "inactive",
      i.flow, i.lease ? i.lease.state : "none", i.set || "", i.adapters.map((a) => a.endpoint).join("\n")],
    off: (i) => !i.serving,
  },
  objects: { path: "objects", head: ["Object"], row: (name) => [name], prefix: true },
  events: {
    path: "events", filtered: true, head: ["Time", "Instance", "Kind", "State", "Reason", "By"],
    row: (e) => [e.time.replace("T", " ").slice(0, 19), e.application + "." + e.server + "@" + e.node, e.kind, e.state || "", e.reason || "", e.actor || ""],
  },
  registries: { path: "registries", head: ["Locator", "Servant", "Endpoint", "State", "Version"], row: (r) => [r.locator, r.servant, r.endpoint, r.state, r.version], off: (r) => r.state !== "active" },
};

function states(counts) {
  return Object.entries(counts).filter(([, n]) => n > 0).map(([state, n]) => n + " " + state).join(", ");
}

async function ask(path, query) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  const response = await fetch("api/v1/" + path + (query ? "?" + query : ""), { headers, cache: "no-store", credentials: "omit" });
  const body = await response.json();
  if (response.ok) return body;
  if (response.status === 401) $("access").hidden = false;
  throw new Error(body.detail || response.statusText);
}

function trouble(text, degraded) {
  $("trouble").textContent = text;
  $("trouble").hidden = text === "";
  $("trouble").className = degraded ? "degraded" : "";
}

function cells(parent, tag, texts) {
  const row = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement(tag);
    cell.textContent = String(text);
    row.append(cell);
  }
  parent.append(row);
  return row;
}

function queryOf(v) {
  const query = new URLSearchParams({ limit: "200" });
  if (v.filtered) {
    for (const name of ["application", "server"]) {
      if ($(name).value) query.set(name, $(name).value);
    }
  }
  if (v.prefix && $("application").value) query.set("prefix", $("application").value + ".");
  if (next) query.set("after", next);
  return query;
}

async function load(more) {
  const v = views[view];
  const mine = ++asked;
  if (!more) next = "";
  try {
    const status = await ask("status");
    const page = await ask(v.path, queryOf(v));
    const protection = await ask("protection");
    if (mine !== asked) return;
    $("access").hidden = true;
    $("status").textContent = status.state + ", " + status.instances + " instances, version " + status.version + ", " + status.database;
    const warnings = [status.reason, protection.on ? "protection is on: " + protection.reason : ""].filter(Boolean);
    trouble(warnings.join("; "), true);
    if (!more) {
      $("head").replaceChildren();
      $("rows").replaceChildren();
      cells($("head"), "th", v.head);
    }
    for (const item of page.items) {
      const row = cells($("rows"), "td", v.row(item));
      if (v.off && v.off(item)) row.className = "off";
      if (v.open) row.addEventListener("click", () => v.open(item));
    }
    next = page.next || "";
    $("more").hidden = !next;
    $("count").textContent = $("rows").childElementCount + (page.total === undefined ? "" : " of " + page.total);
  } catch (error) {
    if (mine === asked) trouble(error.message, false);
  }
}

function show(name) {
  view = name;
  for (const button of document.querySelectorAll("button[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }
  load(false);
}

for (const button of document.querySelectorAll("button[data-view]")) {
  button.addEventListener("click", () => show(button.dataset.view));
}
for (const id of ["application", "server"]) $(id).addEventListener("change", () => load(false));
$("refresh").addEventListener("click", () => load(false));
$("more").addEventListener("click", () => load(true));
$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value;
  $("token").value = "";
  load(false);
});
show(view);
