/*
 * A claim_store in one append-only log file, held whole in RAM: for the key process, the journal of
 * a command-line tool, a box without RocksDB. Each batch is one checked record, written at once; a
 * record that a crash cut off at the end was never acknowledged and is dropped when the file is
 * opened. Damage anywhere else is FOG_ECORRUPT: what was promised may not be forgotten silently.
 * The file is rewritten when it is opened and mostly dead.
 */
#ifndef FOG_CLAIM_STORE_FILE_H
#define FOG_CLAIM_STORE_FILE_H

#include "contracts/claim/store.h"

struct store_file;

/* Opens or creates (mode 0600) and locks the file: -EWOULDBLOCK when another process has it.
 * FOG_ELIMIT above 256 MiB. */
int store_file_open(const char *path, struct store_file **out) FOG_MUST_CHECK;
void store_file_close(struct store_file **f);

/* The port; lives as long as the file is open. */
const struct claim_store *store_file_port(struct store_file *f);

#endif
