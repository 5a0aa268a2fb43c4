/*
 * Claims: from bytes served to money in a wallet (PROTOCOL 6). The one header that node/, tests/
 * and bench/ include; it brings the parts with it.
 *
 *   box      ledger.h     grants held, bytes and ticks, statements, vouchers
 *   house    house.h      grants issued, statements accepted, vouchers, weeks
 *   chain    chain_rpc.h, mirror.h, txn.h, claimer.h, deploy.h
 *   keys     keyd_rules.h what the key process signs
 *   formats  grant.h tick.h typed_data.h sumtree.h amount.h
 *
 * Ports that node/ fills: claim_store (store.h), claim_signer (keyd_rules.h), chain (chain.h).
 * Nothing here opens a socket but chain_rpc.c, nothing reads a clock: hub time is an argument.
 */
#ifndef FOG_CLAIM_CLAIM_H
#define FOG_CLAIM_CLAIM_H

#include "contracts/claim/addresses.h"
#include "contracts/claim/amount.h"
#include "contracts/claim/chain.h"
#include "contracts/claim/chain_rpc.h"
#include "contracts/claim/claimer.h"
#include "contracts/claim/deploy.h"
#include "contracts/claim/grant.h"
#include "contracts/claim/house.h"
#include "contracts/claim/keyd_rules.h"
#include "contracts/claim/ledger.h"
#include "contracts/claim/mirror.h"
#include "contracts/claim/registry.h"
#include "contracts/claim/store.h"
#include "contracts/claim/store_file.h"
#include "contracts/claim/sumtree.h"
#include "contracts/claim/tick.h"
#include "contracts/claim/tx.h"
#include "contracts/claim/txn.h"
#include "contracts/claim/typed_data.h"

#endif
