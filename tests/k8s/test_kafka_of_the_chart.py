"""What the chart asks of Kafka's operators: topics, users and their rights, the lag to scale by."""

from typing import Any

from monitor.kafka.messages import Topics
from monitor.kafka.security import read_security
from tests.support.chart import (
    WORKLOADS,
    Manifest,
    component_of,
    named,
    of_kind,
    pod_of,
    render,
    values_files,
)

VALUES = values_files()
STRIMZI = VALUES["values-strimzi"]


def test_strimzi_makes_every_topic() -> None:
    made = {one["spec"]["topicName"]: one["spec"] for one in of_kind(render(STRIMZI), "KafkaTopic")}
    topics = Topics("driftmeter.")
    assert made.keys() == set(topics.all())
    assert made[topics.predictions]["partitions"] == made[topics.labels]["partitions"] == 12
    compacted = {name for name, one in made.items() if "cleanup.policy" in one["config"]}
    assert compacted == {topics.monitors, topics.consumed}


def rights(manifests: list[Manifest]) -> dict[str, set[tuple[str, str]]]:
    """Operations on topics by user, beside that all know which there are."""
    return {
        user["metadata"]["name"]: {
            (operation, acl["resource"]["name"])
            for acl in user["spec"]["authorization"]["acls"]
            for operation in acl["operations"]
            if acl["resource"]["type"] == "topic" and operation != "Describe"
        }
        for user in of_kind(manifests, "KafkaUser")
    }


def test_a_collector_may_hand_in_rows_and_read_nobodys() -> None:
    assert rights(render(STRIMZI))["driftmeter-collector"] == {
        ("Read", "driftmeter.monitors"),
        *(("Write", f"driftmeter.{name}") for name in ("predictions", "labels", "dead-letters")),
    }


def test_nobody_may_create_alter_or_delete_topics() -> None:
    operations = {one for user in rights(render(STRIMZI)).values() for one, _ in user}
    assert operations == {"Read", "Write"}


def test_every_role_proves_itself_with_a_password_of_its_own(tmp_path: Any) -> None:
    manifests = render(STRIMZI)
    settings = named(manifests, "ConfigMap", "driftmeter-kafka")["data"]
    users = rights(manifests).keys()
    for workload in of_kind(manifests, *WORKLOADS):
        (volume,) = (one for one in pod_of(workload)["spec"]["volumes"] if one["name"] == "kafka")
        config, password, authority = volume["projected"]["sources"]
        assert password["secret"]["name"] in users
        role = {"test": "collector"}.get(component_of(workload), component_of(workload))
        assert password["secret"]["name"] == f"driftmeter-{role}"
        assert authority["secret"]["name"] == "my-cluster-cluster-ca-cert"
        (item,) = config["configMap"]["items"]
        mounted = settings[item["key"]].replace("/etc/driftmeter/kafka", str(tmp_path))
        (tmp_path / item["path"]).write_text(mounted)
        (tmp_path / "password").write_text("secret")
        read = read_security(tmp_path / item["path"])
        assert read["sasl_plain_username"] == password["secret"]["name"]


def test_keda_scales_what_has_no_replicas_of_its_own_to_zero_and_wakes_it() -> None:
    manifests = render(VALUES["values-production"])
    scaled = named(manifests, "ScaledObject", "driftmeter-aggregate")["spec"]
    assert "replicas" not in named(manifests, "Deployment", "driftmeter-aggregate")["spec"]
    assert scaled["minReplicaCount"] == 0
    assert [t["metadata"]["topic"] for t in scaled["triggers"]] == [
        "driftmeter.predictions",
        "driftmeter.labels",
    ]
    for trigger in scaled["triggers"]:
        assert all(isinstance(value, str) for value in trigger["metadata"].values())
        assert trigger["metadata"]["consumerGroup"] == "driftmeter.counted"
        assert trigger["authenticationRef"] == {"name": "driftmeter-kafka"}
    assert not of_kind(manifests, "HorizontalPodAutoscaler")


def test_with_strimzi_keda_asks_as_the_aggregates_do() -> None:
    manifests = render(STRIMZI)
    (authentication,) = of_kind(manifests, "TriggerAuthentication")
    for trigger in named(manifests, "ScaledObject", "driftmeter-aggregate")["spec"]["triggers"]:
        assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
        assert (trigger["metadata"]["sasl"], trigger["metadata"]["tls"]) == (
            "scram_sha512",
            "enable",
        )
    (username,) = authentication["spec"]["configMapTargetRef"]
    settings = named(manifests, "ConfigMap", username["name"])["data"]
    assert settings[username["key"]] == "driftmeter-aggregate"
    known = {one["parameter"] for one in authentication["spec"]["secretTargetRef"]}
    assert known == {"password", "ca"}
