// The mini-program: log in, join with one tap, look at oneself; and what every call returned.

import { $, clockTime, el, hush, refill, section, toast } from "/phone/dom.js";
import { cardsPanel, consentsPanel } from "/phone/cards.js";
import { accountsOf, openScreen, state, touchScreen } from "/phone/control.js";

const LABELS = { number: "会员号", phone: "手机号", joined_at: "入会时间", nickname: "昵称", level: "等级", points: "积分", status: "状态" };
let isBusy = false;
let ledTo = null;  // the screen whose form was already brought into sight

const screen = () => state.details?.screens.filter((one) => one.account === state.mini).at(-1);
const isClosed = (one) => !one || one.id === state.closedScreen;

export async function openByAppId(appId, path = "") {
  const account = state.world.accounts.find((one) => one.app_id === appId);
  if (!account) return toast("没有这个小程序");
  const [page, query] = path.split("?");
  const given = new URLSearchParams(query ?? "");
  return open(account.name, given.get("scene"), { ticket: given.get("ticket"), page });
}

export async function open(name, scene = null, { ticket = null, page = "" } = {}) {
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
  await touchScreen(opened.id, "cards");
  if (page.startsWith("pages/code/")) await touchScreen(opened.id, "code");
}

async function touch(name, fields) {
  if (isBusy) return;
  isBusy = true;
  hush();  // what was said about the last tap is over
  drawMini();
  const call = await touchScreen(screen().id, name, fields);
  isBusy = false;
  if (call && isBad(call) && !isOfForm(call)) toast(problem(call));
  if (call?.answer?.already_member) toast("您已经是会员");
  if (call?.answer?.consequence) toast(call.answer.consequence);
  if (name === "join" && call?.status < 300) await touchScreen(screen().id, "cards");
  drawMini();
}

const problem = ({ status, answer }) => (status === 0 ? `没有连上服务：${answer}` : answer?.title ?? `服务返回 ${status}`);

const isBad = ({ status }) => status < 200 || status > 299;
const isOfForm = ({ method, path }) => method === "POST" && path === "/me/cards";  // said below the form itself

export function drawMini() {
  const shown = screen();
  if (isClosed(shown)) return $("mini").replaceChildren(closed());
  const member = shown.member;
  const isMember = Boolean(member && (member.number || member.joined_at));
  const last = shown.calls.at(-1);
  const failed = last && isBad(last) ? el("p", { className: "problem", testid: "mini-problem" }, problem(last)) : null;
  const below = failed && isMember && isOfForm(last);
  refill($("mini"), [
    hero(shown, member, isMember),
    panel(
      below ? null : failed,
      isMember ? profile(member) : joining(shown),
    ),
    ...(isMember ? [panel(cardsPanel(shown, touch, below ? failed : null)), panel(consentsPanel(member, touch))] : []),
    el("h4", {}, "接口返回（新的在上）"),
    ...shown.calls.toReversed().map(restCall),
  ]);
  if (shown.ticket && shown.cards && ledTo !== shown.id) {
    ledTo = shown.id;
    $("mini").querySelector("form")?.scrollIntoView({ block: "center" });
  }
}

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

function profile(member) {
  const rows = Object.entries(member)
    .filter(([name, value]) => name in LABELS && value !== null && typeof value !== "object")
    .map(([name, value]) => el("div", { className: "row" }, el("span", {}, LABELS[name]), el("span", { testid: `member-${name}-row` }, readable(name, value))));
  return el("div", {}, rows,
    el("button", { className: "outline", testid: "mini-me", onclick: () => touch("me") }, "刷新"),
    el("button", { className: "outline", testid: "mini-join-again", onclick: () => touch("join", { with_phone: false }) }, "再入会一次"),
    el("button", { className: "outline", testid: "mini-logout", onclick: () => touch("logout") }, "退出登录"));
}

const readable = (name, value) => (name.endsWith("_at") ? new Date(value).toLocaleString("zh-CN", { hour12: false }) : String(value));

function restCall(call) {
  const fine = call.status >= 200 && call.status < 300;
  const made = el("details", { testid: "mini-call" },
    el("summary", {},
      el("span", { className: `badge ${fine ? "good" : "bad"}` }, call.status || "无应答"),
      el("span", { className: "what" }, `${call.method} ${call.path}`),
      el("span", { className: "when" }, clockTime(call.at, true))),
    el("div", { className: "inside" }, call.body ? section("请求", call.body) : [], section("返回", call.answer ?? "")));
  made.dataset.id = `call-${call.number}`;
  return made;
}

export function startMini() {
  $("mini-close").onclick = () => { state.closedScreen = screen()?.id; drawMini(); };
  $("mini-select").onchange = (event) => { state.mini = event.target.value; drawMini(); };
}
