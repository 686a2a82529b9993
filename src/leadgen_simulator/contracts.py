"""The three contracts: where the key lies, what is asked, how the answer is written."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from aiohttp.web import BaseRequest

from leadgen_simulator.phones import CALLING_CODES
from leadgen_simulator.truth import Question, Truth

Json = dict[str, object]

_MISSING = object()


class Contract(ABC):
    """One provider as it is met over HTTP."""

    name: str

    @abstractmethod
    def key(self, request: BaseRequest) -> str | None:
        """The key that the caller shows, or None."""

    @abstractmethod
    def question(self, body: Mapping[str, object]) -> Question | None:
        """What is asked, or None when a required field is missing, empty or no text."""

    @abstractmethod
    def answer(self, truth: Truth, *, second_shape: bool) -> Json:
        """The answer's JSON, a hit or one of the provider's ways to say that there is none."""


class Orion(Contract):
    """Orion Connect: asked by name and website; `{"phone": string or null}`."""

    name = "orion"
    _MISSES = (None, None, None, "")

    def key(self, request: BaseRequest) -> str | None:
        """The header `x-auth-me`."""
        return request.headers.get("x-auth-me")

    def question(self, body: Mapping[str, object]) -> Question | None:
        """The name without regard to case and spacing, with the website's host."""
        name, website = _text(body, "fullName"), _text(body, "companyWebsite").lower()
        if not name or not website:
            return None
        return Question(f"{' '.join(name.casefold().split())}\x1f{website}", website)

    def answer(self, truth: Truth, *, second_shape: bool) -> Json:
        """Ten bare digits without a country."""
        return _with({}, "phone", truth.national or _pick(self._MISSES, truth))


class Astra(Contract):
    """Astra Dialer: asked by e-mail; `{"phoneNmbr": string, null or missing}`."""

    name = "astra"
    _MISSES = (None, _MISSING, "")

    def key(self, request: BaseRequest) -> str | None:
        """The header `apiKey`."""
        return request.headers.get("apiKey")

    def question(self, body: Mapping[str, object]) -> Question | None:
        """The e-mail address."""
        return _mail_question(body)

    def answer(self, truth: Truth, *, second_shape: bool) -> Json:
        """Ten bare digits without a country."""
        return _with({}, "phoneNmbr", truth.national or _pick(self._MISSES, truth))


class Nimbus(Contract):
    """Nimbus Lookup: asked by e-mail and job title; `{"number": number, "countryCode": string}`."""

    name = "nimbus"
    _MISSES = (0, None, _MISSING, "")

    def key(self, request: BaseRequest) -> str | None:
        """The query parameter `api`."""
        return request.query.get("api")

    def question(self, body: Mapping[str, object]) -> Question | None:
        """The e-mail address; the job title must be there but does not tell people apart."""
        return _mail_question(body) if _text(body, "jobTitle") else None

    def answer(self, truth: Truth, *, second_shape: bool) -> Json:
        """The digits as a JSON number, under `number` or `phoneNmbr`; the country in one of three styles."""
        name = "phoneNmbr" if second_shape else "number"
        if truth.national is None:
            return _with({}, name, _pick(self._MISSES, truth))
        code = CALLING_CODES[truth.country]
        style = (truth.country, code, f"+{code}")[truth.style % 3]
        return {name: int(truth.national), "countryCode": style}


CONTRACTS: tuple[Contract, ...] = (Orion(), Astra(), Nimbus())


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    return value.strip() if isinstance(value, str) else ""


def _mail_question(body: Mapping[str, object]) -> Question | None:
    email = _text(body, "email").lower()
    return Question(email, email.rpartition("@")[2]) if email else None


def _pick(misses: tuple[object, ...], truth: Truth) -> object:
    return misses[truth.style % len(misses)]


def _with(answer: Json, name: str, value: object) -> Json:
    if value is not _MISSING:
        answer[name] = value
    return answer
