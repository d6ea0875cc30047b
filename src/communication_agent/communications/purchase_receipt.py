"""The receipt of a purchase, sent at once when the sales system asks for it."""

from communication_agent.communication import Button, Communication, Wording
from communication_agent.domain import LANE_PERSON, Purpose

WORDING = Wording(
    subject="Your receipt {{ receipt_number }}",
    preheader="{% if has_attachment %}Receipt attached, and where{% else %}Where{% endif %} to turn if you need anything.",
    body="""\
Hi {{ first_name | default: "there" }},

Thank you for your purchase.{% if has_attachment %} Receipt {{ receipt_number }} over {{ purchase_total }} is attached as a PDF.{% endif %}

What you bought: {{ equipment_name }}{% if serial_number != "" %}, serial number {{ serial_number }}{% endif %}. Please keep this email. The receipt is your proof of purchase, and you may need it together with the serial number to register the machine with the manufacturer.

If something on the receipt looks wrong, reply within a few days and we will correct it. For anything else, call {{ dealership_phone }} or stop by {{ dealership_hours }}.

We hope it serves you well for many years.
""",
    button=Button("Reply with a question", "reply"),
    sms=(
        '{{ sms_name }}: Thank you{% if first_name != "" %}, {{ first_name }}{% endif %}! Receipt {{ receipt_number }} ({{ purchase_total }}) is in your email. Questions? {{ dealership_phone }}'
    ),
    prompt="Deliver the receipt with the facts that matter for registration and claims.",
    forbidden="upselling; return or refund terms; warranty length; amounts other than purchase_total",
)

PURCHASE_RECEIPT = Communication(
    name="purchase_receipt",
    title="Purchase receipt",
    purpose=Purpose.TRANSACTIONAL,
    occasion="{external_id}",
    useful_days=7,
    priority=0,
    immediate=True,
    lane=LANE_PERSON,
    may_be_empty=frozenset({"serial_number"}),
    given=("purchase_total", "receipt_number"),
    reason_line="This message is about something you asked us to do.",
    wording=WORDING,
)
