"""Sessions: who logs in, what a key is good for, and what goes with it (W1 to W9)."""

import socket
import ssl
from xml.etree import ElementTree

import pytest

from kit.rest import basic, listed, number_of, password, refused
from kit.scene import secret_of

JOE = "joe@example.com"


@pytest.mark.doors("http", "https", "main")
def test_w01_a_login_answers_with_the_key(scene):
    answer = scene.rest.ask("POST", f"/users/{scene.name}/sessions", password(secret_of(scene.name)), Content_Type="text/xml")
    assert answer.status_code == 201
    assert answer.headers["content-type"].split(";")[0] in ("text/xml", "application/xml")
    root = ElementTree.fromstring(answer.content)
    assert (root.tag, root[0].tag) == ("session", "sessionKey")
    assert len(root.find("sessionKey").text) >= 32


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_w01_tls_of_both_versions(hub, version):
    context = ssl.create_default_context(cafile=hub.certificate())
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with socket.create_connection(("127.0.0.1", hub.port("https"))) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
        assert tls.version() == version.replace("_", ".")
        tls.sendall(b"GET /presence-service/users/nobody/sessions HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        assert tls.recv(16).startswith(b"HTTP/1.")


def test_w02_the_same_login_has_the_same_key(scene):
    assert scene.application().key == scene.application().key


@pytest.mark.parametrize(
    ("user", "body", "status", "code"),
    [
        (None, password("wrong"), 400, 114),
        (None, password(""), 400, 111),
        (None, "<session/>", 400, 111),
        ("nobody", password("any"), 404, 113),
        (None, "<session><password>", 400, 102),
        (None, "no xml at all", 400, 102),
        (None, "<login><password>any</password></login>", 400, 103),
    ],
)
def test_w02_a_login_that_fails(scene, user, body, status, code):
    refused(scene.rest.ask("POST", f"/users/{user or scene.name}/sessions", body, Content_Type="text/xml"), status, code)


def test_w02_application_xml_and_no_type_at_all_are_read_too(scene):
    body = password(secret_of(scene.name))
    for kind in ("application/xml", "text/xml; charset=utf-8", None):
        scene.rest.key(scene.rest.ask("POST", f"/users/{scene.name}/sessions", body, Content_Type=kind))


def test_w03_an_end_user_is_logged_in_by_the_application(scene):
    application = scene.application()
    key = application.user("owner").key
    assert key != application.key
    assert application.user("owner").key == key
    refused(application.ask("POST", "/users/stranger/sessions", b""), 404, 113)
    refused(scene.rest.ask("POST", "/users/owner/sessions", b""), 401, 100)
    refused(scene.rest.ask("POST", "/users/owner/sessions", b"", "beb3bb70-1be2-4d73-90f8-e8b3929af58c"), 401, 101)
    refused(scene.rest.ask("POST", "/users/owner/sessions", b"", key), 400, 141)


def test_w03_a_name_must_be_a_name_where_any_end_user_may_log_in(stage):
    application = stage(end_users="any").application()
    for name in ("%ff%fe", "a%00b", "a%0ab", "y" * 4000):
        refused(application.ask("POST", f"/users/{name}/sessions", b""), 404, 113)
    assert application.user("J%C3%B6rg").state("Jörg@example.com") in ("AVAILABLE", "UNAVAILABLE")


def test_w04_a_forced_login_ends_the_session_before(scene):
    callback, old, number = scene.watched(JOE)
    new = scene.application().user("owner", forced=True)
    assert new.key != old.key
    newer = scene.application().user("owner", forced=True)
    assert newer.key != new.key
    for dead in (old, new):
        refused(dead.fetch(number), 401, 101)
    refused(newer.fetch(number), 400, 133)


def test_w04_an_application_user_can_be_forced_too(scene):
    old = scene.application()
    answer = scene.rest.ask("PUT", f"/users/{scene.name}/session", password(secret_of(scene.name)), Content_Type="text/xml")
    assert scene.rest.key(answer) != old.key
    refused(old.register("http://127.0.0.1:9/pws"), 401, 101)


def test_w05_a_session_of_another_application_is_in_the_way(scene):
    owner = scene.owner()
    other = scene.other()
    refused(other.ask("POST", "/users/owner/sessions", b""), 409, 160)
    taken = other.user("owner", forced=True)
    refused(owner.poll(JOE), 401, 101)
    listed(taken.poll(JOE))


def test_w06_a_logout_ends_the_session_and_what_is_its(scene):
    callback, user, number = scene.watched(JOE)
    answer = user.logout()
    assert (answer.status_code, answer.content) == (200, b"")
    refused(user.fetch(number), 401, 101)
    again = scene.application().user("owner")
    assert again.key != user.key
    refused(again.fetch(number), 400, 133)
    joe = scene.person("joe")
    joe.join()
    scene.fence()
    callback.nothing_more()


def test_w06_a_key_ends_only_its_own_session(scene):
    application = scene.application()
    owner, owner2 = application.user("owner"), application.user("owner2")
    answer = scene.rest.ask("DELETE", "/users/owner/session", key=owner2.key)
    assert answer.status_code in (400, 401, 404)
    listed(owner.poll(JOE))


def test_w07_with_the_application_go_its_users_and_endpoints(scene):
    application = scene.application()
    owner, owner2 = application.user("owner"), application.user("owner2")
    application.endpoint(scene.callback().url)
    application.endpoint(scene.callback().url)
    assert application.logout().status_code == 200
    for gone in (owner, owner2):
        refused(gone.poll(JOE), 401, 101)
    refused(application.unregister(1), 401, 101)
    again = scene.application()
    refused(again.unregister(1), 400, 132)
    refused(again.unregister(2), 400, 132)


def test_w08_a_single_node_redirects_nobody(scene):
    application = scene.application()
    for answer in (
        scene.rest.ask("POST", f"/users/{scene.name}/sessions", password(secret_of(scene.name))),
        application.ask("POST", "/users/owner/sessions", b""),
        application.ask("PUT", "/users/owner/session", b""),
    ):
        assert answer.status_code == 201
        assert b"redirect" not in answer.content


def test_w09_each_kind_of_session_has_its_own_work(scene):
    callback, application = scene.callback(), scene.application()
    owner = application.user("owner")
    refused(owner.ask("POST", "/endpoints", f"<endpoint><url>{callback.url}</url></endpoint>", Presence_Expiry=3600), 400, 141)
    refused(owner.ask("DELETE", "/endpoints/1"), 400, 141)
    body = f'<subscription><contactsList><contact contactURI="{JOE}"/></contactsList><subscriptionType>PRESENCE_NOTIFICATION</subscriptionType><endPointID>1</endPointID></subscription>'
    number_of(application.register(callback.url), "endpoints")
    for method, path, sent in (
        ("POST", "/users/owner/subscriptions", body),
        ("PUT", "/users/owner/subscriptions/1", body),
        ("DELETE", "/users/owner/subscriptions/1", None),
        ("GET", "/users/owner/presence/basic/subscriptions/1", None),
        ("GET", f"/users/owner/presence/basic/contacts/{JOE}", None),
        ("PUT", "/users/owner/presence/basic", basic("AWAY")),
    ):
        refused(application.ask(method, path, sent, Presence_Expiry=3600, Presence_Override="false"), 400, 140)


def test_w09_the_path_names_the_sessions_user(scene):
    application = scene.application()
    owner, owner2 = application.user("owner"), application.user("owner2")
    answer = owner2.ask("PUT", "/users/owner/presence/basic", basic("AWAY"), Presence_Expiry=3600, Presence_Override="false")
    assert 400 <= answer.status_code < 500
    assert owner.state("owner@example.com") != "AWAY"
