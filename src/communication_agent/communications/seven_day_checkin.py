"""How the first week with a new machine went: a neighbourly question, without any offer."""

from communication_agent.communication import STILL_OWNED, Audience, Button, Communication, Condition, Wording, daily
from communication_agent.domain import Purpose

WORDING = Wording(
    subject="How is your {{ equipment_model }} doing?",
    preheader="One week in: two small habits, and where to reach us.",
    body="""\
Hi {{ first_name | default: "there" }},

Your {{ equipment_name }} has been yours for a week now, and we hope the first jobs went smoothly.

{% if power_source == "battery" %}Two small habits pay off early: let the battery cool before charging, and store it indoors where it stays dry.{% else %}Two small habits pay off early: check the oil before each start, and look over nuts and bolts after the first couple of hours.{% endif %} Your operator's manual has the exact steps for your machine.

If something feels off, or you would like someone to walk you through a control, reply to this email or call {{ dealership_phone }}. A quick question today is easier than a repair later.
""",
    button=Button("Ask us a question", "reply"),
    sms=(
        '{{ sms_name }}: Hi{% if first_name != "" %} {{ first_name }}{% endif %}, how is your first week with the {{ equipment_short }}? Reply here or call {{ dealership_phone }}. STOP to opt out'
    ),
    prompt="A short, neighbourly check-in that makes the new owner feel looked after and gives one clear way to ask for help.",
    forbidden="selling accessories or service plans; break-in hours, oil grades or torque values; asking for a review",
)

AUDIENCE = Audience(
    rows="""
        FROM comm.comm_equipment e
        JOIN comm.comm_customers c ON c.id = e.customer_id
    """,
    window="e.purchase_date > %(since)s::date - 7 AND e.purchase_date <= %(until)s::date - 7",
    due_on="e.purchase_date + 7",
    due_sentence="bought seven days before",
    next_due_on="CASE WHEN e.purchase_date + 7 > %(until)s::date THEN e.purchase_date + 7 END",
    conditions=(
        STILL_OWNED,
        Condition(
            "no_open_work_order",
            "no open work order on the machine",
            """NOT EXISTS (SELECT FROM comm.comm_work_orders w
                WHERE w.equipment_id = e.id AND w.status = 'open')""",
            """(SELECT max(w.number) FROM comm.comm_work_orders w
                WHERE w.equipment_id = e.id AND w.status = 'open')""",
        ),
    ),
)

SEVEN_DAY_CHECKIN = Communication(
    name="seven_day_checkin",
    title="Seven-day check-in",
    purpose=Purpose.MARKETING,
    schedule=daily(),
    audience=AUDIENCE,
    occasion="unit:{equipment_id}",
    useful_days=10,
    priority=60,
    reason_line="You get this because you bought a machine at our shop.",
    wording=WORDING,
)
