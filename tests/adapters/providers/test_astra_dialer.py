import json
from typing import ClassVar

from leadgen.adapters.providers.astra_dialer import AstraDialer
from leadgen.adapters.providers.http import Client
from leadgen.domain.lead import Input
from leadgen.domain.provider import IPhoneProvider
from tests.adapters.providers.scripted_server import Received
from tests.contracts.phone_provider import PhoneProviderContract
from tests.contracts.phone_recall import KEY


class TestAstraDialer(PhoneProviderContract):
    recordings: ClassVar[str] = "astra_dialer.json"
    field: ClassVar[str] = "phoneNmbr"
    needs: ClassVar[frozenset[Input]] = frozenset({Input.EMAIL})

    def build(self, client: Client, url: str) -> IPhoneProvider:
        return AstraDialer(client, url=url, api_key=KEY)

    def check_request(self, request: Received) -> None:
        assert request.target == "/v1/phone"
        assert request.headers["apikey"] == KEY
        assert json.loads(request.body) == {"email": "zoe@example.com"}
