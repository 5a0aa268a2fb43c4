"""An empty Debian 12 root in private mount and process namespaces: the fresh machine of a new user.

enter() re-executes the running script inside `unshare --mount --pid`; every mount and every process of the root ends with it, however
the script ends. Package files are kept below CACHE, so that a second run downloads nothing it has seen.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

MARK = "FOG_IN_ROOT_NAMESPACE"
CACHE = pathlib.Path(os.environ.get("FOG_CACHE", "/var/tmp/fogbank-cache"))
MIRROR = "http://deb.debian.org/debian"
SUITE = "bookworm"
HOST_CA = "/etc/ssl/certs/ca-certificates.crt"
LOCAL_CAS = "/usr/local/share/ca-certificates"


def enter():
    """Continues inside the namespaces; returns at once when already there."""
    if os.environ.get(MARK) == "1":
        return
    if os.geteuid() != 0:
        sys.exit("this show makes a Debian root: run it as root")
    if not shutil.which("debootstrap"):
        sys.exit("this show needs debootstrap: tools/deps.sh test")
    os.environ[MARK] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                          sys.executable] + sys.argv)


def mirrors():
    """(archive, security) as the host's own apt sources name them; Debian's when they name none."""
    text = ""
    for file in [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]:
        if file.is_file():
            text += file.read_text(errors="replace") + "\n"
    urls = re.findall(r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(https?://\S+)", text, re.M)
    archive = next((u for u in urls if re.search(r"/debian/?$", u)), MIRROR)
    security = next((u for u in urls if re.search(r"debian-security/?$", u)), "http://deb.debian.org/debian-security")
    return archive, security


class Root:
    """One root directory; `run` executes in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                    "TERM": "dumb"}

    def make(self, log):
        """debootstrap; nothing but Debian's minimal base is in it."""
        packages = CACHE / "debootstrap"
        packages.mkdir(parents=True, exist_ok=True)
        archive, security = mirrors()
        command = ["debootstrap", "--variant=minbase", f"--cache-dir={packages}", SUITE, str(self.folder), archive]
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=True)
        (self.folder / "etc/apt/sources.list").write_text(
            f"deb {archive} {SUITE} main\ndeb {archive} {SUITE}-updates main\ndeb {security} {SUITE}-security main\n")
        self.mount()
        self.packages()
        self.network()

    def mount(self):
        """/proc, /dev, /tmp and npm's cache; all of it in this namespace only."""
        bind = lambda source, target: subprocess.run(["mount", "--rbind", source, str(self.folder / target)], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", str(self.folder / "proc")], check=True)
        bind("/dev", "dev")
        bind("/sys", "sys")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(self.folder / "tmp")], check=True)
        npm = CACHE / "npm"
        npm.mkdir(exist_ok=True)
        (self.folder / "root/.npm").mkdir(exist_ok=True)
        bind(str(npm), "root/.npm")

    def packages(self, save=False):
        """Brings downloaded packages in, or saves new ones; apt locks its folder, so the cache itself is not mounted."""
        (self.folder / "etc/apt/apt.conf.d/90keep").write_text('APT::Keep-Downloaded-Packages "true";\n')
        cache, here = CACHE / "archives", self.folder / "var/cache/apt/archives"
        cache.mkdir(parents=True, exist_ok=True)
        source, target = (here, cache) if save else (cache, here)
        for file in source.glob("*.deb"):
            if not (target / file.name).exists():
                part = target / f".{file.name}.{os.getpid()}"
                shutil.copyfile(file, part)
                part.rename(target / file.name)

    def network(self):
        """What a machine in this network would be given by its administrator: resolver, local authorities, npm registry."""
        shutil.copyfile("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        (self.folder / "etc/hosts").write_text("127.0.0.1 localhost\n")
        if os.path.isdir(LOCAL_CAS):
            shutil.copytree(LOCAL_CAS, str(self.folder) + LOCAL_CAS, dirs_exist_ok=True)
        if os.path.exists(HOST_CA):
            shutil.copyfile(HOST_CA, self.folder / "etc/host-ca.pem")
            self.env.update({name: "/etc/host-ca.pem" for name in ("NODE_EXTRA_CA_CERTS", "npm_config_cafile")})
        if shutil.which("npm"):
            registry = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, check=False).stdout.strip()
            if registry.startswith("http"):
                self.env["npm_config_registry"] = registry
        for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def run(self, command, cwd="/", log=None):
        """Runs in the root; returns the finished process, output in `log` or captured."""
        inside = ["chroot", str(self.folder), "/bin/bash", "-c", 'cd "$0" && exec "$@"', cwd, *command]
        if log is not None:
            return subprocess.run(inside, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False)
        return subprocess.run(inside, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def copy_tree(top, target):
    """A clean copy of this tree: what git would give a stranger, or what a distribution holds."""
    target.mkdir(parents=True)
    if (top / ".git").exists():
        pack = subprocess.Popen(["git", "-C", str(top), "archive", "HEAD"], stdout=subprocess.PIPE)
    else:
        pack = subprocess.Popen(["tar", "-C", str(top), "--exclude=./build*", "--exclude=node_modules", "-cf", "-", "."],
                                stdout=subprocess.PIPE)
    subprocess.run(["tar", "-xf", "-", "-C", str(target)], stdin=pack.stdout, check=True)
    if pack.wait() != 0:
        raise OSError("cannot pack the tree")
