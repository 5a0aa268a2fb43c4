#!/usr/bin/python3
"""The client as users run it: help, keys, exit codes, and publishing to a fog that this script plays over plain HTTP.

The real API is tested by the shows; here every signature and every id is checked by code that shares nothing with ours.
Runs in the build folder."""
import http.server
import importlib.util
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
FOG = os.path.abspath("fog")
spec = importlib.util.spec_from_file_location("make", TOP / "core/content/vectors/make.py")
make = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(make)

FOG_ID = make.sha(b"fog of the test")
HUB_AHEAD_S = 86400  # a development chain runs ahead of the machine


class Fog(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects, pointers, problems, checked = {}, [], [], set()
    status = None  # answered to every upload when set

    def answer(self, status, body=b""):
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if status == 204 else body)

    def check_auth(self, body):
        want = r"Fog ([0-9a-f]{64})\.(\d+)\.(\d)\.([0-9a-f]{128})"
        found = re.fullmatch(want, self.headers.get("authorization", ""))
        if not found:
            self.problems.append(f"{self.path}: no authorization")
            return
        seconds = int(found[2])
        signed = (make.lp8(self.command.encode()) + make.lp16(self.path.encode()) + struct.pack(">Q", seconds)
                  + make.sha(body))
        if abs(seconds - time.time() - HUB_AHEAD_S) > 60:
            self.problems.append(f"{self.path}: not hub time")
        kind = (self.command, self.path.split("/")[2])
        if kind in self.checked:  # this Ed25519 takes 0.1 s: one request of each kind
            return
        self.checked.add(kind)
        if make.sign(Fog.seed, 0x20, FOG_ID, signed).hex() != found[4]:
            self.problems.append(f"{self.path}: signature")

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/v1/fog":
            return self.answer(200, {"fog_id": FOG_ID.hex(), "zone": "fog.test",
                                     "hub_ms": int((time.time() + HUB_AHEAD_S) * 1000)})
        if self.path == "/v1/publisher":
            Fog.keydoc = body
            return self.answer(204)
        if not self.path.startswith(("/v1/status", "/v1/earnings", "/v1/route")):
            self.check_auth(body)
        return self.route(body)

    def route(self, body):
        if self.path == "/v1/missing":
            rows = [body[i:i + 37] for i in range(0, len(body), 37)]
            bits = bytearray((len(rows) + 7) // 8)
            for i, row in enumerate(rows):
                if row[:33] not in self.objects:
                    bits[i // 8] |= 1 << i % 8
            return self.answer(200, bytes(bits))
        if self.path.startswith("/v1/objects/"):
            return self.take(body)
        if self.path.startswith("/v1/sites/"):
            if not self.pointers:
                return self.answer(404, {"code": "no_site", "detail": "no such site"})
            return self.answer(200, {"site": self.path[10:], "name": "x", "seq": len(self.pointers),
                                     "pointer": make.sha(b"\6", self.pointers[-1][:-64]).hex(), "holders": ["box1", "box2"]})
        if self.path.startswith("/v1/pointer"):
            self.pointers.append(body)
            return self.answer(200, {"copies": 2, "wanted": 2, "gateway_url": "https://label.fog.test:8443/"})
        if self.path == "/v1/status":
            return self.answer(200, {"zone": "fog.test", "hub_ms": 1767323045000, "boxes": [{"box": "aaaa", "alive": True, "bytes_total": 1500000}], "verdicts": []})
        if self.path.startswith("/v1/earnings"):
            return self.answer(200, {"rows": [{"week": 7, "node": "0x1", "bytes": "123", "gross": "5", "tx": "0x9"}]})
        if self.path == "/v1/route?ip=192.0.2.1&url=https%3A%2F%2Fx.fog.test%2Fa":
            return self.answer(200, {"box": "aaaa", "words": ["DE by country", "box aaaa"]})
        return self.answer(404)

    def take(self, body):
        _, _, _, kind, name = self.path.split("/")
        if Fog.status:
            return self.answer(Fog.status, {"code": "refused", "detail": "the test says no"})
        got = make.root(make.leaf_hashes(body)) if kind == "1" else make.sha(bytes([int(kind)]), body)
        if got.hex() != name:
            self.problems.append(f"{self.path}: id")
        self.objects[bytes([int(kind)]) + got] = body
        return self.answer(204)

    do_GET = do_PUT = do_POST = handle_any

    def log_message(self, *args):
        pass


def fog(*args, want=0, env=None):
    done = subprocess.run([FOG, *map(str, args)], capture_output=True, text=True, check=False,
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(env or {})})
    if done.returncode != want:
        raise AssertionError(f"fog {' '.join(map(str, args))}: exit {done.returncode}, not {want}\n{done.stdout}{done.stderr}")
    return done.stdout if want == 0 else done.stderr


def offline(home):
    assert "usage: fog VERB" in fog("help") and "usage: fog VERB" in fog()
    assert "--preview" in fog("deploy", "--help") and "--preview" in fog("help", "deploy")
    assert fog("version").startswith("fog ") and fog("--version") == fog("version")
    assert fog("help", "--man") == (TOP / "docs/man/fog.1").read_text(), "docs/man/fog.1 is not what fog help --man prints"
    subprocess.run(["bash", "-n"], input=fog("completion", "bash"), text=True, check=True)
    for bad in (["nonsense"], ["deploy"], ["deploy", "a", "b"], ["status", "--site", "x"], ["--nonsense"], ["version", "--json=1"],
                ["status", "--resolve", "a:b"], ["status", "--fog", "ftp://x"], ["status"],
                ["status", "--fog", "https://api.x.localhost", "--ca", "/none"]):
        fog(*bad, "--home", home, want=2)
    fog("key", "show", "--home", home, want=4)
    ids = json.loads(fog("key", "new", "--home", home, "--json"))
    assert ids == json.loads(fog("key", "show", "--home", home, "--json"))
    fog("key", "new", "--home", home, want=1)
    release = home / "keys/release.key"
    assert fog("key", "export", "release", "--home", home).strip() == release.read_bytes().hex()
    assert make.public(release.read_bytes()).hex() == ids["release"]
    release.chmod(0o644)
    assert "chmod" in fog("key", "show", "--home", home, want=4)
    release.chmod(0o600)
    other = home.parent / "other"
    wallet = "0x52908400098527886E0F7030069857D2E4169EE7"
    assert json.loads(fog("key", "new", "--home", other, "--owner", wallet, "--json"))["owner"] == wallet
    assert "refused" in fog("status", "--fog", "http://api.fog.localhost:1", want=3)
    (home / "context.conf").write_text("# a comment\nnonsense = 1\n")
    assert "context.conf:2" in fog("status", "--home", home, want=2)
    return ids


def publish(home, ids, port):
    Fog.seed = (home / "keys/release.key").read_bytes()
    (home / "context.conf").write_text(f'api = "http://api.fog.test:{port}/"\nresolve = "*.fog.test:{port}:127.0.0.1"\n')
    site = home.parent / "blog" / "public"
    shutil.copytree(TOP / "tests/data/site", site)
    (site / "film.bin").write_bytes(make.data(3 << 20))
    first = json.loads(fog("deploy", site, "--home", home, "--json"))
    assert first["name"] == "blog" and first["copies"] == 2 and first["sent_objects"] == first["objects"] == len(Fog.objects)
    publisher = make.sha(b"\4", Fog.keydoc[:-64])
    assert publisher.hex() == ids["publisher_id"]
    label = make.sha(FOG_ID, publisher, b"blog")[:10]
    assert first["site"] == __import__("base64").b32encode(label).decode().lower()
    pointer = Fog.pointers[0]
    assert make.sign(Fog.seed, 0x10, FOG_ID, pointer[:-64]) == pointer[-64:]
    at = 1 + 32 + 1 + 4 + 1 + 4 + 8
    assert b"\3" + pointer[at:at + 32] in Fog.objects, "the pointer's page was uploaded"
    out = fog("deploy", site, "--home", home)
    assert "sent 0 B" in out and out.splitlines()[-1] == "https://label.fog.test:8443/", out
    assert Fog.pointers[1][at + 40:at + 72] == make.sha(b"\6", pointer[:-64]), "prev names the pointer before"
    (site / "index.html").write_text("<p>changed")
    again = json.loads(fog("deploy", site, "--home", home, "--json", "--preview"))
    assert again["sent_objects"] == 3 and re.fullmatch(r"blog-[0-9a-f]{6}", again["name"])
    assert fog("put", site / "film.bin", "--home", home).splitlines()[-1] == "https://label.fog.test:8443/film.bin"
    assert "of 2 copies" not in fog("put", site / "film.bin", "--home", home)
    assert "index.html" not in fog("put", site, "--site", "x", "--home", home).splitlines()[-1]
    fog("deploy", site / "film.bin", "--home", home, want=2)
    fog("deploy", home / "nowhere", "--home", home, want=1)
    for status, code in ((403, 4), (507, 5), (409, 1)):
        Fog.status = status
        (site / "new.txt").write_text(f"{status}")
        assert "the test says no" in fog("deploy", site, "--home", home, want=code)
    Fog.status = None


def look(home):
    status = fog("status", "--home", home)
    assert "aaaa" in status and "1.5 MB" in status and "2026-01-02T03:04:05Z" in status, status
    assert json.loads(fog("status", "blog", "--home", home, "--json"))["holders"] == ["box1", "box2"]
    assert "box2" in fog("status", "blog", "--home", home)
    assert json.loads(fog("earnings", "--home", home, "--json"))["rows"][0]["tx"] == "0x9"
    assert "TRANSACTION" in fog("earnings", "--home", home)
    assert fog("route", "explain", "192.0.2.1", "https://x.fog.test/a", "--home", home) == "DE by country\nbox aaaa\n"
    fog("route", "explain", "nonsense", "https://x.fog.test/a", "--home", home, want=2)


def sizes():
    begin = time.monotonic()
    for _ in range(5):
        fog("version")
    start_ms = (time.monotonic() - begin) * 200
    needed = subprocess.run(["readelf", "-d", FOG], capture_output=True, text=True, check=True).stdout
    assert "rocksdb" not in needed and "maxminddb" not in needed and "ldns" not in needed
    return start_ms


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fog)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder) / "home"
        ids = offline(home)
        publish(home, ids, server.server_address[1])
        look(home)
    assert not Fog.problems, Fog.problems
    assert len(Fog.checked) == 4, Fog.checked
    print(f"fog: {len(Fog.objects)} objects, {len(Fog.pointers)} pointers, start {sizes():.0f} ms")


main()
