"""What people type, made comparable: one spelling for the many ways to type the same command.

Full-width forms and compatibility characters become plain ones (Unicode NFKC), the traditional characters of our
command words become simplified, runs of white space become one space, and punctuation, symbols and emoji around the
words fall away. A conversion library would carry tens of thousands of phrases to match a few dozen commands, so the
table below holds only characters that occur in commands.
"""

import re
import unicodedata

# Pairs, traditional then simplified. Where the simplified form unites several, each traditional form has its own pair.
_PAIRS = (
    "權权 會会 員员 碼码 綁绑 領领 積积 簽签 籤签 獎奖 單单 選选 項项 時时 搶抢 購购 確确 認认 銷销 幫帮 訂订 優优 "
    "門门 級级 餘余 額额 話话 費费 發发 換换 開开 關关 禮礼 賬账 帳账 號号 轉转 詢询 記记 錄录 兌兑 紅红 點点 數数 "
    "動动 態态 設设 個个 聯联 絡络 電电 機机 請请 謝谢 對对 錯错 參参 與与 規规 則则 協协 議议 隱隐 說说 實实 "
    "驗验 證证 務务 續续 團团 郵邮 兒儿 親亲 車车 寵宠 備备 內内 進进 過过 還还 這这 樣样 麼么 嗎吗 問问 題题 "
    "顧顾 廣广 東东 運运 營营 廳厅 業业 辦办 歷历 價价 錢钱 滿满 減减 現现 傭佣 產产 線线 貨货 買买 賣卖 終终 "
    "結结 斷断 屬属 檔档 標标 獲获 邊边 戶户 語语 訊讯 網网 當当 後后 週周 歲岁 樂乐 們们 輸输 給给 據据 倉仓"
)
_TO_SIMPLIFIED = {ord(pair[0]): pair[1] for pair in _PAIRS.split()}

_PLAIN_WORDS = re.compile(r"[0-9A-Za-z\u4e00-\u9fff]+")
_AROUND_WORDS = frozenset("PSZC")  # punctuation, symbols, separators, control and format characters
_EMOJI_PARTS = frozenset("\ufe0e\ufe0f\u20e3\u3099\u309a")  # marks that only ever colour the sign before them


def normalise(text: str) -> str:
    """The text as commands are compared with it; empty when it holds no word at all. Letters keep their case."""
    if not _PLAIN_WORDS.fullmatch(text):
        text = " ".join(unicodedata.normalize("NFKC", text).split())
        start, end = 0, len(text)
        while start < end and _is_around(text[start]):
            start += 1
        while end > start and _is_around(text[end - 1]):
            end -= 1
        text = text[start:end]
    return text.translate(_TO_SIMPLIFIED)


def _is_around(sign: str) -> bool:
    return sign in _EMOJI_PARTS or unicodedata.category(sign)[0] in _AROUND_WORDS
