#!/usr/bin/python3
"""Writes core/wire/wire_gen.[ch] from core/wire/wire.tbl; with --check only compares.

The table's own comment explains its form. One struct, one encoder and one decoder come out per message, plus
fog_wire_recode(), with which the fuzzer proves that there is one encoding per message."""
import hashlib
import pathlib
import re
import sys

TABLE = pathlib.Path("core/wire/wire.tbl")
OUT_H = pathlib.Path("core/wire/wire_gen.h")
OUT_C = pathlib.Path("core/wire/wire_gen.c")
INTS = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "u128": "fog_u128",
        "i64": "int64_t"}
FRAME_MAX = 1 << 20


def parse(text):
    version, items, doc = None, [], []
    for no, line in enumerate(text.splitlines(), 1):
        if line.startswith("##"):
            doc.append(line[2:].strip())
            continue
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "version":
            version = int(words[1])
        elif words[0] in ("struct", "msg"):
            items.append({"is_msg": words[0] == "msg", "name": words[1], "doc": doc, "fields": [],
                          "type": int(words[2]) if words[0] == "msg" else None})
            doc = []
        elif line.startswith("    ") and items:
            items[-1]["fields"].append(words)
        else:
            sys.exit(f"{TABLE}:{no}: cannot read this line")
    return version, items


def member(f):
    kind, name = f[0], f[1]
    if kind in INTS:
        return f"{INTS[kind]} {name};"
    if kind == "hash":
        return f"struct fog_hash {name};"
    if kind == "str8":
        return f"char {name}[{int(f[2]) + 1}];"
    if kind in ("blob16", "blob32"):
        return f"struct fog_bytes {name}; /* <= {f[2]} bytes, borrowed */"
    if kind == "list":
        return f"struct fog_wire_list {f[2]}; /* of {f[1]}, <= {f[3]} */"
    size = re.fullmatch(r"fix(\d+)", kind)
    if size:
        return f"uint8_t {name}[{size[1]}];"
    sys.exit(f"{TABLE}: unknown field type {kind}")


def put(f):
    kind, name = f[0], f[1]
    if kind == "i64":
        return f"fog_wr_u64(b, (uint64_t)m->{name});"
    if kind in INTS:
        return f"fog_wr_{kind}(b, m->{name});"
    if kind == "hash":
        return f"fog_wr_bytes(b, m->{name}.b, sizeof m->{name}.b);"
    if kind == "str8":
        return f"fog_wr_str8(b, m->{name});"
    if kind in ("blob16", "blob32"):
        return f"fog_wr_lp{kind[4:]}(b, m->{name});"
    if kind == "list":
        return f"put_list(b, &m->{f[2]});"
    return f"fog_wr_bytes(b, m->{name}, sizeof m->{name});"


def get(f):
    kind, name = f[0], f[1]
    if kind == "i64":
        return f"m->{name} = (int64_t)fog_rd_u64(r);"
    if kind in INTS:
        return f"m->{name} = fog_rd_{kind}(r);"
    if kind == "hash":
        return f"fog_rd_copy(r, m->{name}.b, sizeof m->{name}.b);"
    if kind == "str8":
        return f"fog_rd_str8(r, m->{name}, sizeof m->{name});"
    if kind in ("blob16", "blob32"):
        return f"m->{name} = fog_rd_lp{kind[4:]}(r, {f[2]});"
    if kind == "list":
        return f"get_list_{f[1].lower()}(r, &m->{f[2]}, {f[3]});"
    return f"fog_rd_copy(r, m->{name}, sizeof m->{name});"


def comment(doc):
    if not doc:
        return ""
    if len(doc) == 1 and len(doc[0]) < 92:
        return f"/* {doc[0]} */\n"
    return "/* " + "\n * ".join(doc) + " */\n"


def header(version, items, stamp):
    out = [f"/* Written by tools/gen_wire.py from wire.tbl: do not edit. */\n#ifndef FOG_WIRE_GEN_H\n#define FOG_WIRE_GEN_H\n",
           '#include "core/base/buf.h"\n#include "core/base/rd.h"\n',
           f"#define FOG_WIRE_VERSION {version}\n"
           f"/* First bytes of the table's SHA-256: two builds with one version and two stamps are a mistake. */\n"
           f'#define FOG_WIRE_STAMP "{stamp}"\n',
           "/* Rows of a list in their encoded form: walk them with a fog_rd over `raw` and fog_wire_get_<row>(). */\n"
           "struct fog_wire_list {\n    uint32_t count;\n    struct fog_bytes raw;\n};\n",
           "enum fog_wire_type {"]
    out += [f"    FOG_WIRE_{i['name']} = {i['type']}," for i in items if i["is_msg"]]
    out.append("};\n")
    for i in items:
        low = i["name"].lower()
        out.append(comment(i["doc"]) + f"struct fog_wire_{low} {{")
        out += ["    " + member(f) for f in i["fields"]]
        out.append("};")
        out.append(f"void fog_wire_put_{low}(struct fog_buf *b, const struct fog_wire_{low} *m);")
        if i["is_msg"]:
            out.append(f"int fog_wire_get_{low}(struct fog_bytes body, struct fog_wire_{low} *m) FOG_MUST_CHECK;\n")
        else:
            out.append(f"void fog_wire_get_{low}(struct fog_rd *r, struct fog_wire_{low} *m);\n")
    out.append('/* "HELLO", or "?" for an unknown type. */\nconst char *fog_wire_name(uint16_t type);\n')
    out.append("/* Decodes and encodes again; FOG_EVERSION for an unknown type. For tests and the fuzzer. */\n"
               "int fog_wire_recode(uint16_t type, struct fog_bytes body, struct fog_buf *out) FOG_MUST_CHECK;\n\n#endif")
    return "\n".join(out) + "\n"


def source(items):
    rows = [i["name"].lower() for i in items if not i["is_msg"]]
    out = ['/* Written by tools/gen_wire.py from wire.tbl: do not edit. */\n#include "core/wire/wire_gen.h"\n',
           '#include "core/base/wr.h"\n',
           "static void put_list(struct fog_buf *b, const struct fog_wire_list *l)\n{\n"
           "    fog_wr_u16(b, (uint16_t)l->count);\n    fog_wr_bytes(b, l->raw.p, l->raw.len);\n}\n"]
    for i in items:
        low = i["name"].lower()
        out.append(f"void fog_wire_put_{low}(struct fog_buf *b, const struct fog_wire_{low} *m)\n{{")
        out += ["    " + put(f) for f in i["fields"]]
        out.append("}\n")
        if i["is_msg"]:
            out.append(f"int fog_wire_get_{low}(struct fog_bytes body, struct fog_wire_{low} *m)\n{{\n"
                       f"    struct fog_rd rd = fog_rd_of(body), *r = &rd;\n")
            out += ["    " + get(f) for f in i["fields"]]
            out.append("    return fog_rd_done(r);\n}\n")
        else:
            out.append(f"void fog_wire_get_{low}(struct fog_rd *r, struct fog_wire_{low} *m)\n{{")
            out += ["    " + get(f) for f in i["fields"]]
            out.append("}\n")
            if any(f[0] == "list" and f[1] == i["name"] for j in items for f in j["fields"]):
                out.append(f"static void get_list_{low}(struct fog_rd *r, struct fog_wire_list *l, uint32_t max)\n{{\n"
                           f"    struct fog_wire_{low} row;\n    const uint8_t *from;\n\n"
                           "    l->count = fog_rd_u16(r);\n    if (l->count > max)\n        fog_rd_fail(r, FOG_ELIMIT);\n"
                           "    from = r->p;\n    for (uint32_t i = 0; i < l->count && r->err == 0; i++)\n"
                           f"        fog_wire_get_{low}(r, &row);\n"
                           "    l->raw = r->err != 0 ? fog_bytes_of(NULL, 0) : fog_bytes_of(from, (size_t)(r->p - from));\n"
                           "    if (r->err != 0)\n        l->count = 0;\n}\n")
    out.append("const char *fog_wire_name(uint16_t type)\n{\n    switch (type) {")
    out += [f'    case FOG_WIRE_{i["name"]}:\n        return "{i["name"]}";' for i in items if i["is_msg"]]
    out.append('    default:\n        return "?";\n    }\n}\n')
    for i in items:
        if i["is_msg"]:
            low = i["name"].lower()
            out.append(f"static int recode_{low}(struct fog_bytes body, struct fog_buf *out)\n{{\n"
                       f"    struct fog_wire_{low} m;\n    int rc = fog_wire_get_{low}(body, &m);\n\n"
                       f"    if (rc == 0)\n        fog_wire_put_{low}(out, &m);\n    return rc;\n}}\n")
    out.append("int fog_wire_recode(uint16_t type, struct fog_bytes body, struct fog_buf *out)\n{\n    switch (type) {")
    out += [f"    case FOG_WIRE_{i['name']}:\n        return recode_{i['name'].lower()}(body, out);"
            for i in items if i["is_msg"]]
    out.append("    default:\n        return FOG_EVERSION;\n    }\n}")
    assert rows
    return "\n".join(out) + "\n"


def main():
    text = TABLE.read_text()
    version, items = parse(text)
    types = [i["type"] for i in items if i["is_msg"]]
    if len(types) != len(set(types)):
        sys.exit(f"{TABLE}: one type number is used twice")
    stamp = hashlib.sha256(text.encode()).hexdigest()[:16]
    made = {OUT_H: header(version, items, stamp), OUT_C: source(items)}
    bad = 0
    for path, content in made.items():
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text() != content:
                print(f"{path}: differs from what tools/gen_wire.py writes; run it and commit")
                bad = 1
        else:
            path.write_text(content)
    return bad


sys.exit(main())
