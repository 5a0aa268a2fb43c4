#!/usr/bin/python3
"""fogd against nginx on the same core, certificate and files: 1 KiB, 256 KiB and 4 MiB, as ratios of interleaved runs.

usage: bench/serve_vs_nginx.py [--rounds N] [--json]
Both servers are pinned to core 0 with one worker, h2load to core 1, HTTP/2 over TLS 1.3. Each round runs nginx and fogd one after
the other (order alternates); every body's status and size is checked by h2load's own counts. Judged are CPU per unit and the median of the
pairwise ratios, because such machines drift. Namespaces: none; loopback only, a fixed number of requests per run.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOP / "tools"), str(TOP / "tests" / "lib")]
import fogdev  # noqa: E402
import fogplay  # noqa: E402

# name, bytes, connections, streams per connection, requests per run (about half a second); the gateway serves the small one, the
# box the others. A count and not a duration: h2load's timed runs can wait for ever for streams that it gave up.
CASES = [("1 KiB", 1024, 16, 16, 40000), ("256 KiB", 256 * 1024, 8, 4, 2000), ("4 MiB", 4 * 1024 * 1024, 8, 2, 120)]
CIPHERS = "TLS_AES_128_GCM_SHA256"

NGINX = """
user root; daemon off; master_process on; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s; default_type application/octet-stream;
  http2_max_requests 100000000; http2_max_concurrent_streams 128;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {ciphers};
    root {root};
  }}
}}
"""


def cpu_seconds(pids):
    """User and system time of these processes."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pin(pids, core):
    for pid in pids:
        subprocess.run(["taskset", "-a", "-p", "-c", str(core), str(pid)], check=True, capture_output=True)


class Nginx:
    def __init__(self, folder, root, cert, key, port):
        self.folder = folder
        conf = folder / "nginx.conf"
        conf.write_text(NGINX.format(dir=folder, port=port, cert=cert, key=key, ciphers=CIPHERS, root=root))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        log = folder / "nginx.log"
        self.process = subprocess.Popen([program, "-p", str(folder), "-c", str(conf)], stderr=open(log, "wb"))
        try:
            fogdev.wait_for("nginx", lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close() is None, 10,
                            self.process, log)
        except fogdev.Stop as failure:
            raise SystemExit(f"bench: {failure}: {log.read_text().strip()[-300:]}") from failure
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.pids = [self.process.pid, *map(int, children)]


def load(host, port, path, size, connections, streams, requests):
    """One bounded h2load run; returns (requests, body bytes, wall seconds)."""
    command = ["taskset", "-c", "1", "h2load", f"-n{requests}", f"-c{connections}", f"-m{streams}",
               f"--tls13-ciphers={CIPHERS}", f"--connect-to=127.0.0.1:{port}", f"https://{host}:{port}/{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    out = done.stdout
    ok = int(re.search(r"(\d+) succeeded", out)[1])
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
    body = int(re.search(r"\((\d+)\) data", out)[1])
    number, unit = re.search(r"finished in ([\d.]+)(us|ms|s),", out).groups()
    wall = float(number) * {"s": 1, "ms": 1e-3, "us": 1e-6}[unit]
    if ok == 0 or int(codes[2]) or int(codes[3]) or int(codes[4]):
        raise SystemExit(f"bench: {host}/{path}: {out}")
    if body < ok * size:
        raise SystemExit(f"bench: {host}/{path}: {ok} answers but only {body} body bytes")
    return ok, body, wall


def check_body(ca, host, port, path, want):
    """h2load counts bytes; what they are is compared once before, in the same protocol."""
    fetcher = fogplay.Fetcher(ca)
    _, _, body = fetcher.get(f"https://{host}:{port}/{path}")
    if body != want:
        raise SystemExit(f"bench: {host}:{port}/{path}: the body differs from the file")


def measure(pids, *what):
    before = cpu_seconds(pids)
    requests, body, wall = load(*what)
    cpu = cpu_seconds(pids) - before
    return {"per_s": requests / wall, "us": cpu / requests * 1e6, "s_per_gb": cpu / (body / 1e9), "mb_s": body / wall / 1e6}


def interval(ratios):
    """Median and its 95 % interval by the order statistics of the binomial."""
    ordered = sorted(ratios)
    n = len(ordered)
    half = int(0.98 * n ** 0.5)
    return statistics.median(ordered), ordered[max(0, n // 2 - half)], ordered[min(n - 1, n // 2 + half)]


def start(folder, port):
    fog = fogdev.Fog(folder, boxes=1, k=1, chain=False, base_port=port,
                     box_extra="loops = 1\nlimits {\n    disk = 1GB\n    ram = 64MiB\n}\n")
    original = fog.router_extra
    fog.router_extra = lambda: "loops = 1\n" + original()
    fog.start()
    fog.publisher()
    return fog


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--port", type=int, default=5430)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fog-bench-"))
    folder.chmod(0o755)  # nginx drops its privileges before it reads files
    root = folder / "files"
    root.mkdir()
    for name, size, *_ in CASES:
        (root / f"f{size}").write_bytes(os.urandom(size))
    fog = start(folder / "fog", args.port)
    nginx = None
    try:
        label = json.loads(fog.client("put", root, "--site", "bench", "--json").splitlines()[-1])["site"]
        box = fog.boxes[0]
        gateway_host, box_host = f"{label}.{fog.zone}", f"{label}.{box.identity['box']}.{fog.zone}"
        tls = box.state / "tls"
        fogdev.wait_for("the box's certificate", (tls / "cert.pem").exists, 20, box.process, box.log)
        nginx = Nginx(folder, root, tls / "cert.pem", tls / "key.pem", args.port + 90)
        fog_pids = {n: list(n.pids().values()) for n in (fog.router, box)}
        for pids in (*fog_pids.values(), nginx.pids):
            pin(pids, 0)
        rows = []
        for name, size, connections, streams, requests in CASES:
            node, host = (fog.router, gateway_host) if size <= 65536 else (box, box_host)
            for at, port in ((host, node.port), (box_host, args.port + 90)):
                check_body(str(fog.ca), at, port, f"f{size}", (root / f"f{size}").read_bytes())
            pairs = []
            for turn in range(args.rounds):
                runs = [("nginx", nginx.pids, box_host, args.port + 90), ("fogd", fog_pids[node], host, node.port)]
                pair = {}
                for who, pids, at, port in runs if turn % 2 == 0 else reversed(runs):
                    pair[who] = measure(pids, at, port, f"f{size}", size, connections, streams, requests)
                pairs.append(pair)
            cpu = interval([p["fogd"]["us"] / p["nginx"]["us"] for p in pairs])
            rate = interval([p["fogd"]["per_s"] / p["nginx"]["per_s"] for p in pairs])
            best = {w: {k: (min if k in ("us", "s_per_gb") else max)(p[w][k] for p in pairs) for k in pairs[0][w]} for w in ("nginx", "fogd")}
            rows.append({"case": name, "cpu_ratio": cpu, "rate_ratio": rate, "best": best})
    finally:
        if nginx:
            nginx.process.terminate()
            nginx.process.wait()
        broken = fog.stop()
        if not broken:
            shutil.rmtree(folder, ignore_errors=True)
    if args.json:
        print(json.dumps(rows))
        return 0
    print(f"| workload ({args.rounds} interleaved pairs) | nginx, best | fogd, best | CPU fogd / nginx | requests/s fogd / nginx |")
    print("|---|---|---|---|---|")
    for row in rows:
        unit = (lambda b: f"{b['us']:.1f} us/req") if row["case"] == "1 KiB" else (lambda b: f"{b['s_per_gb']:.2f} CPU-s/GB, {b['mb_s']:.0f} MB/s")
        c, r = row["cpu_ratio"], row["rate_ratio"]
        print(f"| {row['case']} hot | {unit(row['best']['nginx'])} | {unit(row['best']['fogd'])} | "
              f"{c[0]:.2f} [{c[1]:.2f}, {c[2]:.2f}] | {r[0]:.2f} [{r[1]:.2f}, {r[2]:.2f}] |")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
