/*
 * Contract ABI: calls and what they return, as 32-byte words (Solidity ABI specification). Encoding
 * cannot fail; decoding is of strangers' bytes and has limits. Knows the errors of our contracts by
 * name. Owns no state.
 */
#ifndef FOG_CLAIM_ABI_H
#define FOG_CLAIM_ABI_H

#include "core/base/buf.h"
#include "core/base/rd.h"
#include "core/crypto/ethaddr.h"

#define ABI_WORD 32

/* First four bytes of the Keccak-256 of "name(type,type)". */
void abi_put_selector(struct fog_buf *b, const char *signature);
void abi_put_number(struct fog_buf *b, fog_u128 v);
void abi_put_address(struct fog_buf *b, const struct fog_ethaddr *a);
/* bytesN, on the left. */
void abi_put_fixed(struct fog_buf *b, const void *p, size_t len);
/* Length and contents of a dynamic `bytes`, padded to words. */
void abi_put_bytes(struct fog_buf *b, struct fog_bytes v);

/* topics[0] of an event. */
void abi_topic(const char *signature, struct fog_hash *out);

/* Reading: the errors stick to r, as in rd.h. FOG_ERANGE when the bits above are set. */
fog_u128 abi_rd_number(struct fog_rd *r, unsigned bits);
void abi_rd_address(struct fog_rd *r, struct fog_ethaddr *out);
bool abi_rd_bool(struct fog_rd *r);
void abi_rd_hash(struct fog_rd *r, struct fog_hash *out);

/* The same from one topic word. */
int abi_word_address(const struct fog_hash *word, struct fog_ethaddr *out) FOG_MUST_CHECK;
int abi_word_number(const struct fog_hash *word, unsigned bits, fog_u128 *out) FOG_MUST_CHECK;

/* What a revert says, for people: "BondTooLow(uint256,uint256)", the text of Error(string), "Panic
 * 0x11", or the selector in hex. */
void abi_revert_text(struct fog_bytes revert, char *out, size_t size);

#endif
