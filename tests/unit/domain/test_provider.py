"""What may be configured of a provider."""

import pytest

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.provider import Charges, OnUnknown
from tests.builders import config


@pytest.mark.parametrize("charges", Charges)
@pytest.mark.parametrize("on_unknown", OnUnknown)
def test_a_lost_miss_is_never_paid_twice(on_unknown: OnUnknown, charges: Charges) -> None:
    """Asking once more under another key is refused where every request is charged, and nothing else is."""
    if on_unknown is OnUnknown.RETRY and charges is Charges.REQUEST:
        with pytest.raises(InvalidSetting, match="charges=hit"):
            config(charges=charges, on_unknown=on_unknown)
    else:
        assert config(charges=charges, on_unknown=on_unknown).on_unknown is on_unknown
