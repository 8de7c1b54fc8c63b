"""Overload: requests are refused to the letter (W41). That it ends, and what is told then, is shown in process."""

import pytest
from lxml import etree

from kit.load import Load
from kit.patience import until
from kit.rest import password, refused
from kit.scene import secret_of
from kit.soap import envelope, only

# A bar that a single busy process is above.
BUSY = {"cisco.load_of_all": True, "cisco.load_high": 1, "cisco.load_low": 1, "cisco.load_every": "50ms"}
EXACTLY = b"""<?xml version="1.0" encoding="UTF-8"?>

\t<description xmlns="urn:cisco:cup:presence:soap">
\t\t<code>210</code>
\t\t<message>Max cpu utilization reached</message>
\t\t<fix>Wait before sending another request</fix>
\t</description>"""


@pytest.fixture
def busy(stage):
    """A scene on a hub that has too much to do."""
    with Load():
        scene = stage(settings=BUSY)
        until("the hub to notice", lambda: scene.rest.ask("GET", "/users/owner/presence/basic/subscriptions/1", key="any").status_code == 503)
        yield scene


def test_w41_a_hub_with_too_much_to_do_says_so(busy):
    for answer in (
        busy.rest.ask("POST", f"/users/{busy.name}/sessions", password(secret_of(busy.name))),
        busy.rest.ask("GET", "/users/owner/presence/basic/subscriptions/1", key="any"),
    ):
        assert refused(answer, 503, 210) == ("Max cpu utilization reached", "Wait before sending another request")
        assert answer.content.rstrip(b"\n") == EXACTLY
        assert int(answer.headers["retry-after"]) >= 1


def test_w50_too_much_work_is_503_over_soap_too(busy):
    answer = busy.rest.ask("POST", "/soap", envelope("<cup:logout/>", "any"), Content_Type="text/xml")
    assert answer.status_code == 503
    assert only(etree.fromstring(answer.content), "code").text == "210"
