"""The application against real Regions, one of which is lost."""

import pytest
from notes import Damaged, Envelopes, Notes, NoRegion
from pytest_meridian import wait_until


@pytest.fixture
def key(kms_cluster):
    return kms_cluster.multi_region_key(*kms_cluster.regions)


@pytest.fixture
def notes(key, kms_cluster, kms_client, tmp_path):
    return Notes(tmp_path, Envelopes(key, [kms_client(region) for region in kms_cluster.regions]))


def test_a_note_comes_back_and_its_file_does_not_tell(notes, tmp_path):
    notes.write("plan", "meet at noon")
    assert notes.read("plan") == "meet at noon"
    assert b"noon" not in (tmp_path / "plan.sealed").read_bytes()


def test_a_note_that_was_changed_or_renamed_is_refused(notes, tmp_path):
    notes.write("plan", "meet at noon")
    (tmp_path / "other.sealed").write_bytes((tmp_path / "plan.sealed").read_bytes())
    with pytest.raises(Damaged):
        notes.read("other")
    changed = bytearray((tmp_path / "plan.sealed").read_bytes())
    changed[-1] ^= 1
    (tmp_path / "plan.sealed").write_bytes(changed)
    with pytest.raises(Damaged):
        notes.read("plan")


def test_notes_outlive_the_primary_region(notes, key, kms_client, kms_chaos):
    notes.write("before", "written in us-east-1")
    kms_chaos.kill("us-east-1")
    assert notes.read("before") == "written in us-east-1"
    notes.write("during", "written elsewhere")

    kms_chaos.promote("us-east-1", "eu-west-1")
    europe = kms_client("eu-west-1")
    europe.update_key_description(KeyId=key, Description="us-east-1 is gone")
    kms_chaos.start("us-east-1")

    before = europe.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    europe.rotate_key_on_demand(KeyId=key)
    returned = kms_client("us-east-1")

    def rotated():
        return returned.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] != before

    wait_until(rotated, "the Region that was lost has the new material")
    notes.envelopes.clients = [returned]
    assert [notes.read("before"), notes.read("during")] == ["written in us-east-1", "written elsewhere"]


def test_without_any_region_the_application_says_so(notes, kms_cluster, kms_chaos):
    notes.write("plan", "meet at noon")
    for region in kms_cluster.regions:
        kms_chaos.kill(region)
    with pytest.raises(NoRegion):
        notes.read("plan")
