"""The workflow of a single lead, over fake activities; what is wrong with its input fails it at once."""

from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError
from temporalio.testing import WorkflowEnvironment

from leadgen.workflows.find_phone.payloads import FindPhoneInput, FindPhoneResult, SearchReport
from leadgen.workflows.find_phone.workflow import FindPhoneWorkflow
from tests.workflows.fakes import (
    HOUR,
    FakeJob,
    FakeSearch,
    failure_of,
    gone_for_good,
    not_there_now,
    until,
    working,
)

FIELDS = "of lead_id, account, strategy, hedge_after, grace, line, max_price_usd, fresh"
FOUND = SearchReport("found", "astra", "0.030000")


async def test_one_stretch(dev_server: WorkflowEnvironment) -> None:
    """A search that ends at once is one activity, and its report is the result."""
    search = FakeSearch([FOUND])
    async with working(dev_server.client, search.search_lead) as queue:
        result = await dev_server.client.execute_workflow(
            FindPhoneWorkflow.run, FindPhoneInput("lead-1", "acme"), id=str(uuid4()), task_queue=queue
        )
    assert result == FindPhoneResult("lead-1", "found", "astra", "0.030000")
    assert [(order.lead_id, order.account) for order in search.orders] == [("lead-1", "acme")]


async def test_plain_json(dev_server: WorkflowEnvironment) -> None:
    """The workflow starts by its name from a JSON object, and its result is one."""
    search = FakeSearch([FOUND])
    async with working(dev_server.client, search.search_lead) as queue:
        result = await dev_server.client.execute_workflow(
            "FindPhone", {"lead_id": "lead-1"}, id=str(uuid4()), task_queue=queue
        )
    assert result == {"lead_id": "lead-1", "status": "found", "provider": "astra", "cost_usd": "0.030000"}
    assert search.orders[0].account == "default"


async def test_options_reach_the_search(dev_server: WorkflowEnvironment) -> None:
    """What a caller chooses goes with the search as it was said."""
    search = FakeSearch([FOUND])
    chosen = {"strategy": "hedged", "hedge_after": "300ms", "grace": "0s", "line": "mobile", "fresh": True}
    given = {"lead_id": "lead-1", "max_price_usd": "0.05", **chosen}
    async with working(dev_server.client, search.search_lead) as queue:
        await dev_server.client.execute_workflow("FindPhone", given, id=str(uuid4()), task_queue=queue)
    order = search.orders[0]
    assert {name: getattr(order, name) for name in chosen} == chosen
    assert order.max_price_usd == "0.05"


async def test_parks_for_an_hour(skipping_server: WorkflowEnvironment) -> None:
    """A search that cannot go on is asked again at its time, as the same search."""
    search = FakeSearch([HOUR, HOUR, FOUND])
    client, begun = skipping_server.client, await skipping_server.get_current_time()
    async with working(client, search.search_lead) as queue:
        result = await client.execute_workflow(
            FindPhoneWorkflow.run, FindPhoneInput("lead-1"), id=str(uuid4()), task_queue=queue
        )
    assert result.status == "found"
    assert len(search.orders) == 3
    assert len({order.since for order in search.orders}) == 1
    assert timedelta() <= search.moments[-1] - begun - 2 * HOUR < HOUR


async def test_resume_time_has_passed(dev_server: WorkflowEnvironment) -> None:
    """A time to go on that lies in the past when it is heard of is no reason to wait."""
    search = FakeSearch([timedelta(seconds=-5), FOUND])
    async with working(dev_server.client, search.search_lead) as queue:
        result = await dev_server.client.execute_workflow(
            FindPhoneWorkflow.run,
            FindPhoneInput("lead-1"),
            id=str(uuid4()),
            task_queue=queue,
            execution_timeout=timedelta(seconds=5),
        )
    assert result.status == "found"


async def test_neither_an_end_nor_a_time(dev_server: WorkflowEnvironment) -> None:
    """A report that says nothing ends the search as failed instead of for ever going on."""
    search = FakeSearch([SearchReport(None, None, "0.020000")])
    async with working(dev_server.client, search.search_lead) as queue:
        result = await dev_server.client.execute_workflow(
            FindPhoneWorkflow.run, FindPhoneInput("lead-1"), id=str(uuid4()), task_queue=queue
        )
    assert result == FindPhoneResult("lead-1", "failed", None, "0.020000")


@pytest.mark.parametrize("given", [[], [None], [{}], [{"lead_id": ""}], [{"lead": "lead-1"}]])
async def test_no_lead_id(dev_server: WorkflowEnvironment, given: list[object]) -> None:
    """Without a lead the workflow fails at once and says what to give."""
    search = FakeSearch([FOUND])
    async with working(dev_server.client, search.search_lead) as queue:
        with pytest.raises(WorkflowFailureError) as failed:
            await dev_server.client.execute_workflow(
                "FindPhone",
                args=given,
                id=str(uuid4()),
                task_queue=queue,
                execution_timeout=timedelta(seconds=9),
            )
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message == 'lead_id is missing: give {"lead_id": "..."}'
    assert search.orders == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lead_id": 5551234}, "lead_id must be of type str"),
        ({"lead_id": "lead-1", "account": ["5551234"]}, "account must be of type str"),
        ({"lead_id": None, "account": 5551234}, "lead_id must be of type str; account must be of type str"),
        (
            ["5551234"],
            f"the input must be a JSON object ({FIELDS}), not of type list",
        ),
        (
            "5551234",
            f"the input must be a JSON object ({FIELDS}), not of type str",
        ),
        (
            5551234,
            f"the input must be a JSON object ({FIELDS}), not of type int",
        ),
    ],
)
async def test_wrongly_typed_input(dev_server: WorkflowEnvironment, given: object, words: str) -> None:
    """An input of another type fails the workflow for good, instead of being decoded again for ever.

    The failure names the field and its type, and quotes nothing of what was given.
    """
    search = FakeSearch([FOUND])
    async with working(dev_server.client, search.search_lead) as queue:
        failure = await failure_of(dev_server.client, "FindPhone", given, queue)
    assert (failure.message, failure.type, failure.non_retryable) == (words, "InvalidInput", True)
    assert "5551234" not in str(failure.failure)
    assert search.orders == []


@pytest.mark.parametrize("kind", ["DeliverWebhooks", "FindPhone", "FindPhones"])
async def test_too_many_inputs(dev_server: WorkflowEnvironment, kind: str) -> None:
    """More than one input fails the workflow for good, in words that quote none of them."""
    search, job = FakeSearch([FOUND]), FakeJob(leads=1)
    async with working(dev_server.client, search.search_lead, *job.activities) as queue:
        with pytest.raises(WorkflowFailureError) as failed:
            await dev_server.client.execute_workflow(
                kind,
                args=[{"lead_id": "lead-1"}, {"account": "5551234"}, 3],
                id=str(uuid4()),
                task_queue=queue,
                execution_timeout=timedelta(seconds=9),
            )
    assert isinstance(failed.value.cause, ApplicationError)
    assert (failed.value.cause.message, failed.value.cause.type) == (
        "one input is taken, not 3",
        "InvalidInput",
    )
    assert (search.orders, job.plans) == ([], [])


async def test_unknown_fields(dev_server: WorkflowEnvironment) -> None:
    """Fields that a later version may know are no fault."""
    search = FakeSearch([FOUND])
    async with working(dev_server.client, search.search_lead) as queue:
        result = await dev_server.client.execute_workflow(
            "FindPhone", {"lead_id": "lead-1", "colour": 5}, id=str(uuid4()), task_queue=queue
        )
    assert result["status"] == "found"


async def test_unknown_lead(dev_server: WorkflowEnvironment) -> None:
    """A failure that no repeat mends fails the workflow, with the activity's own words."""
    search = FakeSearch([gone_for_good()])
    async with working(dev_server.client, search.search_lead) as queue:
        with pytest.raises(WorkflowFailureError) as failed:
            await dev_server.client.execute_workflow(
                FindPhoneWorkflow.run, FindPhoneInput("lead-1"), id=str(uuid4()), task_queue=queue
            )
    assert isinstance(failed.value.cause, ActivityError)
    assert isinstance(failed.value.cause.cause, ApplicationError)
    assert failed.value.cause.cause.type == "UnknownId"
    assert len(search.orders) == 1


async def test_database_comes_back(skipping_server: WorkflowEnvironment) -> None:
    """What does not answer is tried until it does, however long that takes."""
    search = FakeSearch([*[not_there_now()] * 12, FOUND])
    client = skipping_server.client
    async with working(client, search.search_lead) as queue:
        result = await client.execute_workflow(
            FindPhoneWorkflow.run, FindPhoneInput("lead-1"), id=str(uuid4()), task_queue=queue
        )
    assert result.status == "found"
    assert len(search.orders) == 13


async def test_cancelled_while_it_waits(dev_server: WorkflowEnvironment) -> None:
    """Cancelling ends a search that is parked."""
    search = FakeSearch([HOUR])
    async with working(dev_server.client, search.search_lead) as queue:
        handle = await dev_server.client.start_workflow(
            FindPhoneWorkflow.run, FindPhoneInput("lead-1"), id=str(uuid4()), task_queue=queue
        )
        await until(lambda: len(search.orders) == 1)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, CancelledError)
