"""What a language model says beside its translation, and marks of prompts, tags and Markdown.

Each of these may also be a translation: a letter says "please let me know if you have any questions". What in a source
or a reference excuses it stands beside what is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.flags import LLM_REFUSAL, LLM_RESIDUE, MARKUP
from evalharness.outputs.settings import OutputSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Saying:
    """`said` by a language model, unless a source or reference says it too or has what `excuse` finds. A label that is
    `is_placed` is excused by a colon at about the same place, since no list has all that stands before one."""

    said: re.Pattern[str]
    excuse: re.Pattern[str]
    is_placed: bool = False


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.VERBOSE | re.DOTALL)


_ABOUT_TRANSLATION = r"""translat|version|翻译|翻譯|译|譯|訳|版|übersetz|tradu[czt]|tradui|перев[оеё]д|перекла|překl
    |tłumacz|번역|ترجم|अनुवाद"""
_ABOUT_AI = (
    r"\bai\b|artificial\ intelligence|language\ model|人工智能|人工知能|大?语言模型|\bki\b|\bии\b|\bia\b|인공지능"
)
_SELF = r"""\b(?:i|me|my|we|us|our|ich|wir|mir|mich|uns|je|j|nous|yo|puedo|eu|posso|io|я|мы|мне|нам|могу|мені|можу|já|ja
    |nemohu|nemůžu|mogę)\b|我|咱|俺|私|僕|ません|저|제가|나는|내가|우리|أنا|أستطيع|يمكنني|मैं|मुझ|हम"""
_NOT = r"""n['’]t\b|\b(?:not?|cannot|never|unable|nothing|nicht|kein\w*|nie|pas|non|nunca|não|не|ні|нет|nem\w+|není
    |nie)\b|不|没|沒|无|無|未|别|ない|ません|않|못|없|لا|لم|لن|नहीं"""
# Who speaks of what they cannot do, and of translating.
_DECLINES = rf"^(?=.*?(?:{_SELF}))(?=.*?(?:{_NOT}))"
_CAN_NOT = r"""i(?:\ (?:can['’]?t|cannot|can\ not|could\ not|couldn['’]t|won['’]t|will\ not)
    |(?:['’]?m|\ am)\ (?:not\ able|unable)\ to|(?:['’]?m|\ am)\ not\ comfortable
    |\ do(?:n['’]t|\ not)\ feel\ comfortable)"""

# Declines to translate, whatever comes before, and to do something.
_REFUSALS = (
    _Saying(
        said=_pattern(
            rf"""^.{{0,60}}?(?:
              \b{_CAN_NOT}\ (?:\w+\ ){{0,4}}?(?:translat\w+|th(?:is|at)\ (?:text|content|request|prompt))
              |我们?(?:无法|不能|没有?办?法|难以).{{0,8}}?翻译
              |ich\ kann\ .{{0,40}}?(?:nicht|kein\w*)\b.{{0,30}}?übersetzen
              |翻訳.{{0,8}}?(?:できません|できかね|いたしかね)
              |я\ не\ (?:могу|в\ состоянии)\ .{{0,20}}?перев[еo]|я\ не\ можу\ .{{0,20}}?перекла
              |je\ ne\ (?:peux|suis)\ .{{0,30}}?traduire|no\ puedo\ .{{0,20}}?traducir|não\ posso\ .{{0,20}}?traduzir
              |non\ posso\ .{{0,20}}?tradurre|nem(?:ohu|ůžu)\ .{{0,20}}?přeložit|nie\ mogę\ .{{0,20}}?przetłumaczyć
              |번역.{{0,8}}?(?:수\ 없|드릴\ 수\ 없|어렵)|(?:لا\ أستطيع|لا\ يمكنني)\ .{{0,8}}?ترجم|अनुवाद\ .{{0,12}}?नहीं
            )
            |^\W*(?:please|could\ you\ (?:please\ )?|kindly)\ ?provide\ .{{0,60}}?\btranslat
            |^.{{0,40}}?\byou\ (?:have(?:n['’]t|\ not)|did(?:n['’]t|\ not))\ provided?\b
              .{{0,30}}?\b(?:text|sentence|content)
            |^\W*i\ need\ more\ context\ to\ translat
            |^\W*no\ translation\ (?:is\ )?(?:needed|necessary|required|available|provided)"""
        ),
        excuse=_pattern(rf"{_DECLINES}.*?(?:{_ABOUT_TRANSLATION})"),
    ),
    _Saying(
        said=_pattern(
            rf"""^\W*(?:
              (?:(?:i(?:['’]?m|\ am)\ (?:\w+\ )?(?:sorry|afraid)|sorry|(?:i|my)\ apolog\w+|unfortunately|i\ regret)\b
                .{{0,60}}?\b)?{_CAN_NOT}\ (?:\w+\ )?
                (?:assist|help|provide|comply|fulfil|process|complete|generate|answer)
              |.{{0,30}}?我们?(?:无法|不能|没有?办?法|难以).{{0,8}}?(?:提供|协助|帮助|完成|回答|满足|处理|给到|给出|回应)
              |.{{0,30}}?(?:お手伝い|対応|お応え|お答え|回答|提供).{{0,8}}?(?:できません|できかね|いたしかね)
              |.{{0,30}}?\bich\ kann\ .{{0,40}}?(?:nicht|kein\w*)\b.{{0,30}}?
                (?:helfen|unterstützen|bereitstellen|erfüllen)
              |.{{0,30}}?\bя\ не\ могу\ .{{0,12}}?(?:помочь|выполнить|предоставить|ответить)
              |.{{0,30}}?\bя\ не\ можу\ .{{0,12}}?(?:допомогти|виконати|надати)
              |.{{0,30}}?\bje\ ne\ (?:peux|suis)\ .{{0,30}}?(?:aider|fournir|répondre)
              |.{{0,30}}?\b(?:no\ puedo|não\ posso|non\ posso)\ .{{0,12}}?
                (?:ayudar|proporcionar|ajudar|fornecer|aiutar|fornire)
              |(?:죄송|미안).{{0,40}}?수\ 없
              |(?:عذر|آسف|أعتذر|للأسف|معذرة).{{0,40}}?(?:لا\ أستطيع|لا\ يمكنني)
              |(?:क्षमा|माफ़|खेद).{{0,60}}?नहीं
            )"""
        ),
        excuse=_pattern(rf"{_DECLINES}|{_ABOUT_AI}"),
    ),
)
# For what it is; "I am an AI researcher" is none.
_IS_MODEL = _Saying(
    said=_pattern(
        r"""^\W*(?:
          (?:as|i['’]?m|i\ am)\ (?:just\ |only\ )?an?\ (?:ai|artificial\ intelligence|(?:large\ )?language\ model)
            (?:\ (?:language\ model|model|assistant|chatbot))?(?=\s*[,.;!]|\s+(?:and|i|so|by|developed|trained)\b|\s*$)
          |作为(?:一个|一款|一名)?\s*(?:AI|人工智能|大?语言模型)(?:语言模型|助手|模型)?[，,]?\s*我
          |als\ (?:ki|künstliche\ intelligenz|ki-(?:sprach)?modell|sprachmodell)\b\s*(?:,|kann|bin|habe)
          |en\ tant\ (?:qu['’]ia|que\ modèle\ de\ langage|qu['’]intelligence)\b
          |como\ (?:modelo\ de\ lengu?aje|una?\ (?:ia|inteligencia\ artificial))\b
          |как\ (?:языковая\ модель|искусственный\ интеллект|ии)\b
        )"""
    ),
    excuse=_pattern(_ABOUT_AI),
)
_LANGUAGES = (
    "english|chinese|german|french|spanish|japanese|russian|czech|ukrainian|korean|arabic|hindi|italian|portuguese"
)
# By language: words of assent, what announces a translation, and what names one before a colon.
_OPENINGS: Mapping[str, tuple[str, str, str]] = {
    "en": (
        r"sure(?:\ thing)?|certainly|of\ course|absolutely|okay|ok|great|gladly|no\ problem",
        rf"""here(?:['’]s|\ is|\ are)\ (?:the|a|an|my|your)?\b[^.!?\n]{{0,60}}?
          \b(?:translat\w+|(?:{_LANGUAGES})\ (?:version|text))
        |here\ you\ (?:go|are)\s*:
        |(?:i(?:['’]d|\ would)\ be\ (?:happy|glad|pleased)\ to|i(?:['’]ll|\ will|\ can)|let\ me)\ (?:\w+\ )?translat
        |(?:the|this)\ (?:\w+\ )?(?:text|sentence|passage|phrase)?\b[^.:\n]{{0,30}}
          \b(?:translates|(?:is|can\ be)\ translated)\b[^.:\n]{{0,30}}(?:[:：]|["“])
        |(?:the\ |a\ )?(?:(?:{_LANGUAGES})\ )?translat\w+\b[^.:\n]{{0,60}}
          \b(?:is|would\ be|could\ be|reads)\b[^.:\n]{{0,20}}[:：]
        |translate[ds]?(?:\ (?:in)?to\ \w+)?\s*[:：]""",
        rf"""(?:the\ |final\ |my\ )?(?:(?:{_LANGUAGES})\ )?translat(?:ion|ed\ (?:text|version|sentence))s?
          (?:\ (?:in)?to\ \w+)?|(?:{_LANGUAGES})\ (?:version|text)""",
    ),
    "zh": (
        r"好的|当然(?:可以)?|没问题|可以",
        r"""(?:以下|下面|这)(?:就?是|为)[^。\n]{0,20}?(?:翻译|译文|译本)|(?:以下|下面|这里)[^。\n]{0,6}[:：]
        |(?:这|该|此)(?:句话|段话|段文字|段文本|个句子|句|段)[^。\n]{0,20}?(?:翻译|译)[^。\n]{0,12}?[:：]""",
        r"(?:中文|英文|英语|汉语)?(?:译文|翻译)(?:结果|如下|文本)?",
    ),
    "ja": (
        r"はい|もちろん(?:です)?|承知(?:いた)?しました",
        r"以下(?:は|が).{0,20}?(?:翻訳|訳)",
        r"翻訳(?:文|結果)?|日本語訳|英訳|訳文",
    ),
    "ko": (
        r"네|물론(?:이죠|입니다)?|알겠습니다",
        r"(?:다음은|아래는).{0,20}?번역",
        r"(?:한국어\ |영어\ )?번역(?:문|\ 결과)?",
    ),
    "de": (
        r"natürlich|gerne?|selbstverständlich|klar|sicher|okay|ok",
        r"hier\ (?:(?:ist|sind|kommt)\ )?(?:die|der|das|eine|ihre|deine|meine)\ [^.\n]{0,40}?übersetz(?:ung|te)",
        r"(?:die\ )?(?:deutsche\ |englische\ )?übersetzung(?:\ ins\ \w+)?",
    ),
    "fr": (
        r"bien\ sûr|certainement|avec\ plaisir|d['’]accord",
        r"voici\ (?:la|une|le|ma|votre)\ [^.\n]{0,40}?traduction",
        r"(?:la\ )?traduction(?:\ (?:française|en\ \w+))?",
    ),
    "es": (
        r"claro(?:\ que\ sí)?|por\ supuesto|con\ gusto|desde\ luego",
        r"aquí\ (?:está|tienes?|va)\ [^.\n]{0,40}?traducción",
        r"(?:la\ )?traducción(?:\ al\ \w+)?",
    ),
    "pt": (r"claro|com\ certeza", r"aqui\ está\ [^.\n]{0,40}?tradução", r"(?:a\ )?tradução(?:\ para\ o\ \w+)?"),
    "it": (r"certo|certamente", r"ecco\ [^.\n]{0,40}?traduzione", r"(?:la\ )?traduzione(?:\ in\ \w+)?"),
    "ru": (r"конечно|разумеется|хорошо", r"вот\ [^.\n]{0,30}?перевод", r"перевод(?:\ на\ \w+)?"),
    "uk": (r"звичайно|звісно|добре", r"ось\ [^.\n]{0,30}?переклад", r"переклад(?:\ \w+\ мовою)?"),
    "cs": (r"jistě|samozřejmě", r"(?:zde|tady)\ je\ [^.\n]{0,30}?překlad", r"překlad(?:\ do\ \w+)?"),
    "pl": (r"oczywiście|jasne", r"oto\ [^.\n]{0,30}?tłumaczenie", r"tłumaczenie(?:\ na\ \w+)?"),
    "ar": (
        r"بالتأكيد|بالطبع|حسن[اً]*",
        r"(?:إليك|هذه\ هي|فيما\ يلي)\ .{0,20}?(?:ال)?ترجمة",
        r"(?:ال)?ترجمة(?:\ \w+){0,2}",
    ),
    "hi": (r"ज़रूर|बिल्कुल|ठीक\ है", r"(?:यहाँ|यह|यहां|ये)\ .{0,20}?अनुवाद", r"(?:हिंदी\ |हिन्दी\ )?अनुवाद"),
}
_ASSENTS = "|".join(assents for assents, _, _ in _OPENINGS.values())
_ANNOUNCEMENTS = "|".join(announcements for _, announcements, _ in _OPENINGS.values())
_NAMES = "|".join(names for *_, names in _OPENINGS.values())
_BEGINNINGS = (
    _Saying(
        said=_pattern(rf"^\W*(?:(?:{_ASSENTS})[^\w\n]+\s*)?(?:{_ANNOUNCEMENTS}|(?:{_NAMES})\W{{0,3}}[:：])"),
        excuse=_pattern(_ABOUT_TRANSLATION),
    ),
    _Saying(  # an assent alone, which a translation only has where the source assents or exclaims too
        said=_pattern(
            r"""^\W*(?:sure(?:\ thing)?|certainly|of\ course|absolutely|natürlich|gerne?|bien\ sûr|por\ supuesto|конечно
            |当然(?:可以)?|好的)[!！]\s*\S"""
        ),
        excuse=_pattern(
            rf"""[!！]|(?:^|[。！？；.!?;:：，,“"「\n]\s*)(?:yes|yeah|surely|indeed|definitely|好|是的|对|行|嗯|没错|确实|必须|肯定
            |(?:{_ASSENTS})\b)"""
        ),
    ),
    _Saying(
        said=_pattern(rf"^\W*(?:{_LANGUAGES}|final\ answer|[a-z]{{2}}\s?(?:-|->|→)\s?[a-z]{{2}})\W{{0,3}}[:：]\s*\S"),
        excuse=_pattern(
            rf"{_LANGUAGES}|答案|英[语文語]|[汉漢]语|中文|[德法日俄]语|[日韩]文|englisch|deutsch|anglais|inglés|английск|англійс"
        ),
    ),
    _Saying(
        said=_pattern(
            r"""^\W*(?:(?:source|target|input|output|answer|response|assistant|user|system|human)
              \W{0,3}[:：]\s*\S|(?:assistant|model)\s*\n)"""
        ),
        excuse=_pattern(r"来源|來源|出处|消息|新华社|\(|（|答|用户|系统|助[理手]|模型|quelle|antwort|источник|ответ"),
        is_placed=True,
    ),
)
# Behind a translation, or before it.
_REMARKS = (
    _Saying(
        said=_pattern(
            r"""^\s*\#{2,}\s*(?:Instruction|Response|Input|Output|Translation|Human|Assistant|User)\b
            |\n\s*(?:Chinese|English|German|Source)\s*[:：]"""
        ),
        excuse=_pattern(_ABOUT_TRANSLATION),
    ),
    _Saying(
        said=_pattern(
            r"""(?:\n|[.!?”"'’。！？”」)）*]\s*|^|\s(?=[(（\[*]))[(（【\[*]*(?:
              (?:Translator['’]s?\ )?Notes?|Explanation|Remarks?|Alternatively|Anmerkung(?:en)?|Hinweise?
              |Erläuterung(?:en)?|Remarques?|Nota|Примечани[ея]|Пояснение|Примітк[аи]|Poznámk[ay]|Uwag[ai]|注释?|译注|译者注|说明|解释|备注|翻译说明
              |注記|補足|備考|참고|ملاحظة|टिप्पणी)\s*[:：]"""
        ),
        excuse=_pattern(
            r"""注|说明|說明|解释|備|备考|提[示醒]|附[:：]|声明|\bnotes?\b|\bremark|explan|hinweis|anmerk|achtung|bemerk|erläut
            |remarque|\bnota|примеч|пояснен|приміт|poznám|uwag|補足|참고|ملاحظ|टिप्पणी"""
        ),
        is_placed=True,
    ),
    _Saying(
        said=_pattern(
            r"""\bplease\ note\ that\ (?:the|this|my)\ translation
            |\b(?:this|the\ above|my)\ translation\ (?:keeps|maintains|preserves|captures|conveys|aims|uses
              |reflects|tries|is)\b|\btranslate\ the\ following\b|将(?:以下|下列|下面).{0,16}翻译(?:成|为)
            |\bi\ hope\ this\ translation\ helps\b
            |^\W*(?:okay|ok|alright|hmm|well),?\ (?:so\ )?(?:i\ need\ to|let\ me|let['’]s)\ (?:\w+\ )?translat
            |(?:^|\n)[^\n]{0,200}\bdiese\ übersetzung\b"""
        ),
        excuse=_pattern(_ABOUT_TRANSLATION),
    ),
    _Saying(
        said=_pattern(
            r"""\b(?:please\ )?let\ me\ know\ if\ you(?:['’]d\ like|\ would\ like|\ need|\ want|\ have)[ ]
              (?:any|me|further|more|another|a\ different|help)
            |\bi\ hope\ this\ helps\b
            |如果您?(?:还)?(?:有|需要).{0,16}(?:请随时|随时)(?:告诉|告知|联系)我"""
        ),
        excuse=_pattern(
            r"""告[诉知]|联[系络]|聯絡|问题|問題|疑问|帮|助|希望|\b(?:let|tell|contact|questions?|help\w*|hope|reach)\b
            |知らせ|連絡|質問|fragen|melden|hoff|helfen|hilf|сообщ|вопрос|надеюсь|помо"""
        ),
    ),
    _Saying(
        said=_pattern(
            r"""^\W*(?:okay|ok|alright|hmm|well),?\ (?:so\ )?the\ user\b
            |\bthe\ user\ (?:wants|asked|is\ asking|has\ asked|provided)\b"""
        ),
        excuse=_pattern(
            r"用户|用戶|ユーザー|사용자|\busers?\b|nutzer|utilisat|usuari|пользовател|користувач|uživatel|użytkow"
        ),
    ),
)
# Texts with a remark have one of these in lower case; few others do. None has an i, which İ and ı match.
_PARTS_OF_REMARKS = (
    *("##", "\n", "note", "nota", "planat", "remar", "alternat", "translat", "let me know ", "hope th", "the user"),
    *("anmerk", "nwe", "uwag", "setzung"),
)
_MORE_PARTS_OF_REMARKS = (
    *(
        "läuterung",
        "мечан",
        "яснен",
        "мітк",
        "poznám",
        "注",
        "说明",
        "解释",
        "备",
        "翻译",
        "如果",
        "補足",
        "備考",
        "참고",
    ),
    *("ملاحظة", "टिप्पणी"),
)
# The same of the beginnings of texts that match one of `_REFUSALS`.
_END_OF_REFUSAL = 130
_PARTS_OF_REFUSALS = (
    *("can't", "couldn't", "won't", "n't feel", "n't prov", "cannot ", "can not ", "could not ", "will not "),
    *("not able", "not comfort", "do not feel", "not prov", "cant ", "unable", "provide ", "more context", "no transl"),
    *("ch kann ", "je ne ", "no puedo", "non posso", "nemohu ", "nie mog"),
)
_MORE_PARTS_OF_REFUSALS = (
    *(
        "n’t",
        "无法",
        "不能",
        "没",
        "难以",
        "せん",
        "かね",
        "я не ",
        "não posso",
        "nemůžu ",
        "수 없",
        "어렵",
        "لا ",
        "नहीं",
    ),
)
# The same of the beginnings of texts that match one of `_BEGINNINGS`.
_END_OF_BEGINNING = 200
_PARTS_OF_BEGINNINGS = (":", "!", "\n", "transl", "text", "version", "bersetz", "tradu", "prek")
# Marks of prompts, chats and vocabularies.
_SPECIAL = re.compile(
    r"""</?(?:think|thinking|reasoning|answer|translation|source|target|s|unk|pad|bos|eos|mask|sep|cls|2\w\w|v|src|tgt)>
      |<\|[^|<>\s]{1,40}\|>|\|(?:im_start|im_end|eot_id|endoftext)\||\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>
      |▁|\[(?:CLS|SEP|PAD|UNK|MASK|BOS|EOS)\]|◁/?\w+▷|⁇|(?<=\w)@@(?=\s|$)|Ġ\w+\ Ġ|<0x[0-9A-F]{2}>|\\n""",
    re.IGNORECASE | re.VERBOSE,
)
_MARKS_OF_SPECIAL = re.compile(r"[<|\[▁◁⁇Ġġ\\@]")
_NEAR = 0.2  # of a text's length, for two colons to be at about the same place
_QUOTES = {'"': '"', "“": "”", "„": "“”", "«": "»", "「": "」", "『": "』", "`": "`", "'": "'", "‘": "’"}
_DATA = re.compile(r"""\{\s*["'].*["'\d]\s*\}|\[\s*["'].*["'\d]\s*\]""", re.DOTALL)  # `{"en": "..."}`, `['...']`
_ANY_QUOTE = re.compile(r"""["“”„«»「」『』《》〈〉【】\[\]`‘]|(?<!\w)['’]|['’](?!\w)""")
# A kind of markup, and what in source or reference tells that the text is about it.
_MARKUP: Mapping[str, tuple[re.Pattern[str], str]] = {
    "fence": (re.compile(r"```"), "```"),
    "tag": (re.compile(r"</?(?:[a-z][a-z0-9]{0,9})(?:\s+[a-z-]+\s*=\s*[^<>]{0,200})?\s*/?>", re.IGNORECASE), "<"),
    "entity": (re.compile(r"&(?:nbsp|amp|lt|gt|quot|apos|#\d{2,5}|#x[0-9a-f]{2,5});", re.IGNORECASE), "&"),
    "bold": (re.compile(r"\*\*(?=\S)[^*\n]{1,300}\*\*|(?<!\w)__(?=\S)[^_\n]{1,300}__(?!\w)"), "*"),
    # "# 1 in the ranking" is none
    "heading": (re.compile(r"^\s{0,3}(?:#{2,6}\s+\S|#\s+[^\W\d])", re.MULTILINE), "#"),
    "link": (re.compile(r"!?\[[^\]\n]{0,200}\]\((?:https?://|/|#|www\.)[^)\s]*\)"), "]("),
    "latex": (re.compile(r"\\(?:text|mathrm|frac|boxed|begin|textbf)\{|\\\(|\\\["), "\\"),
}
_MARKS = re.compile(r"[<&*_#`\[\\]")


def refusals(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    for position, one in enumerate(examined):
        if _says(_IS_MODEL, one) or (may_decline(one.text) and any(_says(saying, one) for saying in _REFUSALS)):
            yield position, LLM_REFUSAL


def residues(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    for position, one in enumerate(examined):
        if (
            (may_have_beginning(one.text) and any(_says(saying, one) for saying in _BEGINNINGS))
            or (may_have_remark(one.text) and any(_says(saying, one) for saying in _REMARKS))
            or _has_special(one)
            or _is_wrapped(one)
        ):
            yield position, LLM_RESIDUE


def may_decline(text: str) -> bool:
    """Whether one of `_REFUSALS` may match, at a tenth of their cost; where not, none does."""
    return _has_part(text[:_END_OF_REFUSAL], _PARTS_OF_REFUSALS, _MORE_PARTS_OF_REFUSALS)


def may_have_beginning(text: str) -> bool:
    """The same of `_BEGINNINGS`; texts that are not of ASCII alone all may."""
    return not text.isascii() or _has_part(text[:_END_OF_BEGINNING], _PARTS_OF_BEGINNINGS, ())


def may_have_remark(text: str) -> bool:
    """The same of `_REMARKS`."""
    return _has_part(text, _PARTS_OF_REMARKS, _MORE_PARTS_OF_REMARKS)


def _has_part(text: str, parts: Sequence[str], more: Sequence[str]) -> bool:
    if text.isascii():
        return any(map(text.lower().__contains__, parts))
    lowered = text.lower().replace("ſ", "s")
    return any(map(lowered.__contains__, parts)) or any(map(lowered.__contains__, more))


def markups(examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings) -> Iterator[tuple[int, str]]:
    for position, one in enumerate(examined):
        if not _MARKS.search(one.text):
            continue
        excuses, text = one.excuses(), _SPECIAL.sub(" ", one.text)
        for pattern, mark in _MARKUP.values():
            if pattern.search(text) and not any(mark in text for text in excuses):
                yield position, MARKUP


def _says(saying: _Saying, one: Examined) -> bool:
    """Whether a hypothesis says what neither its source nor a reference says or excuses."""
    found = saying.said.search(one.text)
    if found is None:
        return False
    excuses = one.excuses()
    if any(saying.said.search(text) or saying.excuse.search(text) for text in excuses):
        return False
    return not (saying.is_placed and any(_has_colon_there(text, one.text, found.end()) for text in excuses))


def _has_colon_there(text: str, hypothesis: str, end: int) -> bool:
    """Whether a text has as many colons as the hypothesis, and one about where that has one before `end`."""
    of_text = [match.start() / len(text) for match in re.finditer("[:：]", text)]
    n_colons = hypothesis.count(":") + hypothesis.count("：")
    place = max(hypothesis.rfind(":", 0, end), hypothesis.rfind("：", 0, end)) / len(hypothesis)
    return len(of_text) >= n_colons and any(abs(one - place) < _NEAR for one in of_text)


def _has_special(one: Examined) -> bool:
    if not _MARKS_OF_SPECIAL.search(one.text) or not _SPECIAL.search(one.text):
        return False
    return not any(_SPECIAL.search(text) or "\\" in text for text in one.excuses())


def _is_wrapped(one: Examined) -> bool:
    """Whether all of a hypothesis is data for a program or stands in quotation marks, as no source and reference do."""
    text = one.text.strip()
    if len(text) < 2:
        return False
    if _DATA.fullmatch(text):
        return not any(other.lstrip()[:1] == text[0] for other in one.excuses())
    if text[-1] not in _QUOTES.get(text[0], ""):
        return False
    is_one_pair = text[0] not in text[1:-1] and text[-1] not in text[1:-1]
    return is_one_pair and not any(_ANY_QUOTE.search(other) for other in one.excuses())
