// The words of a message: plain text, and the kinds of links WeChat knows.

import { ask } from "/phone/control.js";
import { el } from "/phone/dom.js";

const OURS = "https://wxaurl.cn/";  // a link that the platform made opens the mini-program itself

const LINK = /<a\s+([^>]*)>([\s\S]*?)<\/a>/gi;
const ATTRIBUTE = /([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const BARE = /https?:\/\/[^\s<>"'，。；！？）】]+/g;

// Returns nodes; anything that is not one of those links stays the text it is.
export function words(text, openMiniProgram) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    nodes.push(...bareLinks(text.slice(from, match.index)));
    nodes.push(link(match, openMiniProgram));
    from = match.index + match[0].length;
  }
  nodes.push(...bareLinks(text.slice(from)));
  return nodes;
}

function link([whole, raw, label], openMiniProgram) {
  const found = {};
  for (const [, name, double, single] of raw.matchAll(ATTRIBUTE)) found[name.toLowerCase()] = double ?? single;
  const appId = found["data-miniprogram-appid"];
  if (appId) {
    const onclick = () => openMiniProgram(appId, found["data-miniprogram-path"] ?? "");
    return el("button", { type: "button", className: "link", testid: "mini-program-link", onclick }, label);
  }
  if (found.href?.startsWith(OURS)) {
    const onclick = async () => {
      const leads = await ask("GET", `/links/${encodeURIComponent(found.href.slice(OURS.length))}`);
      if (leads) openMiniProgram(leads.app_id, leads.path);
    };
    return el("button", { type: "button", className: "link", testid: "mini-program-link", onclick }, label);
  }
  return safeLink(found.href, label, "chat-link") ?? whole;
}

// Only the web: anything else (javascript:, data:, weixin:) is not a link here.
export function safeLink(href, label, testid) {
  if (!/^https?:\/\//i.test(href ?? "")) return null;
  return el("a", { href, target: "_blank", rel: "noopener noreferrer", testid }, label);
}

function bareLinks(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(BARE)) {
    nodes.push(text.slice(from, match.index), safeLink(match[0], match[0], "chat-link"));
    from = match.index + match[0].length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}
