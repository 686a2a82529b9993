"""Who may do what: nothing is reached without a key but what is listed here, and no route without a scope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import FastAPI, Security
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security.base import SecurityBase
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from leadgen.application.authenticate_key import AuthenticateKey
from leadgen.application.request_limit import RequestLimit
from leadgen.domain.api_key import ApiKey, Scope
from leadgen.domain.errors import LeadgenError, NotAllowed, NotAuthenticated
from leadgen.entrypoints.http import problems

PUBLIC = frozenset({"/openapi.json", "/docs", "/healthz", "/readyz", "/metrics"})
"""The paths that need no key."""

JSON_BYTES_MAX = 1_000_000
FILE_BYTES_MAX = 50_000_000
FILES = frozenset({"/v1/leads/import"})
"""The paths that take files."""


class Needs(SecurityBase):
    """The caller's key, which must have a scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.model = HTTPBearer(description="An API key: `leadgen keys create`.")
        self.scheme_name = "ApiKey"

    async def __call__(self, connection: HTTPConnection) -> ApiKey:
        """Raises NotAllowed."""
        key: ApiKey = connection.state.key
        if self.scope not in key.scopes:
            raise NotAllowed(f"this needs a key with the scope {self.scope}")
        return key


def _key_with(scope: Scope) -> Any:
    return Security(Needs(scope), scopes=[scope.value])


LeadsReader = Annotated[ApiKey, _key_with(Scope.LEADS_READ)]
LeadsWriter = Annotated[ApiKey, _key_with(Scope.LEADS_WRITE)]
JobsReader = Annotated[ApiKey, _key_with(Scope.JOBS_READ)]
JobsRunner = Annotated[ApiKey, _key_with(Scope.JOBS_RUN)]
LedgerReader = Annotated[ApiKey, _key_with(Scope.LEDGER_READ)]
ProvidersReader = Annotated[ApiKey, _key_with(Scope.PROVIDERS_READ)]
ProvidersWriter = Annotated[ApiKey, _key_with(Scope.PROVIDERS_WRITE)]
KeysAdmin = Annotated[ApiKey, _key_with(Scope.KEYS_ADMIN)]
WebhooksAdmin = Annotated[ApiKey, _key_with(Scope.WEBHOOKS_ADMIN)]


class Gate:
    """Stands before the app: knows the key, counts the request and measures its body before it is read."""

    def __init__(self, app: ASGIApp, *, authenticate: AuthenticateKey, limit: RequestLimit) -> None:
        self._app = app
        self._authenticate = authenticate
        self._limit = limit

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if connection["type"] not in {"http", "websocket"}:
            await self._app(connection, receive, send)
            return
        headers = Headers(scope=connection)
        if connection["path"] not in PUBLIC:
            try:
                key = await self._authenticate.run(bearer(headers))
                self._limit.take(key.id)
            except LeadgenError as error:
                await problems.of_error(error)(connection, receive, send)
                return
            connection.setdefault("state", {})["key"] = key
        most = FILE_BYTES_MAX if connection["path"] in FILES else JSON_BYTES_MAX
        if int(headers.get("content-length", "0") or 0) > most:
            await problems.answer(413)(connection, receive, send)
            return
        await self._app(connection, _measured(receive, most), send)


def bearer(headers: Headers) -> str:
    """The key in a request's headers; raises NotAuthenticated where there is none."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise NotAuthenticated("no API key was given: send the header Authorization: Bearer KEY")
    return token.strip()


def _measured(receive: Receive, most: int) -> Receive:
    taken = 0

    async def measured() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(413)
        return message

    return measured


def unguarded(app: FastAPI) -> list[str]:
    """The paths of routes for which no scope is declared, and which are not public."""
    return [
        route.path
        for route in app.routes
        if isinstance(route, APIRoute | APIWebSocketRoute)
        if route.path not in PUBLIC and not list(_needs(route.dependant))
    ]


def _needs(dependant: Dependant) -> Iterator[Needs]:
    for each in dependant.dependencies:
        if isinstance(each.call, Needs):
            yield each.call
        yield from _needs(each)
