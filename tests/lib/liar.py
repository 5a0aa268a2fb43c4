#!/usr/bin/python3
"""A peer that lies on fill, seen from outside: it holds a box's transport key and stands at the address that the box advertises.

Public names are passed through untouched to the real box. Node connections are ended here with the box's own
identity; chunks are fetched from the real box and one byte of every leaf is flipped, leaf hashes left as they are.

usage: liar.py LISTEN_IP PORT REAL_IP REAL_PORT TRANSPORT_KEY_FILE
"""
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions

NODE_SNI = b"node.fogbank.invalid"
PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")


def identity(key_file):
    """Self-signed Ed25519 certificate of the box's transport key, made by the openssl program."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fog-liar-"))
    seed = pathlib.Path(key_file).read_bytes()
    (folder / "key.der").write_bytes(PKCS8_ED25519 + seed)
    subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", folder / "key.der", "-out", folder / "key.pem"], check=True)
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", folder / "key.pem", "-subj", "/CN=fogbank node", "-days", "30",
                    "-out", folder / "cert.pem"], check=True)
    return folder


def peek_is_node(raw):
    """True when the client hello names the node connection."""
    hello = b""
    while len(hello) < 5 or len(hello) < 5 + int.from_bytes(hello[3:5], "big"):
        more = raw.recv(16384, socket.MSG_PEEK)
        if len(more) <= len(hello):
            if not more:
                return False
            continue
        hello = more
    return NODE_SNI in hello


def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    finally:
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Liar:
    def __init__(self, real, folder):
        self.real = real
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.minimum_version = ssl.TLSVersion.TLSv1_3
        self.server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.server.set_alpn_protocols(["fog-fill/1"])
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
        self.client.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.client.set_alpn_protocols(["fog-fill/1"])

    def fetch(self, path):
        """The true answer, from the real box: a box answers its own key."""
        tls = self.client.wrap_socket(socket.create_connection(self.real, timeout=10), server_hostname=NODE_SNI.decode())
        conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        conn.initiate_connection()
        conn.send_headers(1, [(":method", "GET"), (":path", path), (":scheme", "https"), (":authority", "node")], end_stream=True)
        tls.sendall(conn.data_to_send())
        status, body = 0, b""
        while True:
            data = tls.recv(65536)
            if not data:
                return status, body
            for event in conn.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"] if b":status" in dict(event.headers) else dict(event.headers)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                    conn.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    tls.close()
                    return status, body
            tls.sendall(conn.data_to_send())

    @staticmethod
    def spoil(path, body):
        """Flips a byte in each leaf of a chunk; the leaf hash list in front stays true."""
        found = re.match(r"/n/chunk/[0-9a-f]{64}\?len=(\d+)", path)
        if not found:
            return body
        leaves = max(1, (int(found[1]) + 65535) // 65536)
        spoiled = bytearray(body)
        for at in range(32 * leaves, len(spoiled), 65536):
            spoiled[at] ^= 1
        return bytes(spoiled)

    def serve_node(self, raw):
        tls = self.server.wrap_socket(raw, server_side=True)
        conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        conn.initiate_connection()
        tls.sendall(conn.data_to_send())
        waiting = {}
        while True:
            data = tls.recv(65536)
            if not data:
                return
            for event in conn.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    path = dict(event.headers)[":path"]
                    status, truth = self.fetch(path)
                    body = self.spoil(path, truth) if status == 200 else truth
                    print(f"lied about {path}" if body != truth else f"{status} {path}", flush=True)
                    conn.send_headers(event.stream_id, [(":status", str(status)), ("content-length", str(len(body)))])
                    waiting[event.stream_id] = body
                elif isinstance(event, h2.events.StreamReset):
                    waiting.pop(event.stream_id, None)
            for stream in list(waiting):
                self.send_some(conn, stream, waiting)
            tls.sendall(conn.data_to_send())

    @staticmethod
    def send_some(conn, stream, waiting):
        body = waiting[stream]
        while body:
            room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size, len(body))
            if room <= 0:
                waiting[stream] = body
                return
            conn.send_data(stream, body[:room])
            body = body[room:]
        conn.end_stream(stream)
        del waiting[stream]

    def handle(self, raw):
        try:
            if peek_is_node(raw):
                self.serve_node(raw)
            else:
                real = socket.create_connection(self.real, timeout=10)
                threading.Thread(target=pump, args=(real, raw), daemon=True).start()
                pump(raw, real)
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError) as problem:
            print(f"connection ended: {problem}", flush=True)
        finally:
            raw.close()


def main():
    listen_ip, port, real_ip, real_port, key_file = sys.argv[1:6]
    liar = Liar((real_ip, int(real_port)), identity(key_file))
    with socket.create_server((listen_ip, int(port)), backlog=64) as listener:
        print("ready", flush=True)
        while True:
            raw, _ = listener.accept()
            threading.Thread(target=liar.handle, args=(raw,), daemon=True).start()


if __name__ == "__main__":
    main()
