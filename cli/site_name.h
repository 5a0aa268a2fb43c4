/*
 * Which name a folder is published under when none is given.
 */
#ifndef CLI_SITE_NAME_H
#define CLI_SITE_NAME_H

#include "core/content/names.h"

/* From the absolute path of a folder or file: its last component, or the one before for names that
 * builders give (public, dist, ...); lower case, everything else a hyphen. FOG_EFORMAT when nothing
 * is left. */
int site_name_of_path(const char *absolute, char out[FOG_SITE_NAME_MAX + 1]) FOG_MUST_CHECK;

/* "<site>-<6 hex digits of the release>", the site cut when needed. */
void site_name_preview(const char *site, const struct fog_hash *root,
                       char out[FOG_SITE_NAME_MAX + 1]);

#endif
