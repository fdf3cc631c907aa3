/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/mux.h"

#include <glib.h>
#include <string.h>

/* One table serves both kinds of key; each is padded with zeros. */
#define KEY_SIZE BL_MUX_UFRAG_SIZE

typedef struct {
  BlSession *session; /* NULL: the slot is free */
  uint8_t key[KEY_SIZE];
} Slot;

typedef struct {
  Slot *slots;
  uint32_t mask; /* a power of two less one */
  uint32_t n;
} Table;

struct BlMux {
  Table ufrags;
  Table addresses;
};

static void
table_init (Table *table, uint32_t max)
{
  uint32_t size = 16;
  while (size < 2 * max)
    size *= 2;
  table->slots = g_new0 (Slot, size);
  table->mask = size - 1;
  table->n = 0;
}

/* FNV-1a: the keys are ours or authenticated, none is chosen by an attacker. */
static uint32_t
hash (const uint8_t key[KEY_SIZE])
{
  uint32_t h = 2166136261u;
  for (int i = 0; i < KEY_SIZE; i++)
    h = (h ^ key[i]) * 16777619u;
  return h ^ (h >> 15);
}

/* The slot that has the key, or the free one where it would go. */
static uint32_t
find (const Table *table, const uint8_t key[KEY_SIZE])
{
  uint32_t at = hash (key) & table->mask;
  while (table->slots[at].session
         && memcmp (table->slots[at].key, key, KEY_SIZE) != 0)
    at = (at + 1) & table->mask;
  return at;
}

static BlSession *
table_get (const Table *table, const uint8_t key[KEY_SIZE])
{
  return table->slots[find (table, key)].session;
}

static BlSession *
table_set (Table *table, const uint8_t key[KEY_SIZE], BlSession *session)
{
  Slot *slot = &table->slots[find (table, key)];
  BlSession *before = slot->session;
  if (!before) {
    g_assert (table->n <= table->mask / 2);
    table->n++;
    memcpy (slot->key, key, KEY_SIZE);
  }
  slot->session = session;
  return before;
}

static void
table_remove (Table *table, const uint8_t key[KEY_SIZE])
{
  uint32_t hole = find (table, key);
  if (!table->slots[hole].session)
    return;
  table->n--;
  /* Move back whatever a search would now miss because of the hole, so that no
   * tombstones pile up. */
  for (uint32_t at = (hole + 1) & table->mask; table->slots[at].session;
       at = (at + 1) & table->mask) {
    uint32_t home = hash (table->slots[at].key) & table->mask;
    if (((at - home) & table->mask) >= ((at - hole) & table->mask)) {
      table->slots[hole] = table->slots[at];
      hole = at;
    }
  }
  table->slots[hole].session = NULL;
}

BlMux *
bl_mux_new (uint32_t max_ufrags, uint32_t max_addresses)
{
  BlMux *mux = g_new0 (BlMux, 1);
  table_init (&mux->ufrags, max_ufrags);
  table_init (&mux->addresses, max_addresses);
  return mux;
}

void
bl_mux_free (BlMux *mux)
{
  if (!mux)
    return;
  g_free (mux->ufrags.slots);
  g_free (mux->addresses.slots);
  g_free (mux);
}

static bool
ufrag_key (const void *ufrag, size_t length, uint8_t key[KEY_SIZE])
{
  if (length == 0 || length >= BL_MUX_UFRAG_SIZE)
    return false;
  memset (key, 0, KEY_SIZE);
  memcpy (key, ufrag, length);
  return true;
}

/* Host, port and, for a link-local address, scope. */
static void
address_key (const BlAddress *address, uint8_t key[KEY_SIZE])
{
  memset (key, 0, KEY_SIZE);
  if (bl_address_is_ipv6 (address)) {
    memcpy (key, &address->in6.sin6_addr, 16);
    memcpy (key + 16, &address->in6.sin6_port, 2);
    memcpy (key + 18, &address->in6.sin6_scope_id, 4);
    key[22] = 6;
  } else {
    memcpy (key, &address->in4.sin_addr, 4);
    memcpy (key + 16, &address->in4.sin_port, 2);
    key[22] = 4;
  }
}

void
bl_mux_add_ufrag (BlMux *mux, const char *ufrag, BlSession *session)
{
  uint8_t key[KEY_SIZE];
  gboolean is_key = ufrag_key (ufrag, strlen (ufrag), key);
  g_assert (is_key);
  const BlSession *before = table_set (&mux->ufrags, key, session);
  g_assert (!before);
}

void
bl_mux_remove_ufrag (BlMux *mux, const char *ufrag)
{
  uint8_t key[KEY_SIZE];
  if (ufrag_key (ufrag, strlen (ufrag), key))
    table_remove (&mux->ufrags, key);
}

BlSession *
bl_mux_by_ufrag (const BlMux *mux, const void *ufrag, size_t length)
{
  uint8_t key[KEY_SIZE];
  return ufrag_key (ufrag, length, key) ? table_get (&mux->ufrags, key) : NULL;
}

BlSession *
bl_mux_set_address (BlMux *mux, const BlAddress *address, BlSession *session)
{
  uint8_t key[KEY_SIZE];
  address_key (address, key);
  BlSession *before = table_set (&mux->addresses, key, session);
  return before == session ? NULL : before;
}

void
bl_mux_remove_address (BlMux *mux, const BlAddress *address)
{
  uint8_t key[KEY_SIZE];
  address_key (address, key);
  table_remove (&mux->addresses, key);
}

BlSession *
bl_mux_by_address (const BlMux *mux, const BlAddress *address)
{
  uint8_t key[KEY_SIZE];
  address_key (address, key);
  return table_get (&mux->addresses, key);
}
