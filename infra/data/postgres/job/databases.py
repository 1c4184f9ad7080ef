"""Makes the databases of the platform and their roles, where only a pod reaches Postgres; doing it again changes nothing.

`databases.json` beside this file says what there is to be. Passwords come from the environment, as `MONITOR_PASSWORD` and
`<DATABASE>_<KIND>_PASSWORD`, and go to psql as SCRAM verifiers on its standard input: no process list, no log and no statistics of
statements has one. psql finds the server by libpq's own variables.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ITERATIONS = 4096
PATIENCE_SECONDS = 240


def name(text: str) -> str:
    """Names need no quotes by the stack's own schema; anything else is not for this script."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", text):
        raise SystemExit(f"databases.json: {text!r} is no name of lower-case letters, digits and '_'")
    return text


def verifier(variable: str) -> str:
    """What Postgres itself would store of the password (RFC 5803)."""
    password = os.environ.get(variable)
    if not password:
        raise SystemExit(f"the environment has no {variable}, the password of a role; add it to the job's Secret")
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)

    def sign(key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, hashlib.sha256).digest()

    stored = hashlib.sha256(sign(salted, b"Client Key")).digest()
    parts = (base64.b64encode(part).decode() for part in (salt, stored, sign(salted, b"Server Key")))
    return "SCRAM-SHA-256${}:{}${}:{}".format(ITERATIONS, *parts)


def role(who: str, rights: str) -> list[str]:
    """CREATE ROLE has no IF NOT EXISTS."""
    absent = f"SELECT 'CREATE ROLE {who}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{who}') \\gexec"
    return [absent, f"ALTER ROLE {who} WITH {rights};"]


def login(who: str, variable: str, connections: int) -> list[str]:
    return role(who, f"LOGIN PASSWORD '{verifier(variable)}' CONNECTION LIMIT {int(connections)}")


def database(entry: dict, plan: dict) -> list[str]:
    base = name(entry["name"])
    owner = f"{base}_owner"
    kinds = {"app": entry["connectionLimit"], "readonly": entry["connectionLimit"], "migrator": plan["migratorConnections"]}
    statements = role(owner, "NOLOGIN")
    for kind, connections in kinds.items():
        statements += login(f"{base}_{kind}", f"{base.upper()}_{kind.upper()}_PASSWORD", connections)
    statements += [
        f"GRANT {owner} TO {base}_migrator;",
        f"ALTER ROLE {base}_migrator SET role TO {owner};",
        f"SELECT 'CREATE DATABASE {base} OWNER {owner} TEMPLATE template0 ENCODING UTF8"
        " LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''"
        f" WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{base}') \\gexec",
        f"ALTER DATABASE {base} OWNER TO {owner};",
        f"REVOKE ALL ON DATABASE {base} FROM PUBLIC;",
        f"GRANT CONNECT ON DATABASE {base} TO {', '.join(f'{base}_{kind}' for kind in kinds)};",
        f"\\connect {base}",
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;",
    ]
    for kind, rights in plan["rowRights"].items():
        for what, privileges in rights.items():
            statements.append(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
                f" GRANT {', '.join(privileges)} ON {what.upper()}S TO {base}_{name(kind)};"
            )
    return statements


def script(plan: dict) -> str:
    statements = [
        *login("monitor", "MONITOR_PASSWORD", plan["monitorConnections"]),
        "GRANT pg_monitor TO monitor;",
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;",
    ]
    for entry in plan["databases"]:
        statements += ["\\connect postgres", *database(entry, plan)]
    return "\n".join(statements) + "\n"


def psql(text: str) -> subprocess.CompletedProcess:
    command = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", "postgres"]
    return subprocess.run(command, input=text, text=True, capture_output=True)


def main() -> None:
    plan = json.loads(pathlib.Path(__file__).with_name("databases.json").read_text())
    text = script(plan)
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        # 2: no connection. A failover may be under way, or the server's first start.
        done = psql(text)
        if done.returncode != 2 or time.monotonic() > until:
            break
        time.sleep(1)
    if done.returncode != 0:
        sys.exit(f"psql ended with {done.returncode}: {done.stderr.strip()}")
    print("the databases are there:", ", ".join(entry["name"] for entry in plan["databases"]))


if __name__ == "__main__":
    main()
