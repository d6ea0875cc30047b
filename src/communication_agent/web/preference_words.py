"""The words of the preference page, in the languages that customers read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from communication_agent.domain import Channel
from communication_agent.web.wishes import Level


@dataclass(frozen=True, slots=True)
class Choice:
    """One level: its name, what it means, what the button says, and what is said once it is chosen."""

    title: str
    meaning: str
    button: str
    done: str


@dataclass(frozen=True, slots=True)
class Words:
    """One language; {dealer} and {address} are filled in."""

    title: str
    about: str
    this_address: str
    now: str
    at_once: str
    not_changed: str
    questions: str
    call: str
    lost_title: str
    lost: str
    choices: Mapping[Level, Choice]


_EMAIL_EN = Words(
    title="What would you like to hear from {dealer}?",
    about="These settings are for email to {address}.",
    this_address="your address",
    now="This is how it is now",
    at_once="It counts from this moment.",
    not_changed="We could not change this here, because an earlier message was reported as unwanted. Please call us.",
    questions="Questions?",
    call="Call {dealer}:",
    lost_title="This link does not work",
    lost="It may have been cut off on its way. Please open it again from the newest message you got, or ask the shop that wrote to you: they can change it for you.",
    choices={
        Level.ESSENTIAL: Choice(
            "No marketing email",
            "Only what you asked for or need to know: receipts, a repair that is ready, a safety recall.",
            "Stop marketing email",
            "Done. You will get no more marketing email from {dealer}.",
        ),
        Level.NOTHING: Choice(
            "No email at all",
            "Not even receipts, or the news that your repair is ready.",
            "Stop all email",
            "Done. You will get no more email from {dealer}.",
        ),
        Level.EVERYTHING: Choice(
            "Everything",
            "Service reminders for your machines, tips and offers, and answers to what you ask.",
            "Send me everything",
            "Thank you. You will hear from {dealer} again.",
        ),
    },
)

_SMS_EN = Words(
    title=_EMAIL_EN.title,
    about="These settings are for texts to {address}.",
    this_address="your number",
    now=_EMAIL_EN.now,
    at_once=_EMAIL_EN.at_once,
    not_changed=_EMAIL_EN.not_changed,
    questions=_EMAIL_EN.questions,
    call=_EMAIL_EN.call,
    lost_title=_EMAIL_EN.lost_title,
    lost=_EMAIL_EN.lost,
    choices={
        Level.ESSENTIAL: Choice(
            "No marketing texts",
            "Only what you asked for or need to know: a repair that is ready, an appointment, a safety recall.",
            "Stop marketing texts",
            "Done. You will get no more marketing texts from {dealer}.",
        ),
        Level.NOTHING: Choice(
            "No texts at all",
            "Not even the news that your repair is ready.",
            "Stop all texts",
            "Done. You will get no more texts from {dealer}.",
        ),
        Level.EVERYTHING: Choice(
            "Everything",
            "Also reminders and offers for your machines. Message and data rates may apply; reply STOP at any time.",
            "Text me everything",
            "Thank you. You will get texts from {dealer} again.",
        ),
    },
)

_EMAIL_ES = Words(
    title="¿Qué desea recibir de {dealer}?",
    about="Estos ajustes valen para los correos a {address}.",
    this_address="su dirección",
    now="Así está ahora",
    at_once="Vale desde este momento.",
    not_changed="No pudimos cambiarlo aquí, porque un mensaje anterior se marcó como no deseado. Llámenos, por favor.",
    questions="¿Preguntas?",
    call="Llame a {dealer}:",
    lost_title="Este enlace no funciona",
    lost="Quizá se cortó en el camino. Ábralo de nuevo desde el último mensaje que recibió, o pregunte a la tienda que le escribió: ellos pueden cambiarlo.",
    choices={
        Level.ESSENTIAL: Choice(
            "Sin publicidad",
            "Solo lo que usted pidió o necesita saber: recibos, una reparación lista, un aviso de seguridad.",
            "No quiero publicidad",
            "Listo. {dealer} no le enviará más publicidad por correo.",
        ),
        Level.NOTHING: Choice(
            "Ningún correo",
            "Ni siquiera recibos o el aviso de que su reparación está lista.",
            "No quiero ningún correo",
            "Listo. {dealer} no le enviará más correos.",
        ),
        Level.EVERYTHING: Choice(
            "Todo",
            "Recordatorios de servicio para sus máquinas, consejos y ofertas, y respuestas a lo que pregunte.",
            "Quiero recibir todo",
            "Gracias. {dealer} volverá a escribirle.",
        ),
    },
)

_SMS_ES = Words(
    title=_EMAIL_ES.title,
    about="Estos ajustes valen para los mensajes de texto a {address}.",
    this_address="su número",
    now=_EMAIL_ES.now,
    at_once=_EMAIL_ES.at_once,
    not_changed=_EMAIL_ES.not_changed,
    questions=_EMAIL_ES.questions,
    call=_EMAIL_ES.call,
    lost_title=_EMAIL_ES.lost_title,
    lost=_EMAIL_ES.lost,
    choices={
        Level.ESSENTIAL: Choice(
            "Sin publicidad",
            "Solo lo que usted pidió o necesita saber: una reparación lista, una cita, un aviso de seguridad.",
            "No quiero publicidad",
            "Listo. {dealer} no le enviará más publicidad por mensaje de texto.",
        ),
        Level.NOTHING: Choice(
            "Ningún mensaje de texto",
            "Ni siquiera el aviso de que su reparación está lista.",
            "No quiero mensajes de texto",
            "Listo. {dealer} no le enviará más mensajes de texto.",
        ),
        Level.EVERYTHING: Choice(
            "Todo",
            "También recordatorios y ofertas para sus máquinas. Su operador puede cobrar por los mensajes; responda STOP cuando quiera.",
            "Quiero recibir todo",
            "Gracias. {dealer} volverá a enviarle mensajes de texto.",
        ),
    },
)

WORDS: Mapping[tuple[str, Channel], Words] = {
    ("en", Channel.EMAIL): _EMAIL_EN,
    ("en", Channel.SMS): _SMS_EN,
    ("es", Channel.EMAIL): _EMAIL_ES,
    ("es", Channel.SMS): _SMS_ES,
}

_RANGE = re.compile(r"\s*(?P<language>[A-Za-z]{1,8})(-[A-Za-z0-9]{1,8})*\s*(;\s*q\s*=\s*(?P<q>[01](\.\d{0,3})?)\s*)?")


def language_of(accept_language: str) -> str:
    """`en` or `es`, whichever the header (RFC 9110) asks for more; `en` when it asks for neither."""
    wanted = [match for part in accept_language[:500].split(",") if (match := _RANGE.fullmatch(part))]
    known = [(float(m["q"] or 1), m["language"].lower()) for m in wanted if m["language"].lower() in {"en", "es"}]
    best = max((q for q, _ in known), default=0.0)
    return next((language for q, language in known if q == best and q > 0), "en")
