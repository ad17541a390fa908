"""Every operation against the API model that botocore ships: its members, their types and their constraints.

The model is the input; an operation joins when the service has it. What answers may hold is checked by every client of
the harness, on every call of every test (`harness.model.check_answer`).
"""

import pytest
from harness import model, settings
from harness.raw import call

REGION = settings.REGIONS[0]


@pytest.fixture(scope="module")
def endpoint(cluster):
    return cluster.api(REGION, 1)


def test_the_model_has_the_56_operations_that_the_documents_list():
    text = (settings.ROOT / "docs" / "spec" / "operations.md").read_text()
    assert len(model.operations()) == 56
    assert all(f"\n| {operation.name} | " in text for operation in model.operations())


@pytest.mark.parametrize("operation", model.operations(), ids=lambda operation: operation.name)
def test_every_member_is_known_and_every_constraint_is_enforced(endpoint, operation):
    if not model.implemented(operation.name):
        answer = call(endpoint, REGION, operation.name, {})
        assert answer.error == "UnsupportedOperationException", answer
        return
    valid = {} if operation.input_shape is None else model.example(operation.input_shape)
    answer = call(endpoint, REGION, operation.name, {**valid, "NoSuchMember": 1})
    assert answer.error != "SerializationException" and " detected: " not in answer.message, answer
    model.check_answer(operation, answer.status, answer.body)
    wrong = []
    for broken in model.broken_bodies(operation):
        answer = call(endpoint, REGION, operation.name, broken.body)
        try:
            model.check_refusal(broken, answer.error, answer.message)
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)
