from monitor.collector.registry import Monitors, Registry, columns
from monitor.collector.tokens import Named
from monitor.decoders import Exchange
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Registration
from tests.support.registrations import SCHEMA, announce, registration
from tests.support.waiting import wait_for


def after(*news: Registration) -> Monitors:
    monitors = Monitors()
    for one in news:
        monitors = monitors.after(one)
    return monitors


def test_a_monitor_is_found_by_its_name_and_by_its_model_s() -> None:
    one = registration(model={"name": "model-7"})
    assert after(one).by_name["seats"] is one
    assert after(one).of_model("model-7") is one


def test_of_a_model_that_several_tenants_have_each_finds_its_own_monitor() -> None:
    both = after(
        registration("transit.seats", model={"name": "seats"}),
        registration("rail.seats", model={"name": "seats"}),
    )
    asked = Exchange("/v1/models/seats:predict", "r", 0.0, 0.0, 200, [], [], [], [])
    for tenant in ("transit", "rail"):
        reader = both.reader(asked._replace(may_push=Named.of([f"{tenant}.*"])))
        assert reader is not None
        assert reader.registration.name == f"{tenant}.seats"
    assert both.reader(asked._replace(may_push=Named.of(["billing.*"]))) is None


def test_a_mapped_path_is_its_own_monitors_alone() -> None:
    mapped = after(registration("rail.seats", model={"mapping": {"path": "/score"}}))
    asked = Exchange("/score?x=1", "r", 0.0, 0.0, 200, [], [], [], [])
    assert mapped.reader(asked) is not None
    assert mapped.reader(asked._replace(may_push=Named.of(["transit.*"]))) is None


def test_a_request_that_names_no_model_is_the_only_monitor_s() -> None:
    one, other = registration("one"), registration("other")
    assert after(one).of_model(None) is one
    assert after(one, other).of_model(None) is None
    assert after(one, other).of_model("other") is other


def test_a_newer_revision_takes_over_once_it_is_active() -> None:
    old, new = registration(), registration(revision=2)
    assert after(old, new).by_name["seats"] is new
    assert after(new, old).by_name["seats"] is new


def test_an_active_revision_stays_while_the_next_is_resolved_or_fails() -> None:
    active = registration()
    for state in ("resolving", "failed"):
        news = registration(revision=2, state=state, schema=())
        assert after(active, news).by_name["seats"] is active


def test_a_monitor_without_a_reference_yet_is_collected_for() -> None:
    assert "seats" in after(registration(state="resolving", schema=())).by_model


def test_a_deleted_monitor_is_gone() -> None:
    gone = after(registration(), registration(revision=2, state="deleted"))
    assert not gone.by_name
    assert not gone.by_model


def test_headers_of_event_times_are_kept() -> None:
    monitors = after(registration(event_time={"header": "X-Event-Time"}))
    assert b"x-event-time" in monitors.kept_headers


def test_nameless_values_get_the_features_names_in_the_schema_s_order() -> None:
    assert columns(registration()).features == ["a", "b"]
    assert columns(registration(schema=SCHEMA[::-1])).features == ["b", "a"]
    assert columns(registration(prediction="y")).prediction == "y"


def test_a_message_that_cannot_be_read_is_left_out(embedded_broker: Broker) -> None:
    registry = Registry(embedded_broker, client_id="test")
    good = registration()
    registry.apply([(b"x", b"{"), (b"y", b"{}"), (b"z", b"[1]"), (good.key, good.to_bytes())])
    assert list(registry.monitors.by_name) == ["seats"]
    registry.apply([(b"seats", None)])
    assert not registry.monitors.by_name


def test_the_topic_is_followed_from_its_beginning_and_live(embedded_broker: Broker) -> None:
    announce(embedded_broker, registration("before"))
    registry = Registry(embedded_broker, client_id="test")
    registry.start()
    try:
        wait_for(lambda: registry.is_loaded)
        assert list(registry.monitors.by_name) == ["before"]
        announce(embedded_broker, registration("later"))
        wait_for(lambda: "later" in registry.monitors.by_name)
    finally:
        registry.stop(10.0)
