"""The aws command line client in a shell that did nothing but `eval "$(meridian local env)"`."""

import os
import subprocess
import sysconfig

from harness import settings

HOME, SECOND, THIRD = settings.REGIONS

SCENARIO = r"""
set -euo pipefail
eval "$("$MERIDIAN" local env --shell bash --data-dir "$DATA_DIR")"
cd "$SCRATCH"
test "$AWS_REGION" = "$R1" || test "$AWS_DEFAULT_REGION" = "$R1"

key=$(aws kms create-key --multi-region --query KeyMetadata.KeyId --output text)
for region in "$R2" "$R3"; do
  aws kms replicate-key --key-id "$key" --replica-region "$region" >replica.json
done
for region in "$R2" "$R3"; do
  for attempt in $(seq 60); do
    state=$(aws kms describe-key --region "$region" --key-id "$key" --query KeyMetadata.KeyState --output text || true)
    if [ "$state" = Enabled ]; then break; fi
    sleep 0.5
  done
  test "$state" = Enabled
done

encrypt() {  # REGION TEXT FILE
  printf %s "$2" >text
  aws kms encrypt --region "$1" --key-id "$key" --plaintext fileb://text --encryption-context a=1 \
    --query CiphertextBlob --output text | base64 -d >"$3"
}
decrypt() {  # REGION FILE
  aws kms decrypt --region "$1" --ciphertext-blob "fileb://$2" --encryption-context a=1 \
    --query Plaintext --output text | base64 -d
}

encrypt "$R1" "before the rotation" old
for region in "$R1" "$R2" "$R3"; do
  test "$(decrypt "$region" old)" = "before the rotation"
done

material=$(aws kms describe-key --key-id "$key" --query KeyMetadata.CurrentKeyMaterialId --output text)
aws kms rotate-key-on-demand --key-id "$key" >rotated.json
for attempt in $(seq 60); do
  now=$(aws kms describe-key --key-id "$key" --query KeyMetadata.CurrentKeyMaterialId --output text)
  if [ "$now" != "$material" ]; then break; fi
  sleep 0.5
done
test "$now" != "$material"

encrypt "$R1" "after the rotation" new
for region in "$R1" "$R2" "$R3"; do
  test "$(decrypt "$region" old)" = "before the rotation"
  test "$(decrypt "$region" new)" = "after the rotation"
done
encrypt "$R3" "from the third" third
test "$(decrypt "$R1" third)" = "from the third"
echo "every ciphertext opened in every Region"
"""


def test_a_multi_region_key_from_creation_to_rotation(cluster, tmp_path):
    environment = {
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "MERIDIAN": str(settings.BINARY),
        "DATA_DIR": str(cluster.data_dir),
        "SCRATCH": str(tmp_path),
        "R1": HOME,
        "R2": SECOND,
        "R3": THIRD,
    }
    result = subprocess.run(
        ["bash", "-c", SCENARIO], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "every ciphertext opened in every Region" in result.stdout


def test_env_gives_what_aws_clients_read(cluster):
    env = cluster.env()
    assert env["AWS_ENDPOINT_URL_KMS"] == cluster.gateway()
    assert env["AWS_ACCESS_KEY_ID"] == "test" and env["AWS_SECRET_ACCESS_KEY"] == "test"
    assert HOME in (env.get("AWS_REGION"), env.get("AWS_DEFAULT_REGION"))
