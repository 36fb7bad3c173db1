from monitor.spec import schema


def test_the_committed_schema_is_the_generated_one() -> None:
    assert schema.main(["--check"]) == 0


def test_a_reference_may_be_written_as_text_or_in_full() -> None:
    assert '"anyOf"' in schema.text().partition('"reference"')[2][:40]
