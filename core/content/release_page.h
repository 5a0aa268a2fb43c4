/*
 * What building and reading of release pages share; not for use outside core/content.
 */
#ifndef FOG_CONTENT_RELEASE_PAGE_H
#define FOG_CONTENT_RELEASE_PAGE_H

#include "core/content/release.h"

#define FOG_PAGE_VERSION         1
#define FOG_PAGE_HEAD            4 /* version, level, count */
#define FOG_RELEASE_HEADER_BYTES 4096

/* Names, values, order, limits. 0, FOG_EFORMAT, FOG_ECANON, FOG_ELIMIT. */
int fog_release_headers_check(const struct fog_release_header *h, unsigned n) FOG_MUST_CHECK;

#endif
