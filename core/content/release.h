/*
 * Release: a Merkle search tree of sorted pages <= 64 KiB that maps paths to (manifest id, slot,
 * headers) (PROTOCOL 2). Level 0 pages hold entries, higher ones the first path of each child with
 * its reference; at most 3 levels, so a look-up reads at most 3 pages. Where pages are cut depends
 * on paths alone, so a redeploy changes only pages whose entries changed and their parents. A path
 * that is not in the page that would hold it is proven absent.
 *
 * Building, look-up and walking do no I/O: they say which page they need next.
 */
#ifndef FOG_CONTENT_RELEASE_H
#define FOG_CONTENT_RELEASE_H

#include "core/base/buf.h"
#include "core/content/leaf.h"
#include "core/content/path.h"

#define FOG_RELEASE_LEVELS      3
#define FOG_RELEASE_HEADERS_MAX 16
#define FOG_RELEASE_ENTRIES_MAX 1000000

/* A response header field that the publisher wants on this path. Name: lower case token, 1..64;
 * value: visible ASCII and spaces, 0..1024; all of one entry at most 4096 bytes. */
struct fog_release_header {
    struct fog_bytes name;
    struct fog_bytes value;
};

struct fog_release_entry {
    struct fog_bytes path; /* canonical, path.h */
    struct fog_hash manifest;
    uint32_t slot;
    unsigned n_headers;
    struct fog_release_header headers[FOG_RELEASE_HEADERS_MAX]; /* ascending by name, then value */
};

/* --- building --- */

/* Entries strictly ascending by path (memcmp order, shorter first). on_page is called for every
 * page, children before parents, identical input giving identical pages. FOG_EFORMAT (order, bad
 * path or header), FOG_ELIMIT (too many entries, or paths so long that 3 levels do not do). */
int fog_release_build(const struct fog_release_entry *entries, size_t n,
                      void (*on_page)(const struct fog_ref *ref, struct fog_bytes page, void *arg),
                      void *arg, struct fog_ref *root) FOG_MUST_CHECK;

/* Order of paths in a release; < 0, 0, > 0. */
int fog_release_path_cmp(struct fog_bytes a, struct fog_bytes b);

void fog_page_id(struct fog_bytes page, struct fog_hash *id);

/* Form, limits, order and canonical encoding of one page. */
int fog_page_check(struct fog_bytes page) FOG_MUST_CHECK;

/* --- reading one page --- */

/* Cursor over a page's items. The page is borrowed; `path` is valid until the next step. */
struct fog_page_cursor {
    struct fog_bytes rest;
    unsigned level;
    unsigned left; /* items still to come */
    char path[FOG_PATH_MAX];
    size_t path_len;
    struct fog_release_entry entry; /* level 0: headers view the page, path views this cursor */
    struct fog_ref child;           /* level > 0 */
};

int fog_page_open(struct fog_bytes page, struct fog_page_cursor *c) FOG_MUST_CHECK;
/* 1: c->entry or c->child is the next item; 0: end (and no trailing bytes); else the error. */
int fog_page_next(struct fog_page_cursor *c) FOG_MUST_CHECK;

/* --- look-up --- */

struct fog_release_find {
    struct fog_ref need; /* the page to feed next */
    char path[FOG_PATH_MAX];
    size_t path_len;
    char lo[FOG_PATH_MAX]; /* the page's first path must be this (when bound) */
    size_t lo_len;
    bool bound;
    unsigned level; /* expected level of `need`, valid after the first page */
    unsigned pages; /* fed so far */
    struct fog_page_cursor cursor;
};

enum fog_find_result { FOG_FIND_MORE = 1, FOG_FIND_FOUND = 2, FOG_FIND_ABSENT = 3 };

/* FOG_EFORMAT/FOG_ELIMIT for a path that no release can hold. */
int fog_release_find_begin(struct fog_release_find *f, const struct fog_ref *root,
                           struct fog_bytes path) FOG_MUST_CHECK;

/* Feeds the page that f->need names. With `verified` the caller says that these bytes were checked
 * against f->need.id already (a store of our own). Returns a fog_find_result (FOUND fills *out,
 * whose views live in `page`; its path views f), or FOG_EVERIFY, FOG_EFORMAT and the like for a bad
 * page. */
int fog_release_find_feed(struct fog_release_find *f, struct fog_bytes page, bool verified,
                          struct fog_release_entry *out) FOG_MUST_CHECK;

/* --- walking all entries --- */

struct fog_release_walk;

struct fog_release_walk *fog_release_walk_new(const struct fog_ref *root);
void fog_release_walk_free(struct fog_release_walk **w);

/* The page to feed next, or NULL at the end. */
const struct fog_ref *fog_release_walk_need(const struct fog_release_walk *w);

/* Feeds it (always verified against its id, order checked across pages); on_entry is called for
 * each entry of a level 0 page; a negative return of it ends the walk with that code. 0, or the
 * error. */
int fog_release_walk_feed(struct fog_release_walk *w, struct fog_bytes page,
                          int (*on_entry)(const struct fog_release_entry *e, void *arg),
                          void *arg) FOG_MUST_CHECK;

#endif
