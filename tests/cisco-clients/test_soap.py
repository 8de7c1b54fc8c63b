"""SOAP: the same behaviour in envelopes (W45 to W51)."""

import pytest
from lxml import etree

from kit.rest import NAMESPACE, User, number_of, refused
from kit.scene import secret_of
from kit.soap import BASIC, ENVELOPES, OLD_NAMESPACE, RICH, Soap, contacts, envelope, every, local, only

JOE, RITA, ROGUE = (f"{name}@example.com" for name in ("joe", "rita", "rogue"))
OPERATIONS = {
    "login",
    "logout",
    "registerEndPoint",
    "unregisterEndPoint",
    "subscribe",
    "unsubscribe",
    "getSubscribedPresence",
    "getPolledPresence",
    "setPresence",
}
KIND = "PRESENCE_NOTIFICATION"


@pytest.fixture
def soap(scene):
    """A client that has read the hub's WSDL."""
    return Soap(scene.rest)


def sessions(scene, soap):
    """The keys of the application user and of an end user."""
    application = soap.login(scene.name, secret_of(scene.name))
    return application, soap.login("owner", key=application)


def test_w45_the_wsdl_has_nine_operations(scene, soap):
    answer = scene.rest.ask("GET", "/soap?wsdl")
    assert answer.status_code == 200
    root = etree.fromstring(answer.content)
    assert root.get("targetNamespace") == NAMESPACE
    [service] = soap.client.wsdl.services.values()
    assert service.name == "PresenceSoapService"
    port = service.ports["PresenceSoapPort"]
    assert port.binding.name.localname == "PresenceSoapBinding"
    assert port.binding.port_type.name.localname == "PresenceSoapPortType"
    assert set(port.binding.all()) == OPERATIONS
    assert port.binding_options["address"] == f"{scene.rest.url}/soap"
    actions = {name: operation.soapaction for name, operation in port.binding.all().items()}
    assert actions == {name: f"{NAMESPACE}/{'getPresence' if name == 'getPolledPresence' else name}" for name in OPERATIONS}


def test_w46_keys_are_the_same_over_rest(scene, soap):
    application, owner = sessions(scene, soap)
    assert scene.application().key == application
    assert scene.owner().key == owner
    assert soap.login("owner", key=application, force=False) == owner
    forced = soap.login("owner", key=application, force=True)
    assert forced != owner
    assert User(scene.rest, "owner", forced).state(JOE) == "UNAVAILABLE"
    refused(User(scene.rest, "owner", owner).poll(JOE), 401, 101)
    assert soap.states("getPolledPresence", scene.owner().key, contactsList=contacts(JOE)) == [(JOE, "UNAVAILABLE")]


def test_w46_logins_that_fail(scene, soap):
    soap.fails(114, "login", username=scene.name, password="wrong")
    # zeep leaves out what is empty.
    answer = soap.posted(envelope(f"<cup:login><cup:username>{scene.name}</cup:username><cup:password/></cup:login>"), Content_Type="text/xml")
    assert only(etree.fromstring(answer.content), "code").text == "111"
    soap.fails(113, "login", username="nobody", password="any")
    soap.fails(101, "login", username="owner", **{"app-session-id": "no-key"})
    application = soap.login(scene.name, secret_of(scene.name))
    soap.fails(113, "login", username="stranger", **{"app-session-id": application})
    owner = soap.login("owner", key=application)
    soap.fails(141, "login", username="owner2", **{"app-session-id": owner})
    other = soap.login(scene.other_name, secret_of(scene.other_name))
    soap.fails(160, "login", username="owner", **{"app-session-id": other})


def test_w47_the_key_is_found_by_its_local_name(scene, soap):
    _, owner = sessions(scene, soap)
    for namespace in (NAMESPACE, OLD_NAMESPACE):
        soap.call("getPolledPresence", owner, namespace, contactsList=contacts(JOE), presenceType=BASIC)
    soap.fails(100, "getPolledPresence", contactsList=contacts(JOE), presenceType=BASIC)
    soap.fails(101, "getPolledPresence", "no-key", contactsList=contacts(JOE), presenceType=BASIC)
    message = envelope(f'<cup:getPolledPresence><cup:contactsList><cup:contact contactURI="{JOE}"/></cup:contactsList><cup:presenceType>{BASIC}</cup:presenceType></cup:getPolledPresence>')
    answer = soap.posted(message, Content_Type="text/xml")
    assert answer.status_code == 200
    assert only(etree.fromstring(answer.content), "code").text == "100"


def test_w48_the_whole_loop(scene, soap):
    callback = scene.callback()
    application, owner = sessions(scene, soap)
    assert only(soap.call("registerEndPoint", application, url=callback.url, endPointID=0, expiration=3600), "endPointID").text == "1"
    made = soap.call("subscribe", owner, contactsList=contacts(JOE, RITA, ROGUE), subscriptionType=KIND, expiration=3600, endPointID=1, subscriptionID=0)
    assert only(made, "subscriptionID").text == "1"
    assert callback.next().target == "/pws?id=1&eventType=PRESENCE_NOTIFICATION"
    assert soap.states("getSubscribedPresence", owner, subscriptionID=1) == [(JOE, "UNAVAILABLE"), (RITA, "UNAVAILABLE"), (ROGUE, "UNKNOWN")]
    joe = soap.login("joe", key=application)
    soap.done("setPresence", joe, presenceType=BASIC, presenceInfo={"basicPresence": "AVAILABLE", "override": False}, expiration=3600)
    assert callback.next().subscription == 1
    answer = soap.call("getSubscribedPresence", owner, subscriptionID=1, presenceType=RICH)
    assert only(answer, "presenceType").text == RICH
    assert [found.get("entity") for found in every(answer, "presence")] == [f"sip:{JOE}"]
    assert soap.states("getSubscribedPresence", owner, subscriptionID=1) == []
    assert soap.states("getPolledPresence", owner, contactsList=contacts(RITA, JOE)) == [(RITA, "UNAVAILABLE"), (JOE, "AVAILABLE")]
    soap.done("unsubscribe", owner, unsubscribeRequest={"subscriptionID": 1, "contactsList": contacts(RITA)})
    soap.fails(144, "unsubscribe", owner, unsubscribeRequest={"subscriptionID": 1, "contactsList": contacts(RITA)})
    soap.done("unsubscribe", owner, unsubscribeRequest={"subscriptionID": 1, "unsubscribeAll": {}})
    soap.fails(133, "getSubscribedPresence", owner, subscriptionID=1, presenceType=BASIC)
    soap.done("unregisterEndPoint", application, endPointID=1)
    soap.fails(132, "unregisterEndPoint", application, endPointID=1)
    soap.done("logout", owner)
    soap.done("logout", application)
    soap.fails(101, "logout", application)


def test_w48_unsubscribing_all_in_each_way_that_it_is_written(scene, soap):
    callback = scene.callback()
    application, owner = sessions(scene, soap)
    soap.call("registerEndPoint", application, url=callback.url, endPointID=0, expiration=3600)
    for more in ("", "<cup:unsubscribeAll/>", "<cup:unsubscribeAll></cup:unsubscribeAll>"):
        soap.call("subscribe", owner, contactsList=contacts(JOE), subscriptionType=KIND, expiration=3600, endPointID=1, subscriptionID=0)
        body = f"<cup:unsubscribe><cup:unsubscribeRequest><cup:subscriptionID>1</cup:subscriptionID>{more}</cup:unsubscribeRequest></cup:unsubscribe>"
        answer = soap.posted(envelope(body, owner), Content_Type="text/xml")
        assert only(etree.fromstring(answer.content), "status").text == "SUCCESS", answer.text
        soap.fails(133, "getSubscribedPresence", owner, subscriptionID=1, presenceType=BASIC)


def test_w48_contacts_are_added_and_leases_renewed(scene, soap):
    callback = scene.callback()
    application, owner = sessions(scene, soap)
    soap.call("registerEndPoint", application, url=callback.url, endPointID=0, expiration=3600)
    soap.call("subscribe", owner, contactsList=contacts(JOE), subscriptionType=KIND, expiration=3600, endPointID=1, subscriptionID=0)
    callback.next()
    soap.states("getSubscribedPresence", owner, subscriptionID=1)
    soap.call("subscribe", owner, contactsList=contacts(RITA), subscriptionType=KIND, expiration=0, endPointID=1, subscriptionID=1)
    callback.next()
    assert soap.states("getSubscribedPresence", owner, subscriptionID=1) == [(RITA, "UNAVAILABLE")]
    assert only(soap.call("registerEndPoint", application, endPointID=1, expiration=7200), "endPointID").text == "1"
    soap.fails(123, "registerEndPoint", application, url=callback.url + "x", endPointID=1, expiration=7200)
    soap.fails(131, "registerEndPoint", application, url=callback.url, endPointID=0, expiration=60)


def test_w48_presence_is_set_in_both_forms(scene, soap):
    application, owner = sessions(scene, soap)
    joe = soap.login("joe", key=application)
    soap.done("setPresence", joe, presenceType=BASIC, presenceInfo={"basicPresence": "DND", "override": True}, expiration=3600)
    assert soap.states("getPolledPresence", owner, contactsList=contacts(JOE)) == [(JOE, "DND")]
    body = (
        f"<cup:setPresence><cup:presenceType>{RICH}</cup:presenceType><cup:presenceInfo><cup:richPresence>"
        f'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:{JOE}"><tuple id="pws-override"><status><basic>open</basic></status></tuple>'
        '<person xmlns="urn:cisco:params:xml:ns:pidf:rpid" id="joe"><activities><clear/></activities></person></presence>'
        "</cup:richPresence><cup:override>true</cup:override></cup:presenceInfo><cup:expiration>3600</cup:expiration></cup:setPresence>"
    )
    answer = soap.posted(envelope(body, joe), Content_Type="text/xml")
    assert only(etree.fromstring(answer.content), "status").text == "SUCCESS", answer.text
    assert soap.states("getPolledPresence", owner, contactsList=contacts(JOE)) == [(JOE, "UNAVAILABLE")]
    soap.fails(122, "setPresence", joe, presenceType=BASIC, presenceInfo={"basicPresence": "DND", "override": False}, expiration=3600)


@pytest.mark.parametrize("version", ENVELOPES)
@pytest.mark.parametrize("action", [None, '""', '"urn:wrong"', f'"{NAMESPACE}/getPresence"', f'"{NAMESPACE}/login"'])
def test_w49_the_body_says_what_is_asked(scene, version, action):
    owner = scene.owner()
    body = f'<cup:getPolledPresence><cup:contactsList><cup:contact contactURI="{JOE}"/></cup:contactsList><cup:presenceType>{BASIC}</cup:presenceType></cup:getPolledPresence>'
    if version == "1.1":
        headers = {"Content_Type": "text/xml; charset=utf-8", "SOAPAction": action}
    else:
        headers = {"Content_Type": "application/soap+xml; charset=utf-8" + (f"; action={action}" if action else "")}
    for key, found in ((owner.key, "getPolledPresenceResponse"), (None, "Fault")):
        answer = scene.rest.ask("POST", "/soap", envelope(body, key, version), **headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].split(";")[0] == headers["Content_Type"].split(";")[0]
        root = etree.fromstring(answer.content)
        assert root.tag == f"{{{ENVELOPES[version]}}}Envelope"
        assert local(only(root, "Body")[0]) == found


@pytest.mark.parametrize("version", ENVELOPES)
def test_w50_a_fault_says_what_is_wrong(scene, version):
    answer = scene.rest.ask("POST", "/soap", envelope("<cup:logout/>", "no-key", version))
    assert answer.status_code == 200
    root = etree.fromstring(answer.content)
    fault = only(root, "Fault")
    assert fault.tag == f"{{{ENVELOPES[version]}}}Fault"
    if version == "1.1":
        assert [child.tag for child in fault][:2] == ["faultcode", "faultstring"]
    else:
        assert [local(child) for child in fault][:2] == ["Code", "Reason"]
    [description] = [child for child in fault.iter(f"{{{NAMESPACE}}}description")]
    assert [local(child) for child in description] == ["code", "message", "fix"]
    assert local(description.getparent()).lower() == "detail"
    assert description[0].text == "101"


def test_w50_what_is_no_message_is_answered_by_a_fault(scene, soap):
    key = scene.owner().key
    for message in ("", "no xml", "<x/>", envelope(""), envelope("<cup:deletePresence/>", key), envelope("<cup:logout>", key), envelope("<cup:getSubscribedPresence/>", key)):
        answer = soap.posted(message, Content_Type="text/xml")
        root = etree.fromstring(answer.content)
        assert only(root, "Fault") is not None
        assert 100 <= int(only(root, "code").text) <= 212


def test_w50_a_list_has_at_most_a_hundred_contacts(scene, soap):
    _, owner = sessions(scene, soap)
    many = [f"p{n}@example.com" for n in range(101)]
    assert len(soap.states("getPolledPresence", owner, contactsList=contacts(*many[:100]))) == 100
    soap.fails(135, "getPolledPresence", owner, contactsList=contacts(*many), presenceType=BASIC)


def test_w50_a_presence_type_that_does_not_exist(scene, soap):
    _, owner = sessions(scene, soap)
    body = f'<cup:getPolledPresence><cup:contactsList><cup:contact contactURI="{JOE}"/></cup:contactsList><cup:presenceType>BASIC</cup:presenceType></cup:getPolledPresence>'
    answer = soap.posted(envelope(body, owner), Content_Type="text/xml")
    assert (answer.status_code, only(etree.fromstring(answer.content), "code").text) == (200, "110")


def test_w51_a_subscription_is_the_same_over_both(scene, soap):
    callback = scene.callback()
    application, key = sessions(scene, soap)
    owner = User(scene.rest, "owner", key)
    soap.call("registerEndPoint", application, url=callback.url, endPointID=0, expiration=3600)
    soap.call("subscribe", key, contactsList=contacts(JOE), subscriptionType=KIND, expiration=3600, endPointID=1, subscriptionID=0)
    callback.next()
    assert owner.changes(1) == [(JOE, "UNAVAILABLE")]
    assert soap.states("getSubscribedPresence", key, subscriptionID=1) == []
    joe = scene.person("joe")
    joe.join()
    callback.next()
    assert soap.states("getSubscribedPresence", key, subscriptionID=1) == [(JOE, "AVAILABLE")]
    joe.idle()
    callback.next()
    assert owner.changes(1) == [(JOE, "AWAY")]
    assert number_of(owner.subscribe([JOE], 1), "subscriptions") == 2
    assert soap.states("getSubscribedPresence", key, subscriptionID=2) == [(JOE, "AWAY")]
