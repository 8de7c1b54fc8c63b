"""The SOAP interface as applications speak it: with `zeep`, and what it reads in the hub's own WSDL."""

from lxml import etree
from zeep import Client, Transport
from zeep.exceptions import Fault
from zeep.plugins import HistoryPlugin

from kit.patience import SOON
from kit.rest import NAMESPACE, keys

OLD_NAMESPACE = "urn:cisco:cup:tpi:soap"
ENVELOPES = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
BASIC, RICH = "BASIC_PRESENCE", "RICH_PRESENCE"


def local(element):
    """The name of an element without its namespace."""
    return etree.QName(element).localname


def every(root, name):
    """All elements of this name, in any namespace."""
    return [element for element in root.iter("{*}" + name)]


def only(root, name):
    """The one element of this name."""
    [element] = every(root, name)
    return element


def contacts(*uris):
    """A list of contacts, as zeep wants it."""
    return {"contact": [{"contactURI": uri} for uri in uris]}


def header(key, namespace=NAMESPACE):
    """The header that carries a key."""
    element = etree.Element(etree.QName(namespace, "session-key"))
    element.text = key
    return element


def envelope(body, key=None, version="1.1", namespace=NAMESPACE):
    """A message by hand; the body's elements are of the namespace `cup`."""
    head = "" if key is None else f'<e:Header><k:session-key xmlns:k="{namespace}">{key}</k:session-key></e:Header>'
    return f'<e:Envelope xmlns:e="{ENVELOPES[version]}" xmlns:cup="{NAMESPACE}">{head}<e:Body>{body}</e:Body></e:Envelope>'


class Soap:
    """One client of one listener."""

    def __init__(self, rest):
        self.rest = rest
        self.history = HistoryPlugin(maxlen=1)
        self.client = Client(f"{rest.url}/soap?wsdl", transport=Transport(timeout=SOON, operation_timeout=SOON, session=rest.session), plugins=[self.history])

    def call(self, operation, key=None, namespace=NAMESPACE, **arguments):
        """Calls an operation; the answer's body element, which zeep has understood."""
        heads = [] if key is None else [header(key, namespace)]
        self.client.service[operation](**arguments, _soapheaders=heads)
        body = only(self.history.last_received["envelope"], "Body")
        [answer] = body
        assert etree.QName(answer).namespace == NAMESPACE
        assert local(answer) == f"{operation}Response"
        return answer

    def fails(self, code, operation, key=None, **arguments):
        """Fails unless the call is answered by a fault with this code."""
        try:
            self.call(operation, key, **arguments)
        except Fault as fault:
            description = only(fault.detail, "description")
            assert etree.QName(description).namespace == NAMESPACE
            said = {local(child): child.text for child in description}
            assert set(said) == {"code", "message", "fix"} and all(said.values()), said
            assert int(said["code"]) == code, said
            return said
        raise AssertionError(f"{operation} was not refused")

    def login(self, name, secret=None, key=None, **more):
        """Logs somebody in; the key."""
        how = {"password": secret} if key is None else {"app-session-id": key}
        answer = self.call("login", username=name, **how, **more)
        assert [local(child) for child in answer] == ["success"]
        found = only(answer, "session-key").text
        keys.add(found)
        return found

    def done(self, operation, key, **arguments):
        """Calls an operation that answers with a status."""
        assert only(self.call(operation, key, **arguments), "status").text == "SUCCESS"

    def states(self, operation, key, **arguments):
        """The contacts and their states of a basic answer."""
        answer = self.call(operation, key, presenceType=BASIC, **arguments)
        assert only(answer, "presenceType").text == BASIC
        return [(found.get("contactURI"), found.get("presenceStatus")) for found in every(answer, "contact")]

    def posted(self, message, **headers):
        """Posts a message by hand; the answer."""
        return self.rest.ask("POST", "/soap", message, **headers)
