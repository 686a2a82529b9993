"""Nimbus Lookup: new in the market, with answers in two shapes; asked by e-mail and job title."""

from __future__ import annotations

from leadgen.adapters.providers.http import (
    Client,
    Fields,
    accepts_connections,
    post_json,
    read_number,
    recall_json,
)
from leadgen.domain.lead import Input, Question
from leadgen.domain.provider import Hit, IPhoneProvider, MaySend, Miss, Outcome, Unknown


class NimbusLookup(IPhoneProvider):
    """Follows ``IPhoneProvider``; the key goes into the query parameter ``api``.

    The answer is ``{"number": ..., "countryCode": ...}``, sometimes with ``phoneNmbr`` for ``number``.
    """

    def __init__(self, client: Client, *, url: str, api_key: str) -> None:
        self._client = client
        self._url = url
        self._parameters = {"api": api_key}

    @property
    def needs(self) -> frozenset[Input]:
        return frozenset({Input.EMAIL, Input.JOB_TITLE})

    async def ask(
        self, question: Question, *, reference: str, timeout_seconds: float, may_send: MaySend
    ) -> Outcome:
        return await post_json(
            self._client,
            self._url,
            reference=reference,
            parameters=self._parameters,
            body={"email": question.email, "jobTitle": question.job_title},
            timeout_seconds=timeout_seconds,
            may_send=may_send,
            read=lambda fields: _read(fields, question.country),
        )

    async def recall(self, question: Question, *, reference: str, timeout_seconds: float) -> Outcome | None:
        return await recall_json(
            self._client,
            self._url,
            reference=reference,
            parameters=self._parameters,
            timeout_seconds=timeout_seconds,
            read=lambda fields: _read(fields, question.country),
        )

    async def is_reachable(self, *, timeout_seconds: float) -> bool:
        return await accepts_connections(self._url, timeout_seconds=timeout_seconds)


def _read(fields: Fields, lead_country: str | None) -> Hit | Miss | Unknown:
    """What the first of the two fields says that does not say "none"."""
    country = fields.get("countryCode")
    answer = read_number(fields.get("number"), country, lead_country)
    return read_number(fields.get("phoneNmbr"), country, lead_country) if isinstance(answer, Miss) else answer
