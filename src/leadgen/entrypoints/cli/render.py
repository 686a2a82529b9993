"""Jobs and leads as JSON documents and as tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from leadgen.application.ports.lead_repository import LeadLine
from leadgen.application.ports.limit_gauge import LimitReading
from leadgen.application.show_job import JobStory
from leadgen.application.show_lead import LeadStory
from leadgen.domain.job import Job, JobReport, JobStatus, Wanted
from leadgen.domain.lookup import Lookup
from leadgen.domain.money import MICROS_PER_USD
from leadgen.domain.progress import Progress
from leadgen.domain.provider import Hit, Miss, NotSent, Rejected, Unknown
from leadgen.entrypoints.cli.running import whose

_KEY_CHARACTERS = 12
STATUS_STYLES = {"found": "green", "not_found": "yellow", "incomplete": "magenta", "failed": "red"}


def dollars(micros: int) -> float:
    """An amount as the JSON number with at most six decimals."""
    return round(micros / MICROS_PER_USD, 6)


def money(micros: int) -> str:
    """An amount as people read it, such as ``$0.02`` or ``$0.0015``."""
    text = f"{micros / MICROS_PER_USD:.6f}"
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


def average(micros: int, count: int) -> str:
    """An amount per piece as people read it, to a hundredth of a cent."""
    return money(round(micros / count / 100) * 100) if count else "-"


def duration(seconds: float) -> str:
    """A time as people read it, such as ``3 min`` or ``2 d``."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def lapse(seconds: float) -> str:
    """A time to compare with another, such as ``3 min 12 s`` or ``4.2 s``."""
    whole = round(seconds)
    for unit, length, part, size in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // size} {part}"
    return f"{seconds:.1f} s"


def moment(at: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def job_document(report: JobReport) -> dict[str, Any]:
    """A job as ``phones find --json`` and ``jobs show --json`` print it."""
    return {
        "job_id": report.job.id,
        "status": report.job.status.value,
        "wanted": report.job.wanted.value,
        "leads": report.leads,
        "found": report.found,
        "not_found": report.not_found,
        "incomplete": report.incomplete,
        "failed": report.failed,
        "cost_usd": dollars(report.cost_micros),
        "budget_usd": dollars(report.budget.cap_micros) if report.budget else None,
        "strategy": report.job.options.strategy.value,
        "reused": {
            "calls": report.reused.calls,
            "saved_usd": dollars(report.reused.saved_micros),
        },
        "providers": {
            name: {"calls": spend.calls, "hits": spend.hits, "cost_usd": dollars(spend.cost_micros)}
            for name, spend in report.providers.items()
        },
    }


def job_state(job: Job) -> str:
    """Where a job stands, for people: one that was cancelled may have calls under way."""
    return "cancelling" if job.wanted is Wanted.CANCEL and not job.status.is_end else job.status.value


def job_story_document(story: JobStory) -> dict[str, Any]:
    """A job as ``jobs show --json`` prints it."""
    bound = None if story.bound_seconds is None else round(story.bound_seconds, 3)
    document, progress = job_document(story.report), story.progress
    for name, spend in story.report.providers.items():
        document["providers"][name] |= {"first_choices": spend.first_choices, "reason": spend.reason}
    rate, left = progress.leads_per_second, progress.seconds_left
    return {
        **document,
        "seconds": round(story.seconds, 3),
        "idle_seconds": round(story.idle_seconds, 3),
        "bound_seconds": bound,
        "leads_per_second": None if rate is None else round(rate, 3),
        "seconds_left": None if left is None else round(left, 3),
    }


def pace(progress: Progress) -> str:
    """How fast a job goes, such as ``5.1/s``; ``-`` where it does not run."""
    return "-" if progress.leads_per_second is None else f"{progress.leads_per_second:.1f}/s"


def time_left(progress: Progress) -> str:
    """How long a job may take from now on; ``-`` until that is known."""
    if progress.seconds_left is None:
        return "-"
    left = lapse(progress.seconds_left) if progress.seconds_left >= 60 else f"{progress.seconds_left:.0f} s"
    return f"{'at least' if progress.is_least else 'about'} {left}"


def progress_lines(story: JobStory) -> list[str]:
    """How far a job is and how fast it goes; nothing about one that has ended."""
    report = story.report
    if report.job.status.is_end:
        return []
    told = [f"{report.settled} of {report.leads} leads done ({share_done(report)})"]
    if story.progress.leads_per_second is not None:
        told.append(pace(story.progress))
    if story.progress.seconds_left is not None:
        told.append(f"{time_left(story.progress)} left")
    return [", ".join(told)]


def share_done(report: JobReport) -> str:
    """The share of leads that have ended; never 100 % before all have."""
    return f"{report.settled * 100 // report.leads}%" if report.leads else "-"


def jobs_table(reports: Sequence[JobReport]) -> Table:
    """Jobs with how far they are; of 80 columns an id takes 36."""
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for heading in ("id", "status", "leads", "done", "found", "cost"):
        table.add_column(heading, no_wrap=True, justify="left" if heading in {"id", "status"} else "right")
    for report in reports:
        counts = (str(report.leads), share_done(report), str(report.found), money(report.cost_micros))
        table.add_row(report.job.id, job_state(report.job), *counts)
    return table


def reason_lines(report: JobReport) -> list[str]:
    """Why each provider of a job had its place."""
    lines = []
    for name, spend in report.providers.items():
        if spend.reason:
            such_as = "" if spend.has_one_reason else "such as "
            asked = f"first choice in {spend.first_choices} of {spend.calls} calls"
            lines.append(f"  {name}: {such_as}{spend.reason}; {asked}")
    return lines


def time_line(story: JobStory) -> str:
    """How long a job took, or how long ago it was ordered, beside the least that the limits allow."""
    has_ended = story.report.job.status.is_end
    age = lapse(story.seconds + story.idle_seconds)
    line = f"took {lapse(story.seconds)}" if has_ended else f"ordered {age} ago"
    if story.idle_seconds >= 1.0:
        line += f" (idle {lapse(story.idle_seconds)})"
    if story.bound_seconds is None:
        return line
    return (
        f"{line}; the limits allow no less than {lapse(story.bound_seconds)}{'' if has_ended else ' so far'}"
    )


def job_lines(report: JobReport) -> list[str]:
    """What came of a job, in two lines, and how to go on with it, in another one."""
    counts = [
        f"[bold]{report.found} found[/]",
        f"{report.not_found} not found",
        f"{report.incomplete} incomplete",
        f"{report.failed} failed",
    ]
    cost = f"cost {money(report.cost_micros)}"
    if report.budget:
        cost += f" of {money(report.budget.cap_micros)}"
    lines = [
        f"Job {report.job.id}: [bold]{job_state(report.job)}[/]",
        f"{report.leads} lead{'' if report.leads == 1 else 's'}: {', '.join(counts)}; {cost}",
    ]
    if report.reused.calls:
        saved = money(report.reused.saved_micros)
        lines.append(f"{report.reused.calls} answers were there already, which saved {saved}")
    if report.job.status is JobStatus.BUDGET_REACHED:
        lines += _out_of_money(report)
    if report.job.status is JobStatus.PAUSED:
        lines.append(paused(report.job))
    return lines


def _out_of_money(report: JobReport) -> list[str]:
    """How to go on; a job without a budget of its own was stopped by one of its account."""
    resume = f"  leadgen jobs resume {report.job.id}"
    if report.budget:
        return ["Money ran out. To go on:", f"{resume} --budget USD{whose(report.job.account)}"]
    return [
        "A budget of the account, or the month's lookups of its tier, is used up. To see which, and to",
        "go on once there is more:",
        f"  leadgen budgets list{whose(report.job.account)}",
        f"{resume}{whose(report.job.account)}",
    ]


def paused(job: Job) -> str:
    """How to go on with a paused job."""
    return f"Paused. To go on:\n  leadgen jobs resume {job.id}{whose(job.account)}"


def spend_table(report: JobReport) -> Table:
    """What each provider did in a job."""
    table = Table(box=SIMPLE_HEAD, title="Cost by provider", title_justify="left", title_style="bold")
    table.add_column("provider")
    for heading in ("calls", "hits", "cost", "per number"):
        table.add_column(heading, justify="right")
    for name, spend in report.providers.items():
        cost, per_number = money(spend.cost_micros), average(spend.cost_micros, spend.hits)
        table.add_row(name, str(spend.calls), str(spend.hits), cost, per_number)
    table.add_section()
    hits = sum(spend.hits for spend in report.providers.values())
    calls = sum(spend.calls for spend in report.providers.values())
    per_number = average(report.cost_micros, hits)
    table.add_row("all", str(calls), str(hits), money(report.cost_micros), per_number, style="bold")
    return table


def lead_document(line: LeadLine) -> dict[str, Any]:
    """A lead as ``leads list --json`` prints it."""
    lead = line.lead
    return {
        "id": lead.id,
        "name": lead.profile.full_name,
        "email": lead.profile.email,
        "company": lead.profile.company_name or lead.profile.website or "",
        "phone": lead.phone.e164 if lead.phone else None,
        "phone_country": lead.phone.country if lead.phone else None,
        "phone_line": lead.phone.line.value if lead.phone else None,
        "phone_provider": lead.phone_provider,
        "phone_status": lead.phone_status.value if lead.phone_status else None,
        "second_phone": lead.second_phone.e164 if lead.second_phone else None,
        "second_phone_line": lead.second_phone.line.value if lead.second_phone else None,
        "second_phone_provider": lead.second_phone_provider,
        "cost_usd": dollars(line.cost_micros),
    }


def lead_table(lines: Sequence[LeadLine], *, ids: bool) -> Table:
    """Leads with what was found; phones are never cut."""
    table = Table(box=SIMPLE_HEAD)
    if ids:
        table.add_column("id", no_wrap=True)
    table.add_column("name" if ids else "lead")  # the only one that may shrink
    table.add_column("phone", no_wrap=True, min_width=10)
    if not ids:
        table.add_column("from", no_wrap=True)
        table.add_column("cost", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for line in lines:
        table.add_row(*_lead_cells(line, ids=ids))
    return table


def asked_table(asked: Sequence[Lookup]) -> Table:
    """Who was asked about a lead; the beginnings of keys are what `ledger show` takes."""
    table = Table.grid(padding=(0, 1))
    for name in ("at", "outcome", "cost", "key"):
        table.add_column(name, no_wrap=name != "outcome", justify="right" if name == "cost" else "left")
    for lookup in asked:
        what = Text(f"{lookup.provider} {outcome_text(lookup)}")
        if lookup.position is not None:
            what.append(f"\nchoice {lookup.position}: {lookup.reason}", style="dim")
        table.add_row(
            f"  {moment(lookup.created_at)}", what, money(lookup.cost_micros), shortened(lookup.key)
        )
    return table


def shortened(key: str) -> str:
    """The beginning of a lookup's key, by which it can be told from all others."""
    return key[:_KEY_CHARACTERS]


def story_document(story: LeadStory) -> dict[str, Any]:
    """The whole story of a lead as ``leads show --json`` prints it."""
    return {
        **lead_document(story.line),
        "job_title": story.line.lead.profile.job_title,
        "website": story.line.lead.profile.website,
        "country": story.line.lead.profile.country_code,
        "asked": [
            {
                "lookup": lookup.key,
                "provider": lookup.provider,
                "position": lookup.position,
                "reason": lookup.reason,
                "n": lookup.n,
                "at": lookup.created_at.isoformat(),
                "state": lookup.state.value,
                "outcome": outcome_text(lookup),
                "cost_usd": dollars(lookup.cost_micros),
                "took_seconds": lookup.took_seconds,
                "job_id": lookup.job_id,
            }
            for lookup in story.asked
        ],
        "not_asked": [{"provider": each.provider, "reason": each.reason} for each in story.unasked],
    }


def limits_document(reading: LimitReading) -> dict[str, Any]:
    """A provider's limits as `providers limits --json` prints them."""
    return {
        "name": reading.provider,
        "mode": reading.mode,
        "epoch": reading.epoch,
        "rules": [{"rule": str(rule), "used": used, "limit": rule.calls} for rule, used in reading.used],
        "in_flight": reading.in_flight,
        "concurrency": reading.concurrency,
        "next_start_seconds": round(reading.next_start_seconds, 3),
        "refused": reading.refused,
        "discarded": reading.discarded,
    }


def limits_table(readings: Sequence[LimitReading]) -> Table:
    """The limits of all providers."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("provider", "used", "in flight", "next call", "carried by", "refused", "late"):
        table.add_column(
            heading, justify="left" if heading in {"provider", "used", "carried by"} else "right"
        )
    for each in readings:
        used = "\n".join(f"{used} of {rule}" for rule, used in each.used)
        free = "now" if each.next_start_seconds <= 0 else f"in {each.next_start_seconds:.1f} s"
        carrier = each.mode or "nobody yet"
        flight = f"{each.in_flight}/{each.concurrency}"
        table.add_row(each.provider, used, flight, free, carrier, str(each.refused), str(each.discarded))
    return table


def outcome_text(lookup: Lookup) -> str:
    """What came of a lookup, for people."""
    match lookup.outcome:
        case Hit(phone, raw):
            return f"gave {phone.e164}" if phone else f"gave {raw!r}, which cannot be placed"
        case Miss():
            return "knows no number"
        case Rejected(_, detail):
            return f"turned it down: {detail}"
        case NotSent(detail):
            return f"was not asked: {detail}"
        case Unknown(detail):
            return f"unknown: {detail}"
        case None:
            return "is being asked"


def _lead_cells(line: LeadLine, *, ids: bool) -> list[str | Text]:
    lead = line.lead
    status = lead.phone_status.value if lead.phone_status else "new"
    style = STATUS_STYLES.get(status, "dim")
    name = Text(lead.profile.full_name or lead.profile.email, no_wrap=True, overflow="ellipsis")
    phone = lead.phone.e164 if lead.phone else "-"
    middle = [] if ids else [lead.phone_provider or "-", money(line.cost_micros)]
    return [*([lead.id] if ids else []), name, phone, *middle, f"[{style}]{status}[/]"]
