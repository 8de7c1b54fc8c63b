"""One hub for the tests that need nothing special of it, and a scene in it for each."""

import os

import pytest

from kit import rest
from kit.hub import Hub, configuration
from kit.scene import Scene, app_of_scene

# More than there are tests, each of which has an app of its own; the last one is nobody's.
SCENES = 500
numbers = iter(range(1, SCENES))


def pytest_addoption(parser):
    """`--long` plays the long versions."""
    parser.addoption("--long", action="store_true", help="an endpoint stays down for a whole minute")


def pytest_configure():
    """requests believes these more than what it is told."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ.pop(name, None)


def pytest_generate_tests(metafunc):
    """A test with a `door` is played on each listener: those that it names, or both of the dialect's own."""
    if "door" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("doors")
        metafunc.parametrize("door", marker.args if marker else ("http", "https"))


@pytest.fixture
def is_long(request):
    """Whether the long versions are played."""
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def hub():
    """The hub of most tests. In the end its log is read: of all that went over the wire, no secret may be in it."""
    with Hub(configuration([app_of_scene(number) for number in range(1, SCENES + 1)])) as hub:
        yield hub
        output = hub.output
        secrets = rest.keys | {"pass<&>word", "pass&lt;&amp;&gt;word"}
        assert not [secret for secret in secrets if secret in output], "secrets in the log"


@pytest.fixture
def scene(hub, door):
    """A fresh app in the hub, spoken to at one listener."""
    scene = Scene(hub, next(numbers), door)
    yield scene
    scene.end()


@pytest.fixture
def stage():
    """Makes hubs with a configuration of their own, and a scene in each; ends them all."""
    ended = []

    def make(door="http", settings=None, **cisco):
        hub = Hub(configuration([app_of_scene(1, **cisco), app_of_scene(2, **cisco)], **(settings or {})))
        ended.append(hub)
        scene = Scene(hub, 1, door)
        ended.append(scene)
        return scene

    yield make
    for one in reversed(ended):
        one.__exit__() if isinstance(one, Hub) else one.end()
