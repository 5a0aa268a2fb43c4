#!/usr/bin/python3
"""Strict HLS players that judge a fog from outside: no code of fogbank is used.

The stock player follows redirects by hand, verifies the certificate of every host against one CA, checks the SHA-256 of
every object against the publisher's own files, and fails on any status that is not 2xx after redirects. The tick player
does what a kit does: asks the gateway's assign call for targets with grants, fetches from the boxes, and releases
the preimages of its hash chain (PROTOCOL 6: n = 256, tick i once more than (i-1) * tick_bytes are verified).
"""
import argparse
import base64
import hashlib
import json
import os
import pathlib
import socket
import ssl
import sys
import time
import urllib.parse

import httpx

REAL_GETADDRINFO = socket.getaddrinfo
PINNED = {}
MAX_REDIRECTS = 5


def getaddrinfo(host, port, *args, **kwargs):
    """Names below .localhost are loopback (RFC 6761); pinned names go where the caller said."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in PINNED:
        host = PINNED[name]
    elif name and name.endswith(".localhost"):
        host = "127.0.0.1"
    return REAL_GETADDRINFO(host, port, *args, **kwargs)


socket.getaddrinfo = getaddrinfo


class Failure(Exception):
    """One request that a strict player does not accept."""


class Fetcher:
    """GET with hand-made redirects; keeps one client so that connections are reused as players do."""

    def __init__(self, ca, http2=True, timeout_s=10.0, source_ip=None):
        context = ssl.create_default_context(cafile=ca)
        transport = httpx.HTTPTransport(verify=context, http2=http2, http1=not http2, local_address=source_ip)
        self.http2 = http2
        self.client = httpx.Client(transport=transport, timeout=timeout_s, follow_redirects=False,
                                   headers={"user-agent": "fog-strict-player"})
        self.log = []

    def get(self, url, headers=None):
        """Returns (final url, headers, body); raises Failure. One log row per object."""
        row = {"url": url, "at": "", "hops": [], "start": time.monotonic()}
        self.log.append(row)
        try:
            for _ in range(MAX_REDIRECTS + 1):
                row["at"] = urllib.parse.urlsplit(url).netloc
                answer = self.client.get(url, headers=headers)
                row["hops"].append([answer.status_code, urllib.parse.urlsplit(url).netloc])
                if answer.status_code in (301, 302, 303, 307, 308):
                    url = urllib.parse.urljoin(url, answer.headers["location"])
                    if not url.startswith("https://"):
                        raise Failure(f"redirect leaves https: {url}")
                    continue
                self.judge(answer)
                row.update(end=time.monotonic(), host=urllib.parse.urlsplit(url).netloc, bytes=len(answer.content),
                           http=answer.http_version, cache=answer.headers.get("cache-status", ""))
                return url, answer.headers, answer.content
            raise Failure(f"more than {MAX_REDIRECTS} redirects")
        except (httpx.HTTPError, ssl.SSLError, OSError, Failure) as error:
            row.update(end=time.monotonic(), error=f"{type(error).__name__}: {error}")
            raise Failure(f"{row['url']}: {row['error']}") from error

    def judge(self, answer):
        wanted = "HTTP/2" if self.http2 else "HTTP/1.1"
        if answer.http_version != wanted:
            raise Failure(f"answered in {answer.http_version}, asked for {wanted}")
        if not 200 <= answer.status_code < 300:
            raise Failure(f"status {answer.status_code}: {answer.text[:200]}")
        length = answer.headers.get("content-length")
        if length is None:
            raise Failure("no Content-Length")
        if "content-encoding" not in answer.headers and int(length) != len(answer.content):
            raise Failure(f"Content-Length {length}, body {len(answer.content)}")


def parse_master(text):
    """Renditions of a multivariant playlist: media playlist URIs in order, audio groups included."""
    uris = []
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.startswith("#EXT-X-STREAM-INF"):
            uris.append(next(x for x in lines[i + 1:] if x and not x.startswith("#")))
        elif line.startswith("#EXT-X-MEDIA") and 'URI="' in line:
            uris.append(line.split('URI="')[1].split('"')[0])
    return list(dict.fromkeys(uris))


def parse_media(text):
    """Init segment and media segments of a playlist; refuses one that is not complete."""
    uris = []
    for line in text.splitlines():
        if line.startswith("#EXT-X-MAP:"):
            uris.append(line.split('URI="')[1].split('"')[0])
        elif line and not line.startswith("#"):
            uris.append(line)
    if "#EXT-X-ENDLIST" not in text:
        raise Failure("playlist has no end")
    return uris


class Expect:
    """What the publisher put: path below the site -> bytes on his disk."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def read(self, path):
        file = self.root / path
        if not file.is_file():
            raise Failure(f"{path}: the publisher has no such file")
        return file.read_bytes()

    def check(self, path, body):
        want = hashlib.sha256(self.read(path)).hexdigest()
        if hashlib.sha256(body).hexdigest() != want:
            raise Failure(f"{path}: SHA-256 differs from the published file")


def join(base, uri):
    return os.path.normpath(os.path.join(os.path.dirname(base), uri))


def attempt(fetcher, url, tries, on_retry=None):
    """Fetches with re-asking as a player does: the same URL again, at once."""
    for n in range(tries):
        try:
            return fetcher.get(url)
        except Failure:
            if n + 1 == tries:
                raise
            if on_retry:
                on_retry()
    raise AssertionError("unreachable")


def play(entry, expect, fetcher, pace_s=0.0, tries=1, on_segment=None, renditions=None):
    """Plays every rendition in turn as a stock player would; returns a summary."""
    failures = []
    total = 0
    site_path = urllib.parse.urlsplit(entry).path.lstrip("/")

    def ask(url):
        return attempt(fetcher, url, tries, lambda: failures.append(fetcher.log[-1]))

    master_url, _, body = ask(entry)
    expect.check(site_path, body)
    playlists = parse_master(body.decode()) or [os.path.basename(site_path)]
    for uri in playlists[:renditions]:
        media_url, _, body = ask(urllib.parse.urljoin(master_url, uri))
        media_path = join(site_path, uri)
        expect.check(media_path, body)
        for segment in parse_media(body.decode()):
            _, headers, data = ask(urllib.parse.urljoin(media_url, segment))
            if headers.get("access-control-allow-origin") != "*":
                raise Failure(f"{segment}: no CORS")
            expect.check(join(media_path, segment), data)
            total += len(data)
            if on_segment:
                on_segment(segment, fetcher.log[-1])
            if pace_s:
                time.sleep(pace_s)
    hosts = sorted({row["host"] for row in fetcher.log if "host" in row})
    return {"bytes": total, "objects": len(fetcher.log) - len(failures), "failed_then_ok": len(failures),
            "failures": [{k: f[k] for k in ("url", "error", "hops")} for f in failures], "hosts": hosts}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TickChain:
    """PayWord chain: w_256 is the secret, w_0 the anchor, w_{i-1} = SHA-256(w_i)."""

    N = 256

    def __init__(self, seed=None):
        self.words = [seed or os.urandom(32)]
        for _ in range(self.N):
            self.words.append(hashlib.sha256(self.words[-1]).digest())
        self.words.reverse()

    @property
    def anchor(self):
        return self.words[0]

    def reveal(self, i):
        return f"{i}.{b64(self.words[i])}"


class TickPlayer:
    """A kit on the command line: one grant, bytes checked as they arrive, ticks released while a segment still runs.

    A box gives credit for one tick first (doubling with each paid one), so a player that only ticked between segments
    would wait for itself. Ticks go on a connection of their own.
    """

    def __init__(self, site, directory, expect, fetcher, ca):
        self.expect, self.fetcher, self.directory = expect, fetcher, directory.rstrip("/")
        chains = [TickChain() for _ in range(4)]
        anchors = ",".join(b64(c.anchor) for c in chains)
        _, _, body = fetcher.get(f"{site}/~a?path={urllib.parse.quote(directory)}&anchor={anchors}")
        self.target = json.loads(body)["targets"][0]
        self.chain = chains[0]  # target n is bound to anchor n
        self.tick_bytes = int(self.target["tick_bytes"])
        base, _, self.grant = self.target["url_prefix"].rstrip("/").rpartition("/g/")
        self.tick_url = f"{base}/~t/{self.grant}"
        self.ticker = Fetcher(ca, fetcher.http2)
        self.verified = self.released = 0

    def tick(self):
        """Releases what is due: tick i once more than (i - 1) * tick_bytes are verified."""
        due = min(TickChain.N, -(-self.verified // self.tick_bytes))
        if due <= self.released:
            return
        answer = self.ticker.client.post(self.tick_url, content=self.chain.reveal(due))
        if not 200 <= answer.status_code < 300:
            raise Failure(f"tick {due} refused: {answer.status_code} {answer.text[:200]}")
        self.released = due

    def fetch(self, name):
        path = f"{self.directory}/{name}" if self.directory else name
        want = self.expect.read(path)
        at = 0
        with self.fetcher.client.stream("GET", self.target["url_prefix"] + path) as answer:
            if answer.status_code != 200:
                raise Failure(f"{path}: status {answer.status_code} from an assigned box")
            for piece in answer.iter_raw():
                if want[at:at + len(piece)] != piece:
                    raise Failure(f"{path}: bytes differ from the published file at {at}")
                at += len(piece)
                self.verified += len(piece)
                self.tick()
        if at != len(want):
            raise Failure(f"{path}: {at} of {len(want)} bytes")


def tick_play(site, directory, files, expect, fetcher, ca):
    """Plays named files of one directory from one assigned box; returns what was verified and the ticks released."""
    player = TickPlayer(site, directory, expect, fetcher, ca)
    for name in files:
        player.fetch(name)
    return {"serial": player.target["serial"], "box": player.target["box"], "bytes": player.verified, "ticks": player.released,
            "tick_bytes": player.tick_bytes, "grant": player.grant}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="entry URL of a playlist")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--expect", required=True, help="folder that was published")
    parser.add_argument("--http", choices=("h1", "h2"), default="h2")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between segments")
    parser.add_argument("--tries", type=int, default=1)
    parser.add_argument("--resolve", action="append", default=[], metavar="HOST=IP")
    args = parser.parse_args()
    for pair in args.resolve:
        host, ip = pair.split("=")
        PINNED[host] = ip
    fetcher = Fetcher(args.ca, args.http == "h2")
    try:
        print(json.dumps(play(args.url, Expect(args.expect), fetcher, args.pace, args.tries)))
    except Failure as failure:
        print(f"player: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
