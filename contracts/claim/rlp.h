/*
 * RLP (Ethereum yellow paper, appendix B), encoding only: byte strings, integers without leading
 * zeros, lists. A list is made by writing its items to a buffer of their own and wrapping it.
 */
#ifndef FOG_CLAIM_RLP_H
#define FOG_CLAIM_RLP_H

#include "core/base/buf.h"

void rlp_put_bytes(struct fog_buf *out, struct fog_bytes v);
void rlp_put_number(struct fog_buf *out, fog_u128 v);
/* Appends the items as one list and empties them. */
void rlp_put_list(struct fog_buf *out, struct fog_buf *items);

#endif
