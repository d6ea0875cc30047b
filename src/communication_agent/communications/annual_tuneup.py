"""The yearly tune-up, fourteen days before the anniversary of the purchase."""

from communication_agent.communication import STILL_OWNED, Audience, Button, Communication, Condition, Wording, daily
from communication_agent.domain import Purpose

WORDING = Wording(
    subject="Time for your {{ equipment_model }} tune-up",
    preheader="A yearly check keeps small wear from becoming a repair.",
    body="""\
Hi {{ first_name | default: "there" }},

Later this month your {{ equipment_name }} turns another year older. A yearly tune-up is the simplest way to keep it starting on the first try.

{% if power_source == "battery" %}We clean and inspect the machine, check the battery and connections, and sharpen or replace what cuts.{% else %}We change the fluids and filters, check plug, belts and cables, and sharpen or replace what cuts.{% endif %} You get a written list of anything that will need attention later, so there are no surprises.

{% if offer_text != "" %}Right now: {{ offer_text }}, until {{ offer_expires }}.

{% endif %}Pick a day that suits you online, or call {{ dealership_phone }} and we will find one together.
""",
    button=Button("Book a tune-up", "booking_url"),
    sms=(
        '{{ sms_name }}: Hi{% if first_name != "" %} {{ first_name }}{% endif %}, your {{ equipment_short }} is due for its yearly tune-up. Book: {{ short_link }} Reply STOP to opt out'
    ),
    prompt="Remind the owner of a yearly tune-up before the anniversary, with one benefit and one booking link.",
    forbidden="naming parts this machine may not have; service prices; saying that skipping the service voids the warranty",
)

AUDIENCE = Audience(
    # n is the number of the anniversary whose due date is the latest one up to today: PostgreSQL's date + n years
    # clips February 29 to the 28th in common years, and so does age() when it counts the years.
    rows="""
        FROM comm.comm_equipment e
        JOIN comm.comm_customers c ON c.id = e.customer_id
        CROSS JOIN LATERAL (
            SELECT max(k) AS n FROM generate_series(0, 1) s,
                   LATERAL (SELECT extract(year FROM %(today)s::date + 14)::int - extract(year FROM e.purchase_date)::int - s AS k) y
            WHERE (e.purchase_date + make_interval(years => k))::date - 14 <= %(today)s::date
        ) a
    """,
    # Every purchase date that has an anniversary in the window, so that a plain index on purchase_date serves it.
    window="""e.purchase_date IN (
        SELECT (d::date + 14 - make_interval(years => k))::date + leap
        FROM generate_series(%(since)s::date + 1, %(until)s::date, interval '1 day') d,
             generate_series(1, 80) k,
             generate_series(0, CASE WHEN to_char(d::date + 14, 'MM-DD') = '02-28' THEN 1 ELSE 0 END) leap)""",
    due_on="(e.purchase_date + make_interval(years => a.n))::date - 14",
    due_sentence="a purchase anniversary in fourteen days",
    next_due_on="(e.purchase_date + make_interval(years => a.n + 1))::date - 14",
    conditions=(
        Condition("bought_before", "at least one year old on the anniversary", "a.n >= 1", "e.purchase_date"),
        STILL_OWNED,
        Condition(
            "no_recent_service",
            "no service opened in the last 60 days",
            """NOT EXISTS (SELECT FROM comm.comm_work_orders w
                WHERE w.equipment_id = e.id AND w.kind = 'service'
                  AND (w.opened_at AT TIME ZONE %(zone)s)::date BETWEEN %(today)s::date - 60 AND %(today)s::date)""",
            """(SELECT max((w.opened_at AT TIME ZONE %(zone)s)::date) FROM comm.comm_work_orders w
                WHERE w.equipment_id = e.id AND w.kind = 'service'
                  AND (w.opened_at AT TIME ZONE %(zone)s)::date <= %(today)s::date)""",
        ),
    ),
    keys={"n": "a.n"},
)

ANNUAL_TUNEUP = Communication(
    name="annual_tuneup",
    title="Annual tune-up reminder",
    purpose=Purpose.MARKETING,
    schedule=daily(),
    audience=AUDIENCE,
    occasion="unit:{equipment_id}:{n}",
    useful_days=14,
    priority=50,
    reason_line="You get this because you own a machine bought or serviced at our shop.",
    wording=WORDING,
)
