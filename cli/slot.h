/*
 * Slots of a release (PROTOCOL 2.5): which files are placed together. A function of the paths,
 * sizes and playlists alone, so the same folder gets the same slots from any machine.
 */
#ifndef CLI_SLOT_H
#define CLI_SLOT_H

#include "cli/scan.h"

#define SLOT_STREAM_MS    300000
#define SLOT_PLAYLIST_MAX ((uint64_t)4 << 20)

/* Fills files[].slot. Reads the playlists of the scan. FOG_EADDR and the like for a playlist that
 * may not be published; s->problem says which line. */
int slot_assign(struct scan *s) FOG_MUST_CHECK;

/* The playlist that a viewer opens: a master playlist if there is one, else a media playlist; the
 * one with the shortest path. -1 when there is none. */
long slot_entry_playlist(const struct scan *s);

#endif
