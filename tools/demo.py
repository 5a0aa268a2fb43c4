#!/usr/bin/python3
"""The main job on one machine: publish a video and a site to five boxes, play the video, close a week, pay on chain.

Called by tools/quickstart, which installs and builds first. Everything is below --dir.
"""
import argparse
import json
import pathlib
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOP / "tools"), str(TOP / "tests" / "lib")]

import fogdev  # noqa: E402
import fogplay  # noqa: E402
import recompute  # noqa: E402

DAY = 86400


class Steps:
    """One line per step on standard error, with its time."""

    def __init__(self):
        self.start = self.name = None

    def __call__(self, name):
        self.done()
        self.name, self.start = name, time.monotonic()
        print(f"{name:<34}", end="", file=sys.stderr, flush=True)

    def done(self, note=""):
        if self.name:
            print(f" ok {time.monotonic() - self.start:6.1f} s  {note}", file=sys.stderr, flush=True)
        self.name = None

    def failed(self):
        if self.name:
            print(" FAILED", file=sys.stderr)


def publish(fog, step, video, site):
    """Publishes both; returns the site rows of `fog put` and `fog deploy`."""
    step("publish video (fog put)")
    clip = json.loads(fog.client("put", video, "--site", "video", "--json", what="fog put").splitlines()[-1])
    step("publish site (fog deploy)")
    blog = json.loads(fog.client("deploy", site, "--site", "blog", "--json", what="fog deploy").splitlines()[-1])
    step.done()
    return clip, blog


def play(fog, step, clip, blog, video, site):
    """Strict stock player over the router, then a kit player with ticks, then the site's pages."""
    entry = fogdev.site_url(fog, clip["site"], "master.m3u8")
    step("play the video, HTTP/2")
    expect = fogplay.Expect(video)
    summary = fogplay.play(entry, expect, fogplay.Fetcher(str(fog.ca)))
    step.done(f"{summary['bytes'] / 1e6:.1f} MB byte-identical from {len(summary['hosts']) - 1} boxes")
    step("play again, HTTP/1.1")
    fogplay.play(entry, expect, fogplay.Fetcher(str(fog.ca), http2=False))
    step("play as a kit, with ticks")
    names = sorted(p.name for p in (video / "720p").glob("seg_*.m4s"))
    kit = fogplay.tick_play(fogdev.site_url(fog, clip["site"]).rstrip("/"), "720p", names, expect,
                            fogplay.Fetcher(str(fog.ca)), str(fog.ca))
    step.done(f"{kit['ticks']} ticks for {kit['bytes'] / 1e6:.1f} MB")
    step("read the site")
    fetcher = fogplay.Fetcher(str(fog.ca))
    for path, file in (("", "index.html"), ("about/", "about/index.html"), ("style.css", "style.css"), ("log.txt", "log.txt")):
        _, _, page = fetcher.get(fogdev.site_url(fog, blog["site"], path))
        fogplay.Expect(site).check(file, page)
    step.done()
    return entry


def close_week(fog, step):
    """Moves the development clock past the week's end, lets everything settle, posts, matures, cashes."""
    step("close the accounting week")
    closed = fog.close_week()
    step("mature the debits (72 h)")
    fog.pass_time(3 * DAY + 60)
    step("cash the vouchers")
    rows = fogdev.wait_for("payouts", lambda: paid_rows(fog, closed["week"]), 60, fog.router.process, fog.router.log)
    step("recompute from receipts")
    verdict = recompute.check(fog, [closed["week"]])
    step.done(f"{verdict['payees']} payouts equal to the last unit")
    return closed, rows


def paid_rows(fog, week):
    """Earnings rows of the week once every one of them has a transaction."""
    rows = [row for row in json.loads(fog.client("earnings", "--json"))["rows"] if int(row["week"]) == week]
    return rows if rows and all(row["tx"] for row in rows) else None


def money(units):
    return f"{int(units) / fogdev.TOKEN_UNIT:.6f}"


def table(fog, rows):
    """What each box served and earned, idle ones included; one payout per operator wallet."""
    names = {box.operator["address"].lower(): box.name for box in fog.boxes}
    paid = {row["operator"].lower() for row in rows}
    idle = [{"operator": operator, "bytes": 0, "gross": 0, "fee": 0, "held": 0, "net": 0, "tx": "-"}
            for operator in names if operator not in paid]
    print(f"\n{'box':<8} {'served':>10} {'gross':>12} {'fee':>10} {'held':>12} {'net':>12}  transaction")
    for row in sorted(rows + idle, key=lambda r: names.get(r["operator"].lower(), r["operator"])):
        name = names.get(row["operator"].lower(), row["operator"])
        print(f"{name:<8} {int(row['bytes']) / 1e6:>7.1f} MB {money(row['gross']):>12} {money(row['fee']):>10} "
              f"{money(row['held']):>12} {money(row['net']):>12}  {row['tx']}")
    print("Amounts in the test token. held: 30 % of the net, free after 14 days; it is the operator's.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stay", action="store_true", help="keep the fog up until Ctrl-C")
    parser.add_argument("--dir", default="fog-quickstart")
    parser.add_argument("--port", type=int, default=4430)
    args = parser.parse_args()
    step, code = Steps(), 0
    fog = fogdev.Fog(args.dir, base_port=args.port)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        step("make video and site (ffmpeg)")
        subprocess.run([str(TOP / "tools" / "make-media"), str(fog.folder / "media"), "60"], check=True)
        video, site = fog.folder / "media" / "video-60", fog.folder / "media" / "site"
        fog.start(lambda text: step(f"start {text}"))
        step("publisher: keys, escrow, deal")
        fog.publisher()
        clip, blog = publish(fog, step, video, site)
        entry = play(fog, step, clip, blog, video, site)
        _, rows = close_week(fog, step)
        table(fog, rows)
        print(f"\nWatch  {entry.replace('master.m3u8', 'watch.html')}\nVideo  {entry}\nSite   {fogdev.site_url(fog, blog['site'])}\n"
              f"Browsers ask for the local CA once: {fog.ca}")
        if args.stay:
            print("The fog stays up. Ctrl-C stops it.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("\nstopping", file=sys.stderr)
    except (fogdev.Stop, fogplay.Failure, recompute.Mismatch, subprocess.CalledProcessError) as failure:
        step.failed()
        print(f"quickstart: {step.name or 'run'}: {failure}\nlogs: {fog.folder}", file=sys.stderr)
        code = 1
    finally:
        broken = fog.stop()
        for line in broken:
            print(f"broken: {line}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
