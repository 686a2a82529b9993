"""Orion Connect: the best data, slow; asked by name and website."""

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


class OrionConnect(IPhoneProvider):
    """Follows ``IPhoneProvider``; the key goes into the header ``x-auth-me``.

    The answer is ``{"phone": ...}``, its number without a country.
    """

    def __init__(self, client: Client, *, url: str, api_key: str) -> None:
        self._client = client
        self._url = url
        self._headers = {"x-auth-me": api_key}

    @property
    def needs(self) -> frozenset[Input]:
        return frozenset({Input.FULL_NAME, Input.WEBSITE})

    async def ask(
        self, question: Question, *, reference: str, timeout_seconds: float, may_send: MaySend
    ) -> Outcome:
        return await post_json(
            self._client,
            self._url,
            reference=reference,
            headers=self._headers,
            body={"fullName": question.full_name, "companyWebsite": question.website},
            timeout_seconds=timeout_seconds,
            may_send=may_send,
            read=lambda fields: _read(fields, question.country),
        )

    async def recall(self, question: Question, *, reference: str, timeout_seconds: float) -> Outcome | None:
        return await recall_json(
            self._client,
            self._url,
            reference=reference,
            headers=self._headers,
            timeout_seconds=timeout_seconds,
            read=lambda fields: _read(fields, question.country),
        )

    async def is_reachable(self, *, timeout_seconds: float) -> bool:
        return await accepts_connections(self._url, timeout_seconds=timeout_seconds)


def _read(fields: Fields, country: str | None) -> Hit | Miss | Unknown:
    return read_number(fields.get("phone"), None, country)
