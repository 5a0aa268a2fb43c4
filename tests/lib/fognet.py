"""Private network and mount namespaces for shows: everything on one loopback device, own resolver, ports 443 and 53.

enter() re-executes the running script inside `unshare --net --mount`; there, addresses of our choosing are put on the
loopback device (nothing leaves the namespace) and /etc/resolv.conf names the router's own DNS.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

MARK = "FOG_IN_NAMESPACE"


def enter():
    """Continues inside the namespaces; returns at once when already there."""
    if os.environ.get(MARK) == "1":
        return
    if os.geteuid() != 0:
        sys.exit("this show makes network namespaces: run it as root")
    os.environ[MARK] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable] + sys.argv)


def setup(addresses, dns):
    """Brings loopback up with these addresses (IPv4 text) and points the resolver at `dns`."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for ip in addresses:
        subprocess.run(["ip", "addr", "replace", f"{ip}/32", "dev", "lo"], check=True)
    conf = pathlib.Path(tempfile.mkdtemp(prefix="fog-resolv-")) / "resolv.conf"
    conf.write_text(f"nameserver {dns}\noptions timeout:1 attempts:2\n")
    target = os.path.realpath("/etc/resolv.conf")
    subprocess.run(["mount", "--bind", str(conf), target], check=True)


def black_hole(ip):
    """Drops every packet from and to an address: a power cut as the network sees it."""
    subprocess.run(["nft", "-f", "-"], input=(
        "table ip cut { chain in { type filter hook input priority 0; } chain out { type filter hook output priority 0; } }\n"
        f"add rule ip cut in ip daddr {ip} drop\nadd rule ip cut in ip saddr {ip} drop\n").encode(), check=True)
