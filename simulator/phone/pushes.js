// Every push with its deliveries, and every call of our server to the platform.

import { $, clockTime, el, refill, section, toast } from "/phone/dom.js";
import { ask } from "/phone/control.js";

const REPLIES = { news: "图文", image: "图片", voice: "语音", video: "视频", music: "音乐", transfer_customer_service: "转人工" };
const SHOWN = 8;

export async function refreshPushes() {
  const answer = await ask("GET", "/pushes");
  if (!answer) return;
  const drawn = answer.items.map(drawPush);
  refill($("pushes"), drawn.length ? drawn : [el("p", { className: "nothing" }, "还没有推送")]);
}

function drawPush(push) {
  const { fields } = push;
  const what = fields.MsgType === "event" ? `${fields.Event} ${fields.EventKey ?? ""}` : `${fields.MsgType} ${fields.Content ?? ""}`;
  const made = el("details", { testid: "push" },
    el("summary", {}, el("span", { className: "when" }, clockTime(fields.CreateTime, true)), el("span", { className: "what" }, `${push.person ?? push.account} ${what}`), verdict(push)),
    el("div", { className: "inside" },
      push.replay_of ? el("p", {}, `重放 ${push.replay_of}`) : null,
      section("查询参数", Object.entries(push.query).map(([name, value]) => `${name}=${value}`).join("\n")),
      section("正文", push.body),
      push.query.encrypt_type ? section("正文（解密后）", fields) : [],
      push.deliveries.map(drawDelivery),
      el("div", { className: "rowed" }, el("button", { testid: "push-replay", onclick: () => replay(push.id) }, "原样重放"))));
  made.dataset.id = push.id;
  return made;
}

function verdict(push) {
  if (push.is_fault_shown) return el("span", { className: "badge bad" }, "故障提示");
  if (!push.deliveries.length) return el("span", { className: "badge" }, "投递中");
  if (!push.is_taken) return el("span", { className: "badge bad" }, "未被接收");
  const times = push.deliveries.length;
  if (times > 1) return el("span", { className: "badge odd" }, `${times} 次投递`);
  const words = [...(push.text || REPLIES[push.reply] || push.reply || "静默")];
  return el("span", { className: "badge good" }, words.length > SHOWN ? `${words.slice(0, SHOWN).join("")}…` : words.join(""));
}

function drawDelivery(one) {
  const name = one.is_duplicate ? `重复投递 ${one.attempt}` : `第 ${one.attempt} 次投递`;
  const title = `${name}：${one.status ?? "无应答"}，${one.elapsed_ms} 毫秒，${one.is_taken ? "接收" : "不接收"}（${one.reason}）`;
  const nodes = section(title, one.body);
  nodes[0].dataset.testid = "delivery";
  return [nodes, one.opened ? section("应答（解密后）", one.opened) : []].flat();
}

async function replay(id) {
  const push = await ask("POST", `/pushes/${id}/replay`);
  if (push) toast(`重放的应答：${push.deliveries[0]?.status ?? "无"}`);
}

export async function refreshCalls() {
  const answer = await ask("GET", "/calls");
  if (!answer) return;
  const counts = Object.entries(answer.counts).map(([path, count]) => el("span", { className: "badge" }, `${path} ${count}`));
  const drawn = answer.items.map(drawCall);
  refill($("calls"), [el("p", { className: "counts" }, counts), ...(drawn.length ? drawn : [el("p", { className: "nothing" }, "服务还没有调用过平台接口")])]);
}

function drawCall(call) {
  const errcode = call.answer.errcode ?? 0;
  const fine = call.status === 200 && errcode === 0;
  const made = el("details", { testid: "api-call" },
    el("summary", {},
      el("span", { className: "when" }, clockTime(call.at, true)),
      el("span", { className: "what" }, `${call.method} ${call.path}`),
      el("span", { className: `badge ${fine ? "good" : "bad"}` }, call.status === 200 ? errcode : call.status)),
    el("div", { className: "inside" }, Object.keys(call.body).length ? section("请求", call.body) : [], section("返回", call.answer)));
  made.dataset.id = `${call.at}-${call.path}`;
  return made;
}
