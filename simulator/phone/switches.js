// Switches: what goes wrong with pushes, with interfaces, with tokens, and what time it is.

import { $, el, toast } from "/phone/dom.js";
import { ask, state } from "/phone/control.js";

const TICKS = {
  wrong_signature: "签名错误",
  wrong_app_id: "AppID 不符",
  old_aes_key: "旧密钥加密",
  truncated: "正文截断",
  same_second: "与上一条同秒",
  parallel: "重复时并发",
};
const NUMBERS = {
  duplicates: "重复推送（次）",
  lost_answers: "丢弃应答（次）",
  delay: "延迟（秒）",
  stale_seconds: "时间戳过旧（秒）",
};
const SUPPLIER_TICKS = {
  fails: "明确失败", loses: "订单丢失", is_garbage: "答非所问", is_silent: "不回调", wrong_signature: "签名错误",
};
const SUPPLIER_NUMBERS = { hangs: "做完了，晚答（秒）", late: "晚回调（秒）", duplicates: "重复回调（次）" };
const KINDS = { fail: "返回错误码", http_status: "返回 HTTP 状态", hang: "不处理，晚答（秒）", hang_after_doing: "处理了，晚答（秒）" };
const ENDPOINTS = [
  "*", "/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/user/info", "/cgi-bin/menu/create",
  "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send", "/cgi-bin/qrcode/create",
  "/sns/jscode2session", "/wxa/business/getuserphonenumber", "/wxa/getwxacodeunlimit",
];
const JUMPS = { "5 分钟": 300, "2 小时": 7200, "48 小时": 172800 };

export function drawSwitches() {
  if (!$("switches").childElementCount) $("switches").append(pushSwitches(), faultSwitches(), supplierSwitches(), otherSwitches());
  const { tampering, faults, conduct } = state.world;
  const wanted = JSON.stringify(tampering);
  if ($("switches").dataset.drawn !== wanted) showTampering();  // what is being typed stays
  $("switches").dataset.drawn = wanted;
  const ordered = JSON.stringify(conduct);
  if ($("switches").dataset.conduct !== ordered) showConduct();
  $("switches").dataset.conduct = ordered;
  const isOn = isTampering(tampering) || faults.length > 0 || Object.values(conduct).some(Boolean);
  for (const button of document.querySelectorAll("[data-view=switches], [data-tab=bench]")) button.classList.toggle("warned", isOn);
  $("faults").replaceChildren(...faults.map(({ endpoint, kind, amount, times }) =>
    el("span", { className: "badge odd", testid: "fault" }, `${endpoint} ${KINDS[kind]} ${amount}，${times ? `还有 ${times} 次` : "一直"}`)));
}

const isTampering = (tampering) => [...Object.keys(TICKS), ...Object.keys(NUMBERS)].some((name) => tampering[name]);

function showTampering() {
  const { tampering } = state.world;
  for (const name of Object.keys(TICKS)) $(`switch-${name}`).checked = tampering[name];
  for (const name of Object.keys(NUMBERS)) $(`switch-${name}`).value = tampering[name];
}

function pushSwitches() {
  const ticks = Object.entries(TICKS).map(([name, label]) =>
    el("label", { className: "tick" }, el("input", { type: "checkbox", id: `switch-${name}`, testid: `switch-${name}` }), label));
  const numbers = Object.entries(NUMBERS).map(([name, label]) =>
    field(label, el("input", { type: "number", min: "0", step: name === "delay" ? "0.1" : "1", value: "0", id: `switch-${name}`, testid: `switch-${name}` })));
  return group("推送", el("div", { className: "grid" }, ticks, numbers), el("div", { className: "rowed" },
    el("button", { className: "green", testid: "tamper-once", onclick: () => tamper(1) }, "只对下一条"),
    el("button", { testid: "tamper-always", onclick: () => tamper() }, "一直")));
}

async function tamper(times) {
  const wanted = times ? { times } : {};
  for (const name of Object.keys(TICKS)) wanted[name] = $(`switch-${name}`).checked;
  for (const name of Object.keys(NUMBERS)) wanted[name] = Number($(`switch-${name}`).value);
  if (!await ask("PUT", "/tampering", wanted)) return;
  if (times) showTampering();  // the board tells what holds until changed
  toast(!isTampering(wanted) ? "推送照常" : times ? "下一条推送生效" : "以后的推送都生效");
}

function faultSwitches() {
  const endpoint = el("select", { id: "fault-endpoint", testid: "fault-endpoint" }, ENDPOINTS.map((path) => el("option", { value: path }, path === "*" ? "所有接口" : path)));
  const kind = el("select", { id: "fault-kind", testid: "fault-kind" }, Object.entries(KINDS).map(([value, label]) => el("option", { value }, label)));
  const amount = el("input", { type: "number", step: "any", value: "-1", testid: "fault-amount" });
  const times = el("input", { type: "number", min: "0", value: "1", testid: "fault-times" });
  const add = async () => {
    const wanted = { endpoint: endpoint.value, kind: kind.value, amount: Number(amount.value) };
    if (Number(times.value) > 0) wanted.times = Number(times.value);
    if (await ask("POST", "/faults", wanted)) toast("接口故障已设置");
  };
  return group("平台接口",
    el("div", { className: "grid" }, field("接口", endpoint), field("怎样出错", kind), field("错误码 / 状态 / 秒", amount), field("次数（0 为一直）", times)),
    el("div", { className: "rowed" }, el("button", { className: "green", testid: "fault-add", onclick: add }, "设置")),
    el("div", { className: "rowed", id: "faults" }));
}

function showConduct() {
  const { conduct } = state.world;
  for (const name of Object.keys(SUPPLIER_TICKS)) $(`supplier-${name}`).checked = conduct[name];
  for (const name of Object.keys(SUPPLIER_NUMBERS)) $(`supplier-${name}`).value = conduct[name];
}

function supplierSwitches() {
  const ticks = Object.entries(SUPPLIER_TICKS).map(([name, label]) =>
    el("label", { className: "tick" }, el("input", { type: "checkbox", id: `supplier-${name}`, testid: `supplier-${name}` }), label));
  const numbers = Object.entries(SUPPLIER_NUMBERS).map(([name, label]) =>
    field(label, el("input", { type: "number", min: "0", step: name === "duplicates" ? "1" : "0.5", value: "0", id: `supplier-${name}`, testid: `supplier-${name}` })));
  return group("充值供应商", el("div", { className: "grid" }, ticks, numbers), el("div", { className: "rowed" },
    el("button", { className: "green", testid: "supplier-once", onclick: () => order(1) }, "只对下一单"),
    el("button", { testid: "supplier-always", onclick: () => order() }, "一直")));
}

async function order(times) {
  const wanted = times ? { times } : {};
  for (const name of Object.keys(SUPPLIER_TICKS)) wanted[name] = $(`supplier-${name}`).checked;
  for (const name of Object.keys(SUPPLIER_NUMBERS)) wanted[name] = Number($(`supplier-${name}`).value);
  if (!await ask("PUT", "/supplier", wanted)) return;
  if (times) showConduct();
  toast(times ? "下一单生效" : "以后的订单都生效");
}

function otherSwitches() {
  const kill = (how) => async () => { if (await ask("POST", "/tokens", { how })) toast("凭据已作废"); };
  const jump = (seconds) => async () => { if (await ask("POST", "/clock", { seconds })) toast("时间已前进"); };
  const behave = async () => { if (await ask("DELETE", "/switches")) toast("一切恢复正常"); };
  return group("其他", el("div", { className: "rowed" },
    el("button", { testid: "tokens-expire", onclick: kill("expire") }, "access_token 全部过期"),
    el("button", { testid: "tokens-revoke", onclick: kill("revoke") }, "access_token 全部失效"),
    Object.entries(JUMPS).map(([label, seconds]) => el("button", { testid: `clock-${seconds}`, onclick: jump(seconds) }, `时间前进 ${label}`)),
    el("button", { className: "green", testid: "behave", onclick: behave }, "全部恢复正常")));
}

const field = (label, input) => el("label", { className: "field" }, label, input);
const group = (title, ...children) => el("fieldset", {}, el("legend", {}, title), ...children);
