"""The place of one test: an app of its own in the hub, with two application users."""

from kit.callback import Callback
from kit.hub import app, credentials
from kit.person import Person
from kit.rest import Rest


def secret_of(name):
    """The password of an application user, which XML must escape."""
    return f"pass<&>word of {name}"


def app_of_scene(number, **cisco):
    """The app of the scene with this number."""
    return app(number, {name: secret_of(name) for name in (f"app{number}", f"other{number}")}, **cisco)


class Scene:
    """What a test plays with."""

    def __init__(self, hub, number, door="http"):
        self.hub = hub
        self.number = number
        self.door = door
        self.rest = self.client(door)
        self.name = f"app{number}"
        self.other_name = f"other{number}"
        self.callbacks = []
        self.people = []
        self.fencing = None

    def client(self, door):
        """A client of a listener."""
        return Rest(self.hub.urls[door], self.hub.certificate() if door == "https" else True)

    def application(self, name=None, rest=None):
        """Logs the application user in."""
        name = name or self.name
        return (rest or self.rest).application(name, secret_of(name))

    def other(self):
        """Logs the second application user in."""
        return self.application(self.other_name)

    def owner(self):
        """An end user of the first application user."""
        return self.application().user("owner")

    def callback(self):
        """A listener for callbacks."""
        self.callbacks.append(Callback())
        return self.callbacks[-1]

    def person(self, party, topic="lobby"):
        """A party's connection at /ws, which watches a topic and is not in it yet."""
        self.people.append(Person(self.hub, credentials(self.number), party, topic))
        return self.people[-1]

    def watching(self, *contacts):
        """A listener, an end user and a subscription of it whose first notification has come and whose gate is shut."""
        callback, application = self.callback(), self.application()
        user = application.user("owner")
        number = user.subscription(contacts, application.endpoint(callback.url))
        assert callback.next().subscription == number
        return callback, user, number

    def watched(self, *contacts):
        """The same, fetched: the gate is open."""
        callback, user, number = self.watching(*contacts)
        assert [uri for uri, _ in user.changes(number)] == list(contacts)
        return callback, user, number

    def fence(self):
        """Returns when the hub has told what changed before, and what it would have called has been called.

        Another subscription watches somebody who changes now, after everything else; the second round is for what was on its way in the first.
        """
        self.fencing = self.fencing or Fence(self)
        self.fencing.round()
        self.fencing.round()

    def outlast_first_retry(self):
        """Returns when a call that had failed once before would have been tried again.

        Tries come half of 1, 2, 4... seconds apart or up to the whole. So whoever fails from now on is tried for the second time after at least 1.5 s;
        the first try of anybody who failed earlier comes before that.
        """
        other, callback = self.other(), self.callback()
        callback.answer = lambda hit: 503
        other.user("sentinel").subscription([Fence.WATCHED], other.endpoint(callback.url))
        for _ in range(3):
            callback.next()

    def end(self):
        """Ends what the test has begun."""
        for person in self.people:
            person.close()
        for callback in self.callbacks:
            callback.down()


class Fence:
    """A subscription of the second application user, and whom it watches."""

    WATCHED = "fence@example.com"

    def __init__(self, scene):
        other = scene.application(scene.other_name, scene.client("http"))
        self.callback = scene.callback()
        self.sentinel = other.user("sentinel")
        self.number = self.sentinel.subscription([self.WATCHED], other.endpoint(self.callback.url))
        self.callback.next()
        self.sentinel.changes(self.number)
        self.person = scene.person("fence", "fence")
        self.is_there = False

    def round(self):
        """One change, its callback and its fetch."""
        self.person.leave() if self.is_there else self.person.join()
        self.is_there = not self.is_there
        self.callback.next()
        state = "AVAILABLE" if self.is_there else "UNAVAILABLE"
        assert self.sentinel.changes(self.number) == [(self.WATCHED, state)]
