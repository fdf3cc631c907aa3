/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/claim.h"

#include <string.h>

BlClaim
bl_claim_decide (const BlClaimed *call, const BlClaimant *who)
{
  if (call->state == BL_CLAIMED_UNKNOWN)
    return BL_CLAIM_OPEN;
  if (g_strcmp0 (call->unit, who->unit) != 0 || call->token != who->token)
    return BL_CLAIM_FOREIGN;
  if (call->state == BL_CLAIMED_ENDED)
    return BL_CLAIM_OVER;
  if (!g_str_equal (call->ed, who->ed))
    return BL_CLAIM_OTHER_ED;
  if (call->state == BL_CLAIMED_INTERRUPTED)
    return BL_CLAIM_REOPEN;
  /* A vehicle knows better than we whether its old session still lives; a
   * token may have been given to two publishers. */
  if (call->publisher_connected && !who->unit)
    return BL_CLAIM_BUSY;
  return BL_CLAIM_RESUME;
}

gboolean
bl_claim_id_is_valid (const char *id)
{
  gsize length = strlen (id);
  if (length < 1 || length > 64)
    return FALSE;
  for (const char *c = id; *c; c++) {
    if (!g_ascii_isalnum (*c) && *c != '-' && *c != '_')
      return FALSE;
  }
  return TRUE;
}
