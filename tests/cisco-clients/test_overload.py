"""Overload: requests are refused to the letter, and what they would have told is not lost (W41)."""

from kit.rest import password, refused
from kit.scene import secret_of


def test_w41_a_hub_with_too_much_to_do_says_so(stage):
    # A bar that any load is above; that it falls again is shown in process, with a load that a test sets.
    scene = stage(settings={"cisco.load_high": 0, "cisco.load_low": 0})
    answer = scene.rest.ask("POST", f"/users/{scene.name}/sessions", password(secret_of(scene.name)))
    assert refused(answer, 503, 210) == ("Max cpu utilization reached", "Wait before sending another request")
    assert int(answer.headers["retry-after"]) >= 1
    exact = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n\n\t<description xmlns="urn:cisco:cup:presence:soap">\n\t\t<code>210</code>\n'
        b"\t\t<message>Max cpu utilization reached</message>\n\t\t<fix>Wait before sending another request</fix>\n\t</description>"
    )
    assert answer.content.rstrip(b"\n") == exact
    answer = scene.rest.ask("GET", "/users/owner/presence/basic/subscriptions/1", key="any")
    refused(answer, 503, 210)
