"""Errors to the letter, limits, and HTTP as it comes (W40, W42 to W44)."""

import select

import pytest

from kit.patience import LOOK
from kit.raw import answer_on, connected, exchange, request
from kit.rest import ROOT, basic, contact, endpoint, listed, number_of, password, refused, subscription
from kit.scene import secret_of

JOE = "joe@example.com"


def rows(scene, callback, application, owner, foreign):
    """Every row of the table that a request can provoke: status, code and the answer."""
    sessions, lists = f"/users/{scene.name}/sessions", f"/users/{owner.name}/subscriptions"
    bare = "<subscriptionType>PRESENCE_NOTIFICATION</subscriptionType>"
    ask, owner2 = scene.rest.ask, application.user("owner2")

    def subscribed(contacts, end_point=1, **more):
        return owner.subscribe(contacts, end_point, **more)

    yield 401, 100, ask("POST", "/endpoints", endpoint(callback.url), Presence_Expiry=3600)
    yield 401, 101, ask("POST", "/endpoints", endpoint(callback.url), "no-key", Presence_Expiry=3600)
    yield 400, 102, application.ask("POST", "/endpoints", "<endpoint>", Presence_Expiry=3600)
    yield 400, 103, application.ask("POST", "/endpoints", "<end/>", Presence_Expiry=3600)
    yield 400, 111, ask("POST", sessions, password(""))
    yield 400, 114, ask("POST", sessions, password("wrong"))
    yield 404, 113, ask("POST", "/users/nobody/sessions", password("any"))
    yield 400, 115, owner.put(basic(""), override="false")
    yield 400, 120, owner.put(basic("UNKNOWN"), override="false")
    yield 400, 121, owner.put(basic("AVAILABLE"), override="true")
    yield 400, 122, owner.put(basic("DND"), override="false")
    yield 400, 123, application.ask("PUT", "/endpoints/1", endpoint(callback.url + "x"), Presence_Expiry=3600)
    yield 400, 124, subscribed(["joe"])
    yield 400, 125, owner.put(basic("AWAY"), override="perhaps")
    yield 400, 130, application.register("")
    yield 400, 131, application.register(callback.url, 60)
    yield 400, 132, application.unregister(99)
    yield 400, 133, owner.fetch(99)
    yield 400, 134, subscribed([JOE], kind="OTHER")
    yield 400, 135, subscribed("<contactsList></contactsList>")
    yield 400, 136, subscribed([JOE], foreign)
    yield 400, 137, owner2.fetch(1)
    yield 400, 140, application.ask("GET", f"/users/{scene.name}/presence/basic/contacts/{JOE}")
    yield 400, 141, owner.ask("POST", "/endpoints", endpoint(callback.url), Presence_Expiry=3600)
    yield 400, 142, application.register("http://127.0.0.1/a b")
    yield 400, 145, owner.change(1, f"<subscription>{bare}</subscription>")
    yield 400, 146, owner.ask("POST", lists, f"<subscription>{bare}<endPointID>1</endPointID></subscription>", Presence_Expiry=3600)
    yield 400, 147, subscribed(f"<contactsList>{contact(JOE)}<group/></contactsList>")
    yield 400, 148, subscribed("<contactsList><contact name='joe'/></contactsList>")
    yield 409, 160, scene.other().ask("POST", "/users/owner/sessions", b"")
    yield 400, 161, owner.put('<presence><tuple id="x"><status><basic>open</basic></status></tuple></presence>', "rich", "true")
    yield 400, 162, owner.put('<presence><tuple id="x"><status><basic>open</basic></status></tuple></presence>', "rich", "false")


def test_w40_every_row_that_a_request_can_provoke(scene):
    callback, application = scene.callback(), scene.application()
    owner, other = application.user("owner"), scene.other()
    assert application.endpoint(callback.url) == 1
    foreign = [other.endpoint(callback.url) for _ in range(2)][1]
    assert owner.subscription([JOE], 1) == 1
    said = {}
    for status, code, answer in rows(scene, callback, application, owner, foreign):
        said[code] = refused(answer, status, code)
        assert answer.headers["content-type"].split(";")[0] in ("text/xml", "application/xml")
    assert len({message for message, _ in said.values()}) == len(said), "two codes have the same message"


def test_w42_more_requests_than_allowed(stage):
    scene = stage(requests_per_second=5)
    owner = scene.owner()
    answers = [owner.poll(JOE) for _ in range(50)]
    busy = [answer for answer in answers if answer.status_code != 200]
    assert busy and len(busy) < 50
    for answer in busy:
        refused(answer, 503, 212)
        assert int(answer.headers["retry-after"]) >= 1


def test_w42_more_endpoints_and_subscriptions_than_allowed(stage):
    scene = stage(endpoints=2, subscriptions=2, contacts=3)
    callback, application = scene.callback(), scene.application()
    for _ in range(2):
        application.endpoint(callback.url)
    refused(application.register(callback.url), 400, 138)
    owner = application.user("owner")
    refused(owner.subscribe([f"p{n}@example.com" for n in range(4)], 1), 400, 135)
    for _ in range(2):
        owner.subscription([JOE], 1)
    refused(owner.subscribe([JOE], 1), 400, 139)
    owner.unsubscribe(2)
    application.unregister(2)
    assert (application.endpoint(callback.url), owner.subscription([JOE], 1)) == (2, 2)


def test_w43_bodies_in_chunks_are_read_and_connections_kept(scene):
    if scene.door != "http":
        answer = scene.rest.session.post(f"{scene.rest.url}/users/{scene.name}/sessions", data=iter([password(secret_of(scene.name)).encode()]))
        assert answer.status_code == 201
        return
    body = password(secret_of(scene.name)).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    login = request("POST", f"{ROOT}/users/{scene.name}/sessions", Content_Length=None, Transfer_Encoding="chunked") + chunks
    with connected(scene.hub.port("http")) as connection:
        for _ in range(3):
            connection.sendall(login)
            answer = answer_on(connection)
            assert answer.status_code == 201
            assert int(answer.headers["content-length"]) == len(answer.content)
            assert "transfer-encoding" not in answer.headers
            assert answer.headers.get("connection", "").lower() != "close"


@pytest.mark.doors("http", "main")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/nothing/here"),
        ("PATCH", "/endpoints"),
        ("POST", "/endpoints"),
        ("GET", f"/users/owner/presence/basic/contacts/{JOE}"),
        ("DELETE", "/endpoints/4"),
        ("POST", "/soap"),
    ],
)
def test_w43_a_connection_goes_on_after_a_body_that_nobody_wanted_or_says_that_it_ends(scene, method, path):
    body = b"<left-over/>"
    unwanted = request(method, ROOT + path, body, Presence_Session_Key="no-key")
    with connected(scene.hub.port(scene.door)) as connection:
        # As `requests` sends them: the head, and then the body. It may be answered in between.
        connection.sendall(unwanted[: -len(body)])
        is_early = select.select([connection], [], [], 10 * LOOK)[0]
        first = answer_on(connection) if is_early else None
        connection.sendall(body)
        first = first or answer_on(connection)
        # Who may make the hub read nothing is told that the connection ends.
        if first.headers.get("connection", "").lower() == "close":
            return
        for _ in range(2):
            connection.sendall(request("POST", f"{ROOT}/users/{scene.name}/sessions", password(secret_of(scene.name)).encode()))
            assert answer_on(connection).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nothing/here"),
        ("GET", "/endpoints"),
        ("PATCH", "/endpoints/1"),
        ("POST", "/users/owner/presence/basic/subscriptions/1"),
        ("GET", "/users/owner/presence/detailed/subscriptions/1"),
        ("DELETE", "/users/owner/presence/basic"),
        ("GET", "/users//sessions"),
        ("GET", "/soap"),
    ],
)
def test_w44_a_wrong_method_or_path_has_an_error_body(scene, method, path):
    answer = scene.owner().ask(method, path)
    assert answer.status_code in (400, 401, 404, 405)
    refused(answer, answer.status_code, int(answer.content.split(b"<code>")[1][:3]))


def test_w44_a_body_that_is_too_large_is_not_read(scene):
    port = scene.hub.port("http")
    head = request("POST", f"{ROOT}/users/{scene.name}/sessions", Content_Length=10_000_000)
    refused(exchange(port, head + b"<session>"), 400, 150)
    chunk = b"%x\r\n%b\r\n" % (65536, b"a" * 65536)
    head = request("POST", f"{ROOT}/users/{scene.name}/sessions", Content_Length=None, Transfer_Encoding="chunked")
    # One byte more than it reads, and no end.
    refused(exchange(port, head + chunk * 8 + b"1\r\na"), 400, 150)


@pytest.mark.doors("http", "main")
def test_w44_heads_that_no_library_sends(scene):
    port = scene.hub.port(scene.door)
    for data in (
        request("POST", f"{ROOT}/endpoints", b"\xff\xfe\x00", Presence_Session_Key="\u00e9\u00e8"),
        request("PUT", f"{ROOT}/users/%ff%fe/presence/basic", b"<presence>AWAY</presence>", Presence_Session_Key="x"),
        request("POST", f"{ROOT}/users/{'a' * 5000}/sessions", b""),
        request("POST", f"{ROOT}/users/..%2f..%2fetc/sessions", b"<session><password>x</password></session>"),
        request("GET", f"{ROOT}/users/a%00b/presence/basic/contacts/%00@example.com"),
    ):
        answer = exchange(port, data)
        assert answer.status_code in (400, 401, 404, 414, 431), answer.text
        if answer.content:
            refused(answer, answer.status_code, int(answer.content.split(b"<code>")[1][:3]))
    scene.application()


def test_w44_a_session_goes_on_after_all_of_this(scene):
    callback, owner, number = scene.watched(JOE)
    for body in (b"\x00", b"\xff\xfe<\x00a\x00", b"<presence>\x01</presence>"):
        assert owner.put(body, override="false").status_code == 400
    assert listed(owner.fetch(number)) == []
    number_of(owner.change(number, subscription(["rita@example.com"], 1), 3600), "subscriptions")
