"""The lease protocol (docs/PROTOCOL.md, ALPN fog-lease/1) from outside: a box that is whatever a show makes of it.

Holds a box's transport key and says what it likes; frames and messages are written here by hand from core/wire/wire.tbl, for the few
types that a claim needs.
"""
import socket
import ssl
import struct
import time

import liar

HELLO, REFUSE, LEASE, BEAT, STATEMENT, STATEMENT_OK, VOUCHER, PROBE, PROBE_OK = 1, 4, 5, 6, 21, 22, 23, 25, 26


def str8(text):
    raw = text.encode()
    return bytes([len(raw)]) + raw


class Refused(Exception):
    """The hub sent REFUSE, or ended the connection."""


class Lease:
    """One lease connection of a box that is enrolled already."""

    def __init__(self, hub, key_file, fog_id, node, node_id):
        folder = liar.identity(key_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # a hub's key is not what this tests
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.set_alpn_protocols(["fog-lease/1"])
        self.tls = context.wrap_socket(socket.create_connection(hub, timeout=15), server_hostname=liar.NODE_SNI.decode())
        self.buffer = b""
        self.seq = 0
        self.send(HELLO, struct.pack(">H", 1) + fog_id + str8("fog-show/1") + str8("") + struct.pack(">HBH", 0, 1, 1) + node
                  + struct.pack(">I", node_id) + str8("") + struct.pack(">I", 0) + str8("") + struct.pack(">QQI", 0, 0, 1))
        self.wait(LEASE)

    def send(self, kind, body):
        self.tls.sendall(struct.pack(">IH", len(body), kind) + body)

    def receive(self):
        """(type, body) of the next frame."""
        while True:
            if len(self.buffer) >= 6:
                length, kind = struct.unpack(">IH", self.buffer[:6])
                if len(self.buffer) >= 6 + length:
                    body, self.buffer = self.buffer[6:6 + length], self.buffer[6 + length:]
                    return kind, body
            data = self.tls.recv(65536)
            if not data:
                raise Refused("the hub ended the connection")
            self.buffer += data

    def wait(self, wanted, timeout_s=15):
        """Body of the next frame of one type; answers probes and passes over the rest."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            kind, body = self.receive()
            if kind == wanted:
                return body
            if kind == PROBE:
                self.send(PROBE_OK, body)
            elif kind == REFUSE:
                about, code, fatal, _ = struct.unpack(">HHBI", body[:9])
                raise Refused(f"about {about}: {code}: {body[10:].decode()}" + (" (fatal)" if fatal else ""))
        raise Refused(f"no frame of type {wanted}")

    def beat(self):
        self.seq += 1
        self.send(BEAT, struct.pack(">IIIQQQBQ", self.seq, 0, 0, 0, 0, 0, 0, 0))

    def state(self, statement, signature, leaves):
        """Sends a statement; returns (code, text) of the answer to its week, round and rev."""
        self.beat()
        self.send(STATEMENT, struct.pack(">H", len(statement)) + statement + signature + struct.pack(">I", len(leaves)) + leaves)
        while True:
            body = self.wait(STATEMENT_OK)
            week, round_no, rev, code = struct.unpack(">IIIq", body[:20])
            if struct.pack(">III", week, round_no, rev) == statement[40:52]:
                return code, body[21:].decode()

    def close(self):
        self.tls.close()
