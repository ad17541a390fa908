"""The example configuration is one that the program accepts, up to the files that it names."""

from harness import settings
from harness.cluster import meridian

EXAMPLE = settings.ROOT / "deploy" / "meridian.toml"


def test_the_example_configuration_is_read_up_to_its_first_missing_file(binary, tmp_path):
    result = meridian("server", "--config", EXAMPLE, "--node-data-dir", tmp_path, check=False, timeout_s=30)
    assert result.returncode == 1
    assert "/etc/meridian/" in result.stderr, result.stderr


def test_a_misspelt_option_is_refused_by_name(binary, tmp_path):
    spoilt = tmp_path / "meridian.toml"
    spoilt.write_text(EXAMPLE.read_text().replace("bootstrap =", "bootstrp ="))
    result = meridian("server", "--config", spoilt, "--node-data-dir", tmp_path, check=False, timeout_s=30)
    assert result.returncode == 1 and "bootstrp" in result.stderr, result.stderr
