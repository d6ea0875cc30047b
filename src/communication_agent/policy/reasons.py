"""Why a message does not leave now: every reason code of the gate, with one sentence for people."""

from collections.abc import Mapping
from typing import Literal

Reason = Literal[
    "too_late",
    "switched_off",
    "not_true_any_more",
    "no_address",
    "bad_address",
    "suppressed",
    "no_consent",
    "missing_fact",
    "all_paused",
    "restored_backup",
    "tenant_paused",
    "type_paused",
    "channel_paused",
    "frequency_cap",
    "quiet_hours",
]

REASONS: Mapping[str, str] = {
    "too_late": "It would arrive too late to be of any use.",
    "switched_off": "The dealer has switched this type of message off.",
    "not_true_any_more": "What it was about is no longer true in the dealer's records.",
    "no_address": "The dealer has no address of this customer for it.",
    "bad_address": "No address on record can be written to: each is marked bounced or invalid, or is not an address.",
    "suppressed": "The customer, or a provider on their behalf, has told us to stop.",
    "no_consent": "Marketing texts need the customer's recorded consent, and there is none.",
    "missing_fact": "The wording needs a fact that the dealer's records leave empty.",
    "all_paused": "Sending is paused for every dealer.",
    "restored_backup": "The database came back from a backup, and nobody has yet confirmed what was sent since.",
    "tenant_paused": "Sending is paused for this dealer.",
    "type_paused": "Messages of this type are paused.",
    "channel_paused": "The channel that it would take is paused.",
    "frequency_cap": "The customer had another marketing message a short while ago.",
    "quiet_hours": "It is too early or too late in the day where the customer lives.",
}
