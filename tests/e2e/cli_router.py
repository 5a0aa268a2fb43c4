#!/usr/bin/python3
"""The client against the router's own publisher API (tests/lib/apifog: no boxes), over TLS. Runs in the build folder."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]


class Router:
    def __init__(self, publisher="*"):
        self.process = subprocess.Popen(["tests/lib/apifog", publisher], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.api, self.ca = self.process.stdout.readline().split()
        self.port = self.api.rsplit(":", 1)[1]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        code = self.process.wait(10)
        assert error[0] or code == 0, f"apifog ended with {code}"


def fog(router, home, *args, want=0):
    done = subprocess.run(["./fog", *map(str, args), "--fog", router.api, "--ca", router.ca, "--resolve", f"*.fog.test:{router.port}:127.0.0.1",
                           "--home", str(home)], capture_output=True, text=True, check=False)
    assert done.returncode == want, f"fog {' '.join(map(str, args))}: {done.returncode}, not {want}\n{done.stdout}{done.stderr}"
    return done.stdout if want == 0 else done.stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        home, site = folder / "home", folder / "site"
        shutil.copytree(TOP / "tests/data/site", site)
        (site / "big").write_bytes(os.urandom(5 << 20))
        with Router() as router:
            first = json.loads(fog(router, home, "deploy", site, "--wait", "0", "--json"))
            assert first["sent_objects"] == first["objects"] and first["seq"] == 1 and first["wanted"] == 2, first
            assert first["url"] == f"https://{first['site']}.fog.test:{router.port}/", first
            again = json.loads(fog(router, home, "deploy", site, "--wait", "0", "--json"))
            assert again["sent_objects"] == 0 and again["seq"] == 2, again
            (site / "index.html").write_text("<p>new")
            third = json.loads(fog(router, home, "deploy", site, "--wait", "0", "--json"))
            assert third["sent_objects"] == 3 and third["seq"] == 3, third
            seen = json.loads(fog(router, home, "status", "site", "--json"))
            assert seen["seq"] == 3 and seen["site"] == first["site"] and re.fullmatch("[0-9a-f]{64}", seen["pointer"]), seen
            assert "site" in fog(router, home, "status", "site") and "map_no" in fog(router, home, "status")
            assert fog(router, home, "put", site / "big", "--wait", "0").splitlines()[-1].endswith("/big")
            fog(router, home, "status", "nothing", want=1)
            words = fog(router, home, "route", "explain", "192.0.2.1", first["url"])
            assert words.strip(), "words of an explanation"
            other = subprocess.run(["./fog", "status", "--fog", router.api, "--resolve", f"api.fog.test:{router.port}:127.0.0.1"],
                                   capture_output=True, text=True, check=False)
            assert other.returncode == 3 and "TLS" in other.stderr, f"an unknown CA is refused: {other.stderr}"
        publisher = json.loads(fog(router, home, "key", "show", "--json"))["publisher_id"]
        with Router(publisher) as router:
            fog(router, home, "deploy", site, "--wait", "0")
            refused = fog(router, folder / "stranger", "deploy", site, "--wait", "0", want=4)
            assert "403" in refused, refused
    print("fog and router agree:", refused.strip().splitlines()[0])


sys.exit(main())
