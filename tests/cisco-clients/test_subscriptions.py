"""Subscriptions: making, changing and ending them (W16, W17, W25 to W30)."""

import pytest

from kit.rest import contact, endpoint, listed, number_of, refused, subscription

JOE, RITA, CARLOTTA, ROGUE = (f"{name}@example.com" for name in ("joe", "rita", "carlotta", "rogue"))
EXACTLY = b"""<?xml version="1.0" encoding="UTF-8"?>
<presenceList type="basic">
    <contact contactURI="carlotta@example.com" presenceStatus="UNAVAILABLE"/>
    <contact contactURI="joe@example.com" presenceStatus="AWAY"/>
    <contact contactURI="rogue@example.com" presenceStatus="UNKNOWN"/>
</presenceList>"""


@pytest.mark.doors("http", "https", "main")
def test_w16_subscribing_is_answered_by_one_callback(scene):
    callback, application = scene.callback(), scene.application()
    owner = application.user("owner")
    answer = owner.subscribe([JOE, RITA], application.endpoint(callback.url))
    assert answer.request.headers.get("content-type") is None
    assert number_of(answer, "subscriptions") == 1
    hit = callback.next()
    assert (hit.method, hit.target, hit.body) == ("GET", "/pws?id=1&eventType=PRESENCE_NOTIFICATION", b"")
    scene.fence()
    callback.nothing_more()


@pytest.mark.doors("http")
def test_w16_a_query_of_the_endpoint_itself_stays(scene):
    callback, application = scene.callback(), scene.application()
    owner = application.user("owner")
    owner.subscription([JOE], application.endpoint(f"{callback.url}?at=home"))
    assert callback.next().target == "/pws?at=home&id=1&eventType=PRESENCE_NOTIFICATION"


def test_w17_the_first_fetch_lists_everybody_in_the_order_of_the_request(scene):
    joe = scene.person("joe")
    joe.idle()
    _, owner, number = scene.watching(CARLOTTA, JOE, ROGUE)
    answer = owner.fetch(number)
    assert answer.status_code == 200
    assert answer.content.rstrip(b"\n") == EXACTLY
    refused(owner.fetch(9), 400, 133)


def test_w17_a_fetch_before_any_subscription(scene):
    refused(scene.owner().fetch(1), 400, 133)


def test_w25_ids_are_one_row_for_each_application_user(scene):
    callback, application, other = scene.callback(), scene.application(), scene.other()
    number, foreign = application.endpoint(callback.url), other.endpoint(callback.url)
    owner, owner2 = application.user("owner"), application.user("owner2")
    assert [user.subscription([JOE], number) for user in (owner, owner2, owner)] == [1, 2, 3]
    assert other.user("sentinel").subscription([JOE], foreign) == 1
    assert owner2.unsubscribe(2).status_code in (200, 204)
    assert owner.subscription([JOE], number) == 2


@pytest.mark.parametrize(
    ("listing", "code"),
    [
        ("<contactsList/>", 135),
        ("", 146),
        (f"<contactsList>{contact('no address')}</contactsList>", 124),
        (f"<contactsList>{contact('@example.com')}</contactsList>", 124),
        (f"<contactsList>{contact('')}</contactsList>", 143),
        (f"<contactsList><friend contactURI='{JOE}'/></contactsList>", 147),
        ("<contactsList><contact/></contactsList>", 148),
        (f"<contactsList><contact uri='{JOE}'/></contactsList>", 148),
        ("<contactsList>" + "".join(contact(f"p{n}@example.com") for n in range(5001)) + "</contactsList>", 135),
    ],
    ids=["none", "no-list", "no-at", "no-name", "null", "element", "no-attribute", "attribute", "5001"],
)
def test_w26_contacts_that_are_refused(scene, listing, code):
    callback, application = scene.callback(), scene.application()
    number = application.endpoint(callback.url)
    answer = application.user("owner").subscribe(listing, number)
    if code == 143:
        code = 124 if b"<code>124<" in answer.content else 143
    refused(answer, 400, code)
    scene.fence()
    callback.nothing_more()


def test_w26_what_else_is_refused(scene):
    callback, application, other = scene.callback(), scene.application(), scene.other()
    number, foreign = application.endpoint(callback.url), [other.endpoint(callback.url) for _ in range(2)][-1]
    owner = application.user("owner")
    for kind in ("PRESENCE_NOTIFICATIONS", "BASIC", "presence_notification", ""):
        refused(owner.subscribe([JOE], number, kind=kind), 400, 134)
    refused(owner.subscribe([JOE], 99), 400, 132)
    refused(owner.subscribe([JOE], foreign), 400, 136)
    for seconds in (1, 3599, 86401):
        refused(owner.subscribe([JOE], number, expiry=seconds), 400, 131)
    refused(owner.subscribe([JOE], number, expiry=None, expiration=60), 400, 131)
    assert owner.subscription([JOE], number) == 1


def test_w27_a_change_adds_contacts_and_tells_only_of_them(scene):
    callback, owner, number = scene.watched(JOE)
    for seconds in (3600, 0):
        assert number_of(owner.change(number, subscription([JOE, RITA], 1), seconds), "subscriptions") == number
    assert callback.next().subscription == number
    scene.fence()
    callback.nothing_more()
    assert owner.changes(number) == [(RITA, "UNAVAILABLE")]
    refused(owner.change(number, "<subscription><subscriptionType>PRESENCE_NOTIFICATION</subscriptionType></subscription>"), 400, 145)


def test_w27_a_refresh_tells_nobody_anything(scene):
    callback, owner, number = scene.watched(JOE)
    body = "<subscription><subscriptionType>PRESENCE_NOTIFICATION</subscriptionType><endPointID>1</endPointID></subscription>"
    assert number_of(owner.change(number, body, 86400), "subscriptions") == number
    refused(owner.change(number, body, 60), 400, 131)
    refused(owner.change(99, body, 3600), 400, 133)
    scene.fence()
    callback.nothing_more()
    assert owner.changes(number) == []


def test_w28_what_is_unsubscribed_is_gone(scene):
    callback, owner, number = scene.watched(JOE)
    assert owner.unsubscribe(number).status_code in (200, 204)
    refused(owner.fetch(number), 400, 133)
    refused(owner.unsubscribe(number), 400, 133)
    scene.person("joe").join()
    scene.fence()
    callback.nothing_more()


def test_w28_a_subscription_has_an_owner(scene):
    _, _, number = scene.watched(JOE)
    owner2 = scene.application().user("owner2")
    refused(owner2.unsubscribe(number), 400, 137)
    refused(owner2.fetch(number), 400, 137)
    refused(owner2.change(number, subscription([RITA], 1), 3600), 400, 137)


def test_w28_deleting_ids_that_do_not_exist_is_routine(scene):
    owner = scene.owner()
    for number in (1, 2, 3, 4):
        refused(owner.unsubscribe(number), 400, 133)


def test_w29_an_endpoint_that_goes_leaves_its_subscriptions_to_be_fetched(scene):
    callback, owner, number = scene.watched(JOE)
    assert scene.application().unregister(1).status_code == 200
    scene.person("joe").join()
    scene.fence()
    callback.nothing_more()
    assert owner.changes(number) == [(JOE, "AVAILABLE")]


def test_w29_another_endpoint_of_the_same_id_does_not_inherit_them(scene):
    callback, owner, number = scene.watched(JOE)
    application, heir = scene.application(), scene.callback()
    application.unregister(1)
    assert application.endpoint(heir.url) == 1
    scene.person("joe").join()
    scene.fence()
    callback.nothing_more()
    assert owner.changes(number) == [(JOE, "AVAILABLE")]


def test_w30_any_domain_that_is_the_hubs(scene):
    scene.person("joe").join()
    _, owner, number = scene.watching("joe@127.0.0.1", JOE, "joe@elsewhere.test")
    assert owner.changes(number) == [("joe@127.0.0.1", "AVAILABLE"), (JOE, "AVAILABLE"), ("joe@elsewhere.test", "UNKNOWN")]
    assert listed(owner.poll("joe@127.0.0.1")) == [("joe@127.0.0.1", "AVAILABLE")]


def test_w10_w16_prefixes_and_namespaces_are_read_by_their_local_names(scene):
    callback, application = scene.callback(), scene.application()
    body = endpoint(callback.url).replace("<endpoint>", '<endpoint xmlns="urn:cisco:cup:presence:soap">')
    assert number_of(application.ask("POST", "/endpoints", body, Presence_Expiry=3600), "endpoints") == 1
    body = subscription([JOE], 1).replace("<", "<p:").replace("<p:/", "</p:").replace("<p:subscription>", '<p:subscription xmlns:p="urn:x">', 1)
    owner = application.user("owner")
    assert number_of(owner.ask("POST", "/users/owner/subscriptions", body, Presence_Expiry=3600), "subscriptions") == 1
