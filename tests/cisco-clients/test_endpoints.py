"""Endpoints: their ids, expiries and owners, and where they may be (W10 to W13, W15)."""

import re

import pytest

from kit.callback import Callback
from kit.rest import endpoint, number_of, refused

LEASE = ("Presence-Expiry", "<expiration>", "both")


def registered(application, url, where, seconds):
    """The answer to a registration for so long, said by the header, the body or both."""
    header = seconds if where != "<expiration>" else None
    return application.ask("POST", "/endpoints", endpoint(url, seconds if where != "Presence-Expiry" else None), Presence_Expiry=header)


def test_w10_the_lowest_free_id_beginning_with_1(scene):
    callback, application = scene.callback(), scene.application()
    assert [application.endpoint(callback.url) for _ in range(3)] == [1, 2, 3]
    assert application.unregister(1).status_code == 200
    assert application.endpoint(callback.url) == 1
    assert application.endpoint(callback.url) == 4


def test_w10_the_location_is_one_that_scripts_can_read(scene):
    answer = scene.application().register(scene.callback().url)
    assert answer.request.headers.get("content-type") is None
    assert number_of(answer, "endpoints") == 1
    assert answer.headers["location"] == f"{scene.rest.url}/endpoints/1"


@pytest.mark.parametrize("where", LEASE)
def test_w11_an_expiry_from_an_hour_to_a_day(scene, where):
    url, application = scene.callback().url, scene.application()
    for seconds in (3600, 86400):
        number_of(registered(application, url, where, seconds), "endpoints")
    for seconds in (0, 3599, 86401, -3600, 99999999999999999999, "soon"):
        refused(registered(application, url, where, seconds), 400, 131)


def test_w12_an_address_is_needed(scene):
    application = scene.application()
    refused(application.register(""), 400, 130)
    refused(application.ask("POST", "/endpoints", "<endpoint/>", Presence_Expiry=3600), 400, 130)
    refused(application.register("http://127.0.0.1:8080/a b"), 400, 142)


def test_w12_an_address_has_a_bound(scene):
    application = scene.application()
    answer = application.register("http://127.0.0.1/" + "a" * 100_000)
    assert answer.status_code == 400
    refused(answer, 400, int(re.search(r"<code>(\d+)", answer.text)[1]))


def test_w12_a_renewal_has_no_other_address(scene):
    url, application = scene.callback().url, scene.application()
    number = application.endpoint(url)
    for body in (endpoint(url), endpoint(""), "<endpoint/>"):
        assert number_of(application.ask("PUT", f"/endpoints/{number}", body, Presence_Expiry=7200), "endpoints") == number
    refused(application.ask("PUT", f"/endpoints/{number}", endpoint(url + "2"), Presence_Expiry=7200), 400, 123)
    refused(application.ask("PUT", f"/endpoints/{number + 1}", endpoint(url), Presence_Expiry=7200), 400, 132)
    refused(application.ask("PUT", f"/endpoints/{number}", endpoint(url), Presence_Expiry=60), 400, 131)


def test_w13_what_does_not_exist_is_not_deleted_and_no_harm_done(scene):
    application = scene.application()
    for number in (1, 2, 3, 4):
        refused(application.unregister(number), 400, 132)
    assert application.endpoint(scene.callback().url) == 1
    for number in ("0", "-1", "one", "99999999999999999999"):
        assert application.unregister(number).status_code in (400, 404)


def test_w13_an_endpoint_has_an_owner(scene):
    url, application, other = scene.callback().url, scene.application(), scene.other()
    number = application.endpoint(url)
    refused(other.unregister(number), 400, 136)
    refused(other.ask("PUT", f"/endpoints/{number}", endpoint(url), Presence_Expiry=3600), 400, 136)


METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "[fd00:ec2::254]"]
LINK_LOCAL = ["169.254.1.1", "[fe80::1]", "[fe80::1%25eth0]"]
MAPPED = ["[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::ffff:10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::10.0.0.1]", "[2002:a9fe:a9fe::1]", "[::169.254.169.254]"]
PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1", "[::1]", "[fc00::1]", "[fd12:3456::1]"]
SPECIAL = ["0.0.0.0", "[::]", "255.255.255.255", "224.0.0.1", "[ff02::1]", "240.0.0.1", "127.0.0.2"]
PUBLIC = ["8.8.8.8", "[2001:4860:4860::8888]", "192.0.2.1"]
SPELT = ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0xa9.254.169.254", "169.254.43518", "%31%36%39.254.169.254", "169。254。169。254", "①⑥⑨.254.169.254"]
DISGUISED = [
    "http://user:secret@127.0.0.1/pws",
    "http://127.0.0.1@169.254.169.254/pws",
    "http://169.254.169.254#@127.0.0.1/pws",
    "http://169.254.169.254?@127.0.0.1/pws",
    "http://127.0.0.1\\@169.254.169.254/pws",
    "http://127.0.0.1:99999/pws",
    "http://127.0.0.1/\nHost: elsewhere",
    "http://127.0.0.1/\tpws",
]
SCHEMES = ["file:///etc/passwd", "gopher://127.0.0.1/pws", "ftp://127.0.0.1/pws", "javascript:alert(1)", "//127.0.0.1/pws", "127.0.0.1/pws", "http://", "http:///pws", "unix:/run/x"]


@pytest.mark.doors("http")
@pytest.mark.parametrize("host", METADATA + LINK_LOCAL + MAPPED + PRIVATE + PUBLIC + SPECIAL + SPELT)
def test_w15_an_address_that_the_operator_does_not_allow_is_refused(scene, host):
    application = scene.application()
    answer = application.register(f"http://{host}/pws")
    assert answer.status_code == 400, f"{host}: {answer.status_code} {answer.text}"
    refused(answer, 400, int(re.search(r"<code>(\d+)", answer.text)[1]))
    assert application.endpoint(scene.callback().url) == 1


@pytest.mark.doors("http")
@pytest.mark.parametrize("url", SCHEMES + DISGUISED)
def test_w15_only_http_addresses_without_a_user_are_called(scene, url):
    answer = scene.application().register(url)
    assert answer.status_code == 400, f"{url}: {answer.status_code} {answer.text}"


def test_w15_without_an_allow_list_nobody_is_called(stage):
    scene = stage(settings={"egress.allow": []})
    application = scene.application()
    for url in (scene.callback().url, "http://localhost/pws", "http://[::1]/pws"):
        assert application.register(url).status_code == 400, url


@pytest.mark.doors("http")
def test_w15_a_name_is_looked_up(scene):
    callback, application = scene.callback(), scene.application()
    number = application.endpoint(callback.url.replace("127.0.0.1", "localhost"))
    assert application.user("owner").subscription(["joe@example.com"], number) == 1
    assert callback.next().headers["host"] == f"localhost:{callback.port}"


def test_w15_plain_http_must_be_allowed(stage):
    scene = stage(settings={"cisco.callback_http": False})
    application = scene.application()
    assert application.register(scene.callback().url).status_code == 400
    number_of(application.register("https://127.0.0.1/pws"), "endpoints")


def test_w15_ports_can_be_limited_too(stage):
    callback = Callback()
    with callback:
        application = stage(settings={"cisco.callback_ports": [str(callback.port)]}).application()
        number_of(application.register(callback.url), "endpoints")
        assert application.register(f"http://127.0.0.1:{callback.port % 60000 + 1}/pws").status_code == 400


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_w15_a_redirect_is_not_followed(scene, status):
    inside, callback, application = scene.callback(), scene.callback(), scene.application()
    callback.answer = lambda hit: (status, {"Location": inside.url})
    owner = application.user("owner")
    number = owner.subscription(["joe@example.com"], application.endpoint(callback.url))
    assert callback.next().subscription == number
    scene.fence()
    assert inside.count == 0
    owner.changes(number)
