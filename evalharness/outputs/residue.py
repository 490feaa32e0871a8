"""What a language model says beside its translation, and marks of prompts, tags and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.flags import LLM_REFUSAL, LLM_RESIDUE, MARKUP
from evalharness.outputs.settings import OutputSettings

_REFUSAL = re.compile(
    r"""^\W*(?:
      (?:(?:i['’]?m|i\ am)\ (?:sorry|afraid)|sorry|i\ apologi[sz]e|unfortunately)\b.{0,60}?\b
        (?:i\ (?:can['’]?t|cannot|can\ not|won['’]t)|(?:i['’]?m|i\ am)\ (?:not\ able|unable)\ to)\ (?:\w+\ )?
        (?:assist|help|translate|provide|comply|fulfil|process|complete|generate)
      |i\ (?:can['’]?t|cannot|am\ unable\ to|won['’]t)\ (?:assist|help\ with|translate|comply|fulfil)
      |(?:as|i['’]?m|i\ am)\ (?:just\ )?an?\ (?:ai|artificial\ intelligence|large\ language\ model|language\ model)\b
      |(?:很抱歉|对不起|抱歉|非常抱歉)[，,。]?\s*(?:但?我|作为).{0,20}?(?:无法|不能|没有办法).{0,6}?
        (?:翻译|提供|协助|帮助|完成|回答|满足)
      |我(?:无法|不能)(?:翻译|提供|协助|帮助|完成|满足)(?:您|你|该|这|此)
      |作为(?:一个|一款|一名)?\s*(?:AI|人工智能|大?语言模型)
      |申し訳(?:ありません|ございません).{0,30}?(?:翻訳|お手伝い|対応|提供).{0,10}?(?:できません|いたしかねます)
      |als\ (?:ki|künstliche\ intelligenz|ki-(?:sprach)?modell|sprachmodell)\b
      |(?:es\ )?tut\ mir\ leid,?\ .{0,40}?(?:nicht|kein\w*)\ .{0,40}?(?:übersetzen|helfen|unterstützen)
      |en\ tant\ (?:qu['’]ia|que\ modèle\ de\ langage|qu['’]intelligence)\b
      |como\ (?:modelo\ de\ lengu?aje|una?\ (?:ia|inteligencia\ artificial))\b
      |как\ (?:языковая\ модель|искусственный\ интеллект|ии)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ASSENT = r"(?:sure(?:\ thing)?|certainly|of\ course|absolutely|okay|ok|great|gladly)"
# An assent by itself, which a translation only has where the source assents or exclaims too.
_BARE_ASSENT = re.compile(r"^\W*(?:sure(?: thing)?|certainly|of course|absolutely)!\s+\S", re.IGNORECASE)
_LANGUAGES = "english|chinese|german|french|spanish|japanese|russian|czech|ukrainian"
_TRANSLATION = rf"translations?|translated\ (?:text|version|sentence)|(?:{_LANGUAGES})\ (?:translation|version|text)"
# What opens an answer, before the translation itself: a courtesy, or a line that announces or names it.
_OPENING = re.compile(
    rf"""^\W*(?:
      {_ASSENT}[!,.:]?\s+(?:
        here(?:['’]s|\ is|\ are)\b.{{0,60}}?(?:translat\w+|[:：])
        |(?:i(?:['’]d|\ would)\ be\ (?:happy|glad|pleased)\ to|i(?:['’]ll|\ will|\ can)|let\ me)\ (?:\w+\ )?translat)
      |here(?:['’]s|\ is|\ are)\ (?:the|a|an|my|your)\ .{{0,40}}?(?:{_TRANSLATION})\b
      |(?:the\ )?(?:{_TRANSLATION})\ (?:is|of\ (?:the|this)\ (?:text|sentence|passage)|in(?:to)?\ \w+).{{0,30}}?[:：]
      |(?:the\ )?(?:{_TRANSLATION})\s*[:：]
      |(?:source|target|{_LANGUAGES}|output|answer|response|assistant|user|system|human)\s*:\s+(?=\S)
      |(?:以下|下面|这)(?:是|为).{{0,20}}?(?:翻译|译文|译本)
      |(?:好的|当然(?:可以)?)[，,!！。]\s*(?:以下|下面|这是|这里)
      |(?:译文|翻译|中文翻译|英文翻译|中文译文|英文译文|翻译结果|翻译如下|译文如下)\s*[:：]
      |以下は.{{0,20}}?(?:翻訳|訳)(?:です|文)|(?:翻訳|日本語訳|訳文)\s*[:：]
      |hier\ (?:ist|sind)\ (?:die|der|das|eine|ihre|meine)\ .{{0,40}}?(?:übersetzung|übersetzte\w*)
      |(?:deutsche\ )?übersetzung\s*:
      |voici\ (?:la|une|le|ma|votre)\ .{{0,40}}?traduction|traduction\s*(?:française\s*)?:
      |aquí\ (?:está|tienes?)\ .{{0,40}}?traducción|traducción\s*(?:al\ español\s*)?:
      |вот\ .{{0,30}}?перевод|перевод\s*(?:на\ русский\s*)?:
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# Marks of prompts, chats and vocabularies.
_SPECIAL = re.compile(
    r"""</?(?:think|thinking|reasoning|answer|translation|source|target|s|unk|pad|bos|eos|mask|sep|cls|2\w\w|v|src|tgt)>
      |<\|[^|<>\s]{1,40}\|>|\|(?:im_start|im_end|eot_id|endoftext)\||\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>
      |▁|\[(?:CLS|SEP|PAD|UNK|MASK|BOS|EOS)\]""",
    re.IGNORECASE | re.VERBOSE,
)
# What stands anywhere: reasoning, a remark behind the translation, an offer of more.
_ANYWHERE = re.compile(
    r"""^\s*\#{2,}\s*(?:Instruction|Response|Input|Output|Translation|Human|Assistant|User)\b
      |(?:\n|[.!?”"'’。！？)）]\s+|^|\s(?=[(（\[*]))[(（\[*]*
        (?:Notes?|Translator['’]s?\ note|Explanation|Remark)\s*:\**\s
      |(?:\n|[。！？”」)）]\s*|\s)[(（【\[*]*(?:注|译注|译者注|说明|解释|备注|翻译说明)\s*[:：]
      |\b(?:please\ )?let\ me\ know\ if\ you(?:['’]d\ like|\ would\ like|\ need|\ want|\ have)[ ]
        (?:any|me|further|more|another|a\ different|help)
      |\bi\ hope\ this\ (?:translation\ )?helps\b
      |如果您?(?:还)?(?:有|需要).{0,16}(?:请随时|随时)(?:告诉|告知|联系)我
      |^\W*(?:okay|alright|hmm|well),?\ (?:so\ )?(?:i\ need\ to|the\ user)\b
      |\bthe\ user\ (?:wants|asked|is\ asking|has\ asked|provided)\b
      |\btranslate\ the\ following\b|将(?:以下|下列|下面).{0,16}翻译(?:成|为)""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
# Each match of `_ANYWHERE` has one of these in lower case; one text in fifty has. None has an i, which İ and ı match.
_PARTS_OF_ANYWHERE = (
    *("##", "note", "planat", "remark", "注", "说明", "解释", "let me know ", "hope th"),
    *("如果", "need to", "the user", "late the follow", "翻译"),
)
# A kind of markup, and what in source or reference tells that the text is about it.
_MARKUP: Mapping[str, tuple[re.Pattern[str], str]] = {
    "fence": (re.compile(r"```"), "```"),
    "tag": (re.compile(r"</?(?:[a-z][a-z0-9]{0,9})(?:\s+[a-z-]+\s*=\s*[^<>]{0,200})?\s*/?>", re.IGNORECASE), "<"),
    "entity": (re.compile(r"&(?:nbsp|amp|lt|gt|quot|apos|#\d{2,5}|#x[0-9a-f]{2,5});", re.IGNORECASE), "&"),
    "bold": (re.compile(r"\*\*(?=\S)[^*\n]{1,300}\*\*|(?<!\w)__(?=\S)[^_\n]{1,300}__(?!\w)"), "*"),
    "heading": (re.compile(r"^\s{0,3}#{1,6}\s+\S", re.MULTILINE), "#"),
    "link": (re.compile(r"!?\[[^\]\n]{0,200}\]\((?:https?://|/|#|www\.)[^)\s]*\)"), "]("),
    "latex": (re.compile(r"\\(?:text|mathrm|frac|boxed|begin|textbf)\{|\\\(|\\\["), "\\"),
}
_MARKS = re.compile(r"[<&*_#`\[\\]")


def refusals(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    for position, one in enumerate(examined):
        if _says(_REFUSAL, one):
            yield position, LLM_REFUSAL


def residues(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    for position, one in enumerate(examined):
        if (
            _says(_OPENING, one)
            or (may_say_anywhere(one.text) and _says(_ANYWHERE, one))
            or _says(_SPECIAL, one)
            or _assents(one)
        ):
            yield position, LLM_RESIDUE


def may_say_anywhere(text: str) -> bool:
    """Whether `_ANYWHERE` may match, at a tenth of its cost; where not, it does not."""
    return any(map(text.lower().replace("ſ", "s").__contains__, _PARTS_OF_ANYWHERE))


def markups(examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings) -> Iterator[tuple[int, str]]:
    for position, one in enumerate(examined):
        if not _MARKS.search(one.text):
            continue
        others, text = one.others(), _SPECIAL.sub(" ", one.text)
        for pattern, mark in _MARKUP.values():
            if pattern.search(text) and not any(mark in text for text in others):
                yield position, MARKUP


def _says(pattern: re.Pattern[str], one: Examined) -> bool:
    """Whether a hypothesis has what neither its source nor a reference has. What ends in a colon is a label more than
    the source has: "Note:" also stands for "请注意：", and "A:" for "答：", where no pattern would find it."""
    found = pattern.search(one.text)
    if found is None:
        return False
    others = one.others()
    if found[0].rstrip().rstrip("*").endswith((":", "：")) and _n_colons(one.text) <= max(
        map(_n_colons, others), default=0
    ):
        return False
    return not any(pattern.search(text) for text in others)


def _assents(one: Examined) -> bool:
    return _BARE_ASSENT.search(one.text) is not None and not any(
        _BARE_ASSENT.search(text) or "!" in text or "！" in text for text in one.others()
    )


def _n_colons(text: str) -> int:
    return text.count(":") + text.count("：")
