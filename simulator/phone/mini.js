// The mini-program: its pages, and what every call returned. 我的, to log in, join and look at oneself, is here.

import { $, el, hush, refill, toast } from "/phone/dom.js";
import { claimPage, offersPage, walletPage } from "/phone/benefits.js";
import { cardsPanel, consentsPanel } from "/phone/cards.js";
import { checkInPage } from "/phone/checkins.js";
import { accountsOf, openScreen, putAway, state, touchScreen } from "/phone/control.js";
import { counterPage } from "/phone/counter.js";
import { drawsPage } from "/phone/draws.js";
import { membershipPage } from "/phone/membership.js";
import { ordersPage } from "/phone/orders.js";
import { isBad, problem, restCall, said } from "/phone/outcomes.js";
import { promotingPage } from "/phone/promoting.js";

const STANDING = { points: "积分", level: "等级", growth: "成长值", next: "升级", keep: "保级" };
const LABELS = { number: "会员号", phone: "手机号", joined_at: "入会时间", nickname: "昵称", status: "状态" };
const BEHIND_ME = { orders: "我的订单", membership: "付费会员", promoting: "推广" };  // pages that 我的 leads to
let isBusy = false;
let ledTo = null;  // the screen whose form was already brought into sight

const pages = new Map();  // by screen; every phone stays on its own
const pageOf = (one) => pages.get(one?.id) ?? "me";
const FIRST = { offers: "offers", wallet: "wallet", checkins: "check_ins", draws: "draws", orders: "orders", membership: "membership", promoting: "promoting" };  // what a page asks for when it is turned to

const screen = () => state.details?.screens.filter((one) => one.account === state.mini).at(-1);
const isClosed = (one) => !one || one.id === state.closedScreen;
const isMemberOf = ({ member }) => Boolean(member && (member.number || member.joined_at));

export async function openByAppId(appId, path = "") {
  const account = state.world.accounts.find((one) => one.app_id === appId);
  if (!account) return toast("没有这个小程序");
  const [wanted, query] = path.split("?");
  const given = new URLSearchParams(query ?? "");
  const ticket = given.get("ticket");
  // One ticket binds a card, another shows a code: each is for its own page.
  if (wanted.startsWith("pages/claim/")) return open(account.name, given.get("scene"), { shows: ticket });
  return open(account.name, given.get("scene"), { ticket, wanted });
}

export async function open(name, scene = null, { ticket = null, shows = null, wanted = "" } = {}) {
  state.mini = name;
  $("mini-select").value = name;
  document.body.dataset.tab = "mini";
  document.dispatchEvent(new CustomEvent("tab"));
  const opened = await openScreen(name, scene, ticket);
  if (!opened) return;
  state.closedScreen = null;
  const login = await touchScreen(opened.id, "login");
  if (!login?.answer?.member) return;
  await touchScreen(opened.id, "me");
  await touchScreen(opened.id, "cities");
  await touchScreen(opened.id, "standing");
  await touchScreen(opened.id, "cards");
  if (wanted.startsWith("pages/code/")) await touchScreen(opened.id, "code");
  if (wanted.startsWith("pages/prizes/")) await turnTo("draws");
  if (wanted.startsWith("pages/offers/")) await leadTo(opened.id, "offers", "offers");
  if (!shows) return;
  await leadTo(opened.id, "wallet", "wallet");
  await leadTo(opened.id, "wallet", "claim_of_ticket", { ticket: shows });
}

// By its id: what is known of a screen that was just opened comes a moment later.
async function leadTo(id, page, name, fields) {
  pages.set(id, page);
  const call = await touchScreen(id, name, fields);
  if (call && isBad(call)) toast(problem(call));
}

async function touch(name, fields) {
  if (isBusy) return null;
  isBusy = true;
  hush();  // what was said about the last tap is over
  drawMini();
  const call = await touchScreen(screen().id, name, fields);
  isBusy = false;
  if (call && isBad(call) && !isOfForm(call) && pageOf(screen()) !== "counter") toast(problem(call));
  const done = said(name, call);
  if (done) toast(done);
  if (name === "join" && call?.status < 300) {
    await touchScreen(screen().id, "cities");
    await touchScreen(screen().id, "cards");
    await touchScreen(screen().id, "standing");
  }
  drawMini();
  return call;
}

async function turnTo(wanted) {
  pages.set(screen().id, wanted);
  if (screen().opened) await close();
  drawMini();
  if (FIRST[wanted] && screen().is_logged_in) await touch(FIRST[wanted]);
  $("mini").scrollTop = 0;
}

const close = () => putAway(screen().id);

async function closeClaim() {
  await close();
  await touch("wallet");
}

const isOfForm = ({ method, path }) => method === "POST" && path === "/me/cards";  // said below the form itself

export function drawMini() {
  const shown = screen();
  $("mini-tabs").hidden = isClosed(shown);
  if (isClosed(shown)) return $("mini").replaceChildren(closed());
  const page = pageOf(shown);
  for (const tab of $("mini-tabs").children) tab.classList.toggle("on", tab.dataset.page === (page in BEHIND_ME ? "me" : page));
  const focused = document.activeElement;
  refill($("mini"), [
    ...(page === "me" ? mePage(shown) : benefitsPage(shown, page)),
    el("h4", {}, "接口返回（新的在上）"),
    ...shown.calls.toReversed().map(restCall),
  ]);
  if (focused?.isConnected && $("mini").contains(focused)) focused.focus();
  if (page === "me" && shown.ticket && shown.cards && ledTo !== shown.id) {
    ledTo = shown.id;
    $("mini").querySelector("form")?.scrollIntoView({ block: "center" });
  }
}

function benefitsPage(shown, page) {
  if (page === "counter") return counterPage(shown, touch);
  if (!shown.is_logged_in) return [panel(joining(shown))];
  if (page === "checkins") return checkInPage(shown, touch);
  if (page === "draws") return drawsPage({ ...shown, isBusy }, touch);
  if (page === "orders") return ordersPage(shown, touch, () => turnTo("me"));
  if (page === "membership") return membershipPage(shown, touch, () => turnTo("me"));
  if (page === "promoting") return promotingPage(shown, touch, () => turnTo("me"));
  if (page === "offers") return offersPage(shown, touch);
  return shown.opened ? claimPage(shown, touch, closeClaim) : walletPage(shown, touch, drawMini);
}

function mePage(shown) {
  const { member } = shown;
  const isMember = isMemberOf(shown);
  const last = shown.calls.at(-1);
  const failed = last && isBad(last) ? el("p", { className: "problem", testid: "mini-problem" }, problem(last)) : null;
  const below = failed && isMember && isOfForm(last);
  return [
    hero(shown, member, isMember),
    ...(isMember ? [panel(doors())] : []),
    panel(
      below ? null : failed,
      isMember ? profile(member, [...city(shown), ...standing(shown.standing)]) : joining(shown),
    ),
    ...(isMember ? [panel(cardsPanel(shown, touch, below ? failed : null)), panel(consentsPanel(member, touch))] : []),
  ];
}

const doors = () => el("div", { className: "buttons" }, Object.entries(BEHIND_ME).map(([page, words]) =>
  el("button", { className: "outline", testid: `to-${page}`, onclick: () => turnTo(page) }, words)));

const panel = (...children) => el("div", { className: "panel" }, ...children);

function closed() {
  const hasAny = accountsOf("mp").length > 0;
  const button = el("button", { className: "green", testid: "mini-open", onclick: () => open(state.mini) }, "打开小程序");
  return el("div", { className: "empty" }, el("p", {}, "从菜单、链接、小程序码进入，或者直接打开。"), hasAny ? button : null);
}

function hero(shown, member, isMember) {
  const number = isMember ? el("p", { className: "number", testid: "member-number" }, member.number ?? "会员") : null;
  const words = isMember ? "公众号、小程序和门店都认得您" : shown.is_logged_in ? "还不是会员" : "还没有登录";
  const scene = shown.scene ? el("p", { testid: "mini-scene" }, `来自场景 ${shown.scene}`) : null;
  return el("div", { className: "hero" }, el("h2", {}, isMember ? "我的" : "会员中心"), el("p", { testid: "mini-state" }, words), number, scene);
}

function joining(shown) {
  if (!shown.is_logged_in) return el("button", { className: "green", testid: "mini-login", onclick: () => touch("login") }, "重新登录");
  const tap = (withPhone) => () => touch("join", { with_phone: withPhone });
  return el("div", {},
    el("button", { className: "green", testid: "join-phone", disabled: isBusy, onclick: tap(true) }, "手机号一键入会"),
    el("button", { className: "outline", testid: "join-no-phone", disabled: isBusy, onclick: tap(false) }, "不留手机号，直接入会"),
    el("p", { className: "fine" }, "点击即同意《会员协议》和《隐私政策》。"));
}

function city({ member, cities }) {
  if (!cities?.length) return [];
  const lives = member.organization?.id ?? "";
  const named = ({ name, parent }) => (parent ? `${parent.name} ${name}` : name);
  const options = [el("option", { value: "", selected: !lives }, "不限城市"),
    ...cities.map((one) => el("option", { value: one.id, selected: one.id === lives }, named(one)))];
  const choose = (event) => touch("choose_city", { city: event.target.value || null });
  return [el("div", { className: "row" }, el("span", {}, "城市"), el("select", { testid: "city", disabled: isBusy, onchange: choose }, options))];
}

function standing(seen) {
  if (!seen) return [];
  const { name, growth, next, keep } = seen.level;
  const day = (end) => new Date(Date.parse(end) - 1).toLocaleDateString("zh-CN", { timeZone: "Asia/Shanghai" });
  const said = {
    points: seen.points,
    level: name || "还没有",
    growth,
    next: next ? `再得${next.missing}为${next.name}` : null,
    keep: keep ? (keep.missing ? `${day(keep.judged_at)}前还差${keep.missing}` : `已达到，到${day(keep.judged_at)}`) : null,
  };
  return Object.entries(said)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => el("div", { className: "row" }, el("span", {}, STANDING[key]), el("span", { testid: `standing-${key}` }, String(value))));
}

function profile(member, rowsBelow) {
  const rows = Object.entries(member)
    .filter(([name, value]) => name in LABELS && value !== null && typeof value !== "object")
    .map(([name, value]) => el("div", { className: "row" }, el("span", {}, LABELS[name]), el("span", { testid: `member-${name}-row` }, readable(name, value))));
  return el("div", {}, rows, rowsBelow,
    el("button", { className: "outline", testid: "mini-me", onclick: async () => { await touch("me"); await touch("cities"); await touch("standing"); } }, "刷新"),
    el("button", { className: "outline", testid: "mini-join-again", onclick: () => touch("join", { with_phone: false }) }, "再入会一次"),
    el("button", { className: "outline", testid: "mini-logout", onclick: () => touch("logout") }, "退出登录"));
}

const readable = (name, value) => (name.endsWith("_at") ? new Date(value).toLocaleString("zh-CN", { hour12: false }) : String(value));

export function startMini() {
  $("mini-close").onclick = () => { state.closedScreen = screen()?.id; drawMini(); };
  for (const tab of $("mini-tabs").children) tab.onclick = () => turnTo(tab.dataset.page);
  $("mini-select").onchange = (event) => { state.mini = event.target.value; drawMini(); };
}
