/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/registry_private.h"
#include "store/tokens.h"
#include "store/users.h"

/* Why the peer's maker may no longer have it; NULL: they may, or the database
 * can't tell, which must not end a call. */
static const char *
withdrawn (BlRegistry *registry, const BlPeer *peer)
{
  if (peer->token) {
    g_autoptr (BlToken) token = bl_tokens_get (registry->db, peer->token, NULL);
    return token && token->revoked_us ? "its token was revoked" : NULL;
  }
  if (peer->user) {
    g_autoptr (BlUser) user = bl_users_get (registry->db, peer->user, NULL);
    return user && user->disabled ? "the user was disabled" : NULL;
  }
  return NULL;
}

void
bl_registry_check_access (BlRegistry *registry)
{
  g_autoptr (GList) peers = g_hash_table_get_values (registry->peers);
  for (GList *l = peers; l; l = l->next) {
    const char *reason = withdrawn (registry, l->data);
    if (reason)
      bl_registry_drop_peer (registry, l->data, reason);
  }
}
