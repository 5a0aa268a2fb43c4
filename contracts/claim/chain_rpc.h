/*
 * The chain port over Ethereum JSON-RPC, HTTP or HTTPS (door to the node). Owns nothing but calls
 * in flight: the HTTP client, its timeouts and its address rule are the caller's. Refuses to work
 * with an endpoint of another chain: the id is asked with every batch. An answer that cannot be
 * used is FOG_ECHAIN with a text that says what and where.
 */
#ifndef FOG_CLAIM_CHAIN_RPC_H
#define FOG_CLAIM_CHAIN_RPC_H

#include "contracts/claim/chain.h"

struct chain_rpc;
struct fog_http_client;
struct fog_json;

#define CHAIN_RPC_ANSWER_MAX ((size_t)8 << 20)

/* chain_id 0: take the endpoint's (a tool that deploys). FOG_EFORMAT for a bad URL. */
int chain_rpc_new(struct fog_http_client *http, const char *url, uint64_t chain_id,
                  struct chain_rpc **out) FOG_MUST_CHECK;
/* Cancels what is in flight; its done is not called. */
void chain_rpc_free(struct chain_rpc **r);

const struct chain *chain_rpc_port(struct chain_rpc *r);

/* The parts that read and write JSON, for tests and the fuzzer: the body of a batch of n asks, and
 * its answers (ids are positions; `answers` must be freed with _clear). Never fails: what is wrong
 * with one answer is in its err and text. */
void chain_rpc_write(const struct chain_ask *asks, size_t n, struct fog_buf *out);
void chain_rpc_read(const struct chain_ask *asks, size_t n, struct fog_bytes body,
                    const char *where, struct chain_answer *answers);
void chain_rpc_clear(struct chain_answer *answers, size_t n);

#endif
