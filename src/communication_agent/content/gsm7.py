"""The alphabet of text messages: what fits into it, how other letters are spelled in it, and how long a text is."""

import unicodedata

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")  # each costs two septets
_ALPHABET = _BASIC | _EXTENDED
_SPELLED = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "‚": "'",
        "‛": "'",
        "′": "'",
        "`": "'",
        "´": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "″": '"',
        "«": '"',
        "»": '"',
        "‐": "-",
        "‑": "-",
        "‒": "-",
        "–": "-",
        "—": "-",
        "―": "-",
        "−": "-",
        "•": "-",
        "·": "-",
        "×": "x",
        "…": "...",
        "™": "",
        "®": "",
        "©": "(c)",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "Th",
        "ı": "i",
        "œ": "oe",
        "Œ": "OE",
        "\t": " ",
    }
)


def to_gsm7(text: str) -> str:
    """`text` in the GSM-7 alphabet: María becomes Maria, what has no spelling there is dropped."""
    if text.isascii() and "`" not in text and text.isprintable():
        return text
    spelled = unicodedata.normalize("NFC", text).translate(_SPELLED)
    return "".join(_spell(character) for character in spelled)


def septets(text: str) -> int:
    """The length of `text` as it would be sent, in septets of GSM-7; one message holds 160."""
    sent = to_gsm7(text)
    return len(sent) + sum(character in _EXTENDED for character in sent)


def _spell(character: str) -> str:
    if character in _ALPHABET:
        return character
    plain = unicodedata.normalize("NFKD", character)
    return "".join(part for part in plain if part in _ALPHABET)
