"""The gate: one notification, then silence until a fetch, and nothing is lost (W18 to W24, W39, W55)."""

import random
import threading
import time

import pytest

from kit.patience import SOON, until
from kit.rest import endpoint, refused, subscription

JOE, RITA, CARLOTTA, REED, ROGUE = (f"{name}@example.com" for name in ("joe", "rita", "carlotta", "reed", "rogue"))


def test_w18_a_change_is_notified_and_fetched_alone_and_once(scene):
    callback, owner, number = scene.watched(CARLOTTA, JOE, RITA)
    scene.person("joe").join()
    assert callback.next().subscription == number
    assert owner.changes(number) == [(JOE, "AVAILABLE")]
    answer = owner.fetch(number)
    assert answer.content.rstrip(b"\n") == b'<?xml version="1.0" encoding="UTF-8"?>\n<presenceList type="basic"/>'
    assert owner.changes(number, "rich") == []


def test_w19_changes_while_the_gate_is_shut_come_together(scene):
    callback, owner, number = scene.watched(JOE, CARLOTTA, RITA)
    joe, rita = scene.person("joe"), scene.person("rita")
    joe.join()
    callback.next()
    joe.idle()
    rita.join()
    joe.media()
    rita.idle()
    scene.fence()
    callback.nothing_more()
    assert owner.changes(number) == [(JOE, "BUSY"), (RITA, "AWAY")]
    assert owner.changes(number) == []
    rita.leave()
    assert callback.next().subscription == number
    assert owner.changes(number) == [(RITA, "UNAVAILABLE")]


def test_w20_strict_one_attempt_for_an_endpoint_that_is_down(stage):
    scene = stage(retry=False)
    callback, owner, number = scene.watched(JOE)
    callback.answer = lambda hit: 500
    joe = scene.person("joe")
    for change in (joe.join, joe.idle, joe.media, joe.leave, joe.idle):
        change()
        scene.fence()
    assert callback.next().subscription == number
    callback.nothing_more()
    callback.answer = lambda hit: 200
    assert owner.changes(number) == [(JOE, "AWAY")]
    joe.join()
    assert callback.next().subscription == number


def test_w21_a_lost_callback_comes_again_until_the_fetch(scene):
    callback, owner, number = scene.watched(JOE)
    callback.answer = lambda hit: 503
    scene.person("joe").join()
    attempts = [callback.next() for _ in range(3)]
    assert {hit.subscription for hit in attempts} == {number}
    assert len({hit.headers["webhook-id"] for hit in attempts}) == 1
    callback.answer = lambda hit: 200
    assert callback.next().headers["webhook-id"] == attempts[0].headers["webhook-id"]
    assert owner.changes(number) == [(JOE, "AVAILABLE")]
    scene.fence()
    callback.nothing_more()


def test_w21_each_notification_has_an_id_of_its_own(scene):
    callback, owner, number = scene.watched(JOE)
    joe = scene.person("joe")
    seen = set()
    for change in (joe.join, joe.idle, joe.leave):
        change()
        seen.add(callback.next().headers["webhook-id"])
        owner.changes(number)
    assert len(seen) == 3


def test_w21_an_endpoint_that_is_gone_for_good_is_not_called_again(scene):
    callback, owner, number = scene.watched(JOE)
    callback.answer = lambda hit: 410
    joe = scene.person("joe")
    joe.join()
    callback.next()
    assert owner.changes(number) == [(JOE, "AVAILABLE")]
    joe.leave()
    scene.fence()
    callback.nothing_more()
    assert owner.changes(number) == [(JOE, "UNAVAILABLE")]


@pytest.mark.doors("http")
def test_w22_nothing_is_lost_between_a_fetch_and_a_change(scene):
    callback, owner, number = scene.watched(JOE, RITA, CARLOTTA)
    known = {uri: "UNAVAILABLE" for uri in (JOE, RITA, CARLOTTA)}
    people = [scene.person(name) for name in ("joe", "rita", "carlotta")]
    is_over = threading.Event()

    def change(person, seed):
        chance = random.Random(seed)
        while not is_over.is_set():
            chance.choice((person.join, person.idle, person.media))()
            # Below what the hub would coalesce; when the next fetch comes is chance enough.
            is_over.wait(chance.uniform(0.01, 0.1))

    changing = [threading.Thread(target=change, args=pair) for pair in zip(people, (1, 2, 3))]
    for thread in changing:
        thread.start()
    try:
        for _ in range(10_000):
            known.update(owner.changes(number))
    finally:
        is_over.set()
        for thread in changing:
            thread.join()
    scene.fence()
    known.update(owner.changes(number))
    assert known == {uri: owner.state(uri) for uri in known}
    assert owner.changes(number) == []
    for hit in callback.hits:
        assert hit.subscription == number


def test_w23_a_callback_may_log_in_and_fetch_before_it_answers(scene):
    callback, application = scene.callback(), scene.application()
    owner = application.user("owner")
    number_of_endpoint = application.endpoint(callback.url)
    fetched, failed = [], []

    def answer(hit):
        try:
            client = scene.client(scene.door)
            again = scene.application(rest=client).user("owner")
            fetched.extend(again.changes(hit.subscription))
        except BaseException as error:
            failed.append(error)
        return 200

    callback.answer = answer
    number = owner.subscription([JOE], number_of_endpoint)
    callback.next()
    until("the first fetch", lambda: fetched or failed)
    scene.person("joe").join()
    assert callback.next().subscription == number
    until("the second fetch", lambda: len(fetched) == 2 or failed)
    assert not failed
    assert fetched == [(JOE, "UNAVAILABLE"), (JOE, "AVAILABLE")]


@pytest.mark.doors("http")
def test_w23_a_hundred_subscriptions_at_once(scene):
    callback, application = scene.callback(), scene.application()
    owner = application.user("owner")
    end_point = application.endpoint(callback.url)
    fetched = {}

    def answer(hit):
        client = scene.client(scene.door)
        again = scene.application(rest=client).user("owner")
        fetched.setdefault(hit.subscription, []).extend(again.changes(hit.subscription))
        return 200

    callback.answer = answer
    numbers = [owner.subscription([JOE], end_point) for _ in range(100)]
    assert numbers == list(range(1, 101))
    until("100 first fetches", lambda: len(fetched) == 100)
    scene.person("joe").join()
    both = [(JOE, "UNAVAILABLE"), (JOE, "AVAILABLE")]
    until("100 second fetches", lambda: all(states == both for states in fetched.values()))


class Hanging:
    """An endpoint's answer that waits until the test lets it go; `with` lets it go in any case."""

    def __init__(self, callback, status=200):
        self.status = status
        self.goes = threading.Event()
        callback.answer = self.answer

    def answer(self, _):
        """Called for each callback, in a thread of its own."""
        self.goes.wait(SOON)
        return self.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.goes.set()


def test_w23_a_change_is_notified_while_the_callback_before_is_unanswered(scene):
    callback, owner, number = scene.watched(JOE)
    joe = scene.person("joe")
    with Hanging(callback):
        for change, state in ((joe.join, "AVAILABLE"), (joe.idle, "AWAY"), (joe.leave, "UNAVAILABLE")):
            change()
            assert callback.next().subscription == number
            assert owner.changes(number) == [(JOE, state)]
    scene.fence()
    callback.nothing_more()


def test_w23_an_endpoint_that_hangs_holds_nobody_up(scene):
    callback, owner, number = scene.watched(JOE)
    beside = scene.application().user("owner2").subscription([JOE], 1)
    callback.next()
    with Hanging(callback):
        scene.person("joe").join()
        assert callback.next().subscription == number
        scene.fence()
        second = scene.application().user("owner2")
        second.changes(beside)
        scene.person("joe", "hall").media()
        assert callback.next().subscription == beside
        assert second.changes(beside) == owner.changes(number) == [(JOE, "BUSY")]


def test_w21_what_was_fetched_meanwhile_is_not_called_for_again(scene):
    callback, owner, number = scene.watched(JOE)
    with Hanging(callback, 503):
        scene.person("joe").join()
        callback.next()
        assert owner.changes(number) == [(JOE, "AVAILABLE")]
    scene.outlast_first_retry()
    callback.nothing_more()


def test_w21_the_fetch_ends_the_tries(scene):
    callback, owner, number = scene.watched(JOE)
    callback.answer = lambda hit: 503
    scene.person("joe").join()
    callback.next()
    assert owner.changes(number) == [(JOE, "AVAILABLE")]
    scene.outlast_first_retry()
    callback.nothing_more()


def test_w24_a_rich_fetch_opens_the_gate_and_a_poll_does_not(scene):
    callback, owner, number = scene.watched(JOE)
    joe = scene.person("joe")
    joe.join()
    callback.next()
    assert owner.changes(number, "rich") == [JOE]
    joe.idle()
    assert callback.next().subscription == number
    assert owner.state(JOE) == "AWAY"
    joe.media()
    scene.fence()
    callback.nothing_more()
    assert owner.changes(number) == [(JOE, "BUSY")]


def test_w39_the_same_state_twice_is_one_change(scene):
    callback, owner, number = scene.watched(JOE)
    joe = scene.application().user("joe")
    joe.set("AWAY")
    callback.next()
    assert owner.changes(number) == [(JOE, "AWAY")]
    joe.set("AWAY")
    joe.set("BUSY")
    scene.fence()
    callback.nothing_more()
    assert owner.changes(number) == []


def test_the_recorded_pattern_with_a_person_on_ws(scene):
    callback, application = scene.callback(), scene.application()
    owner = application.user("owner")
    refused(owner.fetch(1), 400, 133)
    number = owner.subscription([CARLOTTA, JOE, ROGUE], application.endpoint(callback.url))
    callback.next()
    assert owner.changes(number) == [(CARLOTTA, "UNAVAILABLE"), (JOE, "UNAVAILABLE"), (ROGUE, "UNKNOWN")]
    joe = scene.person("joe")
    for change, state in ((joe.join, "AVAILABLE"), (joe.idle, "AWAY"), (joe.leave, "UNAVAILABLE")):
        change()
        assert callback.next().subscription == number
        assert owner.changes(number) == [(JOE, state)]
        assert owner.changes(number) == []
    callback.nothing_more()


def test_an_endpoint_is_down_for_a_minute_with_ten_changes(scene, is_long):
    callback, owner, number = scene.watched(JOE, RITA, CARLOTTA)
    joe, rita = scene.person("joe"), scene.person("rita")
    callback.down()
    began = time.monotonic()
    changes = (joe.join, rita.join, joe.idle, rita.idle, joe.media, rita.leave, joe.leave, rita.media, joe.join, joe.idle)
    for count, change in enumerate(changes, 1):
        change()
        until("its share of the minute", lambda: time.monotonic() - began > count * (6 if is_long else 0.1))
    scene.fence()
    callback.up()
    assert callback.next(70 if is_long else 15).subscription == number
    assert owner.changes(number) == [(JOE, "AWAY"), (RITA, "BUSY")]
    assert owner.changes(number) == []
    scene.fence()
    callback.nothing_more()
    joe.leave()
    callback.next()
    assert owner.changes(number) == [(JOE, "UNAVAILABLE")]


def test_w55_in_the_order_of_the_well_known_scripts(scene):
    callback = scene.callback()
    callback.down()
    # Clean up: whatever there is of ids 1 to 4.
    application = scene.application()
    owner = application.user("owner")
    for number in (1, 2, 3, 4):
        refused(application.unregister(number), 400, 132)
        refused(owner.unsubscribe(number), 400, 133)
    # Create; each script logs in anew.
    application = scene.application()
    owner = application.user("owner")
    made = application.ask("POST", "/endpoints", endpoint(callback.url), Presence_Expiry=3600)
    assert made.headers["location"][-1] == "1"
    made = owner.ask("POST", "/users/owner/subscriptions", subscription([JOE, RITA], made.headers["location"][-1]), Presence_Expiry=3600)
    assert made.headers["location"][-1] == "1"
    # Only now listen, and fetch once for the callback that nobody heard, twice as that script does.
    callback.up()
    owner = scene.application().user("owner")
    states = owner.changes(1) + owner.changes(1)
    assert states == [(JOE, "UNAVAILABLE"), (RITA, "UNAVAILABLE")]
    scene.fence()
    callback.hits.clear()
    joe = scene.person("joe")
    for change, state in ((joe.join, "AVAILABLE"), (joe.idle, "AWAY"), (joe.media, "BUSY"), (joe.leave, "UNAVAILABLE")):
        change()
        assert callback.next().target == "/pws?id=1&eventType=PRESENCE_NOTIFICATION"
        assert scene.application().user("owner").changes(1) == [(JOE, state)]
    # What is asked for every ten minutes.
    assert owner.changes(1) == []
