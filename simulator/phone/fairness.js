// What anybody may check of a draw: promises from before the first spin, seeds once their day is over, and the log.

import { el } from "/phone/dom.js";
import { keptAs, moment } from "/phone/amounts.js";

const KINDS = { open: "当天开始", stock: "库存变化", rules: "规则变化" };

export function fairnessPage({ opened, fairness, log, receipts }, touch) {
  const draw = opened.summary.id;
  const own = receipts[draw] ?? [];
  const key = fairness.public_keys.at(-1)?.public_key ?? "";
  return [
    el("button", { className: "back", testid: "fairness-close", onclick: () => touch("draw", { draw }) }, `‹ ${opened.summary.title}`),
    el("div", { className: "panel", testid: "fairness" },
      el("h3", {}, "每天的种子"),
      el("p", { className: "fine" }, "每天第一次抽奖之前公布种子的指纹，当天结束后公布种子和全部记录。"),
      fairness.days.map((day) => dayRow(draw, day, log, touch))),
    el("div", { className: "panel" },
      el("h3", {}, `${fairness.day} 的承诺`),
      fairness.commitments.map((one) => el("div", { className: "row", testid: "commitment" },
        el("span", {}, `${one.number} ${KINDS[one.kind] ?? one.kind}`), el("span", { className: "hash" }, one.hash)))),
    el("div", { className: "panel" },
      el("h3", {}, "自己核对"),
      el("p", { className: "fine" }, "下载公布的记录和您的回执，用 docs/fairness/verify_draw.py 核对，只需要 Python："),
      el("pre", { testid: "verify-command" }, `python3 verify_draw.py draw-日期.jsonl --receipts receipts.jsonl --key=${key}`),
      own.length ? file(`receipts ${draw} ${own.length}`, "receipts.jsonl", own.map((one) => `${JSON.stringify(one)}\n`).join(""), `下载我的回执（${own.length}张）`, "receipts") : el("p", { className: "fine" }, "您抽过之后，这里有每次的回执。")),
  ];
}

function dayRow(draw, day, log, touch) {
  const isOver = Boolean(day.revealed_at);
  const fetched = log?.day === day.day ? file(`log ${draw} ${day.day}`, `draw-${day.day}.jsonl`, log.text, "保存", "log-save") : null;
  return el("div", { className: "seed", testid: "seed-day" },
    el("b", {}, day.day), el("small", {}, `指纹公布于 ${moment(day.committed_at)}`),
    el("p", { className: "hash" }, day.seed_hash),
    isOver ? el("p", { className: "hash", testid: "seed" }, `种子 ${day.seed}`) : el("small", {}, "种子在当天结束后公布"),
    isOver ? el("button", { className: "link", testid: "log-fetch", onclick: () => touch("log", { draw, day: day.day }) }, "下载当天记录") : null, fetched);
}

// A file made of what was fetched; the page itself has no token to fetch it with.
function file(name, download, text, words, testid) {
  const href = keptAs(name, () => URL.createObjectURL(new Blob([text], { type: "application/jsonl" })));
  return el("a", { className: "link", testid, href, download }, words);
}
