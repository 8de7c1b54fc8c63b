"""For the operator: signed callbacks, a silent log, listeners and apps that are off (W52 to W54)."""

import re

import pytest

from conftest import SCENES
from kit import rest
from kit.hub import Hub, app, configuration, credentials
from kit.raw import connected
from kit.rest import basic, number_of, password, refused
from kit.scene import Scene, app_of_scene, secret_of
from kit.signature import verified

JOE = "joe@example.com"


def test_w52_callbacks_are_signed(scene):
    callback, _, _ = scene.watched(JOE)
    scene.person("joe").join()
    hit = callback.next()
    assert hit.headers["webhook-id"] and int(hit.headers["webhook-timestamp"]) > 1_500_000_000
    _, secret = credentials(scene.number)
    assert verified(hit, secret)
    assert not verified(hit, "another secret")
    hit.target = hit.target.replace("id=1", "id=2")
    assert not verified(hit, secret)


def test_w52_while_a_secret_is_replaced_both_verify(stage):
    scene = stage(callback_secret="the first of two", callback_secret_second="the second of two")
    callback, _, _ = scene.watched(JOE)
    scene.person("joe").join()
    hit = callback.next()
    for secret in ("the first of two", "the second of two"):
        assert verified(hit, secret)


def test_w53_no_secret_is_written_to_the_log(scene):
    body = "a body that nobody may read"
    callback, owner, number = scene.watching(JOE)
    scene.rest.ask("POST", f"/users/{scene.name}/sessions", password(body))
    owner.fetch(number, body=password(body))
    owner.put(basic(body), override="false")
    owner.ask("POST", "/nothing/here", body)
    scene.rest.ask("POST", "/soap", password(body))
    scene.fence()
    assert not [secret for secret in rest.keys | {body, secret_of(scene.name)} if secret in scene.hub.output]


def test_w54_the_listeners_are_off_by_default():
    text = configuration([app_of_scene(1)]).replace("cisco.enabled = true\n", "")
    with Hub(text, doors=()) as hub:
        assert not re.search(r"(?i)cisco[^\n]*https?://", hub.output)
        Scene(hub, 1, "main").application()


def test_w54_each_listener_can_be_off():
    text = configuration([app_of_scene(1)], cisco__http="")
    with Hub(text, doors=("https",)) as hub:
        assert not re.search(r"(?i)cisco[^\n]*http://", hub.output)
        Scene(hub, 1, "https").application()
        Scene(hub, 1, "main").application()


def test_w54_an_app_can_be_without_it(stage):
    scene = stage(enabled=False)
    refused(scene.rest.ask("POST", f"/users/{scene.name}/sessions", password(secret_of(scene.name))), 404, 113)


def test_w54_apps_do_not_see_one_another(hub, scene):
    """Each app has people, endpoints and subscriptions of its own."""
    callback, owner, number = scene.watched(JOE)
    stranger = Scene(hub, SCENES, scene.door)
    joe = stranger.application().user("joe")
    joe.set("DND", "true")
    assert (joe.state(JOE), owner.state(JOE)) == ("DND", "UNAVAILABLE")
    assert joe.fetch(number).status_code == 400
    assert number_of(stranger.application().register(callback.url), "endpoints") >= 1
    stranger.application().logout()
    stranger.end()


def test_names_of_application_users_are_one_to_the_hub(tmp_path):
    text = configuration([app(1, {"twin": "a"}), app(2, {"twin": "b"})])
    with pytest.raises(AssertionError, match="unique"):
        Hub(text, folder=tmp_path).end()


def test_the_certificate_outlives_a_restart(tmp_path):
    text = configuration([app_of_scene(1)], data_dir=str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    shown = []
    for _ in range(2):
        with Hub(text, folder=tmp_path) as hub:
            (tmp_path / "shown.pem").unlink(missing_ok=True)
            shown.append(open(hub.certificate()).read())
            Scene(hub, 1, "https").application()
            (tmp_path / "output").rename(tmp_path / f"output{len(shown)}")
    assert shown[0] == shown[1]


def test_https_alone_does_not_answer_plain_requests(hub):
    with connected(hub.port("https")) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not connection.recv(64).startswith(b"HTTP/1.1 200")
