// The page: who is chosen, which pane is shown, and what to fetch when something changed.

import { $, clockTime, el, ownLetter, paintAvatar } from "/phone/dom.js";
import { accountsOf, ask, personLine, state } from "/phone/control.js";
import { drawChat, refreshChat, startChat } from "/phone/chat.js";
import { startMenu } from "/phone/menu.js";
import { drawMini, startMini } from "/phone/mini.js";
import { refreshCalls, refreshPushes } from "/phone/pushes.js";
import { showNewPerson, showPerson, showScan } from "/phone/sheets.js";
import { drawSwitches } from "/phone/switches.js";

const VIEWS = ["pushes", "calls", "switches"];

async function refreshWorld() {
  const world = await ask("GET", "/state");
  if (!world) return;
  state.world = world;
  if (!personLine()) state.person = remembered() ?? world.people[0]?.id ?? null;
  state.account ??= accountsOf("oa")[0]?.name;
  state.mini ??= accountsOf("mp")[0]?.name;
  fill($("person-select"), world.people.map(({ id, name, phone }) => [id, phone ? `${name} ${phone}` : name]), state.person);
  fill($("account-select"), accountsOf("oa").map(({ name, title }) => [name, title]), state.account);
  fill($("mini-select"), accountsOf("mp").map(({ name, title }) => [name, title]), state.mini);
  $("clock").textContent = clockTime(world.now);
  drawSwitches();
  if (!personLine()) return;
  paintAvatar($("who-avatar"), personLine().name, ownLetter(personLine().name));
  drawChat();
}

const remembered = () => state.world.people.find(({ id }) => `#${id}` === location.hash)?.id;

function fill(select, options, chosen) {
  const wanted = JSON.stringify(options);
  if (select.dataset.drawn !== wanted) select.replaceChildren(...options.map(([value, label]) => el("option", { value }, label)));
  select.dataset.drawn = wanted;
  select.value = chosen;
}

async function refreshScreens() {
  if (!state.person) return;
  state.details = await ask("GET", `/people/${state.person}`);
  drawMini();
}

async function choose(person) {
  state.person = person;
  location.hash = person;
  await refreshWorld();
  await Promise.all([refreshChat(), refreshScreens()]);
}

const REFRESHERS = {
  people: refreshWorld,
  menu: refreshWorld,
  switches: refreshWorld,
  chat: () => state.person && refreshChat(),
  mini_program: refreshScreens,
  pushes: refreshPushes,
  calls: refreshCalls,
};
const due = new Set();
let timer = null;

// Many notices of one gesture lead to one refresh.
function changed(topic) {
  if (topic in REFRESHERS) due.add(REFRESHERS[topic]);
  timer ??= setTimeout(async () => {
    timer = null;
    const now = [...due];
    due.clear();
    for (const refresh of now) await refresh();
  }, 40);
}

function showView(wanted) {
  for (const view of VIEWS) $(view).hidden = view !== wanted;
  for (const button of document.querySelectorAll("[data-view]")) button.classList.toggle("on", button.dataset.view === wanted);
}

function showTab() {
  for (const button of document.querySelectorAll(".tabs button")) button.classList.toggle("on", button.dataset.tab === document.body.dataset.tab);
  $("chat").scrollTop = $("chat").scrollHeight;  // a hidden pane has no height to scroll
}

function start() {
  startChat();
  startMenu();
  startMini();
  $("person-select").onchange = (event) => choose(event.target.value);
  $("who-avatar").onclick = showPerson;
  $("person-new").onclick = () => showNewPerson(choose);
  $("account-select").onchange = (event) => { state.account = event.target.value; refreshChat(); };
  $("scan").onclick = showScan;
  document.addEventListener("chosen", () => { $("account-select").value = state.account; refreshChat(); });
  document.addEventListener("tab", showTab);
  for (const button of document.querySelectorAll("[data-view]")) button.onclick = () => showView(button.dataset.view);
  for (const button of document.querySelectorAll(".tabs button")) {
    button.onclick = () => { document.body.dataset.tab = button.dataset.tab; showTab(); };
  }
  showView("pushes");
  showTab();
  const events = new EventSource("/control/events");
  events.onopen = () => { document.body.classList.remove("cut-off"); Object.keys(REFRESHERS).forEach(changed); };
  events.onerror = () => { document.body.classList.add("cut-off"); $("clock").textContent = "模拟器已停止"; };
  events.onmessage = ({ data }) => changed(JSON.parse(data).topic);
  setInterval(() => { if (!document.hidden) changed("people"); }, 30000);
}

start();
