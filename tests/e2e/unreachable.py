#!/usr/bin/python3
"""Two boxes that accept no connection hold content; an edge that lacks it serves it all the same.

The edge asks its router to call the holder, the holder dials the edge and serves over that connection. Every byte is
compared. Exit 0 when it holds; figures on the last line.
"""
import hashlib
import os
import pathlib
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tools"), str(TOP / "tests" / "lib")]
import fogdev  # noqa: E402
import fogplay  # noqa: E402

FILE_BYTES = 3_500_000
TRIES = 40  # one site in three is held by boxes 1 and 2


def chunks(box):
    return box.status()["store"]["chunks"]


def site_without(fog, folder, edge):
    """Publishes sites until the edge was not told to hold one; its URL and the file's hash."""
    for n in range(TRIES):
        site = pathlib.Path(folder) / f"site-{n}"
        site.mkdir()
        body = os.urandom(FILE_BYTES)
        (site / "file.bin").write_bytes(body)
        before = chunks(edge)
        answer = fogdev.json.loads(fog.client("deploy", site, "--json").splitlines()[-1])
        fogdev.wait_for("copies", lambda label=answer["site"]: fog.api.get(f"/v1/sites/{label}")["copies_min"] >= fog.k)
        if chunks(edge) == before and edge.status()["orders"]["waiting"] == 0:
            return fogdev.site_url(fog, answer["site"], "file.bin"), hashlib.sha256(body).hexdigest()
    raise fogdev.Stop("every site is held by the edge itself")


def check(fog, folder):
    edge = fog.boxes[2]
    url, digest = site_without(fog, folder, edge)
    before = sum(box.status()["bytes_sent"] for box in fog.boxes if not box.reachable)
    _, _, body = fogplay.Fetcher(str(fog.ca)).get(url)
    if hashlib.sha256(body).hexdigest() != digest:
        raise fogdev.Stop(f"{url} differs")
    time.sleep(1.5)  # figures are refreshed once a second
    return sum(box.status()["bytes_sent"] for box in fog.boxes if not box.reachable) - before


def main():
    with tempfile.TemporaryDirectory(prefix="fog-e2e-") as folder:
        fog = fogdev.Fog(folder, boxes=3, base_port=7130, chain=False, unreachable=(1, 2), k=2)
        try:
            fog.start()
            fog.publisher()
            served = check(fog, folder)
        except fogdev.Stop as failure:
            print(f"FAILED: {failure}")
            return 1
        finally:
            broken = fog.stop()
        if broken or served < FILE_BYTES:
            print("\n".join(broken) or f"FAILED: the boxes that were called served {served} bytes")
            return 1
        print(f"served_by_called_boxes={served}")
        return 0


sys.exit(main())
