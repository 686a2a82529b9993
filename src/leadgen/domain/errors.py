"""The errors of leadgen: bugs and infrastructure only; a provider's answer is an outcome, never an exception.

The tree, by what the caller does:

    LeadgenError
    ├── ServiceUnavailable        try again later: a server that leadgen needs does not answer
    ├── StaleTicket               take another ticket: the limits have changed hands meanwhile
    ├── InvalidInput              stop, and change what was given
    │   ├── InvalidSetting        a setting or option with a value that cannot be used
    │   └── UnreadableFile        a file that is no lead file
    ├── UnknownId                 stop: nothing has this id
    ├── NotPossible               stop: what it is asked of is in another state
    │   ├── ChangedMeanwhile      look at it again: somebody else has changed it
    │   └── StillRunning          try again later: the same request is being carried out
    ├── NotAuthenticated          stop: no key, or none that is valid
    ├── NotAllowed                stop: the key does not allow it
    ├── TooMany                   try again later: more was asked for than is allowed in a time
    └── NotConfigured             stop: a setting is missing
"""

from __future__ import annotations


class LeadgenError(Exception):
    """Whatever leadgen itself reports; its text is one line fit for a person and holds no personal data."""


class ServiceUnavailable(LeadgenError):
    """A server that leadgen needs does not answer; the same call may succeed later."""

    def __init__(self, service: str, address: str, remedy: str) -> None:
        super().__init__(f"{service} is not available at {address}: {remedy}")
        self.service = service
        self.address = address
        self.remedy = remedy


class StaleTicket(LeadgenError):
    """A permission to call was given before the limits changed hands; nothing was sent."""

    def __init__(self, provider: str) -> None:
        super().__init__(f"a ticket of {provider} was given under limits that no longer hold")
        self.provider = provider


class InvalidInput(LeadgenError):
    """What the caller gave cannot be used; nothing was changed."""


class InvalidSetting(InvalidInput):
    """A setting or an option has a value that cannot be used."""

    def __init__(self, setting: str, value: object, expected: str) -> None:
        super().__init__(f"{setting}={value} cannot be used: expected {expected}")
        self.setting = setting
        self.expected = expected


class UnreadableFile(InvalidInput):
    """A file that is no lead file."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class UnknownId(LeadgenError):
    """Nothing of this kind has this id."""

    def __init__(self, kind: str, given: str, shown_by: str = "") -> None:
        shown_by = shown_by or f"leadgen {kind}s list"
        super().__init__(f"no {kind} has the id {given!r}: `{shown_by}` shows those there are")
        self.kind = kind
        self.given = given


class NotPossible(LeadgenError):
    """What is asked for does not go with the state that things are in; nothing was changed."""


class ChangedMeanwhile(NotPossible):
    """It is no longer what the caller has seen; nothing was changed."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"this {kind} has been changed meanwhile: read it again")
        self.kind = kind


class StillRunning(NotPossible):
    """The same request is being carried out; its answer will be there later."""


class NotAuthenticated(LeadgenError):
    """Nobody knows who asks: no key was given, or one that is unknown, revoked or expired."""


class NotAllowed(LeadgenError):
    """Whoever asks may not do this."""


class TooMany(LeadgenError):
    """More requests than are allowed in a time; nothing was done."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too many requests: try again later")
        self.retry_after_seconds = retry_after_seconds


class NotConfigured(LeadgenError):
    """A setting is missing without which the request makes no sense."""
