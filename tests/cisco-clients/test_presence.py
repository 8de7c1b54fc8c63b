"""Presence: fetched, polled and set (W31 to W38)."""

from xml.etree import ElementTree

import pytest

from kit.rest import basic, listed, local, password, refused
from kit.scene import secret_of

JOE, RITA, ROGUE = (f"{name}@example.com" for name in ("joe", "rita", "rogue"))
PIDF = "urn:ietf:params:xml:ns:pidf"
SOURCE = "urn:cisco:params:xml:ns:pidf:source"
RPID = "urn:cisco:params:xml:ns:pidf:rpid"


def by_hand(activity, tuple_id="pws-override", namespace=""):
    """A document that overrides what devices say."""
    return (
        f'<presence{namespace} entity="sip:{JOE}"><tuple id="{tuple_id}"><status><basic>open</basic></status>'
        f'<source xmlns="{SOURCE}">Human</source></tuple>'
        f'<person xmlns="{RPID}" id="joe"><activities><{activity}/></activities></person></presence>'
    )


def of_device(activity, source="Presence Web Service"):
    """A document of one device."""
    said = f'<source xmlns="{SOURCE}">{source}</source>' if source else ""
    return (
        f'<presence entity="sip:{JOE}"><tuple id="desk"><status><basic>open</basic></status>{said}</tuple>'
        f'<person xmlns="{RPID}" id="joe"><activities><{activity}/></activities></person></presence>'
    )


def is_taken(answer):
    """Fails unless a presence was set."""
    assert answer.status_code in (200, 201, 204), f"{answer.status_code}: {answer.text}"


def test_w31_a_get_with_a_login_as_its_body_is_answered(scene):
    _, owner, number = scene.watching(JOE)
    body = password(secret_of(scene.name))
    answer = owner.fetch(number, body=body)
    assert answer.request.body == body.encode()
    assert listed(answer) == [(JOE, "UNAVAILABLE")]
    assert listed(owner.fetch(number, body="no <xml")) == []


def test_w32_one_contact_is_polled(scene):
    owner = scene.owner()
    assert listed(owner.poll(JOE)) == [(JOE, "UNAVAILABLE")]
    scene.person("joe").join()
    assert listed(owner.poll(JOE)) == [(JOE, "AVAILABLE")]
    assert listed(owner.poll("joe%40example.com")) == [(JOE, "AVAILABLE")]
    assert listed(owner.poll(ROGUE)) == [(ROGUE, "UNKNOWN")]


def test_w32_rich_presence_is_pidf(scene):
    scene.person("joe").join()
    answer = scene.owner().poll(JOE, "rich")
    assert answer.status_code == 200
    root = ElementTree.fromstring(answer.content)
    assert (root.tag, root.attrib) == ("presenceList", {"type": "rich"})
    [entry] = root
    assert (entry.tag, entry.attrib["entity"]) == (f"{{{PIDF}}}presence", f"sip:{JOE}")
    [person] = [child for child in entry if local(child) == "person"]
    assert "available" in [local(activity) for activity in person.iter()]
    assert [local(child) for child in entry].count("tuple") >= 1


@pytest.mark.parametrize("who", ["", "joe", "@example.com", "joe@", "a b@example.com"])
def test_w32_whom_no_address_names(scene, who):
    answer = scene.owner().poll(who)
    assert answer.status_code in (400, 404, 405)
    if answer.status_code == 400:
        refused(answer, 400, 124)


@pytest.mark.parametrize(
    ("state", "override", "read"),
    [
        ("AWAY", "false", "AWAY"),
        ("BUSY", "false", "AWAY"),
        ("VACATION", "false", "AWAY"),
        ("AVAILABLE", "false", "AVAILABLE"),
        ("UNAVAILABLE", "false", "UNAVAILABLE"),
        ("DND", "true", "DND"),
        ("AWAY", "true", "AWAY"),
        ("BUSY", "true", "AWAY"),
        ("VACATION", "true", "AWAY"),
        ("UNAVAILABLE", "true", "UNAVAILABLE"),
    ],
)
def test_w33_what_is_set_is_what_watchers_read(scene, state, override, read):
    joe = scene.application().user("joe")
    before = "AWAY" if read != "AWAY" else "AVAILABLE"
    joe.set(before)
    callback, owner, number = scene.watching(JOE)
    assert owner.changes(number) == [(JOE, before)]
    is_taken(joe.put(basic(state), override=override))
    callback.next()
    assert owner.changes(number) == [(JOE, read)]
    assert joe.state(JOE) == read


def test_w33_states_that_cannot_be_set(scene):
    joe = scene.application().user("joe")
    joe.set("AVAILABLE")
    for state in ("UNKNOWN", "available", "SLEEPING"):
        refused(joe.put(basic(state), override="false"), 400, 120)
    for body in (basic(""), "<presence/>"):
        refused(joe.put(body, override="false"), 400, 115)
    refused(joe.put("<state>AWAY</state>", override="false"), 400, 103)
    refused(joe.put("<presence>AWAY", override="false"), 400, 102)
    assert joe.state(JOE) == "AVAILABLE"


def test_w34_what_may_not_be_set_so(scene):
    joe = scene.application().user("joe")
    refused(joe.put(basic("AVAILABLE"), override="true"), 400, 121)
    refused(joe.put(basic("DND"), override="false"), 400, 122)
    for override in ("TRUE", "False", "1", "yes", ""):
        refused(joe.put(basic("AWAY"), override=override), 400, 125)
    for seconds in (0, 3599, 86401, "soon"):
        refused(joe.put(basic("AWAY"), override="false", expiry=seconds), 400, 131)


def test_w35_an_override_survives_what_devices_say(scene):
    callback, owner, number = scene.watched(JOE)
    joe = scene.application().user("joe")
    joe.set("DND", "true")
    callback.next()
    assert owner.changes(number) == [(JOE, "DND")]
    joe.set("AVAILABLE")
    person = scene.person("joe")
    person.join()
    person.media()
    scene.fence()
    callback.nothing_more()
    assert (owner.state(JOE), owner.changes(number)) == ("DND", [])
    is_taken(joe.put(by_hand("clear"), "rich", "true"))
    callback.next()
    assert owner.changes(number) == [(JOE, "BUSY")]


def test_w36_unavailable_counts_when_all_devices_say_so(scene):
    joe, person, owner = scene.application().user("joe"), scene.person("joe"), scene.owner()
    person.join()
    joe.set("AVAILABLE")
    joe.set("UNAVAILABLE")
    assert owner.state(JOE) == "AVAILABLE"
    person.leave()
    assert owner.state(JOE) == "UNAVAILABLE"
    joe.set("AVAILABLE")
    assert owner.state(JOE) == "AVAILABLE"


@pytest.mark.parametrize("namespace", ["", f' xmlns="{PIDF}"'])
def test_w37_an_override_in_rich_form(scene, namespace):
    joe, owner = scene.application().user("joe"), scene.owner()
    joe.set("AVAILABLE")
    for tuple_id in ("pws-override", "pws-persistent"):
        is_taken(joe.put(by_hand("dnd", tuple_id, namespace), "rich", "true"))
        assert owner.state(JOE) == "DND"
        is_taken(joe.put(by_hand("clear", tuple_id, namespace), "rich", "true"))
        assert owner.state(JOE) == "AVAILABLE"


def test_w37_documents_that_are_refused(scene):
    joe = scene.application().user("joe")
    joe.set("AVAILABLE")
    refused(joe.put(by_hand("dnd", "desk"), "rich", "true"), 400, 161)
    refused(joe.put(of_device("away", source=None), "rich", "false"), 400, 162)
    refused(joe.put(of_device("away", source="Elsewhere"), "rich", "false"), 400, 162)
    refused(joe.put("<presence><tuple", "rich", "true"), 400, 102)
    refused(joe.put("<person/>", "rich", "true"), 400, 103)
    assert joe.state(JOE) == "AVAILABLE"


def test_w37_a_device_in_rich_form(scene):
    joe, owner = scene.application().user("joe"), scene.owner()
    for activity, state in (("available", "AVAILABLE"), ("away", "AWAY"), ("meeting", "BUSY"), ("available", "AVAILABLE")):
        is_taken(joe.put(of_device(activity), "rich", "false"))
        seen = owner.state(JOE)
        assert seen == state or (activity == "meeting" and seen == "AWAY"), f"{activity} reads {seen}"


def test_w38_who_is_in_the_hub_by_another_dialect(scene):
    callback, owner, number = scene.watched(JOE)
    joe = scene.person("joe")
    for change, state in ((joe.join, "AVAILABLE"), (joe.idle, "AWAY"), (joe.media, "BUSY"), (joe.join, "AVAILABLE"), (joe.leave, "UNAVAILABLE")):
        change()
        assert callback.next().subscription == number
        assert owner.changes(number) == [(JOE, state)]


def test_w38_all_sessions_and_all_topics_count(scene):
    callback, owner, number = scene.watched(JOE)
    desk, hall = scene.person("joe", "desk"), scene.person("joe", "hall")
    steps = (
        (desk.idle, "AWAY"),
        (hall.join, "AVAILABLE"),
        (hall.idle, "AWAY"),
        (desk.media, "BUSY"),
        (desk.close, "AWAY"),
        (hall.close, "UNAVAILABLE"),
    )
    for change, state in steps:
        change()
        callback.next()
        assert owner.changes(number) == [(JOE, state)]
    scene.people.clear()


def test_w38_whom_the_hub_has_seen_is_known_where_any_end_user_may_log_in(stage):
    scene = stage(end_users="any")
    owner = scene.owner()
    assert owner.state(ROGUE) == "UNKNOWN"
    rogue = scene.person("rogue")
    rogue.join()
    assert owner.state(ROGUE) == "AVAILABLE"
    rogue.leave()
    assert owner.state(ROGUE) == "UNAVAILABLE"


def test_w38_what_is_set_here_is_told_to_another_dialect(scene):
    watcher = scene.person("rita", "cisco")
    joe = scene.application().user("joe")
    joe.set("AVAILABLE")
    event = watcher.hears("app.event.presence.party.online")
    assert event["payload"]["sender"]["_id"] == "joe"
    joe.set("AWAY")
    assert watcher.hears("app.event.presence.party.online")["payload"]["content"]["idle"] is True
    joe.set("UNAVAILABLE")
    assert watcher.hears("app.event.presence.party.leaves")["payload"]["sender"]["_id"] == "joe"
