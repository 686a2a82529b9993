"""Workflows as somebody might change them without thinking of those that run: one command more."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from leadgen.workflows.deliver_webhooks.payloads import DeliverWebhooksInput, DeliverWebhooksResult
    from leadgen.workflows.deliver_webhooks.workflow import DeliverWebhooksWorkflow
    from leadgen.workflows.find_phone.payloads import FindPhoneInput, FindPhoneResult
    from leadgen.workflows.find_phone.workflow import FindPhoneWorkflow
    from leadgen.workflows.find_phones.payloads import FindPhonesInput, FindPhonesResult
    from leadgen.workflows.find_phones.workflow import FindPhonesWorkflow
    from leadgen.workflows.upkeep.payloads import UpkeepResult
    from leadgen.workflows.upkeep.workflow import UpkeepWorkflow


@workflow.defn(name="FindPhone")
class SleepyFindPhone(FindPhoneWorkflow):
    """Sleeps before it begins."""

    @workflow.run
    async def run(self, request: FindPhoneInput | None = None) -> FindPhoneResult:
        """The end of the search."""
        await workflow.sleep(1)
        return await super().run(request)


@workflow.defn(name="FindPhones")
class SleepyFindPhones(FindPhonesWorkflow):
    """Sleeps before it ends."""

    @workflow.init
    def __init__(self, request: FindPhonesInput | None = None) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: FindPhonesInput | None = None) -> FindPhonesResult:
        """What came of the job."""
        result = await super().run(request)
        await workflow.sleep(1)
        return result


@workflow.defn(name="Upkeep")
class HastyUpkeep(UpkeepWorkflow):
    """Forgets its activity."""

    @workflow.run
    async def run(self) -> UpkeepResult:
        """Nothing was mended."""
        return UpkeepResult()


@workflow.defn(name="DeliverWebhooks")
class SleepyDeliverWebhooks(DeliverWebhooksWorkflow):
    """Sleeps before it begins."""

    @workflow.init
    def __init__(self, request: DeliverWebhooksInput | None = None) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: DeliverWebhooksInput | None = None) -> DeliverWebhooksResult:
        """What came of it."""
        await workflow.sleep(1)
        return await super().run(request)
