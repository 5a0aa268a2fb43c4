"""What the shows share: arguments, a fog in private namespaces, published content, one closing line.

A show is `tests/show/<group>-<n>-<name>`: exit 0 when its points hold, its figures on the last line, --quick for a short form.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(HERE), str(TOP / "tools")]

import fogdev  # noqa: E402
import fognet  # noqa: E402
import fogplay  # noqa: E402
import recompute  # noqa: E402

ROUTER_IP = "198.51.100.1"
BOX_IPS = [f"198.51.100.{10 + n}" for n in range(1, 10)]
LIAR_IP = "198.51.100.99"
# Viewers: addresses whose countries the public-domain database knows, and one that the operator's own map places.
VIEWERS = {"DE": "141.20.1.10", "JP": "133.11.0.10", "NL": "145.97.0.10"}
MAPPED_VIEWER = "203.0.113.77"
PREFIX_MAP = "203.0.113.64/26 NL 64503\n"
ZONE = "fog.test"


class Failed(Exception):
    """A point of the show does not hold."""


def expect(condition, text):
    if not condition:
        raise Failed(text)
    print(f"  ok: {text}", flush=True)


def step(text):
    print(f"- {text}", flush=True)


def arguments(doc, more=None):
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--quick", action="store_true", help="short form, under a minute")
    parser.add_argument("--keep", metavar="DIR", help="work in DIR and keep it")
    if more:
        more(parser)
    return parser.parse_args()


def media(seconds):
    """The demonstration content, made once per machine and length."""
    folder = pathlib.Path(os.environ.get("FOG_MEDIA", "/var/tmp/fogbank-media"))
    subprocess.run([str(TOP / "tools" / "make-media"), str(folder), str(seconds)], check=True)
    return folder / f"video-{seconds}", folder / "site"


@contextlib.contextmanager
def fog_in_namespace(args, boxes=5, chain=False, **options):
    """A running fog with zone fog.test on ports 443 and 53; yields it. Stops it and refuses broken log lines."""
    ips = [ROUTER_IP, *BOX_IPS[:boxes]]
    fognet.setup([*ips, LIAR_IP, MAPPED_VIEWER, *VIEWERS.values()], ROUTER_IP)
    folder = pathlib.Path(args.keep or tempfile.mkdtemp(prefix="fog-show-"))
    fog = fogdev.Fog(folder, zone=ZONE, boxes=boxes, chain=chain, base_port=443, ips=ips, dns=f"{ROUTER_IP}:53",
                     prefixes=PREFIX_MAP, **options)
    fog.chain and setattr(fog.chain, "port", 8545)
    if fog.chain:
        fog.chain.url = "http://127.0.0.1:8545"
    broken = None
    try:
        fog.start(lambda text: print(f"  starting {text}", flush=True))
        fog.publisher()
        yield fog
        broken = fog.stop()
        if broken:
            raise Failed(f"{len(broken)} lines logged as broken, first: {broken[0][:300]}")
    except BaseException:
        if broken is None:
            fog.stop()
        print(f"  logs are in {folder}", file=sys.stderr)
        args.keep = args.keep or str(folder)
        raise
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)


def publish(fog, source, site):
    """fog put/deploy of a folder; returns the site's label once k copies are acknowledged."""
    verb = "deploy" if (source / "index.html").exists() else "put"
    answer = json.loads(fog.client(verb, source, "--site", site, "--json", what=f"publish {site}").strip().splitlines()[-1])
    return answer


class Viewer(threading.Thread):
    """A strict player in a thread, so that a show can break things meanwhile."""

    def __init__(self, fog, entry, source, client_ip=None, http2=True, pace_s=0.1, tries=1, renditions=None):
        super().__init__(daemon=True)
        self.fetcher = fogplay.Fetcher(str(fog.ca), http2, source_ip=client_ip)
        self.entry, self.source, self.pace_s, self.tries, self.renditions = entry, source, pace_s, tries, renditions
        self.segments = []
        self.started = threading.Event()
        self.result = self.failure = None

    def on_segment(self, name, row):
        self.segments.append((name, row))
        if len(self.segments) >= 2:
            self.started.set()

    def run(self):
        try:
            self.result = fogplay.play(self.entry, fogplay.Expect(self.source), self.fetcher, self.pace_s, self.tries,
                                       self.on_segment, self.renditions)
        except Exception as failure:  # the judge keeps whatever ended playback
            self.failure = failure
        finally:
            self.started.set()

    def finish(self, timeout_s=240):
        self.join(timeout_s)
        if self.is_alive():
            raise Failed("the player hangs")
        if self.failure:
            raise Failed(f"player: {self.failure}")
        return self.result

    def box_host(self):
        """Host of the box that served the last segment."""
        hosts = [row["host"] for _, row in self.segments if "host" in row and row["host"].count(".") > ZONE.count(".") + 1]
        return hosts[-1] if hosts else None


def box_of_host(fog, host):
    label = host.split(".")[1]
    return next(b for b in fog.boxes if b.identity["box"] == label)


def run_show(doc, body, more=None):
    """Parses arguments (`more(parser)` adds some), enters the namespaces, runs `body(args) -> figures`, prints them last."""
    args = arguments(doc, more)
    fognet.enter()
    start = time.monotonic()
    try:
        figures = body(args)
    except (Failed, fogdev.Stop, fogplay.Failure, recompute.Mismatch) as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    figures["seconds"] = round(time.monotonic() - start, 1)
    print(" ".join(f"{k}={v}" for k, v in figures.items()), flush=True)
    return 0
