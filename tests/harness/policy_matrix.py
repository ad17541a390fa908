"""The policy matrix played with real principals: users, roles with sessions, roots of two accounts, and real keys.

A case names `matrix-user`, `matrix-role` and `alias/matrix`. Each distinct set of identity policies, boundary and tags
gets a principal of its own, and each distinct key policy with tags, alias and grant a key of its own; cases with equal
needs share them. Everything goes through IAM, STS and KMS.
"""

import json
import pathlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import ClientError

from harness import settings
from harness.identities import (
    OTHER_ACCOUNT,
    OTHER_ROOT,
    document,
    iam,
    keys_of,
    kms,
    policy,
    session_of,
    sts,
    trust,
)

MATRIX = pathlib.Path(__file__).parents[1] / "policy_matrix" / "matrix.json"
HOME = settings.REGIONS[0]
THREADS = 8
SESSION_NAME = "matrix-session"
ROOTS = {settings.ACCOUNT: None, OTHER_ACCOUNT: OTHER_ROOT}
# From a word of an AccessDenied message to the source of the decision.
SOURCES = {
    "resource-based": "resource",
    "identity-based": "identity",
    "permissions boundary": "boundary",
    "session policy": "session",
}


def matrix(**values: str) -> dict:
    """The cases, with the accounts and the Region of the cluster; `key` stays a placeholder unless it is given."""
    text = MATRIX.read_text(encoding="utf-8")
    known = {"account": settings.ACCOUNT, "other": OTHER_ACCOUNT, "region": HOME, **values}
    for name, value in known.items():
        text = text.replace("{" + name + "}", value)
    return json.loads(text)


def outcome(call) -> str:
    """`allow`, `deny` when the answer must not say why, or what an AccessDenied says: `explicit resource` and so on."""
    try:
        call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        message = error.response["Error"]["Message"]
        if "does not exist in this Region" in message:
            return "deny"
        kind = "explicit" if "with an explicit deny in" in message else "implicit"
        return kind + " " + next(short for words, short in SOURCES.items() if words in message)
    return "allow"


def in_threads(work, items) -> list:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


@dataclass
class Case:
    """One decision of the matrix with what it is played with."""

    data: dict
    account: str  # of the caller
    kind: str  # root, user or role
    principal: str | None = None  # the name that stands for matrix-user or matrix-role
    key: str | None = None
    client: object = None

    def text(self, member: str) -> str:
        """A policy of the case as it is put, or an empty text."""
        statements = json.dumps(self.data.get(member) or [])
        if self.principal:
            was = f"matrix-{self.kind}"
            for field in (f"{self.account}:{self.kind}/", f"{self.account}:assumed-role/"):
                statements = statements.replace(f"::{field}{was}", f"::{field}{self.principal}")
            statements = statements.replace(f'"{was}"', f'"{self.principal}"')
            statements = statements.replace('"alias/matrix"', f'"{self.alias()}"')
        return document(json.loads(statements)) if statements != "[]" else ""

    def alias(self) -> str:
        """In the place of `alias/matrix`: an alias has one key."""
        return f"alias/{self.principal}"

    def expected(self) -> str:
        """Whether a caller of another account may know why is not its own business (reference, section 1.6)."""
        refused = self.data["expect"] != "allow" and self.account != settings.ACCOUNT
        return "deny" if refused else self.data["expect"]


class Stage:
    """Principals and keys of one run."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.iam = {account: iam(cluster, root) for account, root in ROOTS.items()}
        self.roots = {account: kms(cluster, credentials=root) for account, root in ROOTS.items()}
        self.names, self.boundaries, self.lock = {}, {}, threading.Lock()

    def play(self, decisions: list) -> list:
        """Every case that a real caller can play, as (id, what came of it, what the reference says)."""
        cases = [self.cast(data) for data in decisions if data["caller"] != "service"]
        names = {case.principal: case for case in cases if case.principal}
        self.stand_ins()
        in_threads(self.make_principal, names.values())
        self.make_keys([case for case in cases if case.data["key_policy"] is not None])
        in_threads(self.give_policies, names.values())
        self.make_clients(cases)
        found = in_threads(self.call, cases)
        return [(case.data["id"], got, case.expected()) for case, got in zip(cases, found, strict=True)]

    def cast(self, data: dict) -> Case:
        kind = data["caller"].removeprefix("foreign-")
        case = Case(data, OTHER_ACCOUNT if data["caller"].startswith("foreign-") else settings.ACCOUNT, kind)
        if kind != "root":
            case.principal = self.name_of(case)
        return case

    def name_of(self, case: Case) -> str:
        """One name for all cases whose caller has the same policies."""
        data = case.data
        needs = [data["caller"], *(data.get(member) for member in ("identity", "boundary", "caller_tags"))]
        if "{key}" in json.dumps(data):
            needs.append(data["id"])
        return self.names.setdefault(json.dumps(needs), f"matrix-{case.kind}-{len(self.names)}")

    def stand_ins(self):
        """The principals that policies name beside the caller, and the user in each account that assumes the roles."""
        self.assumers = {}
        for account, api in self.iam.items():
            api.create_user(UserName="matrix-user")
            api.create_user(UserName="matrix-assumer")
            arn = f"arn:aws:iam::{account}:user/matrix-assumer"
            api.put_user_policy(
                UserName="matrix-assumer", PolicyName="assume", PolicyDocument=policy("sts:AssumeRole")
            )
            api.create_role(RoleName="matrix-role", AssumeRolePolicyDocument=trust({"AWS": arn}))
            credentials = keys_of(api.create_access_key(UserName="matrix-assumer"))
            self.assumers[account] = (arn, sts(self.cluster, credentials=credentials))

    def make_principal(self, case: Case):
        api, data = self.iam[case.account], case.data
        tags = [{"Key": key, "Value": value} for key, value in (data.get("caller_tags") or {}).items()]
        options = {"Tags": tags} if tags else {}
        if data.get("boundary"):
            options["PermissionsBoundary"] = self.boundary(case.account, case.text("boundary"))
        if case.kind == "user":
            api.create_user(UserName=case.principal, **options)
        else:
            arn, _ = self.assumers[case.account]
            api.create_role(
                RoleName=case.principal, AssumeRolePolicyDocument=trust({"AWS": arn}), **options
            )

    def boundary(self, account: str, text: str) -> str:
        with self.lock:
            if (account, text) not in self.boundaries:
                made = self.iam[account].create_policy(
                    PolicyName=f"matrix-boundary-{len(self.boundaries)}", PolicyDocument=text
                )
                self.boundaries[account, text] = made["Policy"]["Arn"]
            return self.boundaries[account, text]

    def give_policies(self, case: Case):
        text = case.text("identity").replace("{key}", case.key or "{key}")
        if text:
            api = self.iam[case.account]
            give = api.put_user_policy if case.kind == "user" else api.put_role_policy
            holder = {"UserName" if case.kind == "user" else "RoleName": case.principal}
            give(**holder, PolicyName="matrix", PolicyDocument=text)

    def make_keys(self, cases: list[Case]):
        alike = {}
        for case in cases:
            data = case.data
            grantee = case.principal if data.get("grant") else None
            more = [data.get("key_tags"), data.get("key_aliases"), data.get("grant"), grantee]
            alike.setdefault(json.dumps([case.text("key_policy"), *more]), []).append(case)
        for key, group in zip(in_threads(self.make_key, alike.values()), alike.values(), strict=True):
            for case in group:
                case.key = key

    def make_key(self, group: list[Case]) -> str:
        """Its policy comes last: it may keep everybody from aliases and grants."""
        case, owner = group[0], self.roots[settings.ACCOUNT]
        tags = [{"TagKey": key, "TagValue": value} for key, value in (case.data.get("key_tags") or {}).items()]
        arn = owner.create_key(**({"Tags": tags} if tags else {}))["KeyMetadata"]["Arn"]
        if case.data.get("key_aliases"):
            owner.create_alias(AliasName=case.alias(), TargetKeyId=arn)
        if case.data.get("grant"):
            grantee = f"arn:aws:iam::{case.account}:{case.kind}/{case.principal}"
            operation = case.data["grant"].removeprefix("kms:")
            owner.create_grant(KeyId=arn, GranteePrincipal=grantee, Operations=[operation])
        owner.put_key_policy(KeyId=arn, Policy=case.text("key_policy"), BypassPolicyLockoutSafetyCheck=True)
        return arn

    def make_clients(self, cases: list[Case]):
        """One client for each set of credentials: a user's access key, or a session of a role."""
        wanted = {}
        for case in cases:
            if case.principal:
                wanted.setdefault((case.principal, case.text("session")), []).append(case)
            else:
                case.client = self.roots[case.account]
        credentials = in_threads(lambda group: self.credentials(group[0]), wanted.values())
        for found, group in zip(credentials, wanted.values(), strict=True):
            made = kms(self.cluster, credentials=found)
            for case in group:
                case.client = made

    def credentials(self, case: Case) -> dict:
        if case.kind == "user":
            return keys_of(self.iam[case.account].create_access_key(UserName=case.principal))
        role = f"arn:aws:iam::{case.account}:role/{case.principal}"
        options = {"Policy": case.text("session")} if case.data.get("session") else {}
        _, assumer = self.assumers[case.account]
        return session_of(assumer.assume_role(RoleArn=role, RoleSessionName=SESSION_NAME, **options))

    def call(self, case: Case) -> str:
        client = case.client
        calls = {
            "kms:Encrypt": lambda: client.encrypt(KeyId=case.key, Plaintext=b"x"),
            "kms:CreateKey": lambda: client.create_key(BypassPolicyLockoutSafetyCheck=True),
            "kms:ListKeys": client.list_keys,
            "kms:ListAliases": client.list_aliases,
            "kms:GenerateRandom": lambda: client.generate_random(NumberOfBytes=1),
        }
        return outcome(calls[case.data["action"]])
